"""Embedding and CategoryEncoding: the bits of a Dense layer behind ones among zeros, and what is a category."""

import copy
import pickle

import numpy as np
import pytest

from nncore import (
    SGD,
    Adam,
    AdamW,
    CategoryEncoding,
    Columns,
    Dense,
    Embedding,
    Parallel,
    Residual,
    Sequential,
    engine,
    fit_many,
    load,
    predict_many,
)
from nncore.layers import from_dict, to_dict
from nncore.program import lower

RANDOM = np.random.default_rng(0)
N, CITIES, DAYS = 700, 70, 7
CITY, DAY = RANDOM.integers(CITIES, size=N), RANDOM.integers(DAYS, size=N)
X = np.column_stack([CITY, DAY, RANDOM.normal(size=(N, 2))]).astype(np.float32)
EFFECT = RANDOM.normal(size=CITIES)
Y = (EFFECT[CITY] + 0.5 * (DAY > 4) + 0.1 * X[:, 2]).astype(np.float32)
SPEC = [
    Parallel(
        [[Columns([0]), Embedding(CITIES, 5, name="city")], [Columns([1]), CategoryEncoding(DAYS)], [Columns([2, 3])]]
    ),
    Dense(8, "relu"),
    Dense(1),
]


def built(spec=SPEC, optimizer=None, n_features=4, **options):
    model = Sequential(spec, seed=3, **options)
    model.compile(optimizer or Adam(0.01), loss="mse")
    model.build(n_features)
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "optimizer",
    [SGD(0.1, momentum=0.9), AdamW(0.01, weight_decay=0.1, clip_norm=0.1), Adam(0.01, clip_value=1e-3)],
    ids=repr,
)
def test_in_the_bits_of_a_dense_layer_behind_ones_among_zeros(dtype, optimizer, threads):
    """Batches of one group of rows, and of nine; tables of several panels; threads that share blocks or groups."""
    own = {"l2": 0.01, "learning_rate_multiplier": 0.5}
    looked_up = [Parallel([[Columns([0]), Embedding(CITIES, 37, **own)], [Columns([1, 2, 3])]]), Dense(2)]
    multiplied = [
        Parallel([[Columns([0]), CategoryEncoding(CITIES), Dense(37, use_bias=False, **own)], [Columns([1, 2, 3])]]),
        Dense(2),
    ]
    rows, target = np.tile(X, (3, 1)), np.tile(np.column_stack([Y, -Y]), (3, 1))
    start = built(looked_up, dtype=dtype).get_weights()
    found = set()
    for n_threads in (1, 2):
        threads(n_threads)
        for spec in (looked_up, multiplied):
            model = built(spec, optimizer, dtype=dtype)
            model.set_weights(start)
            model.fit(X[:300], target[:300], epochs=2, batch_size=100, verbose=0)
            model.fit(rows, target, epochs=2, batch_size=len(rows), verbose=0)
            single = model.predictor()(X[5]).tobytes()
            found.add((model.parameters.tobytes(), model.predict(X).tobytes(), model.predict(X[5:6]).tobytes(), single))
    assert len(found) == 1


def test_a_minus_before_zero_is_lost_as_in_a_product():
    model = built([Embedding(3, 2, embeddings_initializer="zeros"), Dense(1)], n_features=1)
    model.set_weights([np.full((3, 2), -0.0, np.float32)], "embedding_0")
    assert not np.signbit(model.activations([[1.0]], 0)).any()


def test_it_learns_what_each_category_is_worth():
    model = built()
    model.fit(X, Y, epochs=60, batch_size=32, verbose=0)
    assert model.evaluate(X, Y)["loss"] < 0.05 * Y.var()
    line = built([Dense(1)])
    line.fit(X, Y, epochs=60, batch_size=32, verbose=0)
    assert line.evaluate(X, Y)["loss"] > 0.5 * Y.var()


