"""X of numbers with few bits: fit, evaluate and predict read it as it is, and the bits are those of X converted."""

import tracemalloc

import numpy as np
import pytest

from nncore import (
    Adam,
    CategoryEncoding,
    Columns,
    Dense,
    Embedding,
    Normalization,
    Parallel,
    Sequential,
    fit_many,
    losses,
)
from nncore.data import Rows

RNG = np.random.default_rng(7)
PIXELS = RNG.integers(256, size=(300, 20), dtype=np.uint8)
Y = PIXELS[:, 0] // 86
WAYS = (
    {"validation_split": 0.2, "steps_per_epoch": 5},
    {"class_weight": "balanced", "shuffle": "block"},
    {"validation_split": 0.2, "solver": "lbfgs"},
)


def own(y_true, y_pred):
    """Squared errors as a loss of the user's own: tried on a few rows first."""
    return ((y_pred - y_true) ** 2).sum(axis=1), 2 * (y_pred - y_true)


def new_model(dtype, loss=None):
    model = Sequential([Dense(9, "relu"), Dense(3, "softmax" if loss is None else "identity")], seed=1, dtype=dtype)
    model.compile(Adam(0.01), loss, metrics=["accuracy"] if loss is None else ["mae"])
    return model


def found(X, dtype, loss=None, **options):
    model, y = new_model(dtype, loss), Y if loss is None else np.eye(3)[Y]
    history = model.fit(X, y, epochs=2, **options)
    columns = {name: np.asarray(history[name]).tolist() for name in history if name != "seconds"}
    weights = [weight.tobytes() for weight in model.get_weights()]
    predictions = [model.predict(part).tobytes() for part in (X, X[:1], X[:0])]
    lent = model.parameters  # while it is held, single rows are predicted by it
    predictions.append(model.predict(X[:1]).tobytes())
    return weights, columns, history.inputs, history.targets, model.evaluate(X, y), predictions, lent.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_fit_evaluate_and_predict_give_the_bits_of_x_converted(dtype):
    wide = "float64" if dtype == "float64" else "float32"
    for kind in ("uint8", "int8", "int16", "float16"):
        X = PIXELS.astype(kind)
        for way in WAYS[: 2 if dtype == "mixed_bfloat16" else 3]:
            assert found(X, dtype, **way) == found(X.astype(wide), dtype, **way), (kind, way)
    assert found(X, dtype, losses.CustomLoss(own)) == found(X.astype(wide), dtype, losses.CustomLoss(own))


def test_a_normalization_adapts_to_narrow_rows():
    for kind in ("uint8", "float16"):
        given = [array for X in (PIXELS.astype(kind), PIXELS.astype("f4")) for array in ((X, Y), (Rows(X, Y),))]
        weights = []
        for data in given:
            model = Sequential([Normalization(), Dense(3, "softmax")], seed=1)
            model.fit(*data, epochs=1, shuffle="block")
            weights.append([weight.tobytes() for weight in model.get_weights()] + [model.predict(data[0]).tobytes()])
        assert all(found == weights[0] for found in weights[1:])


def test_categories_may_be_narrow_and_are_checked():
    def new():
        parts = [[Columns([0]), Embedding(256, 4)], [Columns([1]), CategoryEncoding(300)], [Columns([2, 3])]]
        return Sequential([Parallel(parts), Dense(3, "softmax")], seed=2)

    X, (one, other) = PIXELS[:, :4], (new(), new())
    for model, rows in ((one, X), (other, X.astype("f4"))):
        model.fit(rows, Y, epochs=1)
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert one.predict(X).tobytes() == other.predict(X.astype("f4")).tobytes()
    for wrong in (X.astype("int16"), X.astype("float16")):
        wrong[7, 0] = 256
        for call in (lambda X=wrong: one.predict(X), lambda X=wrong: one.fit(X, Y), lambda X=wrong: one.evaluate(X, Y)):
            with pytest.raises(ValueError, match="256 at row 7, column 0, which is to be one of 256 categories"):
                call()


def test_what_else_takes_x_converts_it():
    wide = PIXELS.astype("float32")
    models = [[new_model("float32") for _ in range(2)] for _ in range(2)]
    for X, several in zip((PIXELS, wide), models, strict=True):
        fit_many(several, X, Y, epochs=1)
        several[0].train_on_batch(X[:32], Y[:32])
    assert [m.parameters.tobytes() for m in models[0]] == [m.parameters.tobytes() for m in models[1]]
    one, other = (m[0] for m in models)
    assert one.loss_and_gradient(PIXELS, Y)[1].tobytes() == other.loss_and_gradient(wide, Y)[1].tobytes()
    assert one.input_gradient(PIXELS).tobytes() == other.input_gradient(wide).tobytes()
    assert str(one.explain_step(PIXELS[:4], Y[:4])) == str(other.explain_step(wide[:4], Y[:4]))
    assert one.predictor()(PIXELS[0]).tobytes() == other.predictor()(wide[0]).tobytes()


def test_tables_and_arrays_of_any_order():
    pandas = pytest.importorskip("pandas")
    names = [f"pixel {k}" for k in range(20)]
    expected = found(PIXELS.astype("float32"), "float32")
    strided = np.zeros((600, 40), np.uint8)
    strided[::2, 1::2] = PIXELS
    for X in (np.asfortranarray(PIXELS), strided[::2, 1::2], PIXELS.astype(">i2")):
        assert found(X, "float32") == expected
    model = new_model("float32")
    model.fit(pandas.DataFrame(PIXELS, columns=names), Y, epochs=2)
    assert [weight.tobytes() for weight in model.get_weights()] == expected[0]
    turned = pandas.DataFrame(PIXELS[:, ::-1], columns=names[::-1])
    assert model.predict(turned).tobytes() == expected[5][0]


def test_halves_that_are_not_finite_are_named():
    model = new_model("float32")
    model.fit(PIXELS.astype("float16"), Y, epochs=1)
    endless = r"infinity or a value too large for dtype\('float32"
    for value, message in ((np.nan, "X contains NaN: 1 value"), (-np.inf, endless)):
        X = PIXELS.astype("float16")
        X[250, 7] = value
        for call in (lambda X=X: model.fit(X, Y), lambda X=X: model.predict(X), lambda X=X: model.evaluate(X, Y)):
            with pytest.raises(ValueError, match=rf"{message}.*row 250, column 7"):
                call()


def test_no_wide_copy_is_made():
    X = RNG.integers(256, size=(20_000, 200), dtype=np.uint8)  # 4 MB; 16 MB as float32
    y = X[:, :1].astype("f4")
    model = Sequential([Dense(1)], seed=0)
    model.compile(metrics=["mae"])

    def peak(X):
        tracemalloc.start()
        try:
            model.fit(X, y, epochs=1, validation_split=0.1)
            model.evaluate(X, y)
            model.predict(X)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(X) < X.nbytes / 2
    assert peak(X.astype("float16")) < X.nbytes  # looked through for NaN, some at a time
    assert peak(np.asfortranarray(X)) < 1.5 * X.nbytes  # once more, of bytes
    assert peak(X.astype("int64")) > 4 * X.nbytes  # what is converted is seen here
