"""Epochs that take long: they are shown while they run, and given up for whoever is in a hurry."""

import time

import numpy as np
import pytest

from nncore.builder import watching, worker
from nncore.builder.messages import Request

HEAD = {"type": "Dense", "units": 10, "activation": "softmax"}
WIDE = [{"type": "Dense", "units": 800, "activation": "relu"}, {"type": "Dense", "units": 600}, HEAD]


@pytest.fixture
def slow(new_session, monkeypatch):
    """A session whose epochs, batch for batch of one row, take some tenths of a second."""
    monkeypatch.setattr(watching, "LONG", 0)
    ask = new_session("digits")
    ask.take_layers(WIDE)
    ask("set_training", batch_size=1)
    return ask


def frames(ask):
    return [message["frame"] for message in ask.published if message["type"] == "frame"]


def test_a_long_epoch_is_shown_while_it_runs_and_nothing_else_changes(slow, new_session, monkeypatch):
    monkeypatch.setattr(watching, "LONGEST", 0)
    slow("train", epochs=1)
    slow.session.play(lambda: False)
    within = [frame for frame in frames(slow) if frame["epoch"] == 0]
    assert within
    assert all(0 <= frame["batch"] < frame["n_batches"] == slow.run.n_batches for frame in within)
    assert all(frame["running_loss"] > 0 for frame in within if frame["batch"])
    assert len({str(frame["edges"]["dense_2"]["weight"]) for frame in within}) == len(within)
    assert frames(slow)[-1]["epoch"] in (0, 1)
    assert slow.run.within is None
    alone = new_session("digits")
    alone.take_layers(WIDE)
    alone("set_training", batch_size=1)
    alone.run.fit(1, lambda *_: None)
    assert np.array_equal(slow.run.model.parameters, alone.run.model.parameters)


def test_where_frames_take_long_the_batches_are_counted_in_between(slow, monkeypatch):
    monkeypatch.setattr(watching, "LARGEST_SHARE", 1e-9)
    monkeypatch.setattr(watching, "LONGEST", 1000)
    monkeypatch.setattr(watching, "SECONDS_PER_COUNT", 0)
    slow("train", epochs=1)
    slow.session.play(lambda: False)
    batches = [frame["batch"] for frame in frames(slow)]
    assert len(batches) > 2
    assert batches == sorted(set(batches))
    assert len({str(frame["edges"]) for frame in frames(slow)}) == 1, "of the first one"


def test_a_long_epoch_is_given_up_for_somebody_in_a_hurry(slow, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0)
    before = slow.run.model.parameters.copy()
    slow("train")
    slow.session.hurried = lambda: True
    slow.session.play(lambda: False)
    assert (slow.run.model.epoch, slow.run.journal) == (0, ())
    assert np.array_equal(slow.run.model.parameters, before)
    told = [message["text"] for message in slow.published if message["type"] == "notice"]
    assert len(told) == 1
    assert told[0].startswith("epoch 1 begins anew later on: ")


def test_an_epoch_that_is_all_but_done_is_finished_first(slow, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 1e6)
    slow("train", epochs=1)
    slow.session.hurried = lambda: True
    slow.session.play(lambda: False)
    assert slow.run.model.epoch == 1


def test_the_worker_answers_while_an_epoch_runs(slow, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0)
    slow.take_layers([{"type": "Dense", "units": 1500, "activation": "relu"}] * 2 + [HEAD])
    at_work = worker.Worker(slow.session)
    at_work.start()
    try:
        at_work.submit(Request(1, "train", {"epochs": None, "epochs_per_second": None})).result(60)
        until = time.monotonic() + 60
        while not frames(slow) and time.monotonic() < until:
            time.sleep(0.01)
        state = at_work.submit(Request(2, "state", {})).result(60)
        assert state["run"]["playing"]
        assert state["frame"]["epoch"] == 0
        assert state["frame"]["running_loss"] > 0, "the epoch is not over"
        assert at_work.submit(Request(3, "pause", {})).result(60) == {"epoch": 0}
        assert at_work.submit(Request(4, "state", {})).result(60)["run"]["playing"] is False
    finally:
        at_work.stop()


def at_work_within_an_epoch(slow):
    """Return a worker that is in the middle of the first epoch."""
    at_work = worker.Worker(slow.session)
    at_work.start()
    at_work.submit(Request(1, "train", {"epochs": None, "epochs_per_second": None})).result(60)
    until = time.monotonic() + 60
    while not frames(slow) and time.monotonic() < until:
        time.sleep(0.005)
    return at_work


def test_the_worker_ends_in_the_middle_of_an_epoch(slow, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0)
    slow.take_layers([{"type": "Dense", "units": 1500, "activation": "relu"}] * 2 + [HEAD])
    at_work_within_an_epoch(slow).stop()
    assert slow.run.model.epoch == 0


def test_a_step_of_one_epoch_can_be_ended_too_and_has_no_pace(slow, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0)
    slow("train", epochs_per_second=1e-6)
    slow("pause")
    slow("set_training", batch_size=1437)
    assert slow("step_epoch") == {"epoch": 1}, "at once, not after a million seconds"
    slow("set_training", batch_size=1)
    slow.session.hurried = lambda: True
    assert slow("step_epoch") == {"epoch": 1}, "somebody was in a hurry"
