"""A builder that runs: a session alone, or a server on a port of its own, and pages that talk to it."""

import base64
import contextlib
import json
import socket
import threading

import pytest
from websockets.sync.client import connect

from nncore.builder import presets, server
from nncore.builder.messages import carry_out, read
from nncore.builder.security import proof
from nncore.builder.session import Session


class Client:
    """What asks for what a page would ask for."""

    def link_with(self, layers):
        """Return the link to a set-up with other layers, all else as it is."""
        link = self("state")["link"]
        before = json.loads(base64.urlsafe_b64decode(link + "=" * (-len(link) % 4)))
        return base64.urlsafe_b64encode(json.dumps({**before, "layers": layers}).encode()).decode().rstrip("=")

    def take_layers(self, layers):
        """Begin anew with other layers."""
        return self("open_link", spec=self.link_with(layers))


class Asker(Client):
    """A session without a server: what a page would ask, one thing after the other."""

    def __init__(self, preset="xor", **arguments):
        self.published = []
        self.session = Session(
            presets.setup_of(preset), publish=lambda kind, text: self.published.append(json.loads(text)), **arguments
        )

    def __call__(self, message, **fields):
        return carry_out(self.session, read(json.dumps({"id": 1, "type": message, **fields})))

    @property
    def run(self):
        return self.session.run


@pytest.fixture
def ask():
    return Asker()


@pytest.fixture
def new_session():
    return Asker


class Page(Client):
    """A page of a server with a port: asks, and keeps what it was told meanwhile."""

    def __init__(self, running, key=None, **options):
        address = f"ws://{running.host}/ws"
        self.open = contextlib.ExitStack()
        self.socket = self.open.enter_context(connect(address, origin=running.origin, max_size=None, **options))
        self.told = []
        self.n = 0
        key, both = key or running.token, json.loads(self.socket.recv(timeout=20))["challenge"] + ":of the page"
        self.greeting = self("hello", nonce="of the page", proof=proof(key, "page", both))
        assert self.greeting["proof"] == proof(key, "server", both)
        self.state = self.greeting["state"]

    def send(self, message, **fields):
        self.n += 1
        self.socket.send(json.dumps({"id": self.n, "type": message, **fields}))
        return self.n

    def __call__(self, message, **fields):
        reply = self.answer_to(self.send(message, **fields))
        assert reply["ok"], reply
        return reply["result"]

    def refused(self, message, **fields):
        reply = self.answer_to(self.send(message, **fields))
        assert not reply["ok"], reply
        return reply["error"]

    def answer_to(self, number, timeout=20):
        while True:
            reply = json.loads(self.socket.recv(timeout=timeout))
            if reply.get("id") == number:
                return reply
            self.told.append(reply)

    def wait_for(self, kind, condition=lambda message: True, timeout=20):
        """Return the next message of a kind that nobody asked for."""
        while True:
            message = json.loads(self.socket.recv(timeout=timeout))
            if message.get("type") == kind and condition(message[kind]):
                return message[kind]


class Response:
    """Status, headers and text of an HTTP answer."""

    def __init__(self, stream):
        self.status = int(stream.readline().split()[1])
        lines = iter(lambda: stream.readline().decode().strip(), "")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.text = "" if self.status == 101 else stream.read().decode()


class Running:
    """A server in a thread, and its pages."""

    def __init__(self, preset="xor", port=0):
        self.session = Session(presets.setup_of(preset))
        self.server = server.Server(self.session, port)
        self.port = self.server.port
        self.token = self.server.address.partition("#token=")[2]
        self.host = f"127.0.0.1:{self.port}"
        self.origin = f"http://{self.host}"
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        self.pages = []

    def page(self, **options):
        self.pages.append(Page(self, **options))
        return self.pages[-1]

    def raw(self, start, *headers):
        """Return the answer to a request that no client library would send."""
        lines = [start, *headers, "Connection: close" if "Upgrade: websocket" not in headers else "Connection: Upgrade"]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
            return Response(connection.makefile("rb"))

    def get(self, path, *headers, method="GET"):
        """Return the answer to a request as a page of ours makes it, but for some headers."""
        own = [] if any(header.startswith("Host:") for header in headers) else [f"Host: {self.host}"]
        return self.raw(f"{method} {path} HTTP/1.1", *own, *headers)

    def upgrade(self, *headers):
        """Return the answer to a request to open a WebSocket."""
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        return self.raw("GET /ws HTTP/1.1", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key, *headers)

    def close(self):
        for page in self.pages:
            page.open.close()
        self.server.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture(scope="session")
def new_server():
    return Running


@pytest.fixture
def running():
    found = Running()
    yield found
    found.close()


@pytest.fixture(scope="module")
def shared():
    """A server for tests that leave it as it is."""
    found = Running()
    yield found
    found.close()
