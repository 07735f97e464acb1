"""Who is refused: other sites, other names of this machine, those without the token; and what a page may do."""

import contextlib
import json
import socket
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from nncore.builder import pages, protocols, rules, security, server
from nncore.builder.pages import FULL, UNAUTHORIZED


def placed(texts, running):
    """Return texts with the server's port and token in them."""
    places = {"PORT": str(running.port), "TOKEN": running.token}
    for name, value in places.items():
        texts = [text.replace(name, value) for text in texts]
    return texts


# ---- HTTP


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "[::1]:PORT"])
def test_the_page_is_served_under_every_name_of_this_machine(shared, host):
    (host,) = placed([host], shared)
    response = shared.get("/", f"Host: {host}")
    assert response.status == 200
    assert response.text.startswith("<!doctype html>")
    assert f"connect-src 'self' ws://{host};" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:PORT",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:PORT",
        "127.0.0.1:PORT.",
        "",
    ],
)
def test_forged_hosts_are_refused(shared, host):
    response = shared.get("/", *placed([f"Host: {host}"], shared))
    assert response.status == 403
    assert "Host" in response.text


def test_no_host_and_two_hosts_are_refused(shared):
    host = f"Host: {shared.host}"
    assert shared.raw("GET / HTTP/1.1").status in (400, 403)
    assert shared.get("/", host, host).status in (400, 403)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:PORT", "http://localhost:PORT", ""]
)
def test_requests_of_other_pages_are_refused(shared, origin):
    assert shared.get("/", *placed([f"Origin: {origin}"], shared)).status == 403
    assert shared.get("/", f"Origin: {shared.origin}").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_reading_is_allowed(shared, method):
    assert shared.get("/", method=method).status == 405


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/static/", "/static/../server.py", "/static/%2e%2e/server.py", "/static//etc/passwd"),
        *("/docs", "/ws", "/static/core", "/static/core/", "/static/core/../../server.py", "/static/store.js"),
    ],
)
def test_no_path_is_taken_from_the_browser(shared, path):
    assert shared.get(path).status == 404


@pytest.mark.parametrize("name", ["app.js", "core/store.js", "look/explain/kinds/dense.js", "css/theme.css"])
def test_folders_of_the_page_are_served_file_by_file(shared, name):
    response = shared.get(f"/static/{name}")
    assert response.text == (server.STATIC / name).read_text(encoding="utf-8")
    assert response.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")


@pytest.mark.parametrize("path", ["/", "/plotly.min.js", "/nothing"])
def test_every_response_has_the_headers(shared, path):
    headers = shared.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy and "http:" not in policy and "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_plotly_comes_out_of_its_wheel(shared):
    response = shared.get("/plotly.min.js")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "plotly.js v" in response.text[:300]


# ---- WebSocket


@pytest.mark.parametrize(
    "headers",
    [
        ["Host: 127.0.0.1:PORT"],
        ["Host: 127.0.0.1:PORT", "Origin: null"],
        ["Host: 127.0.0.1:PORT", "Origin: http://evil.example"],
        ["Host: 127.0.0.1:PORT", "Origin: http://localhost:PORT"],
        ["Host: 127.0.0.1:PORT", "Origin: https://127.0.0.1:PORT"],
        ["Host: evil.example", "Origin: http://evil.example"],
        ["Host: evil.example:PORT", "Origin: http://evil.example:PORT"],
    ],
)
def test_websockets_of_other_pages_are_refused_before_they_open(shared, headers):
    assert shared.upgrade(*placed(headers, shared)).status == 403


def test_a_websocket_of_our_page_opens(shared):
    headers = placed(["Host: localhost:PORT", "Origin: http://localhost:PORT"], shared)
    response = shared.upgrade(*headers, "Sec-WebSocket-Extensions: permessage-deflate")
    assert response.status == 101
    assert "sec-websocket-extensions" not in response.headers