def test_saved_copied_and_carried_on(tmp_path):
    model = built()
    model.fit(X, Y, epochs=1, verbose=0)
    model.save(tmp_path / "model")
    expected = model.predict(X).tobytes()
    predictor = model.predictor()
    assert np.asarray(predictor(X), np.float32).tobytes() == expected
    assert pickle.loads(pickle.dumps(predictor))(X).tobytes() == expected
    for other in (load(tmp_path / "model"), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.layers == model.layers and other.predict(X).tobytes() == expected
        assert from_dict(to_dict(other.layers[0])) == other.layers[0]
    assert repr(SPEC[0].branches[0][1]) == f"Embedding({CITIES}, 5, name='city')"


def test_frozen_penalised_and_counted():
    model = built([Parallel([[Columns([0]), Embedding(CITIES, 3, trainable=False)], [Columns([2, 3])]]), Dense(1)])
    before = model.get_weights("embedding_2")[0]
    assert before.shape == (CITIES, 3) and abs(before).max() <= 0.05
    model.fit(X, Y, epochs=1, verbose=0)
    assert (model.get_weights("embedding_2")[0] == before).all()
    model.unfreeze("embedding_2")
    model.fit(X, Y, epochs=1, verbose=0)
    assert (model.get_weights("embedding_2")[0] != before).any()
    with pytest.raises(ValueError, match="'columns_1' has no parameters"):
        model.freeze("columns_1")
    assert f"{CITIES * 3}" in str(model.summary())


def test_gradients_are_finite_differences_and_stop_at_the_categories():
    model = built(dtype="float64")
    x, y = X[:40].astype(np.float64), Y[:40]
    _, gradient = model.loss_and_gradient(x, y)
    flat = model.parameters.copy()
    for place in RANDOM.choice(len(flat), 40, replace=False):
        losses = []
        for step in (1e-6, -1e-6):
            model.parameters[:] = flat
            model.parameters[place] += step
            losses.append(model.loss_and_gradient(x, y)[0])
        np.testing.assert_allclose(gradient[place], (losses[0] - losses[1]) / 2e-6, atol=1e-7)
    model.parameters[:] = flat
    jacobian = model.jacobian(x)
    assert (jacobian[:, :, :2] == 0).all() and (jacobian[:, :, 2:] != 0).any()


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_solvers_take_them(solver):
    model = built([SPEC[0], Dense(1)], dtype="float64")
    model.fit(X, Y, epochs=10, solver=solver, verbose=0)
    assert model.evaluate(X, Y)["loss"] < 0.2 * Y.var()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Embedding(0, 2), ValueError, "input_dim must be an integer from 1 to 16777216, got 0"),
        (lambda: Embedding(2, 0), ValueError, "output_dim must be an integer from 1"),
        (lambda: Embedding(2, 2, l2=-1), ValueError, "l2 must be a finite number >= 0"),
        (lambda: CategoryEncoding(2**24 + 1), ValueError, "num_tokens must be an integer from 1 to 16777216"),
        (
            lambda: lower([Embedding(5, 2), Dense(1)], 3, "mse"),
            ValueError,
            r"layers\[0\]: Embedding reads one column, and there are 3; .* Parallel\(\[\[Columns\(\[0\]\), Embed",
        ),
        (
            lambda: lower([Dense(1), Embedding(5, 2), Dense(1)], 3, "mse"),
            ValueError,
            r"layers\[1\]: Embedding reads categories, which are columns of the data themselves",
        ),
        (
            lambda: lower([Residual([Dense(3)]), CategoryEncoding(5), Dense(1)], 3, "mse"),
            ValueError,
            r"layers\[1\]: CategoryEncoding reads categories",
        ),
        (lambda: lower([CategoryEncoding(2**24), Dense(1)], 200, "mse"), ValueError, "for each of 200 are too many"),
        (lambda: lower([CategoryEncoding(5)], 1, "mse"), ValueError, "must hold at least one Dense layer"),
    ],
)
def test_what_cannot_be_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def with_value(value, row=3, column=0):
    changed = X[:40].copy()
    changed[row, column] = value
    return changed


