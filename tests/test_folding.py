"""Folding: fewer rows, the same predictions, and a program as valid as any."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from engine_networks import LAYERED, data, layered_network, parameters

from nncore import Sequential, engine, reference
from nncore.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm, Parallel, Residual
from nncore.network.predictor import freeze
from nncore.program import MIXED_BFLOAT16, lower
from nncore.program.folding import MOST_DEVIATIONS, MOST_IN_BFLOAT16, folded

KEPT = {
    "residual of everything": 2,  # one between an add and an activation, one between an activation and an add
    "parallel with norms": 2,  # which stand beside other blocks
}


def running(program, seed=3):
    """Means and variances as a training may leave them."""
    rng = np.random.default_rng(seed)
    flat = rng.normal(size=program.n_statistics)
    for block in program.statistics:
        if block.name.endswith(".variance"):
            block.of(flat)[:] = rng.uniform(0.01, 4, block.shape)
    return flat


def numbers(program, dtype=np.float64):
    return parameters(program, dtype), running(program).astype(dtype)


def check_valid(program, flat, statistics):
    """Every row reads an earlier one; blocks lie one behind the other, and belong to the rows that point at them."""
    assert (flat.shape, statistics.shape) == ((program.n_parameters,), (program.n_statistics,))
    for blocks, n in ((program.parameters, program.n_parameters), (program.statistics, program.n_statistics)):
        ends = np.cumsum([0, *(block.size for block in blocks)]).tolist()
        assert [block.offset for block in blocks] + [n] == ends
        assert len({block.name for block in blocks}) == len(blocks)
    by_offset = {block.offset: block for block in program.parameters}
    width = [row.n_out for row in program.rows] + [program.n_features]  # so that width[-1] is the batch's
    for i, row in enumerate(program.rows):
        assert -1 <= row.source < i and row.n_in == width[row.source]
        two = row.op in ("add", "concat")
        assert (-1 <= row.skip < i and row.n_skip == width[row.skip]) if two else row.skip == -2
        assert (row.statistics >= 0) == (row.op == "batchnorm")
        if row.op == "embedding":
            assert by_offset.pop(row.weight).shape == (row.n_tokens, row.n_out)
        elif row.op == "dense":
            weight = by_offset.pop(row.weight)
            learned = ("relu",) if any(other.op == "prelu" and other.source == i for other in program.rows) else ()
            assert weight.shape == (row.n_in, row.n_out)
            assert weight.activation in (*learned, row.activation, program.link)
            assert row.bias in (-1, row.weight + weight.size)
        elif row.weight >= 0:
            assert by_offset.pop(row.weight).name.endswith(".alpha" if row.op == "prelu" else ".gamma")
        if row.bias >= 0:
            assert by_offset.pop(row.bias).shape == (row.n_out,)
    assert not by_offset
    assert program.rows[-1].n_out == program.n_outputs


def check_same_predictions(program, flat, statistics, tolerance=1e-12):
    """Oracle and engine, before and after; return the folded program."""
    X, _ = data(program, 40, flat.dtype)
    simpler = folded(program, flat, statistics)
    check_valid(*simpler)
    assert simpler[1].dtype == simpler[2].dtype == flat.dtype
    exact = X.astype(np.float64)
    expected = reference.forward(program, flat.astype(np.float64), exact, statistics=statistics.astype(np.float64))
    by_oracle = reference.forward(simpler[0], *(a.astype(np.float64) for a in (simpler[1], exact)), True, simpler[2])
    scale = max(1, np.abs(expected).max())
    for found in (by_oracle, freeze(*simpler)(X), predicted(*simpler, X)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)
    return simpler[0]


def predicted(program, flat, statistics, X):
    plan = engine.load(flat.dtype.name).Plan(program)
    plan.set_parameters(flat)
    plan.set_statistics(statistics)
    return plan.predict(X)


def ops(program):
    return [row.op for row in program.rows]


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("name", LAYERED)
def test_predictions_stay_and_rows_go(name, dtype, tolerance):
    program = layered_network(name)
    simpler = check_same_predictions(program, *numbers(program, dtype), tolerance)
    assert ops(simpler).count("batchnorm") == KEPT.get(name, 0)
    assert not {"dropout", "noise"} & set(ops(simpler))
    assert {block.name for block in simpler.parameters} <= {block.name for block in program.parameters}
    assert {row.layer for row in simpler.rows} <= {row.layer for row in program.rows}


def test_what_has_nothing_to_fold_stays_the_same_object():
    for name in ("layer norm", "residual with projection", "rms norm", "prelu"):
        program = layered_network(name)
        given = (program, *numbers(program))
        assert all(new is old for new, old in zip(folded(*given), given, strict=True))


def test_the_given_arrays_are_left_alone():
    program = layered_network("batch norms in a row")
    flat, statistics = numbers(program)
    before = flat.tobytes(), statistics.tobytes()
    folded(program, flat, statistics)
    assert (flat.tobytes(), statistics.tobytes()) == before


def test_by_hand():
    """Behind x @ [[2, 4]]: (z - [1, 0]) / [2, 4] * [1, 3] + [0, 5]."""
    program = lower([Dense(2, use_bias=False), BatchNorm(epsilon=1.0)], 1, "mse")
    simpler, flat, statistics = folded(program, np.array([2.0, 4, 1, 3, 0, 5]), np.array([1.0, 0, 3, 15]))
    assert flat.tolist() == [1, 3, -0.5, 5] and not len(statistics)
    assert [block.name for block in simpler.parameters] == ["dense_0.weight", "dense_0.bias"]
    program = lower([BatchNorm(epsilon=1.0), Dense(1)], 2, "mse")  # the same before @ [[1], [10]] + 100
    _, flat, _ = folded(program, np.array([1.0, 3, 0, 5, 1, 10, 100]), np.array([1.0, 0, 3, 15]))
    assert flat.tolist() == [0.5, 7.5, 100 - 0.5 + 50]


def test_columns_beside_others_by_hand():
    """Beside the batch itself, and read three times: (x - 1) / 2 by each weight."""
    beside = Parallel([[BatchNorm(epsilon=1.0, affine=False)], []])
    program = lower([beside, Dense(1, use_bias=False)], 1, "mse")
    _, flat, statistics = folded(program, np.array([10.0, 100]), np.array([1.0, 3]))
    assert flat.tolist() == [5, 100, -5] and not len(statistics)
    program = lower([BatchNorm(epsilon=1.0, affine=False), Parallel([[], [], []]), Dense(1)], 1, "mse")
    simpler, flat, _ = folded(program, np.array([10.0, 100, 1000, 7]), np.array([1.0, 3]))
    assert flat.tolist() == [5, 50, 500, 7 - 555] and "batchnorm" not in ops(simpler)
    kept = lower([BatchNorm(affine=False), Parallel([[], [Activation("tanh")]]), Dense(1)], 1, "mse")
    assert "batchnorm" in ops(folded(kept, np.array([1.0, 2, 0]), np.array([1.0, 3]))[0])


PRINTED = """\
row     op  reads  layer  n_in  n_out  activation  weight  bias
  0  dense      X      0     4      6        relu       0    24
  1  dense      0      6     6      3        tanh      30    48
  2  dense      0      4     6      3    identity      51    69
  3    add    1+2      4     3      3    identity       -     -
  4  dense      3      9     3      2    identity      72    78