def refused(running, *sent):
    """Return the code with which a WebSocket is closed after these messages; in them PROOF and TOKEN are replaced."""
    with connect(f"ws://{running.host}/ws", origin=running.origin) as websocket:
        challenge = json.loads(websocket.recv(timeout=10))["challenge"]
        for message in sent:
            right = security.proof(running.token, "page", f"{challenge}:nonce")
            text = message.replace("PROOF", right).replace("TOKEN", running.token).replace("OTHER", right[:-1])
            websocket.send(text.encode() if text.startswith("binary") else text)
        with pytest.raises(ConnectionClosed) as refusal:
            websocket.recv(timeout=10)
    return refusal.value.rcvd.code


HELLO = '{"id": 0, "type": "hello", "nonce": "nonce", "proof": "PROOF"}'


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 0, "type": "hello", "nonce": "nonce", "proof": "wrong"}',
        '{"id": 0, "type": "hello", "nonce": "nonce", "proof": ""}',
        '{"id": 0, "type": "hello", "nonce": "nonce", "proof": "TOKEN"}',
        '{"id": 0, "type": "hello", "token": "TOKEN"}',
        '{"id": 0, "type": "hello", "nonce": "nonce", "proof": "OTHER"}',
        '{"id": 0, "type": "hello", "nonce": "nonce", "proof": "OTHER\\u00e9"}',
        '{"id": 0, "type": "hello", "nonce": "nonce", "proof": "\\ud800"}',
        '{"id": 0, "type": "hello", "nonce": "nonce", "proof": null}',
        '{"id": 0, "type": "hello"}',
        '{"id": 0, "type": "hello", "proof": "PROOF"}',
        '{"id": 0, "type": "hello", "nonce": "another", "proof": "PROOF"}',
        '{"id": 0, "type": "state", "proof": "PROOF"}',
        '{"id": 0, "type": "state"}',
        "no JSON",
        "",
        " " * 2000 + HELLO,
        "binary" + HELLO,
    ],
)
def test_without_a_proof_of_the_token_nothing_is_told(shared, text):
    assert refused(shared, text) == UNAUTHORIZED


def test_a_proof_holds_for_one_connection(running):
    """Whoever listens in on one, or lures a page into making one, has no use of it."""
    with connect(f"ws://{running.host}/ws", origin=running.origin) as websocket:
        challenge = json.loads(websocket.recv(timeout=10))["challenge"]
    seen = security.proof(running.token, "page", f"{challenge}:nonce")
    assert refused(running, f'{{"id": 0, "type": "hello", "nonce": "nonce", "proof": "{seen}"}}') == UNAUTHORIZED


def test_the_code_lets_one_page_in_which_then_has_the_token(running):
    code = running.server.address_once.partition("#code=")[2]
    assert len(code) >= 43
    assert running.page(key=code).greeting["token"] == running.token
    with pytest.raises(ConnectionClosed):
        running.page(key=code)
    assert running.page().state["run"]["epoch"] == 0


def test_a_proof_that_comes_late_is_refused(shared, monkeypatch):
    monkeypatch.setattr(pages, "SECONDS_FOR_HELLO", 0.05)
    assert refused(shared) == UNAUTHORIZED


def full(running):
    """Return the code with which a page is closed that knows the token."""
    with pytest.raises(ConnectionClosed) as closed:
        running.page()
    return closed.value.rcvd.code


def test_too_many_pages_are_refused(running, monkeypatch):
    running.page()
    monkeypatch.setattr(pages, "MOST_PAGES", 1)
    assert full(running) == FULL


def test_those_who_do_not_know_the_token_keep_no_page_out(running, monkeypatch):
    monkeypatch.setattr(pages, "MOST_PAGES", 2)
    with contextlib.ExitStack() as strangers:
        for _ in range(5):
            websocket = strangers.enter_context(connect(f"ws://{running.host}/ws", origin=running.origin))
            websocket.recv(timeout=10)
        assert running.page().state["run"]["epoch"] == 0
        monkeypatch.setattr(pages, "MOST_STRANGERS", 5)
        assert full(running) == FULL


