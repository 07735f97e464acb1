"""Who may talk to the builder: pages that it served itself, on this machine, and that know its token.

Any web page may send requests to 127.0.0.1. One that tries with a host name of its own (DNS rebinding) is told by its
``Host``, one of another site by its ``Origin``, another user of this machine by not knowing the token. Page and server
prove to each other that they know it; no page ever sends it: the server may have gone, and another user's program
have taken its port.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""Plotly puts an empty style element into the page and fills it by script: this is the hash of the empty text."""


def new_challenge() -> str:
    """Return a text that was never used before, for a page to make its proof of."""
    return secrets.token_urlsafe(32)


def proof(key: str, who: str, challenge: str) -> str:
    """Return what only those can know who know the key: an HMAC-SHA256 of a challenge, in hexadecimal digits.

    Parameters
    ----------
    key : str
    who : {"page", "server"}
        Who proves that it knows the key: nobody can answer with the proof that somebody else has made.
    challenge : str
        What both have chosen at random for this connection.

    Examples
    --------
    >>> proof("secret", "page", "1") == proof("secret", "page", "1") != proof("secret", "server", "1")
    True
    """
    return hmac.digest(key.encode(), f"{who}:{challenge}".encode(), hashlib.sha256).hex()


class Keys:
    """What lets pages in.

    Attributes
    ----------
    token : str
        Lets any number of pages in, for as long as the server runs.
    code : str
        Lets one page in, for once. Browsers are started with a file that holds it.

    Examples
    --------
    >>> keys = Keys()
    >>> code, chosen = keys.code, ("challenge", "nonce")
    >>> keys.answer(*chosen, proof("guess", "page", "challenge:nonce")) is None
    True
    >>> right = proof(code, "page", "challenge:nonce")
    >>> keys.answer(*chosen, right) == proof(code, "server", "challenge:nonce")
    True
    >>> keys.answer(*chosen, right) is None  # once
    True
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self.code = secrets.token_urlsafe(32)

    def answer(self, challenge: str, nonce: str, given: str) -> str | None:
        """Return the server's own proof to a page whose proof is right, None to any other.

        It takes a time that does not depend on how much of the proof is right.
        """
        both = f"{challenge}:{nonce}"
        for key in filter(None, (self.token, self.code)):
            if hmac.compare_digest(given.encode("utf-8", "replace"), proof(key, "page", both).encode()):
                if key == self.code:
                    self.code = ""
                return proof(key, "server", both)
        return None


def hosts(port: int) -> tuple[str, ...]:
    """Return what a browser on this machine calls the server.

    Examples
    --------
    >>> hosts(8000)
    ('127.0.0.1:8000', 'localhost:8000', '[::1]:8000')
    """
    return tuple(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def content_security_policy(host: str) -> str:
    """Return what the page may load and whom it may talk to: this server, and nobody else."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' {EMPTY_STYLE}",
            "style-src-attr 'unsafe-inline'",  # Plotly sets attributes of SVG elements so
            "img-src 'self' data: blob:",
            "font-src 'self'",
            f"connect-src 'self' ws://{host}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def response_headers(host: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of every response."""
    headers = {
        "content-security-policy": content_security_policy(host),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "cache-control": "no-cache",
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class Guard:
    """Lets only requests through that this server's own page can have made.

    Parameters
    ----------
    app : ASGI application
    port : int
        The port that it is served on.
    """

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._hosts = hosts(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        status, reason = self._refusal(scope)
        if not status:
            await self._app(scope, receive, _with_headers(send, _only(scope, b"host")))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason})  # before it is accepted: HTTP 403
        else:
            await _refuse(send, status, reason, self._hosts[0])

    def _refusal(self, scope: Scope) -> tuple[int, str]:
        """Return HTTP status and reason, or 0 for a request that may pass."""
        host, origin = _only(scope, b"host"), _only(scope, b"origin")
        if host not in self._hosts:
            return 403, f"this server is called {self._hosts[0]}; the request's Host is another one"
        if origin is None and scope["type"] == "websocket":
            return 403, "a WebSocket needs an Origin, which every browser sends"
        if origin is not None and origin != f"http://{host}":
            return 403, "the request comes from a page of another origin"
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            return 405, "only GET and HEAD are answered; all else goes over the WebSocket"
        return 0, ""


def _only(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header; None if it is missing, and "" if it was sent twice, which no browser does."""
    values = [value for key, value in scope["headers"] if key == name]
    if not values:
        return None
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _with_headers(send: Send, host: str | None) -> Send:
    async def wrapped(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *response_headers(host or "")]
        await send(message)

    return wrapped


async def _refuse(send: Send, status: int, reason: str, host: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *response_headers(host)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})
