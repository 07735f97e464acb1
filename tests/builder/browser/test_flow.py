"""Gradients that are shown: those of the core, where they starve, and one step in slow motion."""

import json

import numpy as np

from nncore.builder import frames
from nncore.builder.frames import gradient_rows


def explained(run, rows=None):
    """Return what the core itself says of the next update: norms of the gradients of weights, by layer."""
    X, y = run.part("train")
    chosen = run.next_batch() if rows is None else rows
    step = run.current.explain_step(X[chosen], y[chosen])
    return {
        layer.name: float(np.linalg.norm(layer.parameters["weight"].gradient.astype(np.float64)))
        for layer in step.layers
        if "weight" in layer.parameters
    }


def test_backward_values_are_those_of_explain_step(open_page):
    view = open_page("spiral", reduced_motion="reduce")
    view.train(12)
    view.find("#step-batch").click()
    view.until(lambda: view.state()["run"]["batch"] == 1)
    norms = explained(view.server.session.run)
    view.find("#tab-explain").click()
    view.find("#explain-button").click()
    for name, norm in norms.items():
        beat = view.find(f'#explain-beats [data-beat="backward:{name}"]')
        assert float(beat.get_attribute("data-norm")) == norm
        beat.click()
        view.expect(view.find("#explain-beat")).to_contain_text(f"{norm:.4g}"[:5])
    answer = view.ask("explain")
    view.find('#explain-beats [data-beat="loss"]').click()
    view.expect(view.find("#explain-beat")).to_contain_text(f"{answer['loss']:.4g}"[:5])


def test_while_a_step_is_explained_the_drawing_is_of_its_rows(open_page):
    """Card, drawing and explanation agree on the next batch; on chosen rows the drawing goes with the explanation."""
    view = open_page("spiral", reduced_motion="reduce")
    view.train(4)
    view.find("#tab-explain").click()
    run = view.server.session.run
    now = {name: frames.rounded(norm) for name, norm in explained(run).items()}
    view.until(lambda: json.loads(view.data("#drawing", "norms")) == now)
    for name, norm in now.items():
        bar = view.find(f'#strip [data-gradient="{name}"]')
        view.until(lambda bar=bar, norm=norm: f"next batch: {norm:.4g}" in bar.get_attribute("title"))
    view.find("#explain-rows").fill("7")
    view.find("#explain-rows").press("Enter")
    view.find("#explain-button").click()
    view.find("#explain-beats [data-beat]").first.wait_for()
    chosen = {name: frames.rounded(norm) for name, norm in explained(run, range(7)).items()}
    assert chosen != now
    view.until(lambda: json.loads(view.data("#drawing", "norms")) == chosen)
    view.expect(view.find(".drawing-legend")).to_contain_text("over the explained rows")
    view.find("#tab-evaluate").click()
    view.until(lambda: json.loads(view.data("#drawing", "norms")) == now)
    view.expect(view.find(".drawing-legend")).to_contain_text("over the next batch")


def test_beats_one_by_one(open_page):
    """Forward through all layers, the loss, back through all layers, the update, the new loss."""
    view = open_page("xor", reduced_motion="reduce")
    view.find("#tab-explain").click()
    view.find("#explain-button").click()
    view.find("#explain-beats [data-beat]").first.wait_for()
    beats = [one.get_attribute("data-beat") for one in view.find("#explain-beats [data-beat]").all()]
    wanted = ["forward:dense_0", "forward:dense_1", "loss", "backward:dense_1", "backward:dense_0", "update:dense_0"]
    places = [beats.index(beat) for beat in wanted]
    assert places == sorted(places)
    seen = []
    for _ in beats:
        seen.append(view.find("#explain-beats [aria-current]").get_attribute("data-beat"))
        view.expect(view.find("#drawing")).to_have_attribute("data-beat", pictured(seen[-1]))
        view.press("Space")
    assert seen == beats
    view.press("Shift+Space")
    assert view.find("#explain-beats [aria-current]").get_attribute("data-beat") == beats[-2]
    assert view.state()["run"] == view.state()["run"] | {"epoch": 0, "batch": 0}


def pictured(beat):
    """Return what the drawing says while a beat is explained: the new loss is pictured as the loss."""
    return beat.removeprefix("new_").replace(":", " ")


