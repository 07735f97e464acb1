"""The page in a real browser. Whatever a test is about, it fails if the page complains or asks any but its server."""

import contextlib
import inspect
import os
import re
import shutil
import time

import pytest

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
VERSION = "async () => (await import('/static/store.js')).store.state.version"
PATIENCE = 15  # seconds, for a machine that is busy with other tests


@pytest.fixture(scope="package")
def browser():
    """One browser for the tests of this folder; it ends with them, for other tests need the event loop."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the path to look at the page with")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright, which drives the browser, is missing")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found.expect = playwright.expect
        yield found
        found.close()


class Watch:
    """What pages did that none may do: errors in the console, exceptions, requests to others than their server.

    Attributes
    ----------
    expected : list of str
        Regular expressions of errors that the test provokes.
    """

    def __init__(self):
        self.noted = []
        self.expected = []

    def over(self, context, host):
        """Watch all pages of a context, whose server is `host`."""
        own = (f"http://{host}/", f"ws://{host}/", "data:", "blob:")

        def asked(url):
            if not url.startswith(own):
                self.noted.append(f"request: {url}")

        context.on("request", lambda request: asked(request.url))
        context.on("console", lambda told: told.type == "error" and self.noted.append(f"console: {told.text}"))
        context.on("weberror", lambda thrown: self.noted.append(f"exception: {thrown.error}"))
        context.on("page", lambda page: page.on("websocket", lambda socket: asked(socket.url)))

    def complaints(self):
        return [text for text in self.noted if not any(re.search(pattern, text) for pattern in self.expected)]


@pytest.fixture
def watch():
    found = Watch()
    yield found
    assert found.complaints() == []


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
def open_page(browser, new_server, watch):
    """Opens a page on a server of its own, or on that of another page; `fragment` stands where the token belongs."""
    with contextlib.ExitStack() as open_now:

        def opened(
            preset="xor", *, like=None, secret=None, fragment=None, prepare=None, width=1440, height=900, **options
        ):
            server = like.server if like else new_server(preset, secret=secret)
            if like is None:
                open_now.callback(server.close)
            if prepare:
                prepare(server.page(max_queue=None))
            context = browser.new_context(viewport={"width": width, "height": height}, **options)
            open_now.callback(context.close)
            context.set_default_timeout(1000 * PATIENCE)
            watch.over(context, server.host)
            page = context.new_page()
            page.goto(server.server.address if fragment is None else f"{server.origin}/{fragment}")
            view = View(page, server, browser.expect)
            return view.ready() if fragment is None else view

        yield opened