def test_hello_is_answered_with_the_state(running):
    state = running.page().state
    assert state["run"]["epoch"] == 0
    assert state["data"]["name"] == "xor"


def test_hello_is_said_once(running):
    error = running.page().refused("hello", nonce="nonce", proof="proof")
    assert error["message"] == "hello comes first, and once"


def test_a_message_that_is_too_long_closes_the_connection(running):
    page = running.page()
    with contextlib.suppress(ConnectionClosed):
        page.send("set_data", csv="x" * (rules.MOST_BYTES + 1))
    with pytest.raises(ConnectionClosed) as closed:
        page.answer_to(2)
    told = closed.value.rcvd  # lost where the connection is reset while the message is still on its way
    assert told is None or told.code == 1009
    assert running.page().state["data"]["name"] == "xor"


def frame_header(length, final=True):
    """Return the beginning of a text message of a browser, as long as it says to be."""
    return bytes([0x81 if final else 0x01, 0xFF]) + length.to_bytes(8, "big") + b"mask"


def stranger(running):
    """Return a socket that has opened a WebSocket and proves nothing."""
    found = socket.create_connection(("127.0.0.1", running.port), timeout=10)
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    lines = ["GET /ws HTTP/1.1", f"Host: {running.host}", f"Origin: {running.origin}", "Upgrade: websocket"]
    lines += ["Connection: Upgrade", "Sec-WebSocket-Version: 13", key, "", ""]
    found.sendall("\r\n".join(lines).encode())
    assert b" 101 " in found.recv(4096)
    return found


