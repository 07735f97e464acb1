"""Predict by its three ways, in columns, in tiles and row by row: one result, and not a value read too many."""

import ctypes
import mmap
import sys

import numpy as np
import pytest
from engine_networks import HEADS, data, make_plan, mixed_network, network, parameters

from nncore import reference
from nncore.layers import Activation, Dense, Residual
from nncore.program import lower

# the first ones have widths that fill the panels of every variant, so that they are predicted in tiles; the others in
# columns. Tiles read rows where the caller has them, if these are not 4096 bytes apart, and read by dense layers alone.
NETWORKS = {
    "tiles": lower([Dense(64, "tanh"), Dense(32, "relu")], 40, "mse"),
    "tiles of rows far apart": lower([Dense(32, "tanh"), Dense(32, "relu")], 1024, "mse"),
    "tiles of rows read twice": lower([Residual([Dense(32, "tanh")]), Activation("tanh"), Dense(32)], 32, "mse"),
    "columns": network([3, 7, 37, 9]),
    "wide input": network([70, 33, 1], "relu", "binary_crossentropy"),
    "mixed": mixed_network("binary_crossentropy"),
}
TOLERANCE = {"float32": 3e-5, "float64": 1e-12}
COUNTS = [1, 2, 3, 7, 8, 9, 12, 13, 16, 17, 24, 25, 31, 32, 33, 48, 63, 64, 95, 96, 97, 150]


@pytest.mark.parametrize("program", NETWORKS.values(), ids=NETWORKS)
def test_any_number_of_rows_gives_the_same_bits(variant, program, threads):
    X, target = data(program, max(COUNTS), variant.DTYPE)
    plan = make_plan(variant, program)
    predictor = variant.Predictor(program, parameters(program, variant.DTYPE), np.empty(0, variant.DTYPE), None)
    expected = predictor(X)
    weights = parameters(program, variant.DTYPE).astype(np.float64)
    oracle = reference.forward(program, weights, X.astype(np.float64))
    np.testing.assert_allclose(expected, oracle, atol=TOLERANCE[variant.DTYPE.name])
    for n_threads in (1, 2):
        threads(n_threads)
        for n in COUNTS:
            assert plan.predict(X[:n]).tobytes() == expected[:n].tobytes(), n
            evaluated = np.empty((n, program.n_outputs), variant.DTYPE)
            loss = plan.evaluate(X[:n], target[:n], None, evaluated)
            assert evaluated.tobytes() == expected[:n].tobytes(), n
            exact = reference.loss_and_gradient(program, weights, X[:n].astype(np.float64), target[:n])[0]
            assert loss == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("sizes", [[40, 160, 96], [7, 97, 41, 3]], ids=["tiles", "columns"])
def test_shares_of_any_size_give_the_same_bits(variant, sizes, threads):
    """Wide enough for several threads, whose shares are cut otherwise where they are of few rows."""
    program = network(sizes)
    X, _ = data(program, 1500, variant.DTYPE)
    plan = make_plan(variant, program)
    expected = plan.predict(X)
    for n_threads in (1, 2, 3, 5):
        threads(n_threads)
        for n in (*range(90, 110), 191, 192, 193, 287, 288, 289, 700, 1499):
            assert plan.predict(X[:n]).tobytes() == expected[:n].tobytes(), (n_threads, n)


@pytest.mark.parametrize("loss", sorted(HEADS))
def test_sample_weights_of_any_number_of_rows(variant, loss):
    program = network([3, 7, 5], loss=loss)
    X, target = data(program, 150, variant.DTYPE)
    weight = np.random.default_rng(2).random(150).astype(variant.DTYPE)
    exact = parameters(program, variant.DTYPE).astype(np.float64), X.astype(np.float64)
    plan = make_plan(variant, program)
    for n in COUNTS:
        expected = reference.loss_and_gradient(program, exact[0], exact[1][:n], target[:n], weight[:n])[0]
        assert plan.evaluate(X[:n], target[:n], weight[:n]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("program", NETWORKS.values(), ids=NETWORKS)
def test_one_value_that_is_not_finite_is_noticed(variant, program):
    plan = make_plan(variant, program)
    rng = np.random.default_rng(0)
    for n in COUNTS:
        X, _ = data(program, n, variant.DTYPE)
        assert plan.predict(X) is not None
        for bad in (np.nan, np.inf, -np.inf):
            for place in (0, X.size - 1, *rng.integers(X.size, size=3)):
                before, X.flat[place] = X.flat[place], bad
                assert plan.predict(X) is None, (n, bad, place)
                X.flat[place] = before
        assert plan.predict(X * (np.finfo(variant.DTYPE).max / 10)) is not None, "large is not infinite"


@pytest.mark.parametrize("program", NETWORKS.values(), ids=NETWORKS)
def test_weights_of_zero_and_saturated_layers_hide_no_value(variant, program):
    plan = make_plan(variant, program)
    plan.set_parameters(np.zeros(program.n_parameters, variant.DTYPE))
    for n in (1, 13, 48, 150):
        X, _ = data(program, n, variant.DTYPE)
        assert plan.predict(X) is not None
        for bad in (np.nan, np.inf, -np.inf):
            X[-1, -1] = bad
            assert plan.predict(X) is None, (n, bad)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for a page that cannot be read")
@pytest.mark.parametrize("program", NETWORKS.values(), ids=NETWORKS)
def test_nothing_is_read_behind_the_last_row(variant, program):
    """The rows end where a forbidden page begins: reading one value too many would end the process."""
    n_pages = 512
    memory = mmap.mmap(-1, n_pages * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    last = (n_pages - 1) * mmap.PAGESIZE
    assert libc.mprotect(ctypes.c_void_p(start + last), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    plan = make_plan(variant, program)
    predictor = variant.Predictor(program, parameters(program, variant.DTYPE), np.empty(0, variant.DTYPE), None)
    for n in COUNTS:
        values, _ = data(program, n, variant.DTYPE)
        X = np.frombuffer(memory, variant.DTYPE, values.size, last - values.nbytes).reshape(values.shape)
        X[:] = values
        assert plan.predict(X).tobytes() == plan.predict(values).tobytes() == predictor(X).tobytes()


def test_no_rows(variant):
    program = network([3, 7, 5])
    assert make_plan(variant, program).predict(np.empty((0, 3), variant.DTYPE)).shape == (0, 5)