link softmax, loss sparse_softmax_crossentropy, 80 parameters"""


def test_a_projection_takes_its_share_and_activations_are_fused():
    layers = [
        Dense(6, use_bias=False),
        BatchNorm(),
        Activation("relu"),
        BatchNorm(),
        Residual([Dropout(0.5), Dense(3), Dropout(0.5), Activation("tanh")]),
        Dense(2),
        BatchNorm(affine=False),
        Activation("softmax"),
    ]
    program = lower(layers, 4, "sparse_categorical_crossentropy")
    simpler = check_same_predictions(program, *numbers(program))
    assert str(simpler) == PRINTED
    assert "residual_4.projection.bias" in [block.name for block in simpler.parameters]


@pytest.mark.parametrize(
    "layers",
    [
        [Dense(4), Residual([BatchNorm(), Activation("relu"), Dense(4)]), Dense(1)],
        [Dense(4, "relu"), BatchNorm(), Activation("tanh"), Dense(1)],
        [Dense(4, "relu"), BatchNorm(), LayerNorm(), Dense(1)],
        [Dense(4, "relu"), BatchNorm(), Residual([Dense(4)])],
        [Dense(4, "relu"), BatchNorm()],
    ],
    ids=["read by others", "activation", "layer norm", "add", "last"],
)
def test_what_cannot_be_folded_stays(layers):
    program = lower(layers, 3, "mse")
    simpler = check_same_predictions(program, *numbers(program))
    assert ops(simpler) == ops(program)
    assert simpler == program


@pytest.mark.parametrize("seed", range(60))
def test_any_network(seed):
    rng = np.random.default_rng(seed)

    def some(n, depth=0):
        layers = []
        for _ in range(n):
            activation = str(rng.choice(["identity", "identity", "tanh", "relu"]))
            layer = [
                lambda: Dense(int(rng.integers(1, 9)), activation, use_bias=bool(rng.integers(2))),  # noqa: B023
                lambda: BatchNorm(affine=bool(rng.integers(2))),
                lambda: Dropout(0.5),
                lambda: Activation(str(rng.choice(["tanh", "silu", "elu"]))),
                LayerNorm,
                lambda: Residual([*some(3, depth + 1), Dense(5)]) if depth < 2 else Dense(4),
            ][rng.choice(6, p=[0.3, 0.3, 0.1, 0.1, 0.05, 0.15])]()
            layers.append(layer)
        return layers

    program = lower([*some(8), Dense(2), BatchNorm()], 3, "mse")
    flat, statistics = numbers(program)
    simpler = check_same_predictions(program, flat, statistics)
    again = folded(simpler, *folded(program, flat, statistics)[1:])
    assert again[0] == simpler


# ---- extreme statistics


@pytest.mark.parametrize("variance", [0.0, 1e-30, 1e-6, 1e12])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_variances_of_any_size(dtype, variance):
    """A tiny one makes weights of a thousand and more of these; the last row brings them back."""
    program = lower([Dense(5), BatchNorm(epsilon=1e-12), Dense(4, "tanh"), BatchNorm(), Dense(2)], 3, "mse")
    flat, statistics = numbers(program, dtype)
    for block in program.statistics[1::2]:
        block.of(statistics)[:] = variance
    program.statistics[2].of(statistics)[:] = 1e-3  # near enough to zero for a deviation of 3e-3
    tolerance = 1e-12 if dtype == "float64" else 2e-5
    assert ops(check_same_predictions(program, flat, statistics, tolerance)) == ["dense"] * 3


@pytest.mark.parametrize(("precision", "most"), [(None, MOST_DEVIATIONS), (MIXED_BFLOAT16, MOST_IN_BFLOAT16)])
@pytest.mark.parametrize("distance", [0.99, 1.01])
def test_a_mean_far_from_zero_keeps_the_batchnorm_in_front(distance, precision, most):
    program = lower([BatchNorm(epsilon=1e-30), Dense(2)], 3, "mse", precision)
    flat, _ = numbers(program, "float32")
    statistics = np.array([0, most * distance, 0, 1, 1, 1], "float32")
    assert ops(folded(program, flat, statistics)[0]) == (["dense"] if distance < 1 else ["batchnorm", "dense"])
    behind = lower([Dense(3), BatchNorm(epsilon=1e-30)], 3, "mse", precision)
    flat, _ = numbers(behind, "float32")
    assert ops(folded(behind, flat, statistics)[0]) == ["dense"]  # whose sums are rounded before the batchnorm as well


def test_weights_that_would_overflow_keep_the_batchnorm():
    program = lower([Dense(3), BatchNorm(epsilon=1e-30)], 3, "mse")
    flat, statistics = numbers(program, "float32")
    flat[0], statistics[3] = 1e30, 0.0  # with a scale of 1e15
    simpler, kept, moments = folded(program, flat, statistics)
    assert simpler == program
    assert (kept.tobytes(), moments.tobytes()) == (flat.tobytes(), statistics.tobytes())


# ---- in the predictor


def trained(layers, dtype="float32"):
    model = Sequential(layers, dtype=dtype, seed=2)
    X = np.random.default_rng(0).normal(2.0, 3.0, size=(64, 5))
    model.fit(X, X[:, :1] ** 2, epochs=3, batch_size=16)
    return model, X.astype(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
def test_the_predictor_of_a_model_is_folded(dtype, tolerance):
    layers = [BatchNorm(), Dense(16, use_bias=False), BatchNorm(), Activation("relu"), Dropout(0.2), Dense(1)]
    model, X = trained(layers, dtype)
    predictor, expected = model.predictor(), model.predict(X)
    assert ops(predictor.program) == ["dense", "dense"]
    assert predictor.parameters.shape == (5 * 16 + 16 + 16 + 1,) and predictor.statistics.shape == (0,)
    np.testing.assert_allclose(predictor(X), expected, rtol=0, atol=tolerance * np.abs(expected).max())
    for copy in (pickle.loads(pickle.dumps(predictor)), model.predictor()):
        assert copy.program == predictor.program
        assert copy(X).tobytes() == predictor(X).tobytes()
    assert "batchnorm" in ops(model.program)


def test_without_batchnorm_the_bits_stay():
    layers = [Dense(16), Dropout(0.2), Activation("silu"), Residual([LayerNorm(), Dropout(0.5), Dense(16, "relu")])]
    model, X = trained([*layers, Dense(1)])
    predictor = model.predictor()
    assert "dropout" not in ops(predictor.program) and predictor.program.rows[0].activation == "silu"
    assert predictor(X).tobytes() == model.predict(X).tobytes()
    plain, _ = trained([Dense(4, "tanh"), Dense(1)])
    assert plain.predictor().program is plain.program


def test_a_folded_program_trains_nothing_away():
    """Penalties and bounds, which mean nothing to folded weights, are passed on as they were."""
    program = layered_network("penalties")
    rows = [row for row in folded(program, *numbers(program))[0].rows if row.op == "dense"]
    dense = [row for row in program.rows if row.op == "dense"]
    places = {"weight": 0, "bias": 0, "source": 0}
    assert [replace(row, **places) for row in rows] == [replace(row, **places) for row in dense]
