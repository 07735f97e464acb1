"""backward, apply_gradient, input_gradient, jacobian and copy_weights_from: loops of the user's own."""

import copy

import numpy as np
import pytest

from nncore import (
    SGD,
    Adam,
    BatchNorm,
    CosineDecay,
    Dense,
    Dropout,
    NotBuiltError,
    Pinball,
    Residual,
    Sequential,
    TrainingDiverged,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3)).astype(np.float32)
Y = RNG.normal(size=(50, 2)).astype(np.float32)
LAYERS = [Dense(8, "tanh", l2=0.01), BatchNorm(), Dropout(0.3), Dense(2)]


def made(layers=LAYERS, optimizer=None, loss=None, **options):
    model = Sequential(layers, seed=3, **options)
    model.compile(optimizer or Adam(0.01), loss=loss)
    model.build(3)
    return model


def weights(model):
    return [array.tobytes() for array in model.get_weights()]


def test_training_by_hand_is_train_on_batch():
    schedule = Adam(CosineDecay(0.05, epochs=4, warmup_epochs=1), clip_norm=0.5)
    for dtype in ("float32", "float64", "mixed_bfloat16"):
        one, other = made(optimizer=schedule, dtype=dtype), made(optimizer=schedule, dtype=dtype)
        parameters, share = other.parameters, one.dtype.type(1 / 50) / one.dtype.type(2)
        y = Y.astype(one.dtype)
        for i in range(5):
            one.train_on_batch(X, Y, epoch=i / 2)
            gradient = other.backward(X, lambda predicted, y=y, share=share: 2 * (predicted - y) * share)
            assert gradient.dtype == one.dtype
            assert other.apply_gradient(gradient, epoch=i / 2) is None
            assert weights(one) == weights(other)
        assert one.epoch == other.epoch == 2
        assert parameters is other.parameters
        assert parameters.tobytes() == one.parameters.tobytes(), "the vector that was lent follows"


def test_layers_that_rest_or_learn_more_slowly_do_so_by_hand_too():
    layers = [
        Dense(6, "tanh", trainable=False),
        BatchNorm(trainable=False),
        Dense(5, "relu", learning_rate_multiplier=0.5, l2=0.1),
        BatchNorm(),
        Dense(2),
    ]
    one, other = made(layers, Adam(0.01, clip_norm=1.0)), made(layers, Adam(0.01, clip_norm=1.0))
    share = np.float32(1 / 50) / np.float32(2)
    for _ in range(3):
        one.train_on_batch(X, Y)
        other.apply_gradient(other.backward(X, lambda predicted: 2 * (predicted - Y) * share))
        assert weights(one) == weights(other)


def test_links_that_are_no_activations_are_refused():
    model = Sequential([Dense(3)])
    model.compile(loss=Pinball((0.1, 0.5, 0.9)))
    model.build(3)
    for call in (lambda: model.backward(X, Y), lambda: model.jacobian(X), lambda: model.input_gradient(X)):
        with pytest.raises(ValueError, match="derivatives do not go back through what the loss pinball makes"):
            call()


def test_backward_is_the_exact_gradient_by_parameters():
    softmax = [Dense(5, "gelu"), Dense(2, "softmax")]
    for layers, loss in ((softmax, None), ([Dense(2, "sigmoid")], None), (LAYERS, "mae")):
        model = made(layers, loss=loss, dtype="float64")
        model.backward(X, Y)  # which gives the averages of a batchnorm values
        before, v = weights(model), RNG.normal(size=model.n_parameters)
        gradient, h = model.backward(X, Y, training=False), 1e-6
        assert weights(model) == before
        ends, start = [], model.parameters.copy()
        for step in (h, -h, 0):
            model.parameters[:] = start + step * v
            ends.append((Y * model.predict(X)).sum())
        assert gradient @ v == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6)
        by_parts = sum(model.backward(X[rows], Y[rows], training=False) for rows in (slice(0, 20), slice(20, 50)))
        np.testing.assert_allclose(by_parts, gradient, rtol=1e-9, atol=1e-12)
        asked = model.backward(X, lambda y: Y, training=False)
        assert asked.tobytes() == gradient.tobytes()


