"""What the benchmark asks of everyone it times."""

from __future__ import annotations

from abc import ABC, abstractmethod

from bench.cases import Array, Case


class Runner(ABC):
    """One network of one contender, from the case's initial weights: Adam, mini-batches, the last one smaller.

    Parameters
    ----------
    case : Case
    threads : int
        How many it may use.
    """

    comparable: bool = True
    """Whether `weights` began as the case's initial weights."""

    @abstractmethod
    def __init__(self, case: Case, threads: int) -> None: ...

    @staticmethod
    def supports(case: Case) -> bool:
        """Tell whether the package can train this case."""
        return True

    @abstractmethod
    def train(self, epochs: int) -> None:
        """Train on all rows, shuffled anew each epoch; return when the work is done."""

    @abstractmethod
    def train_in_order(self, order: Array) -> None:
        """Train one epoch that visits the rows in this order."""

    @abstractmethod
    def weights(self) -> list[Array]:
        """Return the weight (n_in, n_out) and the bias (n_out,) of each layer in turn."""