DOORS = {
    "fit": lambda model, x: model.fit(x, Y[:40], epochs=1, verbose=0),
    "validation": lambda model, x: model.fit(X, Y, validation_data=(x, Y[:40]), epochs=1, verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, Y[:40]),
    "predict": lambda model, x: model.predict(x),
    "a row": lambda model, x: model.predict(x[3:4]),
    "predictor": lambda model, x: model.predictor()(x),
    "predictor of a row": lambda model, x: model.predictor()(x[3]),
    "train_on_batch": lambda model, x: model.train_on_batch(x, Y[:40]),
    "stepper": lambda model, x: model.stepper()(x, Y[: len(x)]),
    "gradient": lambda model, x: model.loss_and_gradient(x, Y[:40]),
    "backward": lambda model, x: model.backward(x, np.ones((40, 1))),
    "jacobian": lambda model, x: model.jacobian(x),
    "explain": lambda model, x: model.explain_step(x, Y[:40]),
    "activations": lambda model, x: model.activations(x, "city"),
    "many": lambda model, x: fit_many([model], x, Y[:40], epochs=1, verbose=0),
    "predict_many": lambda model, x: predict_many(model, model.parameters[None], x),
    "solver": lambda model, x: model.fit(x, Y[:40], epochs=1, solver="lbfgs", verbose=0),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_value_that_is_no_category_is_named_at_every_door(door):
    model = built()
    model.train_on_batch(X[:40], Y[:40])
    for value, said in ((1.5, "1.5"), (-1, "-1"), (CITIES, f"{CITIES}"), (1e30, r"1e\+30")):
        before = model.parameters.tobytes()
        row = 0 if door.endswith("row") else 3
        with pytest.raises(ValueError, match=rf"{said} at row {row}, column 0,.* whole number from 0 to {CITIES - 1}"):
            DOORS[door](model, with_value(value))
        assert model.parameters.tobytes() == before
    DOORS[door](model, X[:40])


def test_an_armed_stepper_does_nothing_with_it():
    model = built()
    step = model.stepper()
    for _ in range(3):
        step(X[:40], Y[:40])
    before = model.parameters.tobytes()
    for value in (-1, 0.5, CITIES):
        with pytest.raises(ValueError, match=r"at row 3, column 0, which is to be one of 70 categories"):
            step(with_value(value), Y[:40])
    assert model.parameters.tobytes() == before


def test_words_of_other_packages():
    for arguments, said in (
        ({"embedding_dim": 3}, "here it is output_dim"),
        ({"mask_zero": True}, "there are no sequences"),
        ({"embeddings_regularizer": "l2"}, r"Embedding\(10, 4, l2=1e-4\)"),
    ):
        with pytest.raises(TypeError, match=said):
            Embedding(10, **arguments)
    with pytest.raises(TypeError, match="it is 'one_hot'"):
        CategoryEncoding(10, output_mode="one_hot")


def test_what_to_do_about_it_is_said():
    model = built()
    near = np.nextafter(np.float32(1), np.float32(2))
    for door in (model.predict, model.predictor()):
        with pytest.raises(ValueError, match=r"1\.00000011\d+ at row 3, column 0, which is to be one of 70 categories"):
            door(with_value(near))
    with pytest.raises(ValueError, match=r"without gaps$"):
        model.predict(with_value(2**24))
    with pytest.raises(ValueError, match=r"numpy.unique\(X\[:, 0\], return_inverse=True\)"):
        model.predict(with_value(0.5))
    with pytest.raises(ValueError, match=r"without gaps, or let the layer that reads them know 8$"):
        model.predict(with_value(7, column=1))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict(with_value(np.nan))
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:40], columns=["city", "day", "a", "b"])
    named = built()
    named.fit(frame, Y[:40], epochs=1, verbose=0)
    frame.loc[7, "city"] = -3
    with pytest.raises(ValueError, match=r"-3 at row 7, column 0 \('city'\)"):
        named.predict(frame[["b", "city", "day", "a"]])
    for model in (named, built(), Sequential(built().layers)):  # of two of them, fit has not seen the names yet
        with pytest.raises(ValueError, match=r"-3 at row 7, column 0 \('city'\)"):
            model.fit(frame, Y[:40], epochs=1, verbose=0)


