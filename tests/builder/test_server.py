"""Pages that talk to a server: all see the same run, none slows it down, and a mistake stays an answer."""

import json
import time

import numpy as np
import pytest

from nncore.builder import watching, worker
from nncore.builder.session import Session


def test_hello_state_and_schema(running):
    page = running.page()
    assert page("state") == page.state
    assert "Dense" in page("schema")["layers"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("no JSON", "the message is not JSON"),
        ("[1]", "a message is a JSON object"),
        ('{"id": 1, "type": "sate"}', "did you mean 'state'?"),
        ('{"id": 1, "type": "state", "x": 1}', "unknown field of state 'x'"),
        ('{"id": 1, "type": "insert", "index": 0, "layer": {"type": "Dense", "units": 1000000000}}', " GB of memory"),
        ('{"id": 1, "type": "set_data", "csv": "a,b\\n1,2\\n3,nan\\n"}', "there is 1 row"),
        ('{"id": 1, "type": "set_data", "csv": "a,b\\n1,2\\n3\\n"}', "expected 2 fields"),
        ('{"id": 1, "type": "export", "kind": "onnx"}', "unknown kind 'onnx'"),
    ],
)
def test_a_refusal_is_an_answer_and_the_conversation_goes_on(shared, text, message):
    page = shared.page()
    before = page("state")
    page.socket.send(text)
    number = json.loads(text)["id"] if text.startswith("{") else None
    error = page.answer_to(number)["error"]
    assert message in error["message"]
    assert "Traceback" not in error["message"]
    assert page("state") == before


def test_all_pages_see_the_same_run(running):
    one, other = running.page(), running.page()
    one("insert", index=0, layer={"type": "Dense", "units": 3})
    seen = other.wait_for("state")
    assert len(seen["layers"]) == 3
    one("step_epoch")  # from which on there are curves of every layer
    one("train", epochs=49)
    last = other.wait_for("state", lambda state: state["run"]["epoch"] == 50 and not state["run"]["playing"])
    assert "history" not in last and last["curves"]["epochs"] == 50
    curves = other("curves")
    assert curves["id"] == last["curves"]["id"]
    assert {name: curves[name] for name in ("epoch", "columns", "layers")} == one("state")["history"]
    assert last["frame"]["loss"] == curves["columns"]["loss"][-1]
    other("undo")
    assert len(one("state")["layers"]) == 2


def test_frames_come_while_it_trains_at_most_thirty_times_a_second(running):
    page = running.page()
    page("train")
    page.wait_for("frame")
    started, epochs = time.monotonic(), []
    while time.monotonic() - started < 1:
        epochs.append(page.wait_for("frame")["epoch"])
    page("pause")
    assert 3 <= len(epochs) <= 32
    assert epochs == sorted(set(epochs))
    state = page("state")
    assert not state["run"]["playing"]
    time.sleep(0.1)
    assert page("state")["run"]["epoch"] == state["run"]["epoch"]


def test_edits_while_it_trains_keep_it_training(running):
    page = running.page()
    page("train")
    page("insert", index=1, layer={"type": "Dense", "units": 4, "activation": "relu"})
    page("set_optimizer", optimizer={"type": "Adam", "learning_rate": 0.001})
    state = page("state")
    assert state["run"]["playing"] and len(state["layers"]) == 3
    page.wait_for("frame", lambda frame: frame["epoch"] > state["run"]["epoch"])
    assert page.refused("remove", index=9)["where"] == "index"
    page("evaluate", kind="decision_map", resolution=8)
    page("pause")
    scope = {}
    exec(page("export", kind="script")["text"], scope)
    history = page("state")["history"]
    losses = scope["model"].history["loss"]
    assert history["columns"]["loss"] == [losses[epoch] for epoch in history["epoch"]]


def test_a_page_that_comes_back_sees_the_truth(running):
    page = running.page()
    page("train", epochs=20)
    page.open.close()
    again = running.page()
    again_state = again("state")
    while again_state["run"]["playing"]:
        again_state = again("state")
    assert again_state["run"]["epoch"] == 20


