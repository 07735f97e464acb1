"""What training recorded: one row per epoch, one column per quantity; records of each layer beside them."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.history.columns import Columns
from nncore.history.layers import WIDTH, Description, LayerHistory, adapted, renamed

if TYPE_CHECKING:
    from nncore.doctor import Diagnosis
    from nncore.history import files

Facts = dict[str, Any]
MOST_ENDS = 512
"""Records of a layer up to which the ends of all trainings are among them."""


OF_THE_LATEST = ("_inputs", "_targets", "symmetric", "diverged", "message")  # attributes that each fit sets anew


class History(Columns):
    """Columns of one value per epoch: ``loss``, ``val_loss``, metrics, ``seconds``, ``learning_rate``...

    A column is read as ``history["loss"]`` or ``history.loss``. Which columns there are depends on what was recorded;
    where an epoch lacks a value, the column holds NaN. ``penalty`` is what `l1` and `l2` add to the loss, with the
    weights at the end of the epoch; in a training without validation, metrics and callbacks, where nothing waits for
    the end of each epoch, only those epochs have it of which `layers` hold a record, the same on every machine.

    Attributes
    ----------
    epochs : ndarray of shape (n,), int64
        Number of each recorded epoch, counted from 0 over all calls of ``fit``.
    layers : dict of str to LayerHistory
        Gradients, weights and activations of each layer, in the order of the network, by the names that
        ``Sequential.summary`` shows. Layers that the network no longer has come last. Of calls of ``fit`` after 1,024
        epochs every second epoch is recorded, after 2,048 every fourth, and so on, besides the last of each call.
    inputs, targets : dict, optional
        What `nncore.arrays.facts` saw of the data: the range of means and deviations of the features; how often
        each class occurs, also among the validation rows; the names of classes if ``nncore train`` knew them; how many
        epochs have all rows once, if several do. Of the latest ``fit``; None if there was none.
    symmetric : tuple of str
        The layers all of whose units had the same weights when the latest ``fit`` began.
    diverged : dict, optional
        Where the latest ``fit`` ended with `TrainingDiverged`: ``epoch``, ``batch``, ``last_finite_loss`` and
        ``learning_rate``. None if it did not.
    message : str
        How the latest ``fit`` ended, if it was with a solver; else empty. Not kept in files.
    error : BaseException or None
        What ended the training, of the histories that ``nncore.fit_many(on_error="keep")`` returns. Not kept in files.

    Examples
    --------
    >>> history = History()
    >>> history.extend(0, {"loss": [0.9, 0.5]})
    >>> history.extend(2, {"loss": [0.4], "val_loss": [0.6]})
    >>> history.loss
    array([0.9, 0.5, 0.4])
    >>> history["val_loss"]
    array([nan, nan, 0.6])
    >>> history
    History(3 epochs: loss 0.9 -> 0.4, val_loss 0.6)
    """

    message: str = ""
    error: BaseException | None = None
    _between = False  # whether the latest record of the layers is one in between, see `record_layers`

    def __init__(self) -> None:
        super().__init__()
        self._layers: dict[str, LayerHistory] = {}
        self._network: tuple[Description, ...] = ()
        self._inputs: Facts | Callable[[], Facts] | None = None
        self._targets: Facts | Callable[[], Facts] | None = None
        self.symmetric: tuple[str, ...] = ()
        self.diverged: dict[str, float] | None = None

    @property
    def layers(self) -> dict[str, LayerHistory]:
        return dict(self._layers)

    @property
    def inputs(self) -> Facts | None:
        if callable(self._inputs):
            self._inputs = self._inputs()
        return self._inputs

    @property
    def targets(self) -> Facts | None:
        if callable(self._targets):
            self._targets = self._targets()
        return self._targets

    @property
    def knows_data(self) -> bool:
        """Whether `inputs` and `targets` have been noted."""
        return self._inputs is not None

    def note_data(
        self, inputs: Facts | Callable[[], Facts] | None, targets: Facts | Callable[[], Facts] | None
    ) -> None:
        """Set `inputs` and `targets`; functions are called when these are asked for, or copied."""
        self._inputs, self._targets = inputs, targets

    def told(self) -> dict[str, Any]:
        """Return what speaks of the latest training alone, for `tell`: the data, first weights, and how it ended."""
        return {name: getattr(self, name) for name in OF_THE_LATEST}

    def tell(self, told: Mapping[str, Any]) -> None:
        """Say again what `told` returned, after a training that did not come about.

        Examples
        --------
        >>> history = History()
        >>> before = history.told()
        >>> history.message = "interrupted"
        >>> history.tell(before)
        >>> history.message
        ''
        """
        vars(self).update(told)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes, the user's as well; of the data, what was seen of them."""
        layers = {name: copy.copy(layer) for name, layer in self.layers.items()}
        return {**self.__dict__, **self._so_far(), "_layers": layers, "_inputs": self.inputs, "_targets": self.targets}

    def __deepcopy__(self, memo: dict[int, Any]) -> History:
        """Copy numbers by the list: looking at every single one would take a hundred times as long."""
        other = memo[id(self)] = type(self).__new__(type(self))
        kept = self.__getstate__()
        grown = {name: kept.pop(name) for name in ("_epochs", "_columns", "_layers")}
        other.__dict__ = {**copy.deepcopy(kept, memo), **grown}
        return other

    def record_layers(
        self, network: Iterable[Description], epochs: ArrayLike, records: ArrayLike, every: int = 1
    ) -> None:
        """Append records of the layers; doing it twice for the same epochs is doing it once.

        A layer whose name, kind and activation are those of one recorded before goes on with its records. One that
        took the name of another begins anew, and the other is kept as ``"<name> (to epoch <its last>)"``.

        Parameters
        ----------
        network : iterable of (name, kind, activation)
            The layers in the order of the network; activation ``"identity"`` where a layer has none.
        epochs : array-like of shape (m,)
            Ascending numbers of the epochs that were recorded.
        records : array-like of shape (m, n_layers, 42)
            `nncore.history.layers.FIELDS` of each layer, then the 32 bins of the histogram of its weights. Copied.
        every : int, optional
            From one record to the next, in epochs. One in between, with which a training ended, gives way to the next
            once there are `MOST_ENDS` records: ten thousand short trainings keep hardly more than a long one.

        Raises
        ------
        ValueError
            If a shape is another one.

        Examples
        --------
        >>> history = History()
        >>> history.record_layers([("dense_0", "Dense", "relu")], [0, 1], np.ones((2, 1, 42)))
        >>> history.layers
        {'dense_0': LayerHistory(dense_0: Dense, relu, 2 records)}
        """
        layers, numbers, values = tuple(network), np.asarray(epochs, np.int64), np.asarray(records, np.float64)
        if numbers.ndim != 1 or values.shape != (len(numbers), len(layers), WIDTH):
            expected = f"epochs (m,) and records (m, {len(layers)}, {WIDTH})"
            raise ValueError(f"expected {expected}, got shapes {numbers.shape} and {values.shape}")
        if layers != self._network:
            self._layers = adapted(self._layers, layers)
            self._network, self._between = layers, False
        for index, (name, _, _) in enumerate(layers):
            layer = self._layers[name]
            if self._between and len(numbers) and len(layer) > MOST_ENDS:
                layer.drop_last()
            layer.extend(numbers, values[:, index])
        if len(numbers):
            self._between = bool(numbers[-1] % every)

    def rename_layers(self, names: Mapping[str, str]) -> None:
        """Let records go on under other names, after layers were put in, taken out or moved.

        Parameters
        ----------
        names : mapping of str to str
            Name now -> name before, of every layer that was there before, in the order of the network. The records of
            all others have ended: they are kept as ``"<name> (to epoch <their last>)"``.

        Examples
        --------
        >>> history = History()
        >>> network = [("dense_0", "Dense", "relu"), ("dense_1", "Dense", "identity")]
        >>> history.record_layers(network, [0, 1], np.ones((2, 2, 42)))
        >>> history.rename_layers({"dense_0": "dense_1"})
        >>> list(history.layers)
        ['dense_0', 'dense_0 (to epoch 1)']
        """
        self._layers, self._network = renamed(self._layers, names), ()
        self.symmetric = tuple(now for now, before in names.items() if before in self.symmetric)

    # ---- tables and files

    def table(self) -> dict[str, list[Any]]:
        """Return one list per column, all equally long, for example for ``pandas.DataFrame``.

        First ``epoch``, then the columns, then those of the layers, named like ``dense_0.gradient_norm``.

        Examples
        --------
        >>> history = History()
        >>> history.extend(0, {"loss": [0.9, 0.5]})
        >>> history.table()
        {'epoch': [0, 1], 'loss': [0.9, 0.5]}
        """
        from nncore.history import files  # here, not at the top, to keep `import nncore` quick

        return files.table(self)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write `table` as a CSV file, one row per epoch; NaN is an empty field.

        Raises
        ------
        OSError
            If the file cannot be written; an older one is then still there.
        """
        from nncore.history import files

        files.to_csv(self, path)

    def to_dict(self) -> dict[str, Any]:
        """Return all there is as plain lists, dicts, numbers and text, ready for JSON.

        ``{"epoch": [...], "loss": [...], ..., "layers": {"dense_0": {...}}}``. NaN becomes None, an infinite number
        ``"Infinity"`` or ``"-Infinity"``; parts of which nothing was recorded are left out.

        Examples
        --------
        >>> history = History()
        >>> history.extend(0, {"loss": [0.9, float("nan")]})
        >>> history.to_dict()
        {'epoch': [0, 1], 'loss': [0.9, None]}
        """
        from nncore.history import files

        return files.to_dict(self)

    @classmethod
    def from_dict(cls, columns: Mapping[str, Any]) -> History:
        """Rebuild a history from `to_dict`'s result.

        Raises
        ------
        TypeError, ValueError
            If something is missing, of the wrong type, or of another length than the epochs.
        """
        from nncore.history import files

        return cls()._filled(files.from_dict(columns))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to a JSON file, which `load` and ``nncore doctor`` read.

        Raises
        ------
        OSError
            If the file cannot be written; an older one is then still there.
        """
        from nncore.history import files

        files.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> History:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the file holds something else, is damaged, or of a newer format.
        OSError
            If it cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> history = History()
        >>> history.extend(0, {"loss": [0.9, 0.5]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     history.save(f"{folder}/run.json")
        ...     History.load(f"{folder}/run.json")
        History(2 epochs: loss 0.9 -> 0.5)
        """
        from nncore.history import files

        return cls()._filled(files.load(path))

    def _filled(self, content: files.Content) -> History:
        self._epochs, self._columns, self._layers = content.epochs, content.columns, content.layers
        self.symmetric, self.diverged = content.symmetric, content.facts["diverged"]
        self.note_data(content.facts["inputs"], content.facts["targets"])
        return self

    # ---- what it says

    def doctor(self) -> Diagnosis:
        """Return what is wrong with this training in plain language, as far as its records show it.

        Returns
        -------
        Diagnosis
            A sequence of `Finding`, the severe ones first; printed, a report. Empty if nothing was found.

        Examples
        --------
        >>> history = History()
        >>> history.extend(0, {"loss": [0.8, 0.9, 1.5, 2.8, 6.1]})
        >>> print(history.doctor())
        1 finding in 5 epochs
        <BLANKLINE>
        severe: divergence
          seen  the loss rose from 0.8 to 6.1
          why   Steps that are too long lead to larger gradients, and so to steps that are longer still, without
                end.
          try   a smaller learning_rate; standardised inputs, and targets if these are large numbers; clipping:
                compile(Adam(clip_norm=1.0)).
        <BLANKLINE>
        not recorded, and so not judged: validation loss, layers, inputs, targets
        """
        from nncore import doctor

        return doctor.diagnose(self)

    def plot(self, columns: str | Iterable[str] | None = None, *, log: bool = False, ax: Any = None) -> Any:
        """Draw loss and metrics over epochs with matplotlib: `nncore.plots.learning_curves` of this history.

        Parameters
        ----------
        columns, log, ax
            As there.

        Returns
        -------
        ndarray of Axes of shape (n_columns,)
        """
        from nncore import plots

        return plots.learning_curves(self, columns, log=log, ax=ax)
