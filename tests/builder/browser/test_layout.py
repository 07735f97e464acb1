"""Where things are: nothing jumps while it trains, and nothing sticks out of a narrow screen."""

import pytest

PANES = ("data", "network", "train", "look")
STEADY = ("#train-button", "#reset", "#loss", "#loss-chart", "#strip", "#drawing", "#tab-doctor")


def sideways(view):
    """Return by how many pixels the page is wider than the screen."""
    return view.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("width", [1440, 1000])
def test_nothing_jumps_while_it_trains(open_page, width):
    view = open_page("spiral", width=width)
    view.train(1)
    view.find("#loss-chart .plot-container").wait_for()
    before = {selector: view.box(selector) for selector in STEADY}
    view.find("#train-button").click()
    seen = []
    view.until(lambda: seen.append({selector: view.box(selector) for selector in STEADY}) or len(seen) > 8)
    view.find("#train-button").click()
    view.until(lambda: not view.state()["run"]["playing"])
    seen.append({selector: view.box(selector) for selector in STEADY})
    assert all(boxes == before for boxes in seen)


def test_a_narrow_screen_shows_one_part_at_a_time(open_page):
    view = open_page("digits", width=400, height=800)
    view.train(2)
    for pane in PANES:
        view.find(f'#panes [data-pane="{pane}"]').click()
        assert [other for other in PANES if view.find(f"#{other}").is_visible()] == [pane]
        view.page.wait_for_timeout(100)
        assert sideways(view) == 0, pane
    view.find('#panes [data-pane="train"]').click()
    before = view.box("#train-button")
    view.find("#train-button").click()
    view.until(lambda: int(view.data("#loss", "epoch")) > 20)
    assert view.box("#train-button") == before
    view.find("#train-button").click()


@pytest.mark.parametrize("width", [320, 760, 1180, 3840])
def test_no_screen_scrolls_sideways(open_page, width):
    view = open_page("penguins", width=width)
    view.train(2)
    assert sideways(view) == 0
    for name in ("Starting points", "Export", "Keys"):
        view.button(name).click()
        assert sideways(view) == 0, name
        view.press("Escape")


def test_targets_are_large_enough(open_page):
    """24 x 24 pixels; what has a label that can be pressed, too, is as large as both."""
    view = open_page("digits")
    small = view.page.evaluate(
        """() => [...document.querySelectorAll("button, select, input:not([type=file]), summary, [role=option]")]
            .filter(control => control.offsetParent !== null && !control.closest("label, .unseen, .segments"))
            .map(control => [control.outerHTML.slice(0, 90), control.getBoundingClientRect()])
            .filter(([, box]) => box.width && (box.width < 18 || box.height < 18 || (box.width < 24 && box.height < 24)))
            .map(([text, box]) => `${text} ${box.width} x ${box.height}`)"""
    )
    assert small == []
