"""Searches: spaces, halving, and what comes out."""

import math

import numpy as np
import pytest
from many_networks import equal

from nncore import (
    SGD,
    Adam,
    Between,
    CosineDecay,
    Dense,
    Dropout,
    EarlyStopping,
    ExponentialMovingAverage,
    Residual,
    Sequential,
    TrainingDiverged,
    search,
)
from nncore.datasets import load_iris
from nncore.many.candidates import rungs
from nncore.many.going import Going
from nncore.many.space import applied, drawn

X, Y = load_iris()
SPACE = {"hidden.units": [4, 8], "optimizer.learning_rate": [0.001, 0.01, 0.1]}


def template(**options):
    model = Sequential([Dense(8, "tanh"), Dropout(0.25), Dense(3, "softmax")], seed=5)
    model.compile(options.pop("optimizer", Adam(0.01)), metrics=["accuracy"])
    return model


def test_a_grid():
    model = template()
    found = search(model, SPACE, X, Y, epochs=4)
    assert not model.built and len(found.candidates) == 6
    scores = [one.score for one in found.candidates]
    assert scores == sorted(scores) and found.best is found.candidates[0]
    assert {tuple(one.parameters.values()) for one in found.candidates} == {
        (u, r) for u in (4, 8) for r in (0.001, 0.01, 0.1)
    }
    train, held = search_rows()
    for one in found.candidates:
        other = applied(model, one.parameters)
        other.fit(X[train], Y[train], epochs=4)
        equal(other, one.models[0])
        assert one.score == other.evaluate(X[held], Y[held])["loss"]
    refitted = applied(model, found.best.parameters)
    refitted.fit(X, Y, epochs=4)
    equal(refitted, found.model)


def search_rows():
    from nncore.many.folds import folds_of

    return folds_of(150, 5, 1, 0, Y)[0]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("rate", [0.02, CosineDecay(0.05, epochs=9)])
def test_halving_equals_running_to_the_end(rate, threads):
    import nncore

    nncore.set_num_threads(threads)
    try:
        found = search(template(optimizer=Adam(rate)), {"seed": range(9)}, X, Y, epochs=9, halving=3, refit=False)
    finally:
        nncore.set_num_threads()
    assert [one.trained for one in found.candidates] == [9, 3, 3, 1, 1, 1, 1, 1, 1]
    train, held = search_rows()
    for one in found.candidates:
        other = applied(template(optimizer=Adam(rate)), one.parameters)
        history = other.fit(X[train], Y[train], epochs=one.trained, validation_data=(X[held], Y[held]))
        equal(other, one.models[0])
        assert np.array_equal(other.history.val_loss, one.models[0].history.val_loss)
        assert one.score == other.evaluate(X[held], Y[held])["loss"] and len(history) == one.trained


def test_early_stopping_goes_on_over_the_pauses_of_halving():
    callbacks = lambda: EarlyStopping("val_loss", patience=2)  # noqa: E731
    space, fast = {"seed": range(4)}, Adam(0.5)
    found = search(template(optimizer=fast), space, X, Y, epochs=32, halving=2, callbacks=callbacks, refit=False)
    train, held = search_rows()
    seen = set()
    for one in found.candidates:
        other = applied(template(optimizer=fast), one.parameters)
        going = one.callbacks[0][0]
        epochs = 32 if going.stopped or one.trained == 32 else one.trained
        stopping = callbacks() if epochs == 32 else None
        other.fit(X[train], Y[train], epochs=epochs, validation_data=(X[held], Y[held]), callbacks=stopping)
        equal(other, one.models[0])
        seen.add((going.stopped, one.trained == 32))
    assert (True, False) in seen, "one of them stopped early"


