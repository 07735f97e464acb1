"""The web server: the page's files over HTTP, all else over one WebSocket. It listens on this machine alone.

Starlette, uvicorn and plotly are imported where they are used: nncore itself does without them.
"""

from __future__ import annotations

import contextlib
import html
import importlib.util
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nncore.builder import protocols, security
from nncore.builder.pages import Pages
from nncore.builder.session import Session
from nncore.errors import NNCoreError

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PIECE = 2**16  # bytes of a file that are sent at once
NEEDED = ("starlette", "uvicorn", "websockets", "plotly")


class MissingExtraError(NNCoreError, ImportError):
    """What the builder needs besides nncore is not installed."""


def require_extra() -> None:
    """Raise MissingExtraError unless everything in the extra ``[builder]`` is installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"the builder needs {', '.join(missing)}; install with: pip install {' '.join(missing)}"
        )


def page_files() -> dict[str, tuple[bytes, str]]:
    """Return content and media type of everything that is served, by path. No path is ever taken from the browser."""
    files = [file for file in sorted(STATIC.rglob("*")) if file.suffix in MEDIA_TYPES]
    found = {f"/static/{file.relative_to(STATIC).as_posix()}": file for file in files}
    found["/"] = STATIC / "index.html"
    plotly = importlib.util.find_spec("plotly")
    if plotly is not None and plotly.submodule_search_locations:
        found["/plotly.min.js"] = Path(plotly.submodule_search_locations[0], "package_data", "plotly.min.js")
    return {path: (file.read_bytes(), MEDIA_TYPES[file.suffix]) for path, file in found.items()}


def application(session: Session, keys: security.Keys, port: int) -> security.App:
    """Return the ASGI application that serves `session` on `port` to pages that know one of the keys."""
    from starlette.applications import Starlette
    from starlette.routing import Route, WebSocketRoute

    files = page_files()
    pages = Pages(session, keys)
    routes = [Route(path, _File(*files[path])) for path in files]
    app = Starlette(routes=[*routes, WebSocketRoute("/ws", pages.connect)], lifespan=pages.lifespan)
    return security.Guard(app, port)


class _File:
    """Sends a file piece by piece: no more than a few of them lie in memory for somebody who does not read."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self._content = content
        headers = {"content-type": media_type, "content-length": str(len(content))}
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: security.Scope, receive: security.Receive, send: security.Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        for start in range(0, len(self._content), PIECE):
            await send({"type": "http.response.body", "body": self._content[start : start + PIECE], "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _private_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that only this user may open, in theirs: browsers that come as snaps see no other."""
    try:
        return tempfile.TemporaryDirectory(prefix="nncore-builder-", dir=Path.home(), ignore_cleanup_errors=True)
    except (OSError, RuntimeError):  # there is none, or it is read-only
        return tempfile.TemporaryDirectory(prefix="nncore-builder-", ignore_cleanup_errors=True)


@contextlib.contextmanager
def _hung_up(stop: Callable[[], None]) -> Iterator[None]:
    """Let SIGHUP stop the server as SIGTERM does, of which uvicorn takes care, and be heard again at the end."""
    number = getattr(signal, "SIGHUP", None)  # Windows has none
    before = None if number is None else signal.getsignal(number)
    elsewhere = threading.current_thread() is not threading.main_thread()
    if number is None or elsewhere or before in (None, signal.SIG_IGN):  # nohup means it
        yield
        return
    heard: list[int] = []

    def end(*_: object) -> None:
        heard.append(number)
        stop()

    signal.signal(number, end)
    try:
        yield
    finally:
        signal.signal(number, before)
    if heard:
        signal.raise_signal(number)


class Server:
    """A server on this machine that has its port already; `run` serves until it is told to stop.

    Parameters
    ----------
    session : Session
    port : int
        0 takes any that is free.

    Attributes
    ----------
    address : str
        With the token, which browsers do not send in requests: it stands behind a #.
    address_once : str
        The same with a code instead, which works once.
    """

    def __init__(self, session: Session, port: int = 0) -> None:
        require_extra()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # On Windows SO_REUSEADDR would let two programs have one port, and its absence does not keep others from that.
        option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
        self._socket.setsockopt(socket.SOL_SOCKET, option, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
            self._socket.listen()  # now, so that a browser may be sent here before `run` begins
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._keys = security.Keys()
        self.address = f"http://127.0.0.1:{self.port}/#token={self._keys.token}"
        self.address_once = f"http://127.0.0.1:{self.port}/#code={self._keys.code}"
        self._uvicorn = self._configured(session)

    def _configured(self, session: Session) -> Any:
        import uvicorn

        settings: Mapping[str, Any] = {
            **protocols.settings(),
            "lifespan": "on",
            "log_level": "warning",
            "server_header": False,
            "proxy_headers": False,
            "timeout_graceful_shutdown": 1,
        }
        return uvicorn.Server(uvicorn.Config(application(session, self._keys, self.port), **settings))

    @contextlib.contextmanager
    def page_for_browser(self) -> Iterator[str]:
        """Yield the address of a file, for this user alone, that leads a browser to `address_once`; it is then deleted.

        A browser is given its address on a command line, which other users may read; the file they may not.
        """
        address = html.escape(self.address_once)
        leads = f'<meta http-equiv="refresh" content="0; url={address}"><a href="{address}">nncore builder</a>'
        text = f'<!doctype html><meta charset="utf-8"><title>nncore builder</title>{leads}'
        with _private_folder() as folder:
            path = Path(folder, "open.html")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            yield path.as_uri()

    def run(self) -> None:
        """Serve until Ctrl-C or `stop`."""
        try:
            with _hung_up(self.stop):
                self._uvicorn.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Have `run` return; may be called by any thread."""
        self._uvicorn.should_exit = True
