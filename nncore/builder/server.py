"""The web server: the page's files over HTTP, all else over one WebSocket. It listens on this machine alone.

Starlette, uvicorn and plotly are imported where they are used: nncore itself does without them.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncore.builder import messages, security
from nncore.builder.mailbox import Mailbox
from nncore.builder.messages import Refusal, Request, encode
from nncore.builder.worker import Trainable, Worker
from nncore.errors import NNCoreError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response
    from starlette.websockets import WebSocket

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
NEEDED = ("starlette", "uvicorn", "websockets", "plotly", "platformdirs")
SECONDS_FOR_HELLO = 5.0
MOST_PAGES = 32
MOST_BYTES = 2 * messages.MOST_CSV  # of a message: quotes and ends of lines take two characters in JSON
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 60.0, 120.0
UNAUTHORIZED, FULL = 4401, 4429
"""Codes with which a WebSocket is closed: no proof of the token, a wrong one, or too late; too many pages."""

log = logging.getLogger("nncore.builder")


class MissingExtraError(NNCoreError, ImportError):
    """What the builder needs besides nncore is not installed."""


def require_extra() -> None:
    """Raise MissingExtraError unless everything in the extra ``[builder]`` is installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"the builder needs {', '.join(missing)}; install with: pip install 'nncore[builder]'")


def page_files() -> dict[str, tuple[bytes, str]]:
    """Return content and media type of everything that is served, by path. No path is ever taken from the browser."""
    found = {f"/static/{file.name}": file for file in sorted(STATIC.iterdir()) if file.suffix in MEDIA_TYPES}
    found["/"] = STATIC / "index.html"
    plotly = importlib.util.find_spec("plotly")
    if plotly is not None and plotly.submodule_search_locations:
        found["/plotly.min.js"] = Path(plotly.submodule_search_locations[0], "package_data", "plotly.min.js")
    return {path: (file.read_bytes(), MEDIA_TYPES[file.suffix]) for path, file in found.items()}


class Bucket:
    """Lets messages through at a bounded rate, by telling how long to wait before the next one is read."""

    def __init__(self) -> None:
        self._left, self._at = MESSAGES_AT_ONCE, time.monotonic()

    def take(self) -> float:
        """Return the seconds to wait."""
        now = time.monotonic()
        self._left = min(MESSAGES_AT_ONCE, self._left + (now - self._at) * MESSAGES_PER_SECOND) - 1
        self._at = now
        return max(0.0, -self._left / MESSAGES_PER_SECOND)


class Pages:
    """All pages that are open, and what connects them with the session."""

    def __init__(self, session: Trainable, keys: security.Keys) -> None:
        self._keys = keys
        self._name = security.new_challenge()  # by which pages notice that the server is another one
        self._mailboxes: set[Mailbox] = set()
        self._connections = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        session.publish = self.publish
        self.worker = Worker(session)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Run the training thread for as long as the server runs."""
        self._loop = asyncio.get_running_loop()
        self.worker.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self.worker.stop)

    def publish(self, kind: str, text: str) -> None:
        """Leave a message in all mailboxes; may be called by any thread, and returns at once."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, kind, text)

    def _deliver(self, kind: str, text: str) -> None:
        for mailbox in self._mailboxes:
            mailbox.put(kind, text)

    async def connect(self, websocket: WebSocket) -> None:
        """Serve one page from its first message to its last."""
        from starlette.websockets import WebSocketDisconnect

        await websocket.accept()
        if self._connections >= MOST_PAGES:
            await websocket.close(FULL, f"{MOST_PAGES} pages are open already")
            return
        self._connections += 1
        try:
            await self._serve(websocket)
        except WebSocketDisconnect:
            return
        finally:
            self._connections -= 1

    async def _serve(self, websocket: WebSocket) -> None:
        hello = await self._hello(websocket)
        if hello is None:
            await websocket.close(UNAUTHORIZED, "the first message must be hello with a proof of the token")
            return
        mailbox, sending = Mailbox(), asyncio.Lock()
        self._mailboxes.add(mailbox)
        pushing = asyncio.create_task(_push(websocket, mailbox, sending))
        try:
            answer = await self._answer(Request(hello.id, "state", {}))
            if answer["ok"]:
                answer["result"] = {"token": self._keys.token, "server": self._name, "state": answer["result"]}
            async with sending:
                await websocket.send_text(encode(answer))
            await self._converse(websocket, sending)
        finally:
            self._mailboxes.discard(mailbox)
            pushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pushing

    async def _hello(self, websocket: WebSocket) -> Request | None:
        """Return the first message if it is the right one, and in time."""
        challenge = security.new_challenge()
        await websocket.send_text(encode({"type": "challenge", "challenge": challenge}))
        try:
            text = await asyncio.wait_for(_received(websocket), SECONDS_FOR_HELLO)
            request = messages.read(text if len(text) < 1000 else "")
        except (Refusal, asyncio.TimeoutError):
            return None
        known = request.type == "hello" and self._keys.fit(request.fields["proof"], challenge)
        return request if known else None

    async def _converse(self, websocket: WebSocket, sending: asyncio.Lock) -> None:
        bucket = Bucket()
        while True:
            text = await _received(websocket)
            await asyncio.sleep(bucket.take())
            try:
                reply = await self._answer(messages.read(text))
            except Refusal as refusal:
                reply = _refused(refusal.id, refusal)
            async with sending:
                await websocket.send_text(encode(reply))

    async def _answer(self, request: Request) -> dict[str, Any]:
        try:
            result = await asyncio.wrap_future(self.worker.submit(request))
        except Refusal as refusal:
            return _refused(request.id, refusal)
        except Exception:
            log.exception("the request %s failed", request.type)
            return _refused(request.id, Refusal(f"{request.type} failed by a mistake in the builder; see its terminal"))
        return {"id": request.id, "ok": True, "result": result}