def test_the_drawing_shows_the_gradients_of_now(open_page):
    view = open_page("digits")
    view.train(5)
    run = view.server.session.run
    step = run.current.explain_step(*gradient_rows(run))
    norms = {
        layer.name: frames.rounded(np.linalg.norm(layer.parameters["weight"].gradient.astype(np.float64)))
        for layer in step.layers
    }
    view.until(lambda: json.loads(view.data("#drawing", "norms")) == norms)
    view.find("#drawing-table > summary").click()
    for name, norm in norms.items():
        row = view.find(f'#drawing-table tr[data-layer="{name}"]')
        view.until(lambda row=row, norm=norm: float(row.get_attribute("data-gradient-norm")) == norm)
        view.expect(row).to_contain_text(name)


def flagged(view):
    """Return the layers whose gradient the drawing marks as too small."""
    return [*view.data("#drawing", "fading").split(), *view.data("#drawing", "starving").split()]


def test_layers_whose_gradient_vanishes_are_marked(open_page):
    """Eight sigmoid layers: the first ones get next to nothing; the doctor says so, too, and what helps."""
    view = open_page("vanishing_gradient")
    view.train(3)
    view.until(lambda: "dense_0" in flagged(view))
    norms = json.loads(view.data("#drawing", "norms"))
    assert "dense_8" not in flagged(view)
    assert max(norms[name] for name in flagged(view)) < 1e-2 * norms["dense_8"]
    assert view.data("#drawing", "exploding") == ""
    view.find("#tab-doctor").click()
    finding = view.find('#doctor-findings [data-finding="vanishing_gradients"]')
    finding.wait_for()
    finding.locator('[data-action="show"]').click()
    view.expect(view.find('#strip .layer-card[data-name="dense_0"]')).to_have_attribute("aria-selected", "true")
    finding.locator('[data-action="fix"]').click()
    view.until(lambda: view.state()["layers"][0]["activation"]["name"] == "relu")
    view.until(lambda: "dense_0" not in flagged(view))
    view.button("Undo").click()
    view.until(lambda: view.state()["layers"][0]["activation"]["name"] == "sigmoid")


def test_layers_that_starve(open_page):
    """Sixteen sigmoid layers: less than a millionth of the last layer's gradient comes to the first."""

    def deep(page):
        layers = [{"type": "Dense", "units": 8, "activation": "sigmoid"}] * 16
        page.take_layers([*layers, {"type": "Dense", "units": 3, "activation": "softmax"}])

    view = open_page("spiral", prepare=deep)
    starving = view.until(lambda: view.data("#drawing", "starving")).split()
    assert "dense_0" in starving and "dense_16" not in starving


def test_exploding_layers_warn(open_page):
    def exploding(page):
        layers = [{"type": "Dense", "units": 16, "activation": "identity"}] * 6
        large = {"type": "RandomNormal", "stddev": 6.0}
        layers = [{**layer, "weight_initializer": large} for layer in layers]
        page.take_layers([*layers, {"type": "Dense", "units": 3, "activation": "softmax"}])

    view = open_page("spiral", prepare=exploding)
    view.until(lambda: view.data("#drawing", "exploding"))


def test_drawing_and_cards_agree_on_what_explodes(open_page):
    """One layer, whose gradient is large, and so is that of the last layer: it is the same one."""

    def large(page):
        page("open_preset", name="regression")
        page("set_optimizer", optimizer={"type": "SGD", "learning_rate": 1e-6})
        layer = {"type": "Dense", "units": 1, "weight_initializer": {"type": "Constant", "value": 3000.0}}
        page.take_layers([layer])

    view = open_page("xor", prepare=large)
    view.train(1)
    view.until(lambda: view.data("#drawing", "exploding") == "dense_0")
    view.expect(view.find('#strip .layer-card[data-warning="exploding"]')).to_have_count(1)


APPLY_AND_STEP = """async fix => {
  const { store } = await import("/static/core/store.js");
  const { edits } = store.state;
  fix.click();
  while (store.state.edits === edits) await new Promise(soon => setTimeout(soon, 5));
  document.getElementById("step-epoch").click();
}"""


def test_a_run_that_diverges_again_can_be_mended_again(open_page):
    """No epoch is completed meanwhile: that a change was applied says nothing about the attempt that followed it."""
    view = open_page("spiral")
    view.ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": 1e30})
    view.find("#tab-doctor").click()
    view.find("#step-epoch").click()
    fix = view.find('#doctor-findings [data-finding="divergence"] [data-action="fix"]')
    for offer in ("1e+29 instead of 1e+30", "1e+28 instead of 1e+29"):
        view.expect(fix).to_contain_text(offer)
        view.expect(fix).to_be_enabled()
        fix.evaluate(APPLY_AND_STEP)