def test_sources_are_looked_through_for_them(tmp_path):
    from nncore.data import Rows

    model = built()
    model.fit(Rows(X, Y), epochs=1, shuffle="block", verbose=0)
    with pytest.raises(ValueError, match=r"rows from .* 1.5 at row 3, column 0"):
        model.fit(Rows(with_value(1.5), Y[:40]), epochs=1, shuffle="block", verbose=0)
    fresh = Sequential(SPEC)
    with pytest.raises(ValueError, match=r"rows from .* 1.5 at row 3, column 0"):
        fresh.fit(Rows(with_value(1.5), Y[:40]), epochs=1, shuffle="block", verbose=0)
    with pytest.raises(ValueError, match=r"rows from .* 1.5 at row 3, column 0"):
        model.predict(Rows(with_value(1.5)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_engine_itself_reads_nothing_outside(dtype):
    """Nobody may ask it so, but it must not trust that: no such category is zeros, and changes no weight."""
    program = lower(SPEC, 4, "mse")
    module = engine.load(dtype)
    for value in (-1, CITIES, 1e30, -1e30, 0.5):
        plan = module.Plan(program)
        flat = np.random.default_rng(1).normal(size=program.n_parameters).astype(dtype)
        plan.set_parameters(flat)
        x = X.astype(dtype)
        x[:, 0] = value
        gradient = np.empty(program.n_parameters, dtype)
        plan.loss_and_gradient(x, Y.astype(dtype)[:, None], None, gradient, seed=0)
        (table,) = [block for block in program.parameters if block.name == "city.weight"]
        assert not table.of(gradient).any() and gradient.any()


def test_mixed_bfloat16_looks_up_in_float32():
    model = built([Embedding(CITIES, 3), Dense(1)], n_features=1, dtype="mixed_bfloat16")
    model.fit(X[:, :1], Y, epochs=2, verbose=0)
    table = model.get_weights("embedding_0")[0]
    assert (model.activations(X[:, :1], 0) == table[CITY]).all()
    assert not model.explain_step(X[:9, :1], Y[:9])["embedding_0"].rounded


def test_networks_trained_beside_each_other():
    together, alone = (
        [built(optimizer=Adam(rate)) for rate in (0.01, 0.02)],
        [built(optimizer=Adam(rate)) for rate in (0.01, 0.02)],
    )
    fit_many(together, X, Y, epochs=2, verbose=0)
    for one, other in zip(together, alone, strict=True):
        other.fit(X, Y, epochs=2, verbose=0)
        assert one.parameters.tobytes() == other.parameters.tobytes()


def test_an_estimator_goes_on_only_with_weights_of_the_same_shapes():
    pytest.importorskip("sklearn")
    from nncore.sklearn import hidden

    def spec(dim, columns=(2, 3), l2=0.0):
        return [Parallel([[Columns([0]), Embedding(CITIES, dim, l2=l2)], [Columns(columns)]]), Dense(1)]

    model = built(spec(3))
    table = model.get_weights("embedding_2")[0]
    hidden.adapt(model, spec(3, l2=0.1), None)
    assert model.layers[0].branches[0][1].l2 == 0.1 and (model.get_weights("embedding_2")[0] == table).all()
    for other in (spec(4), spec(3, (1, 2, 3)), [*spec(3)[:1], Dense(2)]):
        with pytest.raises(ValueError, match="the arguments describe another network"):
            hidden.adapt(model, other, None)


def test_an_estimator_takes_them():
    pytest.importorskip("sklearn")
    from sklearn.base import clone

    from nncore.sklearn import Regressor

    estimator = clone(Regressor([SPEC[0]], epochs=80, batch_size=32)).fit(X, Y)
    assert estimator.score(X, Y) > 0.8
    with pytest.raises(ValueError, match=r"0.5 at row 3, column 0"):
        estimator.predict(with_value(0.5))
