"""The public kernels: what they accept, and the errors for what they do not."""

import numpy as np
import pytest

from nncore import kernels
from nncore.reference import bfloat16_product

SPARSE = "sparse_categorical_crossentropy"
MASKED = np.ma.array([[1.0, 2.0]], mask=[[False, True]])
BAD = [
    (lambda: kernels.activate("tanh", MASKED), r"array is a masked array with 1 masked value.*array\.filled"),
    (lambda: kernels.exp(MASKED), r"array is a masked array with 1 masked value.*array\.filled"),
    (lambda: kernels.loss("mse", np.ones((1, 2)), MASKED), r"target is a masked array with 1 masked value"),
    (lambda: kernels.loss(SPARSE, np.ones((2, 2)), MASKED[0].astype(int)), r"target is a masked array"),
    (lambda: kernels.dense_forward([1.0], [[1.0]]), r"x must have shape \(n, n_in\), got \(1,\)"),
    (lambda: kernels.dense_forward([[1.0]], [[1.0], [2.0]]), r"weight must have shape \(1, n_out\), got \(2, 1\)"),
    (lambda: kernels.dense_forward([[1.0]], [[1.0]], [1.0, 2.0]), r"bias must have shape \(1\), got \(2,\)"),
    (lambda: kernels.dense_forward([[1.0]], [[1.0]], None, "rleu"), "did you mean 'relu'"),
    (lambda: kernels.dense_backward([[1.0]], [[1.0]], [[1.0, 2.0]]), r"dz must have shape \(1, 1\)"),
    (lambda: kernels.activate("softmax", [1.0]), r"x must have shape \(n, n_out\)"),
    (lambda: kernels.activate("relu", [1.0], 0.5), "activation 'relu' has no parameter"),
    (lambda: kernels.activate_backward("leaky_relu", [1.0], [1.0], [1.0], -0.2), "negative_slope"),
    (lambda: kernels.activate_backward("tanh", [1.0], [1.0], [1.0, 2.0]), "dy must have shape"),
    (lambda: kernels.loss("mse", [[1.0]], [1.0]), r"target must have shape \(1, 1\)"),
    (lambda: kernels.loss("mse", np.empty((1, 0)), np.empty((1, 0))), "at least one column"),
    (lambda: kernels.loss(SPARSE, [[1.0, 2.0]], [2**32]), r"in 0..1, got 4294967296"),
    (lambda: kernels.loss(SPARSE, [[1.0, 2.0]], [-1]), r"in 0..1, got -1"),
    (lambda: kernels.loss(SPARSE, [[1.0, 2.0]], [0.7]), "must hold integers"),
    (
        lambda: kernels.dense_forward([[1.0]], [[1.0]], precision="bfloat16"),
        "must be 'mixed_bfloat16' or None, got 'bf",
    ),
    (lambda: kernels.dense_backward([[1.0]], [[1.0]], [[1.0]], "float16"), "precision must be 'mixed_bfloat16' or"),
    (lambda: kernels.update("sgd", [1.0], [1.0, 2.0]), r"gradient must have shape \(1\)"),
    (lambda: kernels.update("sgd", [1.0], [1.0], t=0), "t must be at least 1"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_parameters_have_the_layers_defaults():
    assert kernels.activate("leaky_relu", [-1.0, 2.0]).tolist() == [-0.01, 2.0]
    assert kernels.activate("elu", [-1.0, 2.0]).tolist() == pytest.approx([np.expm1(-1), 2.0])


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 3), (2, 0, 4)])
def test_any_shape(shape):
    x = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    for function in (kernels.exp, lambda x: kernels.activate("tanh", x)):
        assert function(x).shape == shape
    np.testing.assert_allclose(kernels.exp(x), np.exp(x))


def test_dtype_follows_the_arguments():
    x, w = np.ones((2, 3), np.float32), np.ones((3, 1), np.float32)
    assert kernels.dense_forward(x, w).dtype == np.float32
    assert kernels.dense_forward(x, w.astype(np.float64)).dtype == np.float64
    assert kernels.dense_forward(x.astype(np.int8), w).dtype == np.float64


def test_a_precision_of_the_products():
    rng = np.random.default_rng(0)
    x, w, bias = rng.standard_normal((7, 40)), rng.standard_normal((40, 3)), rng.standard_normal(3)
    expected = bfloat16_product(x.astype(np.float32), w.astype(np.float32), bias.astype(np.float32))
    z = kernels.dense_forward(x, w, bias, precision="mixed_bfloat16")
    assert z.dtype == np.float32 and z.tobytes() == expected.tobytes()
    relu = kernels.dense_forward(x, w, bias, "relu", precision="mixed_bfloat16")
    assert np.array_equal(relu, np.maximum(z, 0))
    dx, dweight, dbias = kernels.dense_backward(x, w, z, precision="mixed_bfloat16")
    assert np.array_equal(dx, bfloat16_product(z, w.T.astype(np.float32)))
    assert np.array_equal(dweight, bfloat16_product(x.T.astype(np.float32), z))
    assert np.array_equal(dbias, kernels.dense_backward(x.astype(np.float32), w.astype(np.float32), z)[2])


def test_layouts():
    x = np.arange(60.0).reshape(5, 12)
    w = np.arange(24.0).reshape(6, 4)
    expected = kernels.dense_forward(np.ascontiguousarray(x[::2, ::2]), w)
    assert np.array_equal(kernels.dense_forward(x[::2, ::2], np.asfortranarray(w)), expected)
    assert np.array_equal(kernels.dense_forward(x[::2, ::2].astype(">f8"), w), expected)


def test_arguments_stay_as_they_are():
    w, g, slots = np.ones(3), np.ones(3), np.ones((2, 3))
    kernels.update("adam", w, g, slots, 5)
    assert np.array_equal(w, np.ones(3)) and np.array_equal(slots, np.ones((2, 3)))
