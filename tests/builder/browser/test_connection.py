"""Several pages, pages without the token, and a server that goes and comes back."""

import contextlib
import json
import threading

import pytest
from websockets.sync.server import serve as serve_websockets

REFUSED = "WebSocket connection to 'ws://127.0.0.1:"


def test_two_pages_see_the_same_run(open_page):
    one = open_page("xor")
    other = open_page(like=one)
    one.find("#step-epoch").click()
    other.until(lambda: other.epoch() == 1)
    assert other.data("#loss", "loss") == one.until(lambda: one.data("#loss", "loss"))
    other.ask("insert", index=1, layer={"type": "Dense", "units": 9, "activation": "relu"})
    for view in (one, other):
        view.expect(view.find("#strip .layer-card[data-index]")).to_have_count(3)
    other.find("#train-button").click()
    one.until(lambda: one.epoch() > 5)
    one.find("#train-button").click()
    one.until(lambda: not one.state()["run"]["playing"])
    last = one.state()["run"]["epoch"]
    for view in (one, other):
        view.until(lambda view=view: view.epoch() == last)
    assert one.data("#loss", "loss") == other.data("#loss", "loss")


def test_a_reloaded_page_shows_the_truth(open_page):
    view = open_page("xor")
    view.train(7)
    loss = view.data("#loss", "loss")
    assert "token" not in view.page.url
    view.page.reload()
    view.ready()
    assert (view.epoch(), view.data("#loss", "loss")) == (7, loss)


def test_a_link_of_another_server_is_opened_but_its_token_is_not_taken(open_page):
    view = open_page("xor")
    link = view.ask("export", kind="link")["text"].removeprefix("#")
    view.ask("open_preset", name="spiral")
    view.page.evaluate("fragment => void (location.hash = fragment)", f"token=of-another&{link}")
    view.until(lambda: view.state()["data"]["name"] == "xor")
    assert view.page.url == f"{view.server.origin}/"
    view.page.reload()
    view.ready()
    view.expect(view.find("#strip .layer-card[data-index]")).to_have_count(2)


def test_the_file_on_the_command_line_leads_to_the_page(open_page, watch):
    watch.expected.append("^request: file:///")
    view = open_page("xor")
    with view.server.server.page_for_browser() as address:
        view.page.goto(address)
        view.page.wait_for_url(f"{view.server.origin}/")
        view.ready()
    assert view.epoch() == 0


def test_the_address_of_the_command_line_works_once(open_page):
    one = open_page("xor")
    once = one.server.server.address_once.removeprefix(one.server.origin).removeprefix("/")
    view = open_page(like=one, fragment=once).ready()
    assert "code" not in view.page.url
    view.page.reload()
    view.ready()
    assert view.state()["data"]["name"] == "xor"
    open_page(like=one, fragment=once).find("body[data-connection=unauthorized]").wait_for()


@pytest.mark.parametrize("fragment", ["", "#token=guessed"])
def test_a_page_without_the_token_is_told_so(open_page, fragment):
    view = open_page(fragment=fragment)
    view.find("body[data-connection=unauthorized]").wait_for()
    view.expect(view.find("#workbench")).to_contain_text("does not know the server's token")
    assert view.find("#train-button").count() == 0


def test_a_server_that_comes_back(open_page, new_server, watch, monkeypatch):
    """With the same token, as after a computer has slept: nothing has to be done."""
    watch.expected.append(REFUSED)
    view = open_page("xor")
    view.train(3)
    view.find("#reset").click()
    view.find("#notices .notice").wait_for()
    keys = view.server.server._keys
    view.server.close()
    view.find("body[data-connection=away]").wait_for()
    view.expect(view.find("#bar")).to_contain_text("The server is away")
    view.expect(view.find("#bar")).to_contain_text("Start nncore builder again and open its address: this page goes on")
    notices, chip = (view.find(place).bounding_box() for place in ("#notices", "#bar .chip[role=status]"))
    apart = notices["x"] + notices["width"] <= chip["x"] or chip["x"] + chip["width"] <= notices["x"]
    assert apart or notices["y"] >= chip["y"] + chip["height"], "a message does not hide it"
    monkeypatch.setattr("nncore.builder.security.Keys", lambda: keys)
    again = new_server("spiral", view.server.port)
    try:
        view.find("body[data-connection=open]").wait_for()
        view.expect(view.find("#notices")).to_contain_text("The server was started anew")
        view.expect(view.find("#strip .layer-card[data-index]")).to_have_count(3)
        view.find("#step-epoch").click()
        view.until(lambda: again.session.run.model.epoch == 1)
        view.until(lambda: view.epoch() == 1)
    finally:
        again.close()


