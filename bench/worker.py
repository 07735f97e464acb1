"""The other end of `bench.peers.Worker`: one contender that does what it is asked, a line of JSON at a time.

Requests are ``[name, argument]``:

=========  ===========  ==============================================================================================
name       argument     answer
=========  ===========  ==============================================================================================
version    null         the version of the contender's package
prepare    case's name  whether the contender can train this case; if so, it is ready to
check      null         the loss after one epoch in a given order, or null where initial weights cannot be set
time       epochs       seconds by the clock and of the processors' time that so many epochs took
=========  ===========  ==============================================================================================
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys

import numpy as np

from bench.cases import CASES, SEED, Array, Case
from bench.runners import RUNNERS, Runner
from bench.timing import timed
from nncore import reference
from nncore.random import permutation


class Server:
    """Answers requests; one method per request."""

    def __init__(self, contender: str, threads: int) -> None:
        self.entry = RUNNERS[contender]
        self.threads = threads
        self.case = next(iter(CASES.values()))
        self.runner: Runner | None = None

    def version(self, _: None) -> str:
        return importlib.metadata.version(self.entry.distribution)

    def prepare(self, name: str) -> bool:
        self.case = CASES[name]
        self.runner = None  # frees the memory of the case before
        runner = self.entry.runner()
        if runner.supports(self.case):
            self.runner = runner(self.case, self.threads)
        return self.runner is not None

    def check(self, _: None) -> float | None:
        runner = self._prepared()
        runner.train_in_order(permutation(SEED, 0, self.case.n_rows))
        return None if not runner.comparable else _loss(self.case, runner.weights())

    def time(self, epochs: int) -> list[float]:
        runner = self._prepared()
        return list(timed(lambda: runner.train(epochs))(1))

    def _prepared(self) -> Runner:
        if self.runner is None:
            raise RuntimeError(f"no case is prepared: {self.case.name} is not supported")
        return self.runner


def _loss(case: Case, weights: list[Array]) -> float:
    """The same judge for everyone: the reference in float64."""
    X, y = case.data()
    flat = np.concatenate([np.asarray(array, np.float64).ravel() for array in weights])
    return reference.loss(case.model().program, flat, X.astype(np.float64), y)


def serve(contender: str, threads: int) -> None:
    """Answer requests from stdin on stdout until there are no more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not come between the answers
    server = Server(contender, threads)
    for line in sys.stdin:
        request, argument = json.loads(line)
        answers.write(json.dumps(getattr(server, request)(argument)) + "\n")
        answers.flush()
