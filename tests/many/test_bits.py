"""Every network that is trained among many ends in the bits of its own fit."""

import copy

import numpy as np
import pytest
from many_networks import Mix, alone, equal, mixes

import nncore
from nncore import Adam, Dense, EarlyStopping, Sequential, fit_many

X = np.random.default_rng(0).normal(size=(150, 4))
Y = np.abs(X[:, 0] * 2).astype(int) % 3


def classifier(seed, **options):
    model = Sequential([Dense(6, "tanh"), Dense(3, "softmax")], seed=seed, **options)
    model.compile(Adam(0.01), metrics=["accuracy"])
    return model


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    nncore.set_num_threads(request.param)
    yield request.param
    nncore.set_num_threads()


@pytest.mark.parametrize("seed", range(12))
def test_a_mix_of_networks(seed, threads):
    """Every kind of layer, penalty, clipping, schedule, loss, length, weights, validation, early stopping."""
    mix = Mix(seed)
    models = mix.models()
    histories = fit_many(models, mix.X, mix.y, **mix.options())
    for k, model in enumerate(models):
        other, history = alone(mix, k)
        equal(model, other)
        for name, column in history.history.items():
            if name != "seconds":
                assert np.array_equal(column, histories[k].history[name], equal_nan=True), name
        assert histories[k].layers.keys() == history.layers.keys()
        assert np.array_equal(histories[k].epochs, history.epochs)


def test_the_mixes_hold_all_that_is_to_be_tried():
    words = "\n".join(repr(mix.models()) + repr([m.optimizer for m in mix.models()]) for mix in mixes(12))
    for word in ("BatchNorm", "Dropout", "Residual", "LayerNorm", "l1=", "l2=", "clip_norm", "OneCycle", "CosineDecay"):
        assert word in words, word
    given = {name for mix in mixes(12) for name in mix.options()}
    assert {"sample_weight", "validation_data", "validation_rows", "callbacks", "class_weight"} <= given


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_solvers(solver, threads):
    def models():
        return [Sequential([Dense(3 + k, "tanh"), Dense(1)], seed=k, dtype="float64") for k in range(4)]

    together, apart = models(), models()
    fit_many(together, X, X[:, :1] ** 2, epochs=8, solver=solver)
    for one, other in zip(together, apart, strict=True):
        other.fit(X, X[:, :1] ** 2, epochs=8, solver=solver)
        equal(one, other)


def test_rows_in_every_form():
    forms = [
        None,
        slice(10, 90, 2),
        np.arange(5, 60),
        np.arange(150) % 3 > 0,
        [3, 3, 3, 7, -1],
        range(20),
        [True] * 150,
    ]
    models = [classifier(k) for k in range(len(forms))]
    fit_many(models, X, Y, rows=forms, epochs=3)
    for k, rows in enumerate(forms):
        other = classifier(k)
        chosen = slice(None) if rows is None else rows if isinstance(rows, slice) else np.asarray(rows)
        other.fit(X[chosen], Y[chosen], epochs=3)
        equal(models[k], other)


def test_one_array_of_rows_is_for_all():
    models = [classifier(k) for k in range(2)]
    fit_many(models, X, Y, rows=np.arange(50), validation_rows=np.arange(100, 150), epochs=2)
    other = classifier(1)
    history = other.fit(X[:50], Y[:50], validation_data=(X[100:], Y[100:]), epochs=2)
    equal(models[1], other)
    assert np.array_equal(history.val_loss, models[1].history.val_loss)


def test_training_goes_on_from_where_a_model_is():
    one, other = classifier(3), classifier(3)
    other.fit(X, Y, epochs=7)
    fit_many([one], X, Y, epochs=4)
    fit_many([classifier(0), one], X, Y, epochs=[1, 3])
    equal(one, other)
    assert np.array_equal(one.history.loss, other.history.loss)


def test_tables_with_named_columns():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    known = classifier(1)
    known.fit(table[list("dcba")], Y, epochs=1)
    other = copy.deepcopy(known)
    new = classifier(2)
    fit_many([known, new], table, pandas.Series(Y), rows=[np.arange(100)] * 2, epochs=2)
    other.fit(table.iloc[:100], Y[:100], epochs=2)
    equal(known, other)
    assert known.feature_names == tuple("dcba") and new.feature_names == tuple("abcd")
    few, masked = classifier(3), classifier(3)
    fit_many([few, new], table, Y, rows=[np.flatnonzero(X[:, 0] > 0), None])
    fit_many([masked, new], table, Y, rows=table["a"] > 0)
    equal(few, masked)


def test_models_of_all_precisions_and_of_other_losses():
    models = [classifier(1, dtype=dtype) for dtype in ("float64", "float32", "mixed_bfloat16")]
    models.append(Sequential([Dense(3, "softmax")]))
    models[-1].compile("sgd", "categorical_crossentropy")
    others = [copy.deepcopy(model) for model in models]
    fit_many(models, X, Y, epochs=2)
    for one, other in zip(models, others, strict=True):
        other.fit(X, Y, epochs=2)
        equal(one, other)
        assert one.history.inputs == other.history.inputs and one.history.targets == other.history.targets


def test_a_vector_that_was_lent_has_the_new_parameters():
    model = classifier(0)
    model.build(4)
    lent = model.parameters
    fit_many([model, classifier(1)], X, Y, epochs=2)
    other = classifier(0)
    other.fit(X, Y, epochs=2)
    assert np.array_equal(lent, other.parameters)


def test_callbacks_made_for_each_or_given_for_each_or_a_plain_function():
    for callbacks in (lambda: EarlyStopping("loss", patience=1), lambda k: [EarlyStopping("loss", patience=1)]):
        assert len(fit_many([classifier(0), classifier(1)], X, Y, epochs=2, callbacks=callbacks)) == 2
    heard = []
    fit_many(
        [classifier(0), classifier(1)], X, Y, epochs=3, callbacks=lambda model, epoch, logs: heard.append(model.seed)
    )
    assert sorted(heard) == [0, 0, 0, 1, 1, 1]
    own = [EarlyStopping("loss"), None]
    fit_many([classifier(0), classifier(1)], X, Y, epochs=3, callbacks=own)
    assert own[0].best_epoch == 2


def test_threads_are_as_before():
    nncore.set_num_threads(3)
    try:
        fit_many([classifier(k) for k in range(5)], X, Y, epochs=2)
        assert nncore.get_num_threads() == 3 == nncore._engine.runtime.get_thread_limit()
    finally:
        nncore.set_num_threads()
