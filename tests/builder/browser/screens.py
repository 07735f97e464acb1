"""Every screen of the page, and how to get there: for the audit and for the pictures."""

import contextlib

TRAINED = 30  # epochs


def _trained(view):
    if view.state()["run"]["epoch"] == 0:
        view.train(TRAINED)
        view.find("#loss-chart .plot-container").wait_for()


@contextlib.contextmanager
def training(view):
    """The page as one sees it first, after some training."""
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
        view.page.wait_for_timeout(200)

    return act


SCREENS = {
    "start": contextlib.nullcontext,
    "training": training,
    "layer": a_card,
    "mistake": a_mistake,
    "confusion": tab("evaluate", evaluated("confusion")),
    "worst": tab("evaluate", evaluated("worst")),
    "draw": tab("evaluate", evaluated("draw")),
    "explain": tab("explain", explained),
    "doctor": tab("doctor", doctored),
    "starting-points": dialog("Starting points"),
    "export": dialog("Export"),
    "keys": dialog("Keys"),
}
"""Context managers of a page of the starting point "digits"."""