def test_derivatives_by_the_inputs():
    layers = [BatchNorm(), Residual([Dense(3, "tanh")]), Dropout(0.5), Dense(2, "softmax")]
    model, h = made(layers, dtype="float64"), 1e-6
    model.fit(X, (Y[:, 0] > 0).astype(int), epochs=3)
    before = weights(model)
    expected = np.empty((50, 2, 3))
    exact = X.astype(np.float64)
    for k in range(3):
        step = h * np.eye(3)[k]
        expected[:, :, k] = (model.predict(exact + step) - model.predict(exact - step)) / (2 * h)
    found = model.jacobian(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.input_gradient(X, Y), np.einsum("nk,nkf->nf", Y, found), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.input_gradient(X), 0, atol=1e-12)  # shares add up to 1
    assert weights(model) == before
    model.parameters[:] *= 1.5
    assert not np.allclose(model.jacobian(X), found), "of the weights as they are now"
    single = made([Dense(1)])
    column = RNG.normal(size=50)
    assert single.input_gradient(X, column).tobytes() == single.input_gradient(X, column[:, None]).tobytes()


def test_weights_are_copied_and_mixed():
    one, other = made(), made(dtype="float64")
    other.fit(X, Y)
    expected = [
        np.float32(1 - np.float32(0.3)) * mine + np.float32(0.3) * theirs.astype(np.float32)
        for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True)
    ]
    one.copy_weights_from(other, tau=0.3)
    assert weights(one) == [array.tobytes() for array in expected]
    one.copy_weights_from(other, 0)
    assert weights(one) == [array.tobytes() for array in expected]
    one.copy_weights_from(other)
    assert weights(one) == [array.astype(np.float32).tobytes() for array in other.get_weights()]
    one.copy_weights_from(one, 0.5)
    for given, error, message in [
        (
            (made([Dense(2)]),),
            ValueError,
            r"dense_0.weight has shape \(3, 2\) there, \(3, 8\) here",
        ),
        ((made(LAYERS[:1]),), ValueError, "arrays of weights, this model has"),
        ((Sequential(LAYERS),), NotBuiltError, "no weights yet"),
        (([1.0],), TypeError, "other must be a Sequential"),
        ((other, 1.5), ValueError, "tau must be"),
    ]:
        with pytest.raises(error, match=message):
            one.copy_weights_from(*given)


def test_bad_arguments_are_named():
    model = made()
    gradient, before = np.zeros(model.n_parameters), weights(model)
    bad = Y.copy()
    bad[7, 1] = np.nan
    for call, error, message in [
        (lambda: model.backward(X, Y[:, :1]), ValueError, r"dloss_dy has shape \(50, 1\), expected \(50, 2\)"),
        (lambda: model.backward(X, bad), ValueError, "dloss_dy .*row 7"),
        (lambda: model.backward(X, lambda y: bad), ValueError, "dloss_dy .*row 7"),
        (lambda: model.backward(X, lambda y: y[:3]), ValueError, "dloss_dy has shape"),
        (lambda: model.backward(X[:1], Y[:1]), ValueError, "normalises over a batch, and batch_size is 1 row"),
        (lambda: model.backward(X[:, :2], Y), ValueError, "features"),
        (lambda: model.backward(X, Y, training=2), TypeError, "training must be"),
        (lambda: model.apply_gradient(gradient[1:]), ValueError, "gradient has shape .* the order of model.parameters"),
        (lambda: model.apply_gradient(gradient + np.inf), ValueError, "gradient"),
        (lambda: model.apply_gradient(gradient, epoch=-1), ValueError, "epoch must be"),
        (lambda: model.input_gradient(X, Y[:4]), ValueError, "dloss_dy has shape"),
        (lambda: Sequential(LAYERS).jacobian(X), NotBuiltError, "no weights yet"),
        (lambda: Sequential(LAYERS).apply_gradient(gradient), NotBuiltError, "no weights yet"),
    ]:
        with pytest.raises(error, match=message):
            call()
    assert weights(model) == before
    model.optimizer = SGD(1e30)
    with pytest.raises(TrainingDiverged, match="a weight is no longer finite"):
        model.apply_gradient(gradient + 1e30)
    assert weights(model) == before
    model.parameters[:] = np.finfo(np.float32).max
    with pytest.raises(ValueError, match="the outputs are not finite"):
        model.backward(X, lambda y: y)


def test_callbacks_and_functions_must_not_change_the_model_that_called_them():
    model = made()

    def called(*_):
        model.jacobian(X)
        model.apply_gradient(np.zeros(model.n_parameters))

    with pytest.raises(RuntimeError, match="a callback cannot train or change the model"):
        model.fit(X, Y, callbacks=[called])
    with pytest.raises(RuntimeError, match="in the middle of an epoch"):
        model.backward(X, lambda y: model.predict(X))
    twin = copy.deepcopy(model)
    assert np.isfinite(model.backward(X, lambda y: twin.predict(X))).all()


def test_names_of_other_packages_lead_here():
    for thing in (made(), Adam()):
        with pytest.raises(AttributeError, match=r"model\.apply_gradient\(gradient\) does one update"):
            getattr(thing, "apply_gradients")  # noqa: B009