def test_pages_of_a_server_that_was_started_anew_go_on_and_bring_their_set_up_back(open_page, new_server, watch):
    watch.expected.append(REFUSED)
    view = open_page("xor")
    view.ask("insert", index=1, layer={"type": "Dense", "units": 9, "activation": "relu"})
    layers = view.state()["layers"]
    view.server.close()
    view.find("body[data-connection=away]").wait_for()
    again = new_server("spiral", view.server.port)
    try:
        view.find("body[data-connection=unauthorized]").wait_for()
        view.expect(view.find("#workbench")).to_contain_text("does not know the server's token")
        view.expect(view.find("button:visible")).to_have_count(0)
        opened = view.page.context.new_page()  # as nncore builder does when it is started
        opened.goto(again.server.address_once)
        view.find("body[data-connection=open][data-ready=true]").wait_for()
        view.expect(view.find("#notices")).to_contain_text("The server was started anew")
        view.button("Bring my set-up back").click()
        view.until(lambda: again.session.run.setup.source.name == "xor")
        view.expect(view.find("#strip .layer-card[data-index]")).to_have_count(len(layers))
        opened.close()
    finally:
        again.close()


def test_a_set_up_comes_back_with_the_table_that_this_tab_has_sent(open_page, new_server, watch):
    """The server that has gone held it alone, and the page is loaded anew meanwhile."""
    watch.expected.append(REFUSED)
    view = open_page("xor")
    view.find("#csv-open").click()
    view.find("#csv-text").fill("a,b,kind\n" + "".join(f"{i},{i % 5},{'xy'[i % 2]}\n" for i in range(33)))
    view.find("#csv-load").click()
    before = view.until(lambda: (found := view.state())["data"]["name"] == "csv" and found)
    view.server.close()
    view.find("body[data-connection=away]").wait_for()
    again = new_server("spiral", view.server.port)
    try:
        view.find("body[data-connection=unauthorized]").wait_for()
        opened = view.page.context.new_page()
        opened.goto(again.server.address_once)
        view.find("body[data-connection=open][data-ready=true]").wait_for()
        view.button("Bring my set-up back").click()
        view.until(lambda: again.session.run.setup.source.name == "csv")
        assert again.session.state()["data"] == before["data"]
        assert again.session.state()["link"] == before["link"]
        opened.close()
    finally:
        again.close()


@contextlib.contextmanager
def squatter(port):
    """A program of somebody else that has taken the port, says yes to everything, and notes what it is told."""
    heard = []

    def serve(websocket):
        websocket.send(json.dumps({"type": "challenge", "challenge": "any"}))
        for text in websocket:
            heard.append(json.loads(text))
            result = {"proof": heard[-1].get("proof", ""), "token": "mine", "server": "mine", "state": {}}
            websocket.send(json.dumps({"id": heard[-1]["id"], "ok": True, "result": result}))

    with serve_websockets(serve, "127.0.0.1", port) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join(20)


def test_a_program_that_takes_the_port_learns_nothing(open_page, watch):
    watch.expected.append(REFUSED)
    view = open_page("xor")
    token = view.server.token
    view.server.close()
    view.find("body[data-connection=away]").wait_for()
    with squatter(view.server.port) as heard:
        view.find("body[data-connection=unauthorized]").wait_for()
        assert [message["type"] for message in heard] == ["hello"]
        assert token not in json.dumps(heard)
        assert view.page.evaluate("() => sessionStorage.getItem('token')") == token


def test_a_page_too_many_is_told_so_and_comes_in_later(open_page, monkeypatch):
    monkeypatch.setattr("nncore.builder.pages.MOST_PAGES", 1)
    one = open_page("xor")
    other = open_page(like=one, fragment=f"#token={one.server.token}")
    other.expect(other.find("#workbench")).to_contain_text("1 pages are open already")
    assert other.find("#train-button").count() == 0
    one.page.close()
    other.button("Try now").click()
    other.ready()
    other.expect(other.find("#workbench")).not_to_contain_text("open already")
    other.expect(other.find("#strip .layer-card[data-index]")).to_have_count(2)


def test_charts_that_could_not_be_loaded_are_tried_again(open_page, watch):
    watch.expected.append("Failed to load resource")
    view = open_page("xor")
    view.page.route("**/plotly.min.js", lambda route: route.abort())
    view.page.reload()
    view.ready()
    view.expect(view.find("#loss-chart")).to_contain_text("could not be loaded")
    view.page.unroute("**/plotly.min.js")
    view.train(3)
    view.find("#loss-chart").get_by_role("button", name="Try again").click()
    view.find("#loss-chart .plot-container").wait_for()
    view.expect(view.find(".no-chart")).to_have_count(0)


def test_a_page_that_loads_says_so(open_page):
    """Until the server has answered there is a word instead of empty panels."""
    view = open_page("xor")
    view.page.add_init_script(HOLD_ANSWERS)
    view.page.evaluate("() => sessionStorage.setItem('hold', 'yes')")
    view.page.reload()
    loading = view.find(".loading:visible")
    view.expect(loading).to_have_text("Loading the builder …")
    view.expect(view.find(".pane:visible")).to_have_count(0)
    view.page.evaluate("() => letIn()")
    view.ready()
    view.expect(loading).to_have_count(0)
    view.expect(view.find(".pane:visible")).to_have_count(4)


HOLD_ANSWERS = """
const Real = WebSocket;
const held = new Promise(resolve => { window.letIn = resolve; });
if (sessionStorage.getItem("hold")) window.WebSocket = class extends Real {
  set onmessage(listener) { super.onmessage = async event => { await held; listener(event); }; }
};
"""
"""For the page that asks for it: a tab keeps such a script for all that it loads, also in other tests."""
