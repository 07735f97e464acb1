"""The page in a real browser. Whatever a test is about, it fails if the page complains or asks any but its server."""

import contextlib
import inspect
import os
import re
import shutil
import time

import pytest

from nncore.builder import security

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # its sandbox refuses to work for root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VERSION = "async () => (await import('/static/core/store.js')).store.state.version"
PATIENCE = 15  # seconds, for a machine that is busy with other tests


@pytest.fixture(scope="package")
def browser():
    """One browser for the tests of this folder; it ends with them, for other tests need the event loop."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the path to look at the page with")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright, which drives the browser, is missing")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found.expect, found.error = playwright.expect, playwright.Error
        yield found
        found.close()


class Watch:
    """What pages did that none may do: errors in the console, exceptions, other pages, requests to other servers.

    Attributes
    ----------
    expected : list of str
        Regular expressions of errors that the test provokes.
    """

    def __init__(self):
        self.noted = []
        self.expected = []

    def over(self, page, host):
        """Watch a page whose server is `host`; return what ends that."""
        own = (f"http://{host}/", f"ws://{host}/", "data:", "blob:")

        def asked(sent):
            if not sent.url.startswith(own):
                self.noted.append(f"request: {sent.url}")

        heard = {
            "request": asked,
            "websocket": asked,
            "console": lambda told: told.type == "error" and self.noted.append(f"console: {told.text}"),
            "pageerror": lambda thrown: self.noted.append(f"exception: {thrown}"),
            "popup": lambda other: self.noted.append(f"another page: {other.url}"),
        }
        for event, listener in heard.items():
            page.on(event, listener)
        return lambda: [page.remove_listener(event, listener) for event, listener in heard.items()]

    def complaints(self):
        return [text for text in self.noted if not any(re.search(pattern, text) for pattern in self.expected)]


@pytest.fixture
def watch():
    found = Watch()
    yield found
    assert found.complaints() == []


class Stage:
    """A tab and a port that tests use one after the other: so the browser compiles the scripts of the page only once.

    Each test has a server of its own, and loads the page anew. Nothing of a page outlives that but what the browser
    stores for an address, its settings, and where the mouse is: `leave` puts those back.

    Parameters
    ----------
    browser : Browser of Playwright
    new_server : function
        Returns a server that runs.
    """

    def __init__(self, browser, new_server):
        self.browser, self._new_server = browser, new_server
        self._port = 0
        self._idle = None  # a tab that waits for the next test

    def server(self, preset):
        """Return a server with the port of the one before, or with another port if somebody took that meanwhile."""
        try:
            found = self._new_server(preset, self._port)
        except OSError:
            found = self._new_server(preset)
        self._port = found.port
        return found

    def tab(self, *, width, height, color_scheme, reduced_motion):
        """Return a tab that shows no page of ours.

        A second one has a context of its own: of two tabs in one window, the browser keeps that behind waiting.
        """
        tab, self._idle = self._idle, None
        if tab is None:
            tab = self.browser.new_context().new_page()
            tab.set_default_timeout(1000 * PATIENCE)
        tab.set_viewport_size({"width": width, "height": height})
        tab.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        return tab

    def leave(self, tab, origin):
        """Have a tab leave its page, for a picture of the same origin: for another one, the browser would forget all.

        If it cannot, as its server is away or the page has crashed, or if there is an idle tab, it ends.
        """
        try:
            tab.goto(f"{origin}/static/logo.svg")
            tab.evaluate("() => [localStorage.clear(), sessionStorage.clear()]")
            tab.mouse.up()
            tab.mouse.move(0, 0)
        except self.browser.error:
            tab.context.close()
            return
        if self._idle is not None:
            self._idle.context.close()
        self._idle = tab

    def close(self):
        if self._idle is not None:
            self._idle.context.close()


def kept_for_an_hour(headers):
    """Return the headers of a response, but the browser may keep it: what it is told for real, other tests look at."""
    return [(name, b"max-age=3600" if name == b"cache-control" else value) for name, value in headers]


@pytest.fixture(scope="package")
def stage(browser, new_server):
    told = security.response_headers
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(security, "response_headers", lambda host: kept_for_an_hour(told(host)))
        found = Stage(browser, new_server)
        yield found
        found.close()


class View:
    """A page in the browser, and the server behind it.

    Parameters
    ----------
    page : Page of Playwright
    server : Running
    expect : function
        Playwright's, which waits until an assertion holds.
    """

    def __init__(self, page, server, expect):
        self.page, self.server, self.expect = page, server, expect
        self._other = None

    # ---- what the server says

    def ask(self, message, **fields):
        """Ask the server what another page would."""
        self._other = self._other or self.server.page(max_queue=None)  # it reads all, so that it can be closed at once
        return self._other(message, **fields)

    def state(self):
        """Return the server's state, as soon as the page has it, too."""
        found = self.ask("state")
        self.until(lambda: self.page.evaluate(VERSION) >= found["version"])
        return found

    def layers(self):
        """Return kinds and sizes: ["Dense 4", "Dropout", "Dense 2"]."""
        return [" ".join(map(str, filter(None, (one["type"], one.get("units"))))) for one in self.state()["layers"]]

    def weights(self):
        """Return the bits of all weights."""
        return [weight.tobytes() for weight in self.server.session.run.model.get_weights()]

    # ---- what the page shows

    def find(self, selector, **options):
        return self.page.locator(selector, **options)

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def text(self, selector):
        return self.find(selector).inner_text().strip()

    def number(self, selector):
        """Return the number that is shown: "96.9 %" is 96.9, a dash is NaN."""
        return float(re.sub(r"[^\d.e-]", "", self.text(selector).replace("−", "-")) or "nan")

    def data(self, selector, name):
        """Return an attribute data-... of an element."""
        return self.find(selector).get_attribute(f"data-{name}")

    def epoch(self):
        """Return how many epochs the page says are done."""
        return int(self.data("#epoch", "epoch"))

    def losses(self):
        """Return the epoch and its loss, of the same moment, at the precision of the core."""
        script = "() => [document.getElementById('epoch').dataset.epoch, document.getElementById('loss').dataset.loss]"
        epoch, loss = self.page.evaluate(script)
        return int(epoch), float(loss or "nan")

    def box(self, selector):
        """Return x, y, width and height on the page, however far it is scrolled."""
        script = (
            "e => { const b = e.getBoundingClientRect(); return [b.x + scrollX, b.y + scrollY, b.width, b.height]; }"
        )
        return [round(number, 2) for number in self.find(selector).evaluate(script)]

    def focused(self):
        """Return what describes the element that has the focus."""
        script = "e => [e.tagName, e.id, e.getAttribute('aria-label') ?? e.textContent.trim().slice(0, 40)].join(' ')"
        return self.page.evaluate(f"({script})(document.activeElement)")

    # ---- doing something

    def until(self, condition, seconds=PATIENCE):
        """Wait until `condition` is true, and return what it returned; the page goes on meanwhile."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > end:
                pytest.fail(f"in {seconds} seconds it did not happen: {inspect.getsource(condition).strip()}")
            self.page.wait_for_timeout(20)
        return found

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def drag(self, start, end, steps=8):
        """Drag with the mouse from the middle of one element to a point: another's middle, or (x, y)."""
        x, y = self.middle(start)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(*(end if isinstance(end, tuple) else self.middle(end)), steps=steps)
        self.page.mouse.up()

    def middle(self, element):
        element = self.find(element) if isinstance(element, str) else element
        element.scroll_into_view_if_needed()
        box = element.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def train(self, epochs):
        """Train so many more epochs, and wait until the page shows the last."""
        last = self.state()["run"]["epoch"] + epochs
        self.ask("train", epochs=epochs)
        self.until(lambda: self.epoch() == last and not self.state()["run"]["playing"])

    def ready(self):
        self.find("body[data-ready=true]").wait_for(timeout=1000 * PATIENCE)
        return self


@pytest.fixture
def open_page(stage, watch):
    """Opens a page on a server of its own, or on that of another page; `fragment` stands where the token belongs."""
    with contextlib.ExitStack() as open_now:

        def opened(
            preset="xor",
            *,
            like=None,
            fragment=None,
            prepare=None,
            width=1440,
            height=900,
            color_scheme="light",
            reduced_motion="no-preference",
        ):
            server = like.server if like else stage.server(preset)
            if like is None:
                open_now.callback(server.close)
            if prepare:
                prepare(server.page(max_queue=None))
            page = stage.tab(width=width, height=height, color_scheme=color_scheme, reduced_motion=reduced_motion)
            open_now.callback(stage.leave, page, server.origin)
            open_now.callback(watch.over(page, server.host))
            page.goto(server.server.address if fragment is None else f"{server.origin}/{fragment}")
            view = View(page, server, stage.browser.expect)
            return view.ready() if fragment is None else view

        yield opened
