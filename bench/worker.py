"""The other end of `bench.workers.Worker`: one contender that does what it is asked, a line of JSON at a time.

Requests are ``[name, argument]``:

=========  ===========  ==================================================================================
name       argument     answer
=========  ===========  ==================================================================================
version    null         the version of the contender's package
supports   case's name  whether the contender can train this case
check      case's name  the loss after one epoch from the initial weights in a certain order, see `Case.exact`;
                        null where initial weights cannot be set
prepare    case's name  the same loss of the case as it is timed, when ready to train it further
time       epochs       seconds by the wall clock, and of the processors' time, that so many epochs took
=========  ===========  ==================================================================================
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np

from bench import distributions
from bench.cases import KNOWN, SEED, Case
from bench.runners import TABLES, Runner
from bench.timing import rest, timed
from nncore import reference
from nncore.base.random import permutation


class Server:
    """Answers requests; one method per request."""

    def __init__(self, section: str, contender: str, threads: int) -> None:
        entry = TABLES[section][contender]
        self.distribution, self.contender = entry.distribution, entry.runner()
        self.threads = threads
        self.runner: Runner | None = None

    def version(self, _: None) -> str:
        return distributions.version(self.distribution)

    def supports(self, name: str) -> bool:
        return self.contender.supports(KNOWN[name])

    def check(self, name: str) -> float | None:
        case = KNOWN[name].exact()
        return _first_loss(case, self.contender(case, self.threads))

    def prepare(self, name: str) -> float | None:
        self.runner = None  # frees the memory of the case before
        self.runner = self.contender(KNOWN[name], self.threads)
        return _first_loss(KNOWN[name], self.runner)

    def time(self, epochs: int) -> list[float]:
        if self.runner is None:
            raise RuntimeError("no case is prepared")
        runner = self.runner
        slot = timed(lambda: runner.train(epochs))(1)
        rest()
        return list(slot)


def _first_loss(case: Case, runner: Runner) -> float | None:
    """Train one epoch; return the loss then. The same judge for everyone: the reference."""
    runner.train_in_order(permutation(SEED, 0, case.n_rows))
    if not runner.comparable:
        return None
    flat = np.concatenate([array.ravel() for array in runner.weights()])
    return reference.loss(case.model().program, flat, *case.data())


def serve(server: Any) -> None:
    """Answer requests from stdin on stdout until there are no more: each is a method of the server."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not come between the answers
    for line in sys.stdin:
        request, argument = json.loads(line)
        answers.write(json.dumps(getattr(server, request)(argument)) + "\n")
        answers.flush()
