"""``fit(validation_freq=...)``: which epochs are scored, what of the others is recorded, and who waits for them."""

import json
import math

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    Adam,
    CSVLogger,
    Dense,
    EarlyStopping,
    History,
    JSONLogger,
    ModelCheckpoint,
    ReduceLROnPlateau,
    Sequential,
    fit_many,
    plots,
)
from nncore.data import Batches
from nncore.training import batches, validating

RNG = np.random.default_rng(0)
X, X_VALIDATION = RNG.standard_normal((90, 3)), RNG.standard_normal((40, 3))
Y, Y_VALIDATION = ((x[:, :1] * x[:, 1:2] > 0).astype(float) for x in (X, X_VALIDATION))
VALIDATION = {"validation_data": (X_VALIDATION, Y_VALIDATION)}


def model(metrics=(), **layer):
    found = Sequential([Dense(8, "tanh", **layer), Dense(1)], seed=2)
    found.compile(Adam(0.02), metrics=list(metrics))
    return found


def own(y_true, y_pred):
    return float(np.abs(y_true - y_pred).max())


def due(frequency, epochs):
    if isinstance(frequency, int):
        return [(epoch + 1) % frequency == 0 for epoch in range(epochs)]
    return [epoch + 1 in list(frequency) for epoch in range(epochs)]


@pytest.mark.parametrize("metrics", [[], ["r2", "accuracy"], ["mae", own]], ids=["none", "ours", "own"])
@pytest.mark.parametrize("how", ["apart", "in vain", "lm"])
@pytest.mark.parametrize("frequency", [1, 3, 50, [1, 2, 10], range(4, 8), np.array([12])], ids=str)
def test_the_epochs_that_are_due_have_the_scores_of_every_epoch_and_the_others_none(
    frequency, how, metrics, monkeypatch
):
    solver = "lm" if how == "lm" else None
    monkeypatch.setattr(validating, "PAUSES", 0 if how == "apart" else 1)
    every, some = model(metrics, l2=1e-3), model(metrics, l2=1e-3)
    whole = every.fit(X, Y, epochs=12, solver=solver, **VALIDATION)
    found = some.fit(X, Y, epochs=12, solver=solver, validation_freq=frequency, **VALIDATION)
    assert np.array_equal(every.parameters, some.parameters)
    assert found.columns == whole.columns
    now = np.array(due(frequency, len(whole)))
    for name in set(whole.columns) - {"seconds"}:
        expected = np.where(now, whole[name], np.nan) if name.startswith("val_") else whole[name]
        np.testing.assert_array_equal(found[name], expected, name)


def test_epochs_are_counted_from_each_fit_on():
    one = model()
    for _ in range(2):
        assert np.isfinite(one.fit(X, Y, epochs=4, validation_split=0.2, validation_freq=3).val_loss).tolist() == [
            False, False, True, False,
        ]  # fmt: skip
    assert one.fit(X, Y, epochs=1, **VALIDATION, validation_freq=[7]).columns[1] == "val_loss"


def test_a_source_to_validate_on_is_read_when_it_is_due():
    read = []

    def batches_of_it():
        read.append(1)
        yield X_VALIDATION, Y_VALIDATION

    history = model().fit(X, Y, epochs=6, validation_data=Batches(batches_of_it), validation_freq=3)
    once = model().fit(X, Y, epochs=6, **VALIDATION)
    np.testing.assert_array_equal(history.val_loss[2::3], once.val_loss[2::3])
    assert np.isnan(history.val_loss).sum() == 4


def test_epochs_between_are_trained_in_one_call_and_scored_in_none(monkeypatch):
    monkeypatch.setattr(batches, "SECONDS_PER_CALL", 600)
    monkeypatch.setattr(validating, "PAUSES", 0)
    asked = []
    train = nncore.network.Network.train

    def noted(self, *arguments, **options):
        asked.append((options["epochs"], options.get("validation") is not None))
        return train(self, *arguments, **options)

    monkeypatch.setattr(nncore.network.Network, "train", noted)
    model(["mae"]).fit(X, Y, epochs=11, validation_freq=5, **VALIDATION, callbacks=EarlyStopping(patience=9))
    assert asked == [(4, False), (1, True), (4, False), (1, True), (1, False)]
    asked.clear()
    model(["mae"]).fit(X, Y, epochs=11, **VALIDATION, callbacks=EarlyStopping(patience=9))
    assert asked == [(11, True)]
    asked.clear()
    monkeypatch.undo()  # of rows so few, the engine scores more than it is asked for
    model(["mae"]).fit(X, Y, epochs=11, validation_freq=5, **VALIDATION, callbacks=EarlyStopping(patience=9))
    assert asked == []


