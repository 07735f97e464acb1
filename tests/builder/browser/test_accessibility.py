"""For those who use the keyboard, listen, or want less motion."""


def test_a_whole_visit_by_keyboard(open_page):
    """From the first press of Tab to a trained network of another shape, exported; no mouse."""
    view = open_page("spiral")
    view.press("Tab")
    assert "Skip to the network" in view.focused()
    view.press("Enter")
    tab_to(view, "#strip [role=option], #strip[role=listbox]")
    view.press("ArrowRight")
    index = int(view.page.evaluate("document.activeElement.dataset.index"))
    units = view.state()["layers"][index]["units"]
    view.press("ArrowUp")
    view.until(lambda: view.state()["layers"][index]["units"] == units + 1)
    view.press("Shift+ArrowUp")
    view.until(lambda: view.state()["layers"][index]["units"] == units + 11)
    view.press("Insert")
    view.until(lambda: len(view.layers()) == 4)
    view.press("Delete")
    view.until(lambda: len(view.layers()) == 3)
    view.press("Enter")
    view.until(lambda: view.page.evaluate("document.activeElement.closest('#layer-form') !== null"))
    view.press("Escape")
    view.page.evaluate("document.activeElement.blur()")
    view.press("t")
    view.until(lambda: view.epoch() > 10)
    view.press("t")
    view.until(lambda: not view.state()["run"]["playing"])
    epoch = view.state()["run"]["epoch"]
    view.press("e")
    view.until(lambda: view.state()["run"]["epoch"] == epoch + 1)
    view.press("b")
    view.until(lambda: view.state()["run"]["batch"] == 1)
    view.press("r")
    view.until(lambda: view.state()["run"]["epoch"] == 0)
    view.press("?")
    view.expect(view.find("dialog.keys")).to_be_visible()
    view.press("Escape")
    view.expect(view.find("dialog.keys")).to_have_count(0)
    view.press("Control+z")
    view.until(lambda: view.state()["run"]["epoch"] > 0)


def tab_to(view, selector, most=60):
    """Press Tab until the focus is on an element."""
    for _ in range(most):
        if view.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        view.press("Tab")
    raise AssertionError(f"{selector} is not reached by {most} presses of Tab; the focus is on {view.focused()}")


def test_every_control_is_reached_by_tab_and_has_a_name(open_page):
    view = open_page("digits")
    names, seen = [], set()
    for _ in range(200):
        view.press("Tab")
        number, name = view.page.evaluate(
            """() => {
                window.reached ??= new Map();
                const element = document.activeElement;
                if (!reached.has(element)) reached.set(element, reached.size);
                const label = element.labels?.[0]?.textContent ?? "";
                const other = element.getAttribute("aria-labelledby");
                const text = element.getAttribute("aria-label") ?? document.getElementById(other)?.textContent ?? "";
                return [reached.get(element), `${text}${label}${element.textContent.trim()}`];
            }"""
        )
        if number in seen:
            break
        seen.add(number)
        names.append(name)
    assert len(names) > 15
    assert all(name.strip() for name in names), names
    reached = view.page.evaluate("[...reached.keys()].map(element => element.id)")
    assert {"train-button", "step-batch", "step-epoch", "reset", "new-seed", "learning-rate", "data-name"} <= set(
        reached
    )


def test_what_happens_is_announced(open_page):
    view = open_page("xor")
    view.find('#strip .layer-card[data-index="0"]').focus()
    view.press("Delete")
    view.until(lambda: len(view.layers()) == 1)
    view.until(lambda: view.find("#live").inner_text().strip())
    view.train(30)
    view.ask("train")
    view.until(lambda: "epoch" in view.find("#live").inner_text().lower())


def test_less_motion_for_those_who_asked(open_page):
    """Nothing travels and nothing fades; the numbers change all the same."""
    view = open_page("spiral", reduced_motion="reduce")
    view.train(5)
    moving = view.page.evaluate("document.getAnimations().filter(one => one.playState === 'running').length")
    assert moving == 0
    view.find("#tab-explain").click()
    view.find("#explain-button").click()
    view.find("#explain-next").click()
    moving = view.page.evaluate("document.getAnimations().filter(one => one.playState === 'running').length")
    assert moving == 0


def test_no_gradients_travel_for_those_who_want_less_motion(open_page):
    """The layer of the drawing in which they do stays as it is, until motion is wanted again."""
    view = open_page("spiral", reduced_motion="reduce")
    view.ask("train")
    view.until(lambda: view.epoch() > 5)
    assert (pictures(view), view.data("#drawing", "flow")) == (1, "off")
    view.page.emulate_media(reduced_motion="no-preference")
    view.expect(view.find("#drawing")).to_have_attribute("data-flow", "on")
    assert pictures(view) > 3
    view.page.emulate_media(reduced_motion="reduce")
    view.expect(view.find("#drawing")).to_have_attribute("data-flow", "off")
    assert pictures(view) == 1
    assert view.state()["run"]["playing"]


def pictures(view, n=8):
    """Return how many different ones of what moves are among `n` in a row."""
    script = """async n => {
        const seen = new Set();
        for (let i = 0; i < n; i++) {
            await new Promise(requestAnimationFrame);
            seen.add(document.querySelector("#drawing canvas.overlay").toDataURL());
        }
        return seen.size;
    }"""
    return view.page.evaluate(script, n)


def test_single_letters_can_be_switched_off(open_page):
    view = open_page("xor")
    view.press("?")
    view.page.get_by_label("Single letters act").uncheck()
    view.press("Escape")
    view.press("e")
    view.page.wait_for_timeout(200)
    assert view.state()["run"]["epoch"] == 0


def test_what_was_announced_last_is_true(open_page):
    """Of numbers that change all the time the last ones are said in the end, and none of a run that is no more."""
    view = open_page("xor")
    view.find('#train-pace input[value="20"]').check()
    view.train(12)
    live = view.find("#live")
    view.expect(live).to_contain_text("epoch 12, loss", timeout=15000)
    view.find("#reset").click()
    view.until(lambda: view.epoch() == 0)
    view.expect(live).not_to_contain_text("epoch")


def test_what_is_drawn_next_takes_back_what_was_announced(open_page):
    view = open_page("digits")
    view.train(3)
    view.find('[data-view="draw"]').click()
    view.find(".pad").focus()
    live = view.find("#live")
    view.press("Shift+ArrowDown", "Shift+ArrowDown")
    view.expect(live).to_contain_text("looks most like")
    view.press("Shift+ArrowRight")
    view.expect(live).not_to_contain_text("looks most like")
    view.expect(live).to_contain_text("looks most like")
    view.press("Delete")
    view.expect(live).to_have_text("The pad is empty.")
    view.page.wait_for_timeout(1200)
    view.expect(live).to_have_text("The pad is empty.")