def ended(connection):
    """Tell whether the other side ends a connection, in time."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


@pytest.mark.parametrize("length", [5000, 2**24, 2**40])
def test_before_the_proof_a_message_is_short(running, length):
    """Sixteen megabytes of each of 64 strangers were 7 GB."""
    with stranger(running) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(frame_header(length) + b"x" * 100_000)
        assert ended(connection)
    page = running.page()
    assert page("set_data", csv="a,b\n" + "1.5,2\n2.5,3\n" * 1000)["edits"] == 1, "after it, it may be long"


def test_strangers_have_hardly_any_memory_and_keep_no_page_out(running):
    before = memory()
    with contextlib.ExitStack() as strangers:
        for _ in range(60):
            connection = strangers.enter_context(stranger(running))
            with contextlib.suppress(ConnectionError):
                connection.sendall(frame_header(2**24) + b"x" * 2**20)
        assert running.page().state["run"]["epoch"] == 0
        assert memory() - before < 30e6


def test_pings_before_the_proof_end_the_connection(running):
    """Each is answered, and who does not read the answers had them kept: 10 MB a second, beyond all deadlines."""
    ping = bytes([0x89, 0xFD, 0, 0, 0, 0]) + b"x" * 125
    with stranger(running) as connection, pytest.raises(ConnectionError):
        for _ in range(1000):
            connection.sendall(1000 * ping)
    assert running.page().socket.ping().wait(10), "after it, they are answered"


def test_those_who_do_not_read_a_file_have_hardly_any_memory(running):
    before, asked = memory(), f"GET /plotly.min.js HTTP/1.1\r\nHost: {running.host}\r\n\r\n".encode()
    with contextlib.ExitStack() as strangers:
        for _ in range(100):
            connection = strangers.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=10))
            connection.sendall(asked)
            assert connection.recv(12) == b"HTTP/1.1 200"
        assert running.get("/plotly.min.js").text
        assert memory() - before < 60e6


def memory():
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.mark.parametrize("sent", ["", "G", "GET / HTTP/1.1\r\nHost: 127", "GET / HTTP/1.1\r\nHost: HOST\r\n\r\nGET"])
def test_half_a_request_has_its_time(new_server, monkeypatch, sent):
    monkeypatch.setattr(protocols, "SECONDS_FOR_REQUEST", 0.2)
    running = new_server()
    try:
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
            connection.sendall(sent.replace("HOST", running.host).encode())
            assert ended(connection)
        assert running.get("/").status == 200
    finally:
        running.close()


def test_a_connection_over_which_files_are_loaded_ends(new_server, monkeypatch):
    monkeypatch.setattr(protocols, "SECONDS_FOR_REQUEST", 0.1)
    monkeypatch.setattr(protocols, "SECONDS_OF_CONNECTION", 0.3)
    running = new_server()
    try:
        address, asked = ("127.0.0.1", running.port), f"GET /plotly.min.js HTTP/1.1\r\nHost: {running.host}\r\n\r\n"
        with socket.create_connection(address, timeout=10) as connection, pytest.raises(ConnectionError):
            for _ in range(10_000):  # on and on, and nothing is ever read
                connection.sendall(asked.encode())
                time.sleep(0.01)
    finally:
        running.close()


def test_headers_are_bounded(shared):
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 1000) for i in range(40)))
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_connections_are_bounded(new_server, monkeypatch):
    monkeypatch.setattr(protocols, "MOST_CONNECTIONS", 8)
    running = new_server()
    try:
        with contextlib.ExitStack() as open_ones:
            for _ in range(8):
                address = ("127.0.0.1", running.port)
                open_ones.enter_context(socket.create_connection(address, timeout=10)).sendall(b"G")
            time.sleep(0.2)
            with socket.create_connection(("127.0.0.1", running.port), timeout=10) as one_more:
                assert ended(one_more)
        time.sleep(0.2)
        assert running.get("/").status == 200
    finally:
        running.close()


def test_binary_messages_are_refused(running):
    page = running.page()
    page.socket.send(json.dumps({"id": 7, "type": "state"}).encode())
    assert page.answer_to(None)["error"]["message"].startswith("the message is not JSON")


def test_messages_are_slowed_down(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(pages.time, "monotonic", lambda: now[0])
    bucket = pages.Bucket()
    waits = [bucket.take() for _ in range(180)]
    assert waits[:120] == [0.0] * 120
    assert waits[-1] == pytest.approx(1.0)
    now[0] = 10.0
    assert bucket.take() == 0.0


# ---- the server


def test_tokens_differ_and_are_long():
    secrets = [text for _ in range(50) for keys in [security.Keys()] for text in (keys.token, keys.code)]
    assert len(set(secrets)) == 100
    assert min(map(len, secrets)) >= 43
    assert len({security.new_challenge() for _ in range(100)}) == 100


def test_every_server_has_a_token_and_a_name_of_its_own(new_server):
    first = new_server()
    name = first.page().greeting["server"]
    first.close()
    again = new_server(port=first.port)
    assert again.page().greeting["server"] != name
    again.close()
    assert first.token != again.token


def test_nobody_can_answer_with_the_proof_of_somebody_else():
    keys = security.Keys()
    both = "challenge:nonce"
    assert keys.answer("challenge", "nonce", security.proof(keys.token, "server", both)) is None
    assert keys.answer("challenge", "nonce", security.proof(keys.token, "page", both)) == security.proof(
        keys.token, "server", both
    )


def test_it_listens_on_this_machine_alone(shared):
    assert shared.server._socket.getsockname() == ("127.0.0.1", shared.port)
    assert shared.server.address == f"{shared.origin}/#token={shared.token}"


def test_a_port_that_is_taken_is_an_error(shared):
    with pytest.raises(OSError, match="in use"):
        server.Server(shared.session, shared.port)


def test_a_missing_extra_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(server, "NEEDED", ("starlette", "no_such_package"))
    with pytest.raises(server.MissingExtraError, match=r"no_such_package; install with: pip install no_such_package"):
        server.require_extra()
