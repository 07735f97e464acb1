"""A search of scikit-learn's over networks of ours, trained one by one or together in `fused`, and over its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

import nncore.sklearn
from bench.many import PEER, SEARCH
from bench.record import FIRST, Result
from bench.timing import Protocol, compare, take_turns, timed
from nncore import set_num_threads

PLAIN = "nncore plain"
GRID = {"learning_rate_init": [1e-3, 3e-3], "alpha": [1e-4, 1e-3, 1e-2]}
FOLDS, EPOCHS, QUICK_EPOCHS = 3, 20, 2
FITS = FOLDS * len(GRID["learning_rate_init"]) * len(GRID["alpha"])


class Way(NamedTuple):
    """Whose networks are searched over, how, and by how many threads, or processes."""

    contender: str
    n: int

    def search(self, epochs: int) -> Callable[[], Any]:
        """Return a whole search over MLP 64-32 on the digits."""
        X, y = load_digits(return_X_y=True)
        X = (X / 16).astype("float32")
        own = self.contender != PEER
        options: dict[str, Any] = {"max_iter": epochs, "tol": 0.0, "n_iter_no_change": epochs, "random_state": 0}
        estimator = (nncore.sklearn.MLPClassifier if own else MLPClassifier)((64, 32), batch_size=32, **options)
        searching = GridSearchCV(estimator, GRID, cv=FOLDS, n_jobs=None if own else self.n, refit=False)

        def search() -> Any:
            set_num_threads(self.n)
            with warnings.catch_warnings(), nncore.sklearn.fused() if self.contender == FIRST else nullcontext():
                warnings.simplefilter("ignore")
                return searching.fit(X, y)

        return search


OWN = (Way(FIRST, 2), Way(FIRST, 1), Way(PLAIN, 1))
PEERS = (Way(PEER, 1), Way(PEER, 2))


def run(peers: bool, quick: bool, protocol: Protocol) -> list[Result]:
    """Time a fit of the search in each way, in turn; ratios are to those fused on two threads."""
    epochs = QUICK_EPOCHS if quick else EPOCHS
    ways = {way: timed(way.search(epochs)) for way in (*OWN, *(PEERS if peers else ()))}
    try:
        slots = take_turns(ways, protocol)
    finally:
        set_num_threads()
    measure = f"a fit of {epochs} epochs"
    timings = {way: compare(turns, slots[OWN[0]], protocol.clock).divided_by(FITS) for way, turns in slots.items()}
    return [Result(SEARCH, measure, way.contender, timing, way.n) for way, timing in timings.items()]