def test_hooks_of_batches_are_called_over_the_pauses_of_halving():
    callbacks = lambda: ExponentialMovingAverage(0.9, every="batch")  # noqa: E731
    options = {"epochs": 4, "halving": 2, "callbacks": callbacks, "refit": False}
    found = search(template(optimizer=Adam(0.01)), {"seed": range(2)}, X, Y, **options)
    average = next(one for one in found.candidates if one.trained == 4).callbacks[0][0].callback
    train, _ = search_rows()
    assert average.n_averaged == 4 * -(-len(X[train]) // 32)
    assert not hasattr(Going(EarlyStopping("loss")), "on_batch_end")


def test_rungs():
    assert rungs(81, 81, 3) == [1, 3, 9, 27, 81] and rungs(5, 2, 4) == [1, 5] and rungs(7, 1, 2) == [7]


def test_folds_scores_and_directions():
    found = search(template(), SPACE, X, Y, epochs=3, folds=3, score="accuracy", batch_size=10)
    assert found.mode == "max" and len(found.best.models) == 3
    means = [one.score for one in found.candidates]
    assert means == sorted(means, reverse=True)
    assert found.best.score == found.best.scores["accuracy"].mean()
    assert {"accuracy_std", "loss_std", "trained", "hidden.units"} <= {*found.table()}


def test_other_rows_to_score_by():
    mask = np.arange(150) % 3 == 0
    first = search(template(), SPACE, X, Y, epochs=2, validation_rows=mask)
    second = search(template(), SPACE, X[~mask], Y[~mask], epochs=2, validation_data=(X[mask], Y[mask]))
    assert [one.score for one in first.candidates] == [one.score for one in second.candidates]
    assert second.model is second.best.models[0]
    assert first.model.epoch == 2 and first.model is not first.best.models[0]


@pytest.mark.parametrize("options", [{}, {"halving": 2, "folds": 3}])
def test_where_every_candidate_diverges_the_error_of_the_first_is_raised(options):
    model = Sequential([Dense(8, "relu"), Dense(1)])
    model.compile(SGD(0.01), "mse")
    with pytest.raises(TrainingDiverged, match="learning rate 1e\\+20") as caught:
        search(model, {"optimizer.learning_rate": [1e20, 1e21]}, X, X[:, 0], epochs=30, **options)
    if hasattr(caught.value, "__notes__"):
        assert caught.value.__notes__ == ["no network could be trained: this is the error of the first of 2 candidates"]


def test_random_candidates_are_the_same_however_many():
    space = {"hidden.units": Between(4, 64), "optimizer.learning_rate": Between(1e-4, 1e-1, log=True), "epochs": [1, 2]}
    assert drawn(space, 3, 1) == drawn(space, 10, 1)[:3] and drawn(space, 3, 1) != drawn(space, 3, 2)
    many = drawn(space, 300, 0)
    assert {type(one["hidden.units"]) for one in many} == {int}
    assert min(one["hidden.units"] for one in many) >= 4 and max(one["hidden.units"] for one in many) <= 64
    rates = np.log10([one["optimizer.learning_rate"] for one in many])
    assert -4 <= rates.min() < -3.9 and -1.1 < rates.max() <= -1 and abs(np.median(rates) + 2.5) < 0.2
    found = search(template(), space, X, Y, n=5)
    assert [one.trained for one in found.candidates] == [one.parameters["epochs"] for one in found.candidates]


def test_a_function_makes_the_models():
    def make(width, rate=0.1):
        model = Sequential([Dense(width, "relu"), Dense(3, "softmax")])
        model.compile(Adam(rate))
        return model

    found = search(make, {"width": [3, 5], "epochs": [1, 2]}, X, Y)
    assert {one.models[0].layers[0].units for one in found.candidates} == {3, 5}
    with pytest.raises(TypeError, match=r"space: the function is called with depth, but it takes \(width, rate=0.1\)"):
        search(make, {"depth": [3]}, X, Y)


def test_fields_of_all_kinds():
    model = Sequential([Dense(8), Residual([Dense(4, "relu"), Dense(8)]), Dense(1)])
    model.compile(Adam(CosineDecay(0.1, epochs=3)))
    new = applied(
        model,
        {
            "layers.1.layers.0.units": 6,
            "optimizer.learning_rate.epochs": 9,
            "hidden.l2": 0.5,
            "dtype": "float64",
            "seed": 4,
            "loss": "mae",
        },
    )
    assert new.layers[1].layers[0].units == 6 and new.layers[0].l2 == 0.5 and new.layers[2].l2 == 0
    assert new.optimizer.learning_rate.epochs == 9 and new.dtype == "float64" and new.seed == 4
    assert new.loss.name == "mean_absolute_error"
    assert applied(model, {"optimizer": "sgd"}).optimizer.name == "sgd"
    assert applied(model, {"layers": [Dense(2)]}).layers == (Dense(2),)


def test_one_that_diverges_comes_last():
    model = Sequential([Dense(8, "relu"), Dense(1)])
    model.compile("sgd")
    found = search(model, {"optimizer.learning_rate": [1e5, 0.01]}, X, X[:, 0], epochs=30)
    assert math.isnan(found.candidates[1].score) and "TrainingDiverged" in found.table()["error"][1]
    assert found.candidates[1].parameters == {"optimizer.learning_rate": 1e5}
    none = search(model, {"optimizer.learning_rate": [1e5]}, X, X[:, 0], epochs=30, refit=False)
    assert none.model is None and isinstance(none.best.error, TrainingDiverged)


def test_table_and_file(tmp_path):
    found = search(template(), {"hidden.activation": ["relu", "tanh"], "layers.1.rate": [0.0, 0.5]}, X, Y, epochs=2)
    lines = repr(found).splitlines()
    assert lines[0].split() == ["hidden.activation", "layers.1.rate", "trained", "loss", "accuracy"] and len(lines) == 5
    found.to_csv(tmp_path / "search.csv")
    rows = (tmp_path / "search.csv").read_text().splitlines()
    assert rows[0] == "hidden.activation,layers.1.rate,trained,loss,accuracy" and len(rows) == 5
    assert float(rows[1].split(",")[3]) == found.best.score


@pytest.mark.parametrize(
    ("space", "options", "kind", "message"),
    [
        ({}, {}, TypeError, "space must be a dict such as"),
        ({"hidden.units": []}, {}, ValueError, r"space\['hidden.units'\] has no choices"),
        ({"hidden.units": 8}, {}, TypeError, r"space\['hidden.units'\] must be a list of choices or a Between"),
        ({"optimiser.beta_1": [0.5]}, {}, ValueError, r"did you mean 'optimizer.beta_1'\?"),
        ({"optimizer.beta1": [0.5]}, {}, ValueError, r"Adam has no field 'beta1'; did you mean 'beta_1'"),
        ({"layers.7.units": [5]}, {}, ValueError, "there is no layer '7': they are 0 to 2"),
        ({"layers.1.units": [5]}, {}, ValueError, "Dropout has no field 'units'"),
        ({"layers.0.units": [5, 0]}, {}, ValueError, r"space\['layers.0.units'\]: units must be an integer from 1"),
        ({"layers.2.units": [4, 2]}, {}, ValueError, r"y contains the label 2"),
        ({"epochs": [0]}, {}, ValueError, r"space\['epochs'\] must be an integer >= 1"),
        ({"epochs": [5]}, {"halving": 2}, ValueError, "halving says when candidates end"),
        ({"hidden.units": Between(1, 9)}, {}, ValueError, "is a range, of which there is no grid: give n=20"),
        ({"hidden.units": [9]}, {"n": 0}, ValueError, "n must be an integer >= 1"),
        ({"hidden.units": [9]}, {"halving": 1}, ValueError, "halving must be an integer from 2"),
        ({"hidden.units": [9]}, {"score": "r2"}, ValueError, "score 'r2' is not worked out, only loss, accuracy"),
        (
            {"hidden.units": [9]},
            {"folds": 3, "validation_rows": [1]},
            ValueError,
            "give one of folds and validation_rows",
        ),
        ({"hidden.units": [9]}, {"validation_rows": [150]}, ValueError, "validation_rows has row number 150"),
        ({"hidden.units": [9]}, {"validation_rows": np.arange(150)}, ValueError, r"rows\[0\] is empty"),
        ({"seed": [1, 2]}, {"epochs": 1, "halving": 3}, ValueError, "halving=3 of epochs=1 leaves no epoch to compare"),
        ({"hidden.units": [9]}, {"n_iter": 3}, TypeError, "search has no argument 'n_iter'"),
        ({"hidden.units": [9]}, {"model": 7}, TypeError, "model must be a Sequential or a function of the parameters"),
    ],
)
def test_what_is_wrong(space, options, kind, message):
    trained = []
    options = {"model": template(), "callbacks": lambda: lambda *_: trained.append(1), **options}
    with pytest.raises(kind, match=message):
        search(options.pop("model"), space, X, Y, **options)
    assert not trained


def test_what_the_space_makes_of_a_model_is_blamed_on_it():
    model = Sequential([Dense(8, "tanh"), Dense(1)])
    with pytest.raises(ValueError, match=r"space, {'layers.1.units': 2}: .*y has shape"):
        search(model, {"layers.1.units": [1, 2]}, X, X[:, 0])


def test_numbers_of_numpy_are_shown_as_numbers():
    found = search(template(), {"hidden.units": np.array([4, 8]), "seed": np.arange(1, 2)}, X, Y, refit=False)
    assert "np." not in repr(found) and repr(found).splitlines()[1].split()[:2] in (["4", "1"], ["8", "1"])


def test_a_plain_function_as_callback():
    heard = []
    search(
        template(),
        {"seed": [1, 2]},
        X,
        Y,
        epochs=2,
        callbacks=lambda model, epoch, logs: heard.append(epoch),
        refit=False,
    )
    assert sorted(heard) == [0, 0, 1, 1]
    assert Going(lambda model, epoch, logs: None).on_epoch_end(None, 0, {}) is None


def test_each_combination_is_drawn_once():
    space = {"hidden.units": [2, 4, 8], "batch_size": [8, 16]}
    for n in (1, 3, 5):
        found = drawn(space, n, seed=3)
        assert len(found) == n and len({(*one.values(),) for one in found}) == n
        assert found == drawn(space, 5, seed=3)[:n]
    assert len(drawn(space, 6, 0)) == len(drawn(space, 60, 0)) == 6
    assert sorted(one["hidden.units"] for one in drawn({"hidden.units": Between(1, 5)}, 9, 0)) == [1, 2, 3, 4, 5]


def test_parts_are_put_into_wholes_whatever_comes_first():
    model = template()
    for names in (("optimizer", "optimizer.learning_rate"), ("optimizer.learning_rate", "optimizer")):
        values = {"optimizer": "sgd", "optimizer.learning_rate": 0.25}
        made = applied(model, {name: values[name] for name in names})
        assert made.optimizer == SGD(0.25)
    layers = [Dense(3, "relu"), Dense(3, "relu"), Dense(3, "softmax")]
    made = applied(model, {"layers.0.units": 7, "hidden.units": 5, "layers": layers})
    assert [layer.units for layer in made.layers] == [7, 5, 3]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"learning_rate": [1]}, "did you mean 'optimizer.learning_rate'"),
        ({"optimizer__learning_rate": [1]}, "did you mean 'optimizer.learning_rate'"),
        ({"units": [1]}, "did you mean 'hidden.units'"),
        ({"hidden": [1]}, "say which field of the hidden layers, as in 'hidden.units'"),
        ({"optimizer": ["sdg"]}, r"space\['optimizer'\]: unknown optimizer 'sdg'; did you mean 'sgd'"),
        ({"layers": [3]}, "space, layers: layers must be a list of layers, got 3"),
    ],
)
def test_what_is_meant_by_other_names(space, message):
    with pytest.raises((TypeError, ValueError), match=message):
        search(template(), space, X, Y)


