"""What is on its way to one page: the latest state, the latest frame and a few notices, never a queue of them.

Training leaves a frame here and goes on; a page that reads slowly finds the latest one and has missed the others.
"""

from __future__ import annotations

import asyncio

MOST_NOTICES = 20


class Mailbox:
    """The slots of one page. All methods belong to the thread of the event loop.

    Examples
    --------
    >>> async def example():
    ...     mailbox = Mailbox()
    ...     for text in ("frame 1", "frame 2"):
    ...         mailbox.put("frame", text)
    ...     return await mailbox.take()
    >>> asyncio.run(example())
    ['frame 2']
    """

    def __init__(self) -> None:
        self._latest: dict[str, str] = {}
        self._notices: list[str] = []
        self._filled = asyncio.Event()

    def put(self, kind: str, text: str) -> None:
        """Leave a message: ``"state"`` and ``"frame"`` replace the one before, ``"notice"`` does not."""
        if kind == "notice":
            self._notices = [*self._notices, text][-MOST_NOTICES:]
        else:
            if kind == "state":  # a frame from before describes another network
                self._latest.clear()
            self._latest[kind] = text
        self._filled.set()

    async def take(self) -> list[str]:
        """Wait for messages and take them: the state first, then the frame, then notices."""
        await self._filled.wait()
        self._filled.clear()
        texts = [*self._latest.values(), *self._notices]
        self._latest, self._notices = {}, []
        return texts
