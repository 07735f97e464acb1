"""Contenders in processes of their own, asked in turn to do something."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, TypeVar

from bench.record import FIRST, ROOT
from bench.timing import Contender, Slot


class Worker:
    """A process that trains one contender's networks when asked: see `bench.worker`.

    Its own process gives each library the thread settings that it reads when imported, and keeps the threads of one
    out of the others' way.
    """

    COMMAND: tuple[str, ...] = ("bench", "worker", "training")
    """What to start: its last word is the section whose table of contenders holds this one."""

    def __init__(self, contender: str, threads: int) -> None:
        self.contender, self.threads = contender, threads
        command = [sys.executable, "-m", *self.COMMAND, contender, str(threads)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request: str, argument: Any = None) -> Any:
        """Send a request, return the answer.

        Raises
        ------
        RuntimeError
            If the process has died; its own words stand on stderr.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([request, argument]) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            answer = ""
        else:
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.contender} failed to answer {request!r} ({argument!r}); its error is above")
        return json.loads(answer)

    def close(self) -> None:
        """End the process: it stops when there is nothing more to read."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def timed(self) -> Contender:
        return lambda repeats: Slot(*self.ask("time", repeats))


W = TypeVar("W", bound=Worker)


@contextmanager
def workers(contenders: list[str], thread_counts: list[int], kind: type[W]) -> Iterator[list[W]]:
    """Start a worker for each contender and number of threads, and end them all in the end."""
    with ExitStack() as stack:
        started: list[W] = []
        for contender in contenders:
            for threads in thread_counts:
                started.append(kind(contender, threads))
                stack.callback(started[-1].close)
        yield started


class Entry(Protocol):
    """What a table of contenders tells about each."""

    @property
    def needs(self) -> str: ...

    @property
    def available(self) -> bool: ...


def taking_part(names: list[str] | None, available: Iterable[str]) -> list[str]:
    """Return nncore, then whoever is available and asked for, or everyone; who is not is passed over."""
    return [FIRST, *(name for name in available if name != FIRST and (names is None or name in names))]


def chosen(names: list[str] | None, known: Mapping[str, Entry]) -> list[str]:
    """Return who takes part: nncore first, then those asked for, or everyone who is installed.

    Raises
    ------
    ValueError
        If a name is unknown or its package missing.
    """
    for name in names or []:
        if name not in known:
            raise ValueError(f"unknown peer {name!r}; known: {', '.join(known)}")
        if not known[name].available:
            raise ValueError(f"peer {name!r} needs {known[name].needs}, which is not installed")
    everyone = (name for name, entry in known.items() if entry.available) if names is None else dict.fromkeys(names)
    return taking_part(None, everyone)