def _refused(number: int | None, refusal: Refusal) -> dict[str, Any]:
    return {"id": number, "ok": False, "error": {"message": str(refusal), "where": refusal.where}}


async def _received(websocket: WebSocket) -> str:
    """Return the next message; a binary one is none that `messages.read` would take."""
    from starlette.websockets import WebSocketDisconnect

    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    return message.get("text") or ""


async def _push(websocket: WebSocket, mailbox: Mailbox, sending: asyncio.Lock) -> None:
    """Send what is in the mailbox, for ever. While a slow page is waited for, newer messages replace older ones."""
    from starlette.websockets import WebSocketDisconnect

    try:
        while True:
            for text in await mailbox.take():
                async with sending:
                    await websocket.send_text(text)
    except (WebSocketDisconnect, RuntimeError):  # it has gone: the other side of the conversation notices, too
        return


def application(session: Trainable, keys: security.Keys, port: int) -> security.App:
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


class Server:
    """A server on this machine that has its port already; `run` serves until it is told to stop.

    Parameters
    ----------
    session : Trainable
    port : int
        0 takes any that is free.
    secret : bytes, optional
        Of what the token is made; by default something new.

    Attributes
    ----------
    address : str
        With the token, which browsers do not send in requests: it stands behind a #.
    address_once : str
        The same with a code instead, which works once.
    """

    def __init__(self, session: Trainable, port: int = 0, secret: bytes | None = None) -> None:
        require_extra()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name != "nt":  # where it would let two servers have one port
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
            self._socket.listen()  # now, so that a browser may be sent here before `run` begins
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._keys = security.Keys(security.token_of(secret or secrets.token_bytes(32), self.port))
        self.address = f"http://127.0.0.1:{self.port}/#token={self._keys.token}"
        self.address_once = f"http://127.0.0.1:{self.port}/#code={self._keys.code}"
        self._uvicorn = self._configured(session)

    def _configured(self, session: Trainable) -> Any:
        import uvicorn

        settings: Mapping[str, Any] = {
            "ws": "websockets-sansio",
            "ws_max_size": MOST_BYTES,
            "ws_per_message_deflate": False,  # it saves nothing here, and takes time from the training
            "lifespan": "on",
            "log_level": "warning",
            "server_header": False,
            "proxy_headers": False,
            "timeout_graceful_shutdown": 1,
        }
        return uvicorn.Server(uvicorn.Config(application(session, self._keys, self.port), **settings))

    def run(self) -> None:
        """Serve until Ctrl-C or `stop`."""
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Have `run` return; may be called by any thread."""
        self._uvicorn.should_exit = True
