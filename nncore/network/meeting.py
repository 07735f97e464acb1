"""Where threads meet that train a network each, so that the engine trains all of them in one call, in lanes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from typing import Any, NamedTuple

from nncore.engine import lanes
from nncore.program import Program


class _Question(NamedTuple):
    """A function that the thread of a network is to call, and where the leader waits for the answer."""

    function: Callable[..., object]
    arguments: tuple[Any, ...]
    answers: SimpleQueue[tuple[object, BaseException | None]]


class _Call:
    """What one thread has come with, what it is told, and what became of it."""

    def __init__(self, program: Program, key: Hashable, plan: Any, arguments: dict[str, Any]) -> None:
        self.program, self.key, self.plan, self.arguments = program, key, plan, arguments
        self.told: SimpleQueue[_Question | list[_Call] | None] = SimpleQueue()
        self.thread = threading.get_ident()
        self.result: Any = None
        self.error: BaseException | None = None

    def ask(self, function: Callable[..., object], *arguments: Any) -> object:
        """Let the thread of the network call a function: callbacks may look at their model there."""
        if threading.get_ident() == self.thread:
            return function(*arguments)
        answers: SimpleQueue[tuple[object, BaseException | None]] = SimpleQueue()
        self.told.put(_Question(function, arguments, answers))
        answer, error = answers.get()
        if error is not None:
            raise error
        return answer


class Meeting:
    """Threads that come to `train` wait until all are there; then one of them trains all, and each gets its own result.

    Networks that cannot share the vectors, or are too few for that to pay, are trained one after the other. No result
    depends on who has met whom.

    Parameters
    ----------
    n : int
        How many threads there are; each says when it will not come again, by `leave`.

    Examples
    --------
    >>> meeting = Meeting(2)
    >>> meeting.leave()
    >>> meeting.leave()
    """

    def __init__(self, n: int) -> None:
        self._lock = threading.Lock()
        self._n, self._waiting = n, list[_Call]()
        self._interrupted = False

    def join(self) -> None:
        """One more thread is going to come."""
        with self._lock:
            self._n += 1

    def leave(self) -> None:
        """This thread will not come again."""
        with self._lock:
            self._n -= 1
            calls = self._all_here()
        if calls:
            calls[0].told.put(calls)

    def train(self, program: Program, key: Hashable, plan: Any, arguments: dict[str, Any]) -> Any:
        """Train a plan as ``plan.train(**arguments)`` would, when all have come.

        Parameters
        ----------
        program : Program
            Of the plan.
        key : hashable or None
            What plans have in common that can be trained together; None for one that cannot.
        plan : Plan
        arguments : dict

        Returns
        -------
        TrainResult
        """
        call = _Call(program, key, plan, arguments)
        with self._lock:
            self._waiting.append(call)
            calls = self._all_here()
        if calls:
            self._lead(calls)
        else:
            self._follow(call)
        if call.error is not None:
            raise call.error
        return call.result

    def _all_here(self) -> list[_Call]:
        """Return all calls once nobody is missing."""
        if not self._waiting or len(self._waiting) < self._n:
            return []
        calls, self._waiting, self._interrupted = self._waiting, [], False
        return calls

    def _follow(self, call: _Call) -> None:
        """Wait for the end, and do meanwhile what only this thread can do."""
        interrupt: BaseException | None = None
        while True:
            try:
                told = call.told.get()
                if told is None:
                    break
                if isinstance(told, list):
                    self._lead(told)
                    break
                _answer(told)
            except BaseException as error:  # Ctrl-C: another thread is computing with this one's plan
                interrupt, self._interrupted = error, True
        call.error = call.error or interrupt

    def _lead(self, calls: list[_Call]) -> None:
        groups: dict[Hashable, list[_Call]] = {}
        for call in calls:
            groups.setdefault(id(call) if call.key is None else call.key, []).append(call)
        try:
            for group in groups.values():
                self._train(group)
        except BaseException as error:  # a signal, which ends all
            for call in calls:
                call.error = call.error or error
        finally:
            for call in calls:
                if call.thread != threading.get_ident():
                    call.told.put(None)

    def _train(self, group: list[_Call]) -> None:
        """Train those that can be trained together, so many at a time as there are lanes."""
        module = sys.modules[type(group[0].plan).__module__]
        for first in range(0, len(group), module.N_LANES):
            calls = group[first : first + module.N_LANES]
            for call in calls:
                self._prepare(call)
            if group[0].key is not None and lanes.pays(group[0].program, len(calls), module.N_LANES):
                results, errors = module.train_together([call.plan for call in calls], [c.arguments for c in calls])
                for call, result, error in zip(calls, results, errors, strict=True):
                    call.result, call.error = result, error
            else:
                for call in calls:
                    try:
                        call.result = call.plan.train(**call.arguments)
                    except Exception as error:
                        call.error = error

    def _prepare(self, call: _Call) -> None:
        arguments = call.arguments
        watcher, listener = arguments.get("watcher"), arguments.get("listener")

        def watch(*progress: Any) -> bool:
            return self._interrupted or (watcher is not None and bool(call.ask(watcher, *progress)))

        arguments["watcher"] = watch
        if listener is not None:
            arguments["listener"] = lambda *scores: call.ask(listener, *scores)


def _answer(question: _Question) -> None:
    try:
        question.answers.put((question.function(*question.arguments), None))
    except BaseException as error:
        question.answers.put((None, error))