@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("seconds", [0, 1])
def test_patience_counts_the_epochs_that_are_validated(pauses, seconds, monkeypatch):
    monkeypatch.setattr(validating, "PAUSES", seconds)
    noise = RNG.standard_normal((90, 1))
    found = model()
    stopping = EarlyStopping("val_loss", patience=3)
    callbacks = [stopping, *([lambda model, epoch, logs: None] if pauses else [])]
    history = found.fit(X, noise, epochs=900, validation_freq=4, callbacks=callbacks, **VALIDATION)
    scored = np.flatnonzero(np.isfinite(history.val_loss))
    best = scored[np.argmin(history.val_loss[scored])]
    assert (stopping.best_epoch, stopping.stopped_epoch) == (best, best + 12)
    assert len(history) == best + 13
    assert math.isclose(found.evaluate(X_VALIDATION, Y_VALIDATION)["loss"], stopping.best)


def test_what_callbacks_hear_and_files_hold(tmp_path):
    heard = []
    plateau = ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=1e9)
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.3f}.safetensors")
    best = ModelCheckpoint(tmp_path / "best.safetensors", "val_loss", save_best_only=True)
    csv, lines = CSVLogger(tmp_path / "log.csv"), JSONLogger(tmp_path / "log.jsonl")
    found = Sequential([Dense(4), Dense(1)])
    found.compile(SGD(0.01))
    callbacks = [lambda model, epoch, logs: heard.append(dict(logs)), plateau, checkpoint, best, csv, lines]
    history = found.fit(X, Y, epochs=5, validation_freq=2, callbacks=callbacks, **VALIDATION)
    assert ["val_loss" in logs for logs in heard] == [False, True, False, True, False]
    assert history.learning_rate.tolist() == [0.01, 0.01, 0.01, 0.01, 0.005]  # the second validated brought nothing
    files = sorted(path.name[:2] for path in tmp_path.glob("*-*"))
    assert files == ["2-", "4-"]
    assert best.best == np.nanmin(history.val_loss)
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert rows[0].split(",") == ["epoch", *history.columns]
    assert [row.split(",")[2] == "" for row in rows[1:]] == [True, False, True, False, True]
    objects = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [one["val_loss"] is None for one in objects] == [True, False, True, False, True]
    again = History.from_dict(history.to_dict())
    np.testing.assert_array_equal(again.val_loss, history.val_loss)


def test_what_is_shown_of_such_a_history(capsys):
    history = model().fit(X, Y, epochs=6, validation_freq=2, verbose=2, **VALIDATION)
    lines = capsys.readouterr().err.splitlines()
    assert ["val_loss" in line for line in lines] == [False, True] * 3
    assert "nan" not in "".join(lines)
    (ax,) = plots.learning_curves(history)
    drawn = {line.get_label(): line for line in ax.lines}["validation"]
    assert drawn.get_xdata().tolist() == [1, 3, 5]
    assert not any(finding.rule == "divergence" for finding in history.doctor())
    long = model().fit(X, Y, epochs=600, validation_freq=5, **VALIDATION)
    assert long._repr_html_().count("<polyline") == len(long.columns)


def test_the_doctor_reads_the_epochs_that_are_validated():
    history = History()
    loss = np.linspace(1, 0.1, 40)
    val = np.where(np.arange(40) % 4 == 3, np.abs(np.arange(40) - 15) / 20 + 0.5, np.nan)
    history.extend(0, {"loss": loss, "val_loss": val, "learning_rate": np.full(40, 0.01)})
    (finding,) = [finding for finding in history.doctor() if finding.rule == "overfitting"]
    assert "epoch 15" in finding.seen


@pytest.mark.parametrize(
    ("frequency", "error", "message"),
    [
        (0, ValueError, "validation_freq must be an integer >= 1, got 0"),
        (2.0, TypeError, "validation_freq must be an integer >= 1, got 2.0 of type float"),
        (True, TypeError, "validation_freq must be an integer >= 1"),
        ("5", TypeError, "validation_freq must be an integer >= 1, got"),
        ([], ValueError, "validation_freq is empty"),
        ([3, 0], ValueError, r"validation_freq\[1\] must be an integer >= 1, got 0"),
    ],
)
def test_what_is_no_frequency_is_named(frequency, error, message):
    one = model()
    with pytest.raises(error, match=message):
        one.fit(X, Y, validation_freq=frequency, **VALIDATION)
    assert not one.built


def test_without_rows_to_validate_on_and_elsewhere_it_is_refused():
    with pytest.raises(ValueError, match="validation_freq=5 needs rows to validate on: validation_data or"):
        model().fit(X, Y, validation_freq=5)
    model().fit(X, Y, validation_freq=1)
    with pytest.raises(TypeError, match="it goes to a Sequential's fit: model"):
        fit_many([model()], X, Y, validation_freq=5)
