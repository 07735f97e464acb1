"""The column `penalty` of a history: what l1 and l2 add to the loss."""

import json

import numpy as np
import pytest

import nncore
from nncore import SGD, Adam, BatchNorm, Dense, Dropout, LayerNorm, Sequential, layers, reference
from nncore._engine import runtime
from nncore.callbacks import EarlyStopping
from nncore.training import batches

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = X[:, :1].copy()
PENALISED = [Dense(4, "tanh", l1=0.1), BatchNorm(), Dense(1, l2=0.3)]


def expected_penalty(model):
    first, _, _, _, second, *_ = model.get_weights()
    return 0.1 * np.abs(first.astype(np.float64)).sum() + 0.3 * (second.astype(np.float64) ** 2).sum()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 64, 1003])
def test_the_sums_are_taken_in_an_order_that_no_processor_changes(n, dtype):
    """BLAS' dot product is another one on each of them, and where a training stops may depend on it."""
    w = np.random.default_rng(n).normal(size=n).astype(dtype)
    w.flags.writeable = False
    padded = np.zeros(-(-n // 8) * 8)
    padded[:n] = w
    expected = []
    for terms in (np.abs(padded), padded * padded):
        sums = np.zeros(8)
        for row in terms.reshape(-1, 8):
            sums += row
        expected.append(((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])))
    assert runtime.absolute_and_square_sums(w) == tuple(expected)


def test_the_penalty_of_every_epoch_that_something_waits_for():
    model, seen = Sequential(PENALISED), []
    history = model.fit(X, Y, epochs=4, callbacks=lambda model, epoch, logs: seen.append(expected_penalty(model)))
    np.testing.assert_allclose(history.penalty, seen, rtol=1e-12)
    assert list(history.columns)[:3] == ["loss", "penalty", "seconds"]
    assert history.penalty[0] == pytest.approx(reference.penalty(model.program, model.parameters), rel=0.1)


def test_else_the_penalty_of_the_epochs_that_are_recorded(monkeypatch):
    model, slow = (Sequential(PENALISED, dtype="float64") for _ in range(2))
    history = model.fit(X, Y, epochs=20_000)
    taken = history.epochs[np.isfinite(history.penalty)]
    assert taken.tolist() == history.layers["dense_0"].epochs.tolist()
    assert 2 < len(taken) < 1000 and taken[[0, -1]].tolist() == [0, 19_999]
    monkeypatch.setattr(batches, "SECONDS_PER_CALL", 1e-9)  # as on a machine that does one epoch in that time
    assert np.array_equal(slow.fit(X, Y, epochs=20_000).penalty, history.penalty, equal_nan=True)
    for epoch in taken[:2]:
        at = Sequential(PENALISED, dtype="float64")
        at.fit(X, Y, epochs=int(epoch) + 1)
        assert history.penalty[epoch] == pytest.approx(expected_penalty(at), rel=1e-12)
    assert history.penalty[-1] == pytest.approx(expected_penalty(model), rel=1e-12)
    assert history.penalty[-1] == pytest.approx(reference.penalty(model.program, model.parameters), rel=1e-12)


def test_the_penalty_can_be_watched_where_there_is_one():
    stopping = EarlyStopping("penalty", patience=1, mode="min")
    assert "penalty" in Sequential(PENALISED).fit(X, Y, epochs=2, callbacks=stopping).columns
    model = Sequential([Dense(1)])
    with pytest.raises(ValueError, match="penalty"):
        model.fit(X, Y, callbacks=stopping)
    assert "penalty" not in model.fit(X, Y).columns


def test_an_interrupted_epoch_has_no_penalty():
    """The weights are then no longer those of the last epoch that was completed."""
    model = Sequential(PENALISED)
    model.fit(X, Y)

    calls = []

    def metric(y_true, y_pred):
        calls.append(len(y_true))
        if len(calls) > 1:  # the first call only tries it, before anything is trained
            raise KeyboardInterrupt
        return 0.0

    model.compile(metrics=[metric])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert np.isnan(model.history.penalty).tolist() == [False, True]


OF_BIASES = [
    Dense(4, "tanh", bias_l1=0.1, bias_initializer=nncore.RandomNormal(1)),
    LayerNorm(),
    Dense(2, l2=0.3, bias_l2=0.2, bias_initializer=nncore.RandomNormal(1)),
]


def test_penalties_of_biases_by_their_formula():
    """In the loss, in its gradient, by one step of the engine, and beside the loss in the history."""
    model = Sequential(OF_BIASES, dtype="float64", seed=3)
    model.compile(SGD(0.5), "mse")
    model.build(3)
    first, _, _, weight, second = (b for b in model.get_weights()[1:])
    expected = 0.1 * np.abs(first).sum() + 0.3 * (weight**2).sum() + 0.2 * (second**2).sum()
    w = model.parameters.copy()
    assert reference.penalty(model.program, w) == pytest.approx(expected, rel=1e-14)
    gradient, h = np.zeros_like(w), 1e-6
    reference.penalise(model.program, w, gradient)
    for i in range(len(w)):
        step = np.eye(len(w))[i] * h
        slope = (reference.penalty(model.program, w + step) - reference.penalty(model.program, w - step)) / (2 * h)
        assert gradient[i] == pytest.approx(slope, abs=1e-8)
    assert np.count_nonzero(gradient) == 4 + 8 + 2
    loss_gradient = model.loss_and_gradient(X, np.repeat(Y, 2, axis=1))[1]
    history = model.fit(X, np.repeat(Y, 2, axis=1), batch_size=20)
    np.testing.assert_allclose(model.parameters, w - 0.5 * (loss_gradient + gradient), rtol=1e-10, atol=1e-12)
    assert history.penalty[0] == pytest.approx(reference.penalty(model.program, model.parameters), rel=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_penalties_of_biases_in_bits_alone_and_in_company(dtype):
    """What lanes have not, networks train outside of them."""

    def made(seed):
        model = Sequential(
            [Dense(4, "tanh", bias_l2=0.1), Dropout(0.1), Dense(1, bias_l1=0.01)], dtype=dtype, seed=seed
        )
        model.compile(Adam(0.02))
        return model

    alone, together = ([made(seed) for seed in range(9)] for _ in range(2))
    for model in alone:
        model.fit(X, Y, epochs=5, batch_size=8)
    nncore.fit_many(together, X, Y, epochs=5, batch_size=8)
    assert all(np.array_equal(a.parameters, b.parameters) for a, b in zip(alone, together, strict=True))
    plain = Sequential([Dense(4, "tanh"), Dropout(0.1), Dense(1)], dtype=dtype, seed=0)
    plain.compile(Adam(0.02))
    plain.fit(X, Y, epochs=5, batch_size=8)
    assert not np.array_equal(plain.parameters, alone[0].parameters)


def test_penalties_of_biases_in_solvers_files_and_refusals(tmp_path):
    for solver in ("lbfgs", "lm"):
        model = Sequential([Dense(1, l2=0.3, bias_l2=0.2)], dtype="float64")
        model.fit(X, Y + 3, solver=solver, epochs=50)
        w, b = model.get_weights()
        residual = X @ w + b - (Y + 3)
        assert 2 * residual.mean() + 2 * 0.2 * b[0] == pytest.approx(0, abs=1e-5)  # the slope along the bias
        with pytest.raises(ValueError, match="l1"):
            Sequential([Dense(1, bias_l1=0.1)]).fit(X, Y, solver=solver)
    model.save(tmp_path / "m.safetensors")
    assert nncore.load(tmp_path / "m.safetensors").layers == model.layers
    assert json.loads(json.dumps(layers.to_dict(Dense(1, bias_l2=0.5))))["bias_l2"] == 0.5
    assert "bias_l2" not in layers.to_dict(Dense(1)), "older versions read what does without"
    with pytest.raises(ValueError, match=r"bias_l2=0\.5 needs a bias, got use_bias=False"):
        Dense(1, use_bias=False, bias_l2=0.5)
