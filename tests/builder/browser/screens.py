"""Every screen of the page, and how to get there: for the audit and for the pictures."""

import contextlib

TRAINED = 30  # epochs


def _trained(view):
    if view.state()["run"]["epoch"] == 0:
        view.train(TRAINED)
        view.find("#loss-chart .plot-container").wait_for()


@contextlib.contextmanager
def start(view):
    """The page as it opens."""
    yield


@contextlib.contextmanager
def training(view):
    """After some training."""
    _trained(view)
    yield


def tab(name, act=lambda view: None):
    @contextlib.contextmanager
    def show(view):
        _trained(view)
        view.find(f"#tab-{name}").click()
        act(view)
        yield

    return show


def dialog(name):
    @contextlib.contextmanager
    def show(view):
        view.button(name).click()
        view.find("dialog[open]").wait_for()
        yield
        view.press("Escape")
        view.find("dialog[open]").wait_for(state="detached")

    return show


@contextlib.contextmanager
def a_card(view):
    view.find('#strip .layer-card[data-index="0"]').click()
    view.find("#layer-form").wait_for()
    yield


@contextlib.contextmanager
def a_mistake(view):
    rate = view.find("#learning-rate")
    before = rate.input_value()
    rate.fill("-1")
    rate.press("Enter")
    view.find("#train .mistake").first.wait_for()
    yield
    rate.fill(before)
    rate.press("Enter")


def explained(view):
    view.find("#explain-button").click()
    view.find("#explain-beats").wait_for()
    for _ in range(3):
        view.find("#explain-next").click()


def doctored(view):
    view.find("#doctor-findings").wait_for()


def evaluated(name):
    def act(view):
        view.find(f'[data-view="{name}"]').click()
        view.until(lambda: str(TRAINED) in view.text("#evaluate-epoch"))

    return act


def drawn(view):
    """A stroke on the pad, and what the network takes it for."""
    view.find('[data-view="draw"]').click()
    x, y = view.middle("#pad canvas.pad, canvas#pad")
    view.page.mouse.move(x, y - 50)
    view.page.mouse.down()
    view.page.mouse.move(x, y + 50, steps=6)
    view.page.mouse.up()
    view.find("#class-bars [data-probability]").first.wait_for()


SCREENS = {
    "start": (start, "body"),
    "training": (training, "body"),
    "layer": (a_card, "#network"),
    "mistake": (a_mistake, "#train"),
    "confusion": (tab("evaluate", evaluated("confusion")), "#look"),
    "worst": (tab("evaluate", evaluated("worst")), "#look"),
    "draw": (tab("evaluate", drawn), "#look"),
    "explain": (tab("explain", explained), "#look"),
    "doctor": (tab("doctor", doctored), "#look"),
    "starting-points": (dialog("Starting points"), "dialog"),
    "own-csv": (dialog("Own CSV"), "dialog"),
    "export": (dialog("Export"), "dialog"),
    "keys": (dialog("Keys"), "dialog"),
}
"""Context managers of a page of the starting point "digits", and the part that is other than on the screens before."""
