"""The web server: the page's files over HTTP, all else over one WebSocket. It listens on this machine alone.

Starlette, uvicorn and plotly are imported where they are used: nncore itself does without them.
"""

from __future__ import annotations

import contextlib
import html
import importlib.util
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncore.builder import protocols, security
from nncore.builder.pages import Pages
from nncore.builder.session import Session
from nncore.errors import NNCoreError

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
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
    routes = [Route(path, _file(*files[path])) for path in files]
    app = Starlette(routes=[*routes, WebSocketRoute("/ws", pages.connect)], lifespan=pages.lifespan)
    return security.Guard(app, port)


def _file(content: bytes, media_type: str) -> Any:
    async def respond(request: HttpRequest) -> Response:
        from starlette.responses import Response

        return Response(content, media_type=media_type)

    return respond


def _private_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that only this user may open, in theirs: browsers that come as snaps see no other."""
    try:
        return tempfile.TemporaryDirectory(prefix="nncore-builder-", dir=Path.home(), ignore_cleanup_errors=True)
    except (OSError, RuntimeError):  # there is none, or it is read-only
        return tempfile.TemporaryDirectory(prefix="nncore-builder-", ignore_cleanup_errors=True)


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
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Have `run` return; may be called by any thread."""
        self._uvicorn.should_exit = True
