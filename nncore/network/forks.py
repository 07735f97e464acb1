"""What becomes of networks in a child process."""

from __future__ import annotations

import os
import weakref
from typing import Any

from nncore.network.turn import alive

networks: weakref.WeakSet[Any] = weakref.WeakSet()
"""All `Network` objects there are."""


def _forget_other_threads() -> None:
    """Begin anew with what other threads were using when this one forked."""
    lost = {turn for turn in alive() if turn.forget_other_threads()}
    for network in list(networks):
        if network.turn in lost:
            network.become_orphan()
    for turn in lost:
        turn.record_what_is_finished()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_forget_other_threads)