def test_a_page_that_never_reads_does_not_slow_training(running):
    """Epochs in half a second with a page that reads all, against one that reads nothing; frames wait for nobody."""
    reader = running.page()
    sleeper = running.page(max_queue=1, close_timeout=0.1)
    reader("open_preset", name="digits")
    sleeper.send("train")

    def epochs_per_second():
        first, started = reader("state")["run"]["epoch"], time.monotonic()
        time.sleep(0.5)
        return (reader("state")["run"]["epoch"] - first) / (time.monotonic() - started)

    assert epochs_per_second() > 20
    started = time.monotonic()
    reader("pause")
    assert time.monotonic() - started < 2


def test_publishing_does_not_wait_for_pages(running, monkeypatch):
    """What the training thread does for a frame takes the same few microseconds whether or not anybody reads."""
    reader = running.page()
    pages = running.session.publish.__self__
    costs = []
    for _ in range(200):
        started = time.perf_counter()
        pages.publish("frame", '{"type":"frame","frame":{}}')
        costs.append(time.perf_counter() - started)
    assert np.median(costs) < 1e-3
    assert reader("state")["run"]["epoch"] == 0


def test_a_mistake_of_ours_is_answered_and_logged(running, monkeypatch, caplog):
    def broken(self):
        raise KeyError("broken on purpose")

    page = running.page()
    monkeypatch.setattr("nncore.builder.doctoring.findings", broken)
    error = page.refused("doctor")
    assert error["message"] == "doctor failed by a mistake in the builder; see its terminal"
    assert "broken on purpose" in caplog.text
    assert page("state")["run"]["epoch"] == 0


def test_a_training_that_fails_stops_and_says_so(running, monkeypatch):
    def broken(self, epochs, after_epoch):
        raise OSError("broken on purpose")

    page = running.page()
    monkeypatch.setattr("nncore.builder.run.Run.fit", broken)
    page.send("train")
    assert page.answer_to(page.n)["ok"]
    state = page("state")
    while state["run"]["playing"]:
        state = page("state")
    monkeypatch.undo()
    assert page("step_epoch")["epoch"] == 1


def test_the_server_stops_while_it_trains(running):
    running.page()("train")


def test_the_server_ends_while_pages_send_large_tables(new_server):
    """Each of more than a million rows took ten seconds and more, and the end waited for it."""
    running, table = new_server(), "a,b\n" + "1,2\n2,3\n" * 900_000
    flood = [running.page() for _ in range(3)]
    for page in flood:
        for _ in range(3):
            page.send("set_data", csv=table)
    begun = time.monotonic()
    running.server.stop()
    running.thread.join(60)
    assert not running.thread.is_alive()
    assert time.monotonic() - begun < 8


def test_requests_of_pages_that_have_gone_are_not_carried_out():
    from nncore.builder import presets
    from nncore.builder.messages import Request

    session = Session(presets.setup_of("xor"))
    at_work = worker.Worker(session)
    future = at_work.submit(Request(1, "step_epoch", {}))
    assert future.cancel()
    at_work.start()
    at_work.stop()
    assert session.run.model.epoch == 0


def test_a_pause_overtakes_what_waits_for_the_end_of_an_epoch(running, monkeypatch):
    """A page may ask for something else first: what it asks next is read all the same."""
    monkeypatch.setattr(watching, "LONG", 0)
    monkeypatch.setattr(watching, "PATIENCE", 0)
    page = running.page()
    page("set_data", name="digits")
    wide = [{"type": "Dense", "units": 1500, "activation": "relu"}] * 2
    page.take_layers([*wide, {"type": "Dense", "units": 10, "activation": "softmax"}])
    page("set_training", batch_size=1)
    page("train")
    page.wait_for("frame", lambda frame: frame["running_loss"] is not None)
    view = page.send("evaluate", kind="confusion")
    pause = page.send("pause")
    assert page.answer_to(view)["ok"]
    assert page.answer_to(pause)["result"] == {"epoch": 0}
