"""A page of the builder that only reads, as much as it is told to: started by `bench.builder`, ended by a signal.

``python -m bench.builder_page ADDRESS all|none|FRAMES_PER_SECOND``
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from urllib.parse import parse_qs, urlsplit

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from nncore.builder.security import proof

BUFFER = 4096
"""Bytes that the system may keep for a page that does not read; it may take a few more."""


def small_socket(host: str | None, port: int | None) -> socket.socket:
    """Return a connection that has no room for what is not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    connection.connect((host, port))
    return connection


def greet(page: ClientConnection, token: str) -> None:
    """Prove that this page knows the token.

    Raises
    ------
    RuntimeError
        If the builder does not know the token.
    """
    both = json.loads(page.recv())["challenge"] + ":1"
    page.send(json.dumps({"id": 0, "type": "hello", "nonce": "1", "proof": proof(token, "page", both)}))
    answer = json.loads(page.recv())
    if not answer["ok"]:
        raise RuntimeError(answer["error"]["message"])


def read(page: ClientConnection, how_much: str) -> None:
    """Read until the signal comes."""
    if how_much == "none":
        signal.pause()
    pause = 0.0 if how_much == "all" else 1 / float(how_much)
    while True:
        page.recv()
        time.sleep(pause)


def main(address: str, how_much: str) -> None:
    """Open the page at an address that holds the token, say so, and read."""
    origin, _, fragment = address.partition("/#")
    server = urlsplit(origin)
    with connect(
        f"ws://{server.netloc}/ws",
        sock=small_socket(server.hostname, server.port),
        origin=Origin(origin),
        max_queue=1,
        max_size=None,
        ping_interval=None,
    ) as page:
        greet(page, parse_qs(fragment)["token"][0])
        print("ready", flush=True)
        read(page, how_much)


if __name__ == "__main__":
    main(*sys.argv[1:])
