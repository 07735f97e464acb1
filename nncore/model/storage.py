"""The state of a model in files, pickles and copies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from nncore.base.typing import Array
from nncore.history import History
from nncore.model.surgery import Surgery
from nncore.network import Network

if TYPE_CHECKING:
    from nncore.model.checkpoint import Snapshot

S = TypeVar("S", bound="Storage")


class Storage(Surgery):
    """The part of `Sequential` that puts its whole state into files and copies, and takes it back."""

    metadata: dict[str, str]
    _epoch: int

    def save(self, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
        """Write the model to a file: layers, weights, optimizer state, seed and epoch, enough to train on exactly.

        Not kept are the history and metrics that are functions: give these to `compile` again after loading.

        The file is written beside `path` and put in its place when complete, so that whatever happens, `path` holds
        either the old file or the new one. A process killed meanwhile may leave ``.<name>.<16 digits>.tmp`` behind.

        Parameters
        ----------
        path : str or path-like
        metadata : mapping of str to str, optional
            Notes to keep in the file; None keeps ``model.metadata``.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        OSError
            If the file cannot be written.
        """
        from nncore.model import checkpoint  # here, not at the top, to keep `import nncore` quick

        checkpoint.save(path, self._snapshot(self.metadata if metadata is None else metadata))

    def _snapshot(self, metadata: Mapping[str, str]) -> Snapshot:
        network = self._built()
        parameters, statistics, slots, iterations = network.state()
        named = tuple(metric for metric in self._metrics if isinstance(metric, str))
        from nncore.model.checkpoint import Snapshot

        return Snapshot(
            layers=self._layers,
            n_features=self.program.n_features,
            loss=self.loss,
            loss_is_inferred=self.loss_is_inferred,
            optimizer=self._optimizer,
            metrics=named,
            seed=self._seed,
            epoch=self._epoch,
            iterations=iterations,
            name=self.name,
            metadata=dict(metadata),
            parameters=parameters,
            statistics=statistics,
            slots=slots,
        )

    @classmethod
    def _from_snapshot(cls: type[S], snapshot: Snapshot) -> S:
        model = cls(snapshot.layers, seed=snapshot.seed, dtype=snapshot.parameters.dtype, name=snapshot.name)
        inferred = snapshot.loss_is_inferred and snapshot.loss == model.loss  # a later version may infer another one
        model.compile(snapshot.optimizer, None if inferred else snapshot.loss, snapshot.metrics)
        state = snapshot.parameters, snapshot.statistics, snapshot.slots, snapshot.iterations
        model._set_network(snapshot.n_features, *state)
        model._epoch = snapshot.epoch
        model.metadata = dict(snapshot.metadata)
        return model

    def __getstate__(self) -> dict[str, Any]:
        """Return all attributes, those of subclasses and the user's as well; of the network, its numbers."""
        network = self._network
        numbers = None if network is None else (network.program.n_features, *network.state())
        own = {"history": History.from_dict(self.history.to_dict()), "metadata": dict(self.metadata)}
        return {**self.__dict__, **own, "_network": numbers, "_scorers": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _network=None)
        if state["_network"] is not None:
            self._set_network(*state["_network"])

    def _set_network(
        self, n_features: int, parameters: Array, statistics: Array, slots: Array, iterations: int
    ) -> None:
        network = Network(self._lower(n_features), parameters, self._optimizer)
        network.set_statistics(statistics)
        network.set_optimizer_state(slots, iterations)
        self._network = network
