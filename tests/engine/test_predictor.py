"""The frozen predictor: for any network the same bits as the plan's predict, and no memory but its own."""

import threading

import numpy as np
import pytest
from engine_networks import data, make_plan, mixed_network, network, parameters

from nncore.activations import ACTIVATIONS
from nncore.layers import Activation, Dense
from nncore.program import lower

# widths around the vectors and tiles of all instruction sets: 8 vectors of 16 reals are the widest tile
SIZES = [(1, 1), (2, 8, 8, 2), (13, 37, 3), (5, 17, 33, 49, 65), (7, 113, 128, 129, 1), (784, 130, 10), (3, 300, 16)]


def refuse(x):
    raise AssertionError(f"an array that fits needs no conversion, got {x!r}")


def predictions(variant, program, X):
    plan, out = make_plan(variant, program), np.empty((len(X), program.n_outputs), variant.DTYPE)
    plan.predict(X, out)
    return out


def check(variant, program, X):
    """Every row by itself, into new memory and into given; then all at once."""
    expected = predictions(variant, program, X)
    predictor = variant.Predictor(program, parameters(program, variant.DTYPE), np.empty(0, variant.DTYPE), refuse)
    out = np.empty(program.n_outputs, variant.DTYPE)
    for x, y in zip(X, expected, strict=True):
        assert predictor(x).tobytes() == y.tobytes()
        assert predictor(x, out) is out
        assert out.tobytes() == y.tobytes()
    assert predictor(X).tobytes() == expected.tobytes()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_sizes(variant, sizes):
    program = network(sizes, loss="mse")
    check(variant, program, data(program, 7, variant.DTYPE)[0])


@pytest.mark.parametrize("activation", sorted({row.name for row in ACTIVATIONS.values()}))
def test_activations(variant, activation):
    for layers in ([Dense(11, activation), Dense(3)], [Activation(activation), Dense(5, activation)]):
        program = lower(layers, 6, "mse")
        check(variant, program, 4 * data(program, 9, variant.DTYPE)[0])


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "binary_crossentropy", "mse"])
@pytest.mark.parametrize("n_outputs", [2, 10, 17, 33])
def test_links_and_every_kind_of_row(variant, loss, n_outputs):
    for program in (mixed_network(loss, n_outputs), network([4, 9, n_outputs], "relu", loss)):
        check(variant, program, 3 * data(program, 20, variant.DTYPE)[0])


def test_ties_and_extremes_in_softmax(variant):
    program = lower([Dense(19, "softmax"), Dense(18, "softmax", use_bias=False)], 2, "sparse_categorical_crossentropy")
    top = np.finfo(variant.DTYPE).max
    check(variant, program, np.array([[0, 0], [1e4, -1e4], [top, top], [1e-30, 0]], variant.DTYPE))


def test_nan_and_infinity_go_through(variant):
    program = network([3, 8, 4], "relu")
    predictor = variant.Predictor(program, parameters(program, variant.DTYPE), np.empty(0, variant.DTYPE), refuse)
    for bad in (np.nan, np.inf, -np.inf):
        x = np.array([bad, 1, 2], variant.DTYPE)
        expected = predictions(variant, program, x[None])[0]
        np.testing.assert_array_equal(predictor(x), expected)
    assert np.isnan(predictor(np.array([np.nan, 1, 2], variant.DTYPE))).all()


def test_rows_that_share_memory_with_their_outputs(variant):
    program = network([4, 9, 6], loss="mse")
    predictor = variant.Predictor(program, parameters(program, variant.DTYPE), np.empty(0, variant.DTYPE), refuse)
    X = data(program, 5, variant.DTYPE)[0]
    expected = predictor(X)
    for shift in (0, 1, 7):
        memory = np.zeros(64, variant.DTYPE)
        memory[shift : shift + 20] = X.ravel()
        assert predictor(memory[shift : shift + 20].reshape(5, 4), memory[:30].reshape(5, 6)).tobytes() == (
            expected.tobytes()
        )
        memory[shift : shift + 4] = X[0]
        assert predictor(memory[shift : shift + 4], memory[2:8]).tobytes() == expected[0].tobytes()


def test_the_weights_are_copied(variant):
    program = network([3, 8, 2])
    weights = parameters(program, variant.DTYPE)
    predictor = variant.Predictor(program, weights, np.empty(0, variant.DTYPE), refuse)
    x = data(program, 1, variant.DTYPE)[0][0]
    before = predictor(x)
    assert predictor.parameters.tobytes() == weights.tobytes()
    weights[:] = 0
    predictor.parameters[:] = 0
    assert predictor(x).tobytes() == before.tobytes()


def test_parameters_of_another_length_are_refused(variant):
    with pytest.raises(ValueError, match="parameters has length 3, the program has 38 parameters"):
        variant.Predictor(network([3, 6, 2]), np.zeros(3, variant.DTYPE), np.empty(0, variant.DTYPE), refuse)


@pytest.mark.parametrize("sizes", [(4, 16, 3), (64, 400, 300, 5), (2, 5000, 1)], ids=str)
def test_threads_share_a_predictor(variant, sizes):
    """Small ones hold the GIL; large ones, and wide ones, need scratch of their own."""
    program = network(sizes, loss="mse")
    X = data(program, 40, variant.DTYPE)[0]
    predictor = variant.Predictor(program, parameters(program, variant.DTYPE), np.empty(0, variant.DTYPE), refuse)
    expected = predictor(X)
    wrong = []

    def work(first):
        for i in range(first, first + 40):
            if predictor(X[i % 40]).tobytes() != expected[i % 40].tobytes():
                wrong.append(i)

    workers = [threading.Thread(target=work, args=(10 * i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