def test_scores_that_cannot_be_compared_train_nothing():
    made = []

    def make(units):
        made.append(template() if units == 4 else Sequential([Dense(units, "tanh"), Dense(3, "softmax")]))
        return made[-1]

    with pytest.raises(ValueError, match=r"score 'accuracy' is not worked out by the model of {'units': 5}"):
        search(make, {"units": [4, 5]}, X, Y, score="accuracy")
    assert all(not model.built for model in made)
    with pytest.raises(ValueError, match=r"score 'loss' means .*squared_error.*: score by a metric"):
        search(template(), {"loss": ["categorical_crossentropy", "mean_squared_error"]}, X, np.eye(3)[Y])


def test_candidates_have_their_histories():
    found = search(template(), {"seed": [1, 2]}, X, Y, epochs=3, folds=2)
    assert [len(history) for history in found.best.histories] == [3, 3]


def test_weights_of_other_rows_count():
    weight = np.linspace(0, 1, 150)
    found = search(template(), {"seed": [1, 2]}, X, Y, epochs=2, validation_data=(X, Y, weight))
    for one in found.candidates:
        assert one.score == one.histories[0].val_loss[-1]
        assert one.score == one.models[0].evaluate(X, Y, sample_weight=weight)["loss"]
    with pytest.raises(ValueError, match=r"validation_data must be \(X, y\)"):
        search(template(), SPACE, X, Y, validation_data=X[:1])
