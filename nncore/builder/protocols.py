"""How connections are spoken to: uvicorn's protocols, with limits for whoever has not proved yet to be a page of ours.

Anybody on this machine can open connections to the server. None gets more than a few kilobytes of its memory, nor more
than some seconds of its attention, before it has proved that it knows the token.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from nncore.builder import rules

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

MOST_CONNECTIONS = 256  # of all kinds: pages that load their files have six each
MOST_BYTES_OF_STRANGERS = 4096  # in a message; a hello has 200
MOST_BYTES_OF_HEADERS = 16384
SECONDS_FOR_REQUEST = 5.0  # from its first byte, or from the opening of a connection, to its end
SECONDS_OF_CONNECTION = 60.0  # of one over which files are loaded; those of WebSockets have no end
TRUSTED = "nncore.trusted"
"""Of the extensions in a WebSocket's scope: what lets long messages through from now on."""


def trust(websocket: WebSocket) -> None:
    """Let the messages of a page that has proved that it knows the token be as long as they may be."""
    websocket.scope["extensions"][TRUSTED]()


def settings() -> dict[str, Any]:
    """Return what uvicorn is to speak, and how much of it before the proof."""
    return {
        "http": _http(),
        "ws": _websocket(),
        "ws_max_size": MOST_BYTES_OF_STRANGERS,
        "ws_per_message_deflate": False,  # it saves nothing here, and takes time from the training
        "h11_max_incomplete_event_size": MOST_BYTES_OF_HEADERS,
    }


def _http() -> type[asyncio.Protocol]:
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Http(H11Protocol):
        """Gives up connections that ask for nothing, or for ever, and takes no more than so many."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._end, self._half = self.loop.time() + SECONDS_OF_CONNECTION, False
            if len(self.connections) > MOST_CONNECTIONS:
                transport.abort()
                return
            self.loop.call_later(SECONDS_FOR_REQUEST, self._look)

        def _look(self) -> None:
            """End the connection if its time is over, or if it was in the same half of a request at the last look."""
            if self.transport.is_closing() or self.transport.get_protocol() is not self:  # a WebSocket by now
                return
            responding = self.cycle is not None and not self.cycle.response_complete
            half = not responding and self.timeout_keep_alive_task is None
            first = self.cycle is None
            if self.loop.time() >= self._end or (half and (first or self._half)):
                self.transport.abort()
                return
            self._half = half
            self.loop.call_later(SECONDS_FOR_REQUEST, self._look)

    return Http


def _websocket() -> type[asyncio.Protocol]:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    class WebSocketProtocol(WebSocketsSansIOProtocol):
        """Hands the application a function that lets long messages through."""

        trusted = False

        def handle_connect(self, event: Any) -> None:
            super().handle_connect(event)
            scope: Any = getattr(self, "scope", None)
            if scope is not None:  # the request was one for a WebSocket
                scope["extensions"][TRUSTED] = self.trust

        def trust(self) -> None:
            self.trusted = True
            # the second name is that before websockets 15.1
            name = "max_message_size" if hasattr(self.conn, "max_message_size") else "max_size"
            setattr(self.conn, name, rules.MOST_BYTES)

        def handle_ping(self, *event: Any) -> None:
            """Answer, but no stranger: no page sends pings, and whoever reads no answers has them kept without end."""
            if self.trusted:
                super().handle_ping(*event)
            else:
                self.transport.abort()

    return WebSocketProtocol
