"""Where things are: nothing jumps while it trains, and nothing sticks out of a narrow screen."""

import pytest

PANES = ("data", "network", "train", "look")
STEADY = ("#train-button", "#reset", "#loss", "#loss-chart", "#strip", "#drawing", "#tab-doctor")


def sideways(view):
    """Return by how many pixels the page is wider than the screen."""
    return view.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


SHIFTS = """() => {
    window.shifts = [];
    const named = node => (node?.nodeType === 3 ? node.parentElement : node)?.outerHTML?.slice(0, 120);
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) shifts.push([entry.value, ...entry.sources.map(one => named(one.node))]);
    }).observe({ type: "layout-shift" });
}"""
"""Has the browser note what changes its place though nobody scrolls: all that has moved by three pixels or more."""


@pytest.mark.parametrize("width", [1440, 1000])
def test_nothing_jumps_while_it_trains(open_page, width):
    view = open_page("spiral", width=width)
    view.train(1)
    view.find("#loss-chart .plot-container").wait_for()
    view.page.wait_for_timeout(300)
    before = {selector: view.box(selector) for selector in STEADY}
    view.page.evaluate(SHIFTS)
    view.find("#train-button").click()
    view.until(lambda: view.epoch() > 30)
    view.page.wait_for_timeout(700)
    during = {selector: view.box(selector) for selector in STEADY}
    view.find("#train-button").click()
    view.until(lambda: not view.state()["run"]["playing"])
    assert during == before
    assert {selector: view.box(selector) for selector in STEADY} == before
    assert view.page.evaluate("shifts") == []


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
    view.until(lambda: view.epoch() > 20)
    assert view.box("#train-button") == before
    view.find("#train-button").click()


def parts(view):
    """Show what there is: all at once, or one part after the other where the screen has no room for more."""
    buttons = view.find("#panes [data-pane]:visible").all()
    for button in buttons:
        button.click()
        yield button.get_attribute("data-pane")
    if not buttons:
        yield "all"


def test_no_screen_scrolls_sideways(open_page):
    view = open_page("penguins")
    view.train(2)
    for width in (1440, 320, 400, 760, 768, 1180, 3840):
        view.page.set_viewport_size({"width": width, "height": 800})
        for shown in parts(view):
            view.page.wait_for_timeout(100)
            assert sideways(view) == 0, (width, shown)
        for name in ("Starting points", "Export", "Keys"):
            view.button(name).click()
            assert sideways(view) == 0, (width, name)
            view.press("Escape")
            view.find("dialog[open]").wait_for(state="detached")


def test_targets_are_large_enough(open_page):
    """24 pixels along one side at least, and no less than 18 along the other; a label belongs to its control."""
    view = open_page("digits")
    small = view.page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, summary, [role=option]")]
            .filter(control => control.offsetParent !== null)
            .map(control => {
                const boxes = [control, ...(control.labels ?? [])].map(one => one.getBoundingClientRect());
                const most = side => Math.max(...boxes.map(box => box[side]));
                const least = side => Math.min(...boxes.map(box => box[side]));
                return [control.outerHTML.slice(0, 90), most("right") - least("left"), most("bottom") - least("top")];
            })
            .filter(([, width, height]) => Math.min(width, height) < 18 || Math.max(width, height) < 24)"""
    )
    assert small == []


CUT = """selector => [...document.querySelectorAll(selector)]
    .filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"""


def test_large_counts_have_room_on_their_cards(open_page):
    def wide(page):
        wide = [{"type": "Dense", "units": units, "activation": "relu"} for units in (1024, 1024)]
        page.take_layers([*wide, {"type": "Dense", "units": 10, "activation": "softmax"}])

    view = open_page("digits", prepare=wide)
    assert view.page.evaluate(CUT, ".card-foot") == []
    foot = view.find('#strip .layer-card[data-index="1"] .card-foot')
    view.expect(foot).to_contain_text("1.05 M par.")
    view.expect(foot.get_by_title("1,049,600 parameters")).to_have_count(1)


SHOW = """async frame => {
    const { emit, store } = await import("/static/core/store.js");
    store.frame = { ...store.frame, ...frame };
    emit("frame");
}"""


def test_large_scores_are_not_cut_off(open_page):
    view = open_page("regression")
    view.train(1)
    for width in (320, 800, 1181, 1440):
        view.page.set_viewport_size({"width": width, "height": 800})
        for _ in parts(view):
            view.page.evaluate(SHOW, {"epoch": 123456, "loss": 5.094e-20, "r2": -5.094e20, "val_r2": -5.094e120})
            assert view.page.evaluate(CUT, ".numbers dd") == [], width


def test_messages_do_not_hide_what_is_read(open_page):
    """Where the bar has room they are there; they hide neither the doctor's findings nor what explains a batch."""
    view = open_page("vanishing_gradient")
    view.train(3)
    view.find("#step-epoch").click()
    view.find("#tab-doctor").click()
    view.expect(view.find("#doctor-summary")).to_contain_text("after 4 epochs")  # before that, its cards are drawn anew
    for tab, place in (("doctor", "#doctor-findings .finding"), ("explain", "#explain-button")):
        view.find(f"#tab-{tab}").click()
        view.find(place).first.scroll_into_view_if_needed()
        view.page.evaluate(TELL, "a message of the usual length, which says what became of the weights")
        message = view.find("#notices .notice").bounding_box()
        assert message["y"] + message["height"] <= view.find("#bar").bounding_box()["height"] + 12


@pytest.mark.parametrize("pane", ["Data", "Network", "Train", "Look closer"])
def test_on_a_narrow_screen_messages_leave_the_tabs_alone(open_page, pane):
    """Wherever they go: what has the focus at the lower edge drives them to the upper one."""
    view = open_page("xor", width=400, height=800)
    view.find("#panes button", has_text=pane).click()
    view.page.evaluate(TELL, "dense_1 is new, dense_2 is of another size: they begin with new weights")
    corner = "position: absolute; z-index: 99; top: 750px; left: 150px; width: 80px; height: 30px"
    view.page.evaluate(
        "style => document.body.append(Object.assign(document.createElement('button'), { id: 'low', style }))", corner
    )
    for focus in (False, True):
        if focus:
            view.find("#low").focus()
            view.page.wait_for_timeout(200)
            assert view.data("#notices", "place").startswith("top") or pane in ("Train", "Look closer")
        for tabs in ("#panes", "#look [role=tablist]"):
            box = view.find(tabs).bounding_box()
            assert box is None or not overlap(box, view.find("#notices").bounding_box()), (tabs, focus)


def overlap(a, b):
    across = a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"]
    return across and a["y"] < b["y"] + b["height"] and b["y"] < a["y"] + a["height"]


TELL = "async text => (await import('/static/ui/notices.js')).notice(text)"


def test_what_came_while_a_pane_was_hidden_is_shown_when_it_is_chosen(open_page):
    """The cards stayed without their bars until the next frame, which comes only if it trains."""
    view = open_page("xor", width=400)
    view.find('[data-pane="look"]').click()
    view.ask("open_preset", name="digits")
    view.train(1)
    view.find('[data-pane="network"]').click()
    norms = view.state()["frame"]["gradient_norms"]
    for name, norm in norms.items():
        bar = view.find(f'#strip [data-gradient="{name}"]')
        view.until(lambda bar=bar, norm=norm: f"next batch: {norm:.4g}" in (bar.get_attribute("title") or ""))
        view.expect(bar.locator(".track")).to_have_css("visibility", "visible")
