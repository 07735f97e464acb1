"""Training through the page: what it shows is what the core computed, to the last bit."""

import json
import os
import subprocess
import sys

import pytest

REPORT = '\nimport json\nprint(json.dumps({name: model.history[name].tolist() for name in ("loss", "val_loss")}))\n'

THREE_DIGITS = 5e-3  # relative error of a number shown with three significant digits


def test_digits_are_learnt(open_page):
    view = open_page("digits")
    view.find("#train-button").click()
    view.until(lambda: view.number("#val-score") >= 95)
    view.find("#train-button").click()
    view.until(lambda: not view.state()["run"]["playing"])
    state = view.state()
    assert state["frame"]["val_accuracy"] >= 0.95
    view.until(lambda: view.text("#epoch").startswith(f"{state['run']['epoch']:,}"))
    assert view.number("#val-score") == pytest.approx(100 * state["frame"]["val_accuracy"], abs=0.06)
    assert view.number("#score") == pytest.approx(100 * state["frame"]["accuracy"], abs=0.06)
    assert float(view.data("#loss", "loss")) == state["frame"]["loss"]
    assert view.number("#loss") == pytest.approx(state["frame"]["loss"], rel=THREE_DIGITS)
    assert view.number("#val-loss") == pytest.approx(state["frame"]["val_loss"], rel=THREE_DIGITS)
    view.find("#loss-chart .plot-container").wait_for()


def exported(view):
    view.button("Export").click()
    script = view.find("#script-text")
    script.wait_for()
    view.until(lambda: "assert" in text_of(script))
    found = text_of(script)
    view.press("Escape")
    return found


def text_of(element):
    return element.evaluate("shown => shown.value ?? shown.textContent")


def run_script(script, folder):
    """Run a script as its reader would; return the history that it ends with."""
    (folder / "train.py").write_text(script + REPORT)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "train.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_losses_shown_are_those_of_the_exported_script(open_page, tmp_path):
    """Steps of an epoch and of batches, training, and edits in between: the script repeats all of it."""
    view = open_page("spiral")
    seen = set()

    def look():
        seen.add(view.losses())
        return seen

    for button in ("#step-epoch", "#step-batch", "#step-epoch"):
        before = view.state()["version"]
        view.find(button).click()
        view.until(lambda before=before: view.state()["version"] > before)
    view.until(lambda: view.epoch() == 2 and look())
    view.find("#learning-rate").fill("0.02")
    view.press("Enter")
    view.until(lambda: view.state()["optimizer"]["learning_rate"] == 0.02)
    view.find('#train-pace input[value="20"]').check()  # slow enough to be looked at, and for the script to be short
    view.find("#train-button").click()
    view.until(lambda: len(look()) > 6)
    view.find("#train-button").click()
    view.until(lambda: not view.state()["run"]["playing"])
    last = view.state()["run"]["epoch"]
    view.until(lambda: view.epoch() == last and look())
    history = run_script(exported(view), tmp_path)
    assert len(history["loss"]) == last
    assert [(epoch, history["loss"][epoch - 1]) for epoch, _ in sorted(seen)] == sorted(seen)


@pytest.mark.parametrize("preset", ["penguins", "digits"])
def test_small_networks_begin_calmly(open_page, preset):
    """Whatever their data are from: at full speed they have learnt before one has seen anything."""
    view = open_page(preset)
    view.expect(view.find("#train-pace input:checked")).to_have_value("20")


def test_steps_reset_and_new_seed(open_page):
    view = open_page("xor")
    first = view.weights()
    view.find("#step-batch").click()
    view.until(lambda: view.state()["run"]["batch"] == 1)
    view.find("#step-epoch").click()
    view.until(lambda: view.state()["run"]["epoch"] == 1)
    view.until(lambda: view.epoch() == 1)
    trained = view.weights()
    assert trained != first
    view.find("#reset").click()
    view.until(lambda: view.state()["run"]["epoch"] == 0)
    assert view.weights() == first
    view.find("#step-epoch").click()
    view.until(lambda: view.state()["run"]["epoch"] == 1)
    assert view.weights() == trained
    view.find("#new-seed").click()
    view.until(lambda: view.state()["run"]["epoch"] == 0)
    assert view.weights() != first
    assert view.state()["training"]["seed"] != 0


HOLD_BACK = """() => {
  const send = WebSocket.prototype.send;
  const held = [];
  WebSocket.prototype.send = function (text) { held.push(() => send.call(this, text)); };
  window.letGo = () => { WebSocket.prototype.send = send; held.forEach(one => one()); };
}"""


def test_the_button_says_at_the_click_what_it_waits_for(open_page):
    view = open_page("xor")
    train = view.find("#train-button")
    for while_waiting, afterwards in (("Starting …", "Pause"), ("Pausing …", "Train")):
        view.page.evaluate(HOLD_BACK)
        train.click()
        view.expect(train).to_have_text(while_waiting)
        assert train.get_attribute("aria-busy") == "true"
        view.page.evaluate("() => letGo()")
        view.expect(train).to_have_text(afterwards)
        assert train.get_attribute("aria-busy") is None
    view.find("#train-epochs").fill("3000000000")
    train.click()
    view.expect(view.find("#train .mistake")).to_contain_text("epochs")
    view.expect(train).to_have_text("Train")


def test_settings_change_while_it_trains(open_page):
    """Without a reset: epochs go on, and so does the training."""
    view = open_page("spiral")
    view.find("#train-button").click()
    view.until(lambda: view.state()["run"]["epoch"] > 5)
    view.find("#batch-size").fill("64")
    view.press("Enter")
    view.until(lambda: view.state()["training"]["batch_size"] == 64)
    view.find("#optimizer-kind").select_option("RMSprop")
    state = view.until(lambda: (found := view.state())["optimizer"]["type"] == "RMSprop" and found)
    assert state["run"]["playing"] and state["run"]["epoch"] > 5
    view.find("#learning-rate").fill("-1")
    view.press("Enter")
    view.expect(view.find("#train .mistake")).to_contain_text("learning_rate")
    assert view.state()["optimizer"]["type"] == "RMSprop"


