"""Where threads meet that train a network each, so that the engine trains all of them in one call, in lanes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from types import ModuleType
from typing import Any, NamedTuple

from nncore.engine import lanes
from nncore.network.turn import meets
from nncore.program import Program

FORKED = "this process was forked while another thread trained the model: call fit again"


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

    def let_its_thread_answer(self, over: Callable[[], bool]) -> None:
        """Have its watcher and listener called by the thread that trains the network, where callbacks belong."""
        watcher, listener = self.arguments.get("watcher"), self.arguments.get("listener")

        def watch(*progress: Any) -> bool:
            return over() or (watcher is not None and bool(self.ask(watcher, *progress)))

        self.arguments["watcher"] = watch
        if listener is not None:
            self.arguments["listener"] = partial(self.ask, listener)


def _never() -> bool:
    return False


class Meeting:
    """Threads that come to `train` wait until all are there; then one of them trains all, and each gets its own result.

    Between these calls one of them runs at a time: Python runs one anyway, and those that want to would take turns in
    losing milliseconds over it. Networks that cannot share the vectors, or are too few for that to pay, are trained one
    after the other. No result depends on who has met whom. It is not for a thread that gets signals, which may strike
    anywhere.

    Parameters
    ----------
    n : int
        How many threads there are; each does all of it in a block `attended`.
    over : callable
        Asked some times in a second whether all that train are to end with the epoch before.

    Examples
    --------
    >>> meeting = Meeting(1)
    >>> with meeting.attended():
    ...     pass
    """

    def __init__(self, n: int, over: Callable[[], bool] = _never) -> None:
        self._over = over
        self._lock = threading.Lock()
        self._running = threading.Lock()  # held by the one that runs, or leads
        self._n, self._waiting = n, list[_Call]()
        self._process = os.getpid()

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Take part until the block ends."""
        self._begin_to_run()
        try:
            yield
        finally:
            self.leave()
            self._let_others_run()

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Let the others run, and train, without this thread until the block ends."""
        self.leave()
        self._let_others_run()
        try:
            yield
        finally:
            self._begin_to_run()
            with self._lock:
                self._n += 1

    def _begin_to_run(self) -> None:
        self._running.acquire()
        meets.aside = self._aside

    def _let_others_run(self) -> None:
        meets.aside = None
        self._running.release()

    def close(self) -> None:
        """Nobody is waited for any more."""
        self._wait_for_fewer(self._n)

    def leave(self) -> None:
        """One thread fewer will come."""
        if not self._is_forked:
            self._wait_for_fewer(1)

    def _wait_for_fewer(self, n: int) -> None:
        with self._lock:
            self._n -= n
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
        if self._is_forked:  # nobody else would come
            return plan.train(**arguments)
        call = _Call(program, key, plan, arguments)
        with self._lock:
            self._waiting.append(call)
            calls = self._all_here()
        if calls:
            self._lead(calls)
        else:
            self._let_others_run()
            try:
                self._follow(call)
            finally:
                self._begin_to_run()
        if call.error is not None:
            raise call.error
        return call.result

    @property
    def _is_forked(self) -> bool:
        """Whether this is a child process, in which the other threads do not exist."""
        return os.getpid() != self._process

    def _all_here(self) -> list[_Call]:
        """Return all calls once nobody is missing."""
        if not self._waiting or len(self._waiting) < self._n:
            return []
        calls, self._waiting = self._waiting, []
        return calls

    def _follow(self, call: _Call) -> None:
        """Wait for the end, and do meanwhile what only this thread can do."""
        while (told := call.told.get()) is not None:
            if isinstance(told, list):
                self._lead(told)
                return
            _answer(told)
            if self._is_forked:
                self._running = threading.Lock()  # which nobody is left to release
                raise RuntimeError(FORKED)

    def _lead(self, calls: list[_Call]) -> None:
        groups: dict[Hashable, list[_Call]] = {}
        for call in calls:
            groups.setdefault(id(call) if call.key is None else call.key, []).append(call)
        try:
            for group in groups.values():
                self._train(group)
        except BaseException as error:  # which ends all
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
                call.let_its_thread_answer(self._over)
            if _pay(calls, module):
                results, errors = module.train_together([call.plan for call in calls], [c.arguments for c in calls])
                for call, result, error in zip(calls, results, errors, strict=True):
                    call.result, call.error = result, error
            else:
                for call in calls:
                    try:
                        call.result = call.plan.train(**call.arguments)
                    except Exception as error:
                        call.error = error


def _pay(calls: list[_Call], module: ModuleType) -> bool:
    first = calls[0]
    return first.key is not None and lanes.pays(first.program, first.arguments["batch_size"], len(calls), module)


def _answer(question: _Question) -> None:
    try:
        question.answers.put((question.function(*question.arguments), None))
    except BaseException as error:
        question.answers.put((None, error))
