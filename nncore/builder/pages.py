"""The pages that are open: each proves that it knows the token, then asks and is told what changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from nncore.builder import messages, protocols, security
from nncore.builder.mailbox import Mailbox
from nncore.builder.messages import Request
from nncore.builder.refusal import Refusal
from nncore.builder.session import Session
from nncore.builder.wire import encode
from nncore.builder.worker import Worker

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.websockets import WebSocket

SECONDS_FOR_HELLO = 5.0
MOST_PAGES = 32
MOST_STRANGERS = 64  # connections that have not proven yet that they know the token
MOST_AWAITED = 16  # answers of one page
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 60.0, 120.0
UNAUTHORIZED, FULL = 4401, 4429
"""Codes with which a WebSocket is closed: no proof of the token, a wrong one, or too late; too many pages."""

Answer = Callable[[], Awaitable[dict[str, Any]]]
"""Called by the task that sends it: one that is cancelled before it begins leaves nothing behind."""

log = logging.getLogger("nncore.builder")


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

    def __init__(self, session: Session, keys: security.Keys) -> None:
        self._keys = keys
        self._name = security.new_challenge()  # by which pages notice that the server is another one
        self._mailboxes: set[Mailbox] = set()
        self._strangers = 0
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
        try:
            hello = await self._hello(websocket)
            if hello is not None:
                await self._serve(websocket, *hello)
        except WebSocketDisconnect:
            return

    async def _hello(self, websocket: WebSocket) -> tuple[Request, str] | None:
        """Return the first message, if it proves in time that the page may come in, and the proof for the page."""
        if self._strangers >= MOST_STRANGERS:
            await websocket.close(FULL, "too many connections")
            return None
        self._strangers += 1
        try:
            request, answer = await asyncio.wait_for(self._greeted(websocket), SECONDS_FOR_HELLO)
        except (Refusal, asyncio.TimeoutError):
            await websocket.close(UNAUTHORIZED, "the first message must be hello with a proof of the token")
            return None
        finally:
            self._strangers -= 1
        if len(self._mailboxes) >= MOST_PAGES:
            await websocket.close(FULL, f"{MOST_PAGES} pages are open already")
            return None
        protocols.trust(websocket)
        return request, answer

    async def _greeted(self, websocket: WebSocket) -> tuple[Request, str]:
        challenge = security.new_challenge()
        await websocket.send_text(encode({"type": "challenge", "challenge": challenge}))
        text = await _received(websocket)
        request = messages.read(text if len(text) < 1000 else "")
        if request.type != "hello":
            raise Refusal("hello comes first")
        answer = self._keys.answer(challenge, request.fields["nonce"], request.fields["proof"])
        if answer is None:
            raise Refusal("the page does not know the token")
        return request, answer

    async def _serve(self, websocket: WebSocket, hello: Request, proof: str) -> None:
        mailbox, sending = Mailbox(), asyncio.Lock()
        self._mailboxes.add(mailbox)
        pushing = asyncio.create_task(_push(websocket, mailbox, sending))
        try:
            answer = await self._answer(Request(hello.id, "state", {}))()
            if answer["ok"]:
                known = {"proof": proof, "token": self._keys.token, "server": self._name}
                answer["result"] = {**known, "state": answer["result"]}
            async with sending:
                await websocket.send_text(encode(answer))
            await self._converse(websocket, sending)
        finally:
            self._mailboxes.discard(mailbox)
            pushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pushing

    async def _converse(self, websocket: WebSocket, sending: asyncio.Lock) -> None:
        """Read on while answers are awaited: a pause must not wait for what takes until the end of an epoch."""
        bucket, free = Bucket(), asyncio.Semaphore(MOST_AWAITED)
        replies: set[asyncio.Task[None]] = set()
        try:
            while True:
                text = await _received(websocket)
                await asyncio.sleep(bucket.take())
                await free.acquire()
                reply = asyncio.create_task(self._reply(websocket, sending, self._answer_to(text)))
                replies.add(reply)
                reply.add_done_callback(replies.discard)
                reply.add_done_callback(lambda _: free.release())
        finally:
            for reply in replies:
                reply.cancel()

    async def _reply(self, websocket: WebSocket, sending: asyncio.Lock, answer: Answer) -> None:
        from starlette.websockets import WebSocketDisconnect

        text = encode(await answer())
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it has gone
            async with sending:
                await websocket.send_text(text)

    def _answer_to(self, text: str) -> Answer:
        """Hand a message on at once, for their order counts; return what waits for its answer."""
        try:
            return self._answer(messages.read(text))
        except Refusal as refusal:
            return partial(_at_once, _refused(refusal.id, refusal))

    def _answer(self, request: Request) -> Answer:
        return partial(_answered, request, self.worker.submit(request))


async def _at_once(answer: dict[str, Any]) -> dict[str, Any]:
    return answer


async def _answered(request: Request, future: Future[Any]) -> dict[str, Any]:
    try:
        result = await asyncio.wrap_future(future)
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
