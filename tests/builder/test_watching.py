"""Epochs that take long: they are shown while they run, and given up for whoever is in a hurry."""

import json
import time

import numpy as np
import pytest

from nncore.builder import session, watching, worker
from nncore.builder.messages import Request, read

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
    weights = {(frame["batch"], str(frame["edges"]["dense_2"]["weight"])) for frame in within}
    assert len(weights) == len({batch for batch, _ in weights}) == len({text for _, text in weights}), "of each batch"
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


class Held:
    """A session at work in a thread, within an epoch that was paused."""

    def __init__(self, ask, begin="train"):
        self.ask, self.worker = ask, worker.Worker(ask.session)
        self.worker.start()
        fields = {"epochs": None, "epochs_per_second": None} if begin == "train" else {}
        self.first = self.worker.submit(Request(1, begin, fields))
        until = time.monotonic() + 60
        while not frames(ask) and time.monotonic() < until:
            time.sleep(0.005)
        self.paused = self("pause")
        assert ask.session.held

    def send(self, message, **fields):
        return self.worker.submit(read(json.dumps({"id": 1, "type": message, **fields})))

    def __call__(self, message, **fields):
        return self.send(message, **fields).result(60)

    def until_paused(self):
        until = time.monotonic() + 120
        while (self.ask.session.playing or self.ask.run.within) and time.monotonic() < until:
            time.sleep(0.01)


@pytest.fixture
def held(slow, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0)
    monkeypatch.setattr(session, "PATIENCE", 0)
    slow.take_layers(WIDE)
    holding = Held(slow)
    yield holding
    holding.worker.stop()


def test_a_pause_waits_at_the_batch_and_the_epoch_ends_in_the_same_bits(held, new_session):
    state = held("state")
    assert state["run"]["playing"] is False
    assert 0 < state["run"]["batch"] < state["run"]["n_batches"]
    assert state["run"]["batch"] == state["frame"]["batch"] == held("evaluate", kind="confusion")["batch"]
    assert held("state")["frame"]["edges"] == state["frame"]["edges"], "it stands still"
    held("train", epochs=1)
    held.until_paused()
    assert held.ask.run.model.epoch == 1
    alone = new_session("digits")
    alone.take_layers(WIDE)
    alone("set_training", batch_size=1)
    alone("step_epoch")
    assert np.array_equal(held.ask.run.model.parameters, alone.run.model.parameters)
    assert held.ask.run.model.history.loss.tolist() == alone.run.model.history.loss.tolist()
    assert held.ask.run.journal == alone.run.journal
    assert not [told for told in held.ask.published if told["type"] == "notice"]


def test_views_within_an_epoch_are_of_its_weights(held):
    explained = held("explain")
    weights = held.ask.run.within.model.get_weights()[0]
    assert np.array_equal(explained["layers"][0]["parameters"]["weight"]["before"]["values"], weights[:8, :16])
    assert explained["batch"] == held("state")["run"]["batch"]
    assert held("preview")["names"] and held("doctor")["epochs"] == 0


def test_what_needs_whole_epochs_says_so_while_one_is_paused(held):
    batch = held("state")["run"]["batch"]
    for kind, fields in (("step_batch", {}), ("export", {"kind": "script"}), ("export", {"kind": "model"})):
        error = held.send(kind, **fields).exception(60)
        assert f"{batch:,} of the {held.ask.run.n_batches:,} batches of epoch 1 are done: finish it first" in str(error)
    assert held("export", kind="link")["name"] == "link.txt"
    held("step_epoch")
    held.until_paused()
    assert held.ask.run.model.epoch == 1 and not held.ask.session.playing
    assert held("step_batch")["batch"] == 1


def test_an_edit_ends_a_paused_epoch_and_that_is_said(held):
    """To all pages, and to its own once more: what that hears before the answer gives way to the answer."""
    answer = held("change_optimizer", changes={"learning_rate": 0.5})
    assert len(answer["messages"]) == 1 and answer["messages"][0].startswith("epoch 1 begins anew later on: ")
    assert held("undo")["messages"] == ["undone: a change of the optimizer or its rate"]
    assert (held.ask.run.model.epoch, held.ask.run.within, held.ask.session.held) == (0, None, False)
    told = [message["text"] for message in held.ask.published if message["type"] == "notice"]
    assert len(told) == 1 and told[0].startswith("epoch 1 begins anew later on: ")
    assert held("state")["run"]["batch"] == 0


def test_time_that_is_paused_is_no_time_of_training(held):
    time.sleep(0.5)
    held("train", epochs=1)
    held.until_paused()
    run = held.ask.run
    seconds = run.model.history.seconds[-1]
    assert run.idle[0] == 0 and 0.5 <= run.idle[1] < seconds
    rate = len(run.prepared.train) / (seconds - run.idle[1])
    assert held("state")["frame"]["samples_per_second"] == pytest.approx(rate)


def test_a_step_that_is_paused_is_answered_and_can_go_on(slow, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0)
    monkeypatch.setattr(session, "PATIENCE", 0)
    holding = Held(slow, "step_epoch")
    try:
        assert holding.first.result(60) == holding.paused == {"epoch": 0}
        holding("train", epochs=1)
        holding.until_paused()
        assert slow.run.model.epoch == 1
    finally:
        holding.worker.stop()


def test_the_worker_ends_while_an_epoch_is_paused(slow, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0)
    monkeypatch.setattr(session, "PATIENCE", 0)
    Held(slow).worker.stop()
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
