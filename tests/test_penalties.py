"""The column `penalty` of a history: what l1 and l2 add to the loss."""

import numpy as np
import pytest

from nncore import BatchNorm, Dense, Sequential, reference
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
