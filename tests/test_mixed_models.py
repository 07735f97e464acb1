"""dtype="mixed_bfloat16": all that one does with a model goes with such a one, too."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    Activation,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    EarlyStopping,
    LayerNorm,
    Residual,
    Sequential,
    StepDecay,
    TrainingDiverged,
    plots,
    reference,
)
from nncore.solvers import lbfgs

MIXED = "mixed_bfloat16"
RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 6)).astype(np.float32)
LABELS = (X[:, 0] > 0).astype(np.int32) + (X[:, 1] > 0)
Y = (np.sin(X[:, 0]) * X[:, 1]).astype(np.float32)
LAYERS = (Dense(33, "relu"), BatchNorm(), Dropout(0.1), Residual([Dense(33, "tanh"), LayerNorm()]), Dense(3, "softmax"))


def classifier(layers=LAYERS, **options):
    return Sequential(layers, seed=2, dtype=MIXED, **options)


def regressor(dtype=MIXED):
    model = Sequential([Dense(20, "tanh"), Dense(1)], seed=1, dtype=dtype)
    model.build(6)
    return model


def bits(model):
    return b"".join(weight.tobytes() for weight in model.get_weights())


# ---- training


def test_fit_with_all_that_goes_with_it():
    model = classifier()
    model.compile(Adam(StepDecay(0.01, every=2, factor=0.5), clip_norm=1.0), metrics=["accuracy"])
    stopping = EarlyStopping("val_loss", patience=50)
    history = model.fit(
        X, LABELS, epochs=6, validation_split=0.2, class_weight="balanced", callbacks=[stopping], verbose=False
    )
    assert history.loss[-1] < history.loss[0] and history["val_accuracy"][-1] > 0.6
    assert isinstance(str(history.doctor()), str) and len(history.layers) == 7
    assert model.evaluate(X, LABELS)["accuracy"] > 0.6
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-6) and set(model.predict_classes(X)) <= {0, 1, 2}


def test_single_steps_and_steppers_are_steps_of_fit():
    models = [classifier() for _ in range(3)]
    models[0].fit(X, LABELS, batch_size=300, shuffle=False)
    models[1].train_on_batch(X, LABELS)
    models[2].build(6)
    models[2].stepper()(X, LABELS)
    assert bits(models[0]) == bits(models[1]) == bits(models[2])
    assert bits(models[0]) != bits(classifier_of_float32())


def classifier_of_float32():
    model = Sequential(LAYERS, seed=2)
    model.fit(X, LABELS, batch_size=300, shuffle=False)
    return model


def test_its_gradient_is_that_of_the_oracle():
    model = regressor()
    loss, gradient = model.loss_and_gradient(X, Y)
    parameters = model.parameters.copy()
    expected = reference.loss_and_gradient(model.program, parameters, X, Y[:, None], precision=MIXED)
    assert loss == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(gradient, expected[1], atol=2e-4)  # an operand may be rounded to the neighbour
    exact = reference.loss_and_gradient(model.program, parameters, X, Y[:, None])[1]
    assert np.abs(gradient - exact).max() > 10 * np.abs(gradient - expected[1]).max()


def test_a_training_that_diverges_says_where():
    places = []
    for dtype in (MIXED, "float32"):
        model = Sequential([Dense(2), Dense(1)], seed=1, dtype=dtype)
        model.compile(SGD(1e30))
        with pytest.raises(TrainingDiverged) as caught:
            model.fit(X, Y, epochs=3)
        places.append((caught.value.layer, caught.value.tensor))
        assert np.isfinite(model.parameters).all()
    assert places[0] == places[1] and places[0][0] is not None


ANSWERS = [
    lambda model, X, y: model.predict(X),
    lambda model, X, y: model.predict_classes(X),
    lambda model, X, y: model.predict(X.astype(float).tolist()),
    lambda model, X, y: model.evaluate(X, y)["loss"],
    lambda model, X, y: model.loss_and_gradient(X, y)[0],
]


@pytest.mark.parametrize("n", [1, 40, 3000])
@pytest.mark.parametrize("dtype", ["float32", MIXED])
def test_a_value_that_is_infinite_as_bfloat16_is_named_where_the_answer_is_not_finite(dtype, n):
    """It is finite in float32, whose answers are, too; 0 times infinity is NaN, of which no class can be made."""
    model = Sequential([Dense(4, "relu"), Dense(2, "softmax")], seed=1, dtype=dtype)
    model.build(3)
    model.set_weights([0 * weight for weight in model.get_weights()])
    wide, row, labels = np.zeros((n, 3), np.float32), n // 2, np.arange(n) % 2
    for answer in ANSWERS:
        wide[row, 1] = 3.38e38
        assert np.isfinite(answer(model, wide, labels)).all()
        wide[row, 1] = -3.4e38
        if dtype == "float32":
            assert np.isfinite(answer(model, wide, labels)).all()
            continue
        with pytest.raises(ValueError, match=rf"too large for {MIXED}: 1 .* row {row}, column 1, -3.4e\+38$"):
            answer(model, wide, labels)
    if dtype == MIXED:
        with pytest.raises(TrainingDiverged, match=f"row {row} of X"):
            model.train_on_batch(wide, labels)


def test_an_answer_that_is_infinite_for_another_reason_is_given():
    model = Sequential([Dense(1)], dtype=MIXED)
    model.build(2)
    model.set_weights([[[2e38], [2e38]], [0]])
    assert model.predict([[2, 2]]) == model.evaluate([[2, 2]], [0.0])["loss"] == np.inf


# ---- solvers


def test_levenberg_marquardt_is_refused_and_a_float32_model_is_the_way():
    """It minimised the loss of the weights as they are, while that of the rounded ones rose."""
    mixed, plain = regressor(), regressor("float32")
    with pytest.raises(ValueError, match=r"solver='lm' .* in mixed_bfloat16 .* model.set_weights\(other.get_weights"):
        mixed.fit(X, Y, epochs=8, solver="lm")
    plain.fit(X, Y, epochs=8, solver="lm")
    mixed.build(X.shape[1])
    mixed.set_weights(plain.get_weights())
    assert mixed.evaluate(X, Y)["loss"] < 0.05 * plain.history.loss[0]


@pytest.mark.parametrize("tol", [0, None, 1e-3, 10])
def test_lbfgs_lowers_the_loss_until_rounding_hides_its_slope_and_says_so(tol):
    model = regressor()
    history = model.fit(X, Y, epochs=1000, solver=lbfgs.LBFGS(tol=tol))
    assert history.loss[-1] < 0.1 * history.loss[0] or tol == 10
    assert history.message.startswith("converged as far as mixed_bfloat16 can tell: ")


@pytest.mark.parametrize("dtype", [MIXED, "float32"])
def test_lbfgs_names_the_arithmetic_that_found_no_lower_loss(dtype, monkeypatch):
    monkeypatch.setattr(lbfgs, "minimize", lambda *_, **__: SimpleNamespace(status=lbfgs.ABNORMAL))
    history = regressor(dtype).fit(X, Y, solver="lbfgs")
    assert history.message == f"converged as far as {dtype} can tell: the line search found no lower loss"


# ---- predictors, flat vectors, surgery


def test_a_predictor_agrees_with_predict():
    model = classifier([Dense(33, "relu"), LayerNorm(), Residual([Dense(33, "tanh")]), Dense(3, "softmax")])
    model.fit(X, LABELS, epochs=2)
    predictor, expected = model.predictor(), model.predict(X)
    assert predictor.program.precision == MIXED and predictor.dtype == np.float32
    assert np.array_equal(predictor(X), expected) and np.array_equal([predictor(x) for x in X], expected)


def test_a_predictor_without_batchnorms_agrees_to_the_rounding_of_bfloat16():
    model = classifier([Dense(33), BatchNorm(), Activation("relu"), Dense(3, "softmax")])
    model.fit(X, LABELS, epochs=5)
    predictor, expected = model.predictor(), model.predict(X)
    assert not any(row.op == "batchnorm" for row in predictor.program.rows)
    difference = np.abs(predictor(X) - expected).max()
    assert 0 < difference < 0.02


def test_a_predictor_keeps_a_batchnorm_that_bfloat16_could_not_do_without():
    far, options = X + 500, {"epochs": 5, "verbose": False}
    model = classifier([BatchNorm(momentum=0.5), Dense(33, "relu"), Dense(3, "softmax")])
    model.fit(far, LABELS, **options)
    assert [row.op for row in model.predictor().program.rows] == ["batchnorm", "dense", "dense"]
    assert np.array_equal(model.predictor()(far), model.predict(far))
    plain = Sequential(model.layers, seed=2)
    plain.fit(far, LABELS, **options)
    assert [row.op for row in plain.predictor().program.rows] == ["dense", "dense"]


def test_parameters_that_are_lent_are_rounded_anew():
    model = regressor()
    flat = model.parameters
    flat[:] = np.linspace(-0.7, 0.8, len(flat))
    row = model.predict(X[:1])
    other = regressor()
    other.set_weights(model.get_weights())
    assert np.array_equal(row, other.predict(X[:1])) and np.array_equal(row, model.predict(X)[:1])


def test_weights_go_to_models_of_other_dtypes_and_back():
    model = classifier()
    model.fit(X, LABELS, epochs=2)
    for dtype in ("float32", "float64", MIXED):
        other = Sequential(LAYERS, dtype=dtype)
        other.build(6)
        other.set_weights(model.get_weights())
        assert np.array_equal(other.predict(X), model.predict(X)) == (dtype == MIXED)
        np.testing.assert_allclose(other.predict(X), model.predict(X), atol=0.02)
        assert bits(model) == b"".join(weight.astype(np.float32).tobytes() for weight in other.get_weights())


def test_layers_are_put_in_taken_out_moved_and_replaced():
    model = classifier([Dense(33, "relu"), Dense(3, "softmax")])
    model.fit(X, LABELS, epochs=1)
    for change in (
        lambda: model.insert(1, Dense(40, "relu")),
        lambda: model.move(1, 0),
        lambda: model.replace(0, Dense(40, Activation("elu", alpha=0.5))),
        lambda: model.remove(0),
    ):
        change()
        assert model.program.precision == MIXED and model.dtype_policy == MIXED
        other = copy.deepcopy(model)
        model.fit(X, LABELS, epochs=1)
        other.fit(X, LABELS, epochs=1)
        assert bits(model) == bits(other)
    model.compile("sgd", "mse")
    assert model.program.precision == MIXED


# ---- what is looked at


def test_plots_take_it():
    model = classifier([Dense(9, "relu"), Dense(3, "softmax")])
    model.fit(X[:, :2], LABELS, epochs=1)
    for draw in (
        lambda: plots.loss_surface(model, X[:, :2], LABELS, resolution=3),
        lambda: plots.decision_boundary(model, X[:, :2], LABELS, resolution=5),
        lambda: plots.network_diagram(model),
    ):
        assert draw().figure is not None


def test_files_say_it(tmp_path):
    model = regressor()
    model.save(tmp_path / "model")
    again = nncore.load(tmp_path / "model")
    assert again.dtype_policy == MIXED and repr(again) == repr(model) and "dtype='mixed_bfloat16'" in repr(model)
    assert f"(6 features, {MIXED})" in again.summary()
    assert bits(again) == bits(model) and np.array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("dtype", ["float32", "float64", MIXED])
def test_pickles_speak_of_it_where_it_is_so(dtype):
    """Versions that know of no precision take no field of that name: they refuse this model, and load all others."""
    model = regressor(dtype)
    assert ("precision" in model.__getstate__()["_state"]) == (dtype == MIXED)
    again = pickle.loads(pickle.dumps(model))
    assert again.dtype_policy == dtype and bits(again) == bits(model)