def test_the_learning_rate_shown_is_the_one_in_force(open_page):
    view = open_page("spiral")
    box, slider = view.find("#learning-rate"), view.find("#learning-rate-slider")
    box.fill("0.5")
    view.press("Enter")
    view.until(lambda: view.state()["optimizer"]["learning_rate"] == 0.5)
    view.until(lambda: float(slider.input_value()) == pytest.approx(-0.3, abs=0.05))
    box.fill("")
    view.press("Enter")
    view.expect(box).to_have_value("0.5")
    box.fill("-1")
    view.press("Enter")
    view.expect(view.find("#train .mistake")).to_contain_text("learning_rate")
    view.expect(box).to_have_value("-1")  # beside the reason, to be mended
    box.fill("")
    view.press("Enter")
    view.expect(box).to_have_value("0.5")
    view.expect(view.find("#train .mistake")).to_have_count(0)


def test_a_new_start_takes_old_messages_away(open_page):
    view = open_page("spiral")
    view.find("#learning-rate").fill("1e30")
    view.press("Enter")
    view.until(lambda: view.state()["optimizer"]["learning_rate"] == 1e30)
    view.find("#train-button").click()
    view.expect(view.find("#notices")).to_contain_text("diverged")
    view.ask("open_preset", name="xor")
    view.button("Starting points").click()
    view.find('[data-preset="digits"]').click()
    view.expect(view.find("#notices")).to_contain_text("Handwritten")
    view.expect(view.find("#notices")).not_to_contain_text("diverged")


def test_undo_restores_the_weights(open_page):
    view = open_page("digits")
    view.train(3)
    before, layers = view.weights(), view.layers()
    view.ask("insert", index=1, layer={"type": "Dense", "units": 12, "activation": "relu"})
    view.train(2)
    after = view.weights()
    assert after != before
    view.button("Undo").click()
    view.until(lambda: view.layers() == layers)
    assert view.weights() == before
    assert view.state()["run"]["epoch"] == 3
    view.until(lambda: view.epoch() == 3)
    view.button("Redo").click()
    view.until(lambda: len(view.layers()) == 3)
    assert view.weights() == after
    view.press("Control+z")
    view.until(lambda: view.layers() == layers)
    assert view.weights() == before


def test_a_run_is_kept_to_compare(open_page):
    view = open_page("xor")
    view.train(20)
    view.find("#keep-run").click()
    view.expect(view.find("#runs-table tbody tr")).to_have_count(1)
    view.find("#log-switch").click()
    view.find("#new-seed").click()
    view.until(lambda: view.state()["run"]["epoch"] == 0)
    view.train(20)
    view.find("#keep-run").click()
    view.expect(view.find("#runs-table tbody tr")).to_have_count(2)


def test_a_long_epoch_is_seen_to_go_on(open_page, monkeypatch):
    """Batch for batch of one row: the numbers of the epoch so far change before it is over."""
    monkeypatch.setattr("nncore.builder.watching.LONG", 0)

    def slow(page):
        wide = [{"type": "Dense", "units": units, "activation": "relu"} for units in (800, 600)]
        page.take_layers([*wide, {"type": "Dense", "units": 10, "activation": "softmax"}])
        page("set_training", batch_size=1)

    view = open_page("digits", prepare=slow)
    view.page.evaluate(NOTE_NUMBERS)
    view.ask("train", epochs=1)
    view.until(lambda: view.epoch() == 1)
    within = [one for one in view.page.evaluate("() => seen") if one["epoch"] == "0" and int(one["batch"]) > 0]
    assert within and {one["label"] for one in within} == {"Loss so far"}
    assert all(float(one["loss"]) > 0 and 0 < one["done"] < 1 for one in within)
    assert view.text("#batch") == "–"


NOTE_NUMBERS = """() => {
  const [epoch, batch, loss] = ["epoch", "batch", "batch-loss"].map(id => document.getElementById(id));
  const done = document.querySelector("#epoch-progress span");
  window.seen = [];
  const look = () => seen.push({ epoch: epoch.dataset.epoch, batch: batch.dataset.batch, loss: loss.dataset.batchLoss,
    label: loss.previousSibling.textContent, done: done.getBoundingClientRect().width / done.offsetWidth });
  new MutationObserver(look).observe(batch, { attributes: true, attributeFilter: ["data-batch"] });
}"""


def test_the_arithmetic_is_chosen_beside_the_loss(open_page):
    view = open_page("xor")
    view.train(1)
    view.find("#training-more summary").click()
    box = view.find("#training-dtype")
    assert box.input_value() == "float32"
    box.select_option("mixed_bfloat16")
    view.until(lambda: view.state()["training"]["dtype"] == "mixed_bfloat16")
    view.until(lambda: "training begins anew, in mixed_bfloat16" in view.text("#notices"))
    view.train(1)
    view.find("#tab-explain").click()
    view.find("#explain-button").click()
    view.find("#explain-beats").wait_for()
    view.find("#explain-next").click()
    view.until(lambda: "weights, rounded to bfloat16" in view.text("#look"))


def test_the_learning_rate_shown_is_that_of_the_next_update(open_page):
    view = open_page("xor")
    schedule = {"type": "StepDecay", "initial_rate": 0.1, "factor": 0.5, "every": 1.0}
    view.ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": schedule})
    view.train(1)
    view.until(lambda: view.data("#learning-rate-now", "learning-rate-now") == "0.05")
