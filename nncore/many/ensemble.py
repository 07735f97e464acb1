"""`Ensemble`: several networks that answer as one, and say how far they agree."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore import kernels
from nncore.base import atomic, checks, reading
from nncore.base.random import generator
from nncore.base.source import Source
from nncore.base.typing import Array
from nncore.errors import ModelFileError
from nncore.history import History
from nncore.losses import CustomLoss, Loss, SeveralLosses
from nncore.many.arguments import checked_models, in_memory
from nncore.many.folds import SEED
from nncore.many.together import fit_many
from nncore.model import Sequential, checkpoint, restored, snapshot
from nncore.network import Predictor
from nncore.program.lowering import output_width
from nncore.training.scoring import Scores, scores
from nncore.training.state import built, converted, current_loss, dtype_policy, scorers

MAGIC = b"NNCOREENSEMBLE1\n"
WORD = 8  # bytes of a number
MEMBERS = checks.integer(1, 2**20)
BOOTSTRAP = 2**32  # the streams of random numbers from there on: those before cut rows into folds
SHARE = checks.real(0, 1)


class Ensemble:
    """Several networks for the same question. Their mean errs less than each of them; their spread says how sure it is.

    Parameters
    ----------
    models : iterable of Sequential
        Of the same features and outputs; each once. Trained or not: see `fit`. Their layers, losses and optimizers may
        differ, but not whether they answer by numbers, by a sigmoid or by a softmax.

    Attributes
    ----------
    models : tuple of Sequential

    Examples
    --------
    >>> from nncore import Dense, Ensemble, Sequential
    >>> X = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> ensemble = Ensemble([Sequential([Dense(16, "tanh"), Dense(1)], seed=k) for k in range(5)])
    >>> histories = ensemble.fit(X, np.sin(3 * X), epochs=200)
    >>> far, near = ensemble.predict_std([[4.0], [0.0]])[:, 0]
    >>> bool(far > near)  # there are no data near 4
    True
    """

    def __init__(self, models: Iterable[Sequential]) -> None:
        self.models: tuple[Sequential, ...] = tuple(checked_models(models))
        self._check_alike()

    def _check_alike(self) -> None:
        """Raise ValueError unless the members answer the same question, as far as is known before they are built."""
        ends, known = _ends(self.models[0]), next((k for k, model in enumerate(self.models) if model.built), 0)
        for k, model in enumerate(self.models):
            if model.built and model.program.n_features != self.models[known].program.n_features:
                n, n_ = model.program.n_features, self.models[known].program.n_features
                raise ValueError(f"models[{k}] has {n} features, models[{known}] has {n_}: all are to read the same X")
            those = _ends(model)
            if ends != those:
                raise ValueError(f"models[{k}] ends with {those}, models[0] with {ends}: their mean has no meaning")

    @classmethod
    def of(cls, model: Sequential, n: int) -> Ensemble:
        """Return an ensemble of `n` networks such as this one, untrained, with its seed and those after it.

        Examples
        --------
        >>> from nncore import Dense, Ensemble, Sequential
        >>> [model.seed for model in Ensemble.of(Sequential([Dense(1)], seed=5), 3).models]
        [5, 6, 7]
        """
        if not isinstance(model, Sequential):
            raise TypeError(f"model must be a Sequential, got {checks.described(model)}; Ensemble([...]) takes several")
        return cls([renewed(model, (model.seed + k) % 2**64) for k in range(MEMBERS("n", n))])

    def __len__(self) -> int:
        return len(self.models)

    def __repr__(self) -> str:
        return f"Ensemble({len(self)} of {self.models[0]!r})"

    @in_memory("Ensemble.fit", "train its models one by one: for model in ensemble.models: model.fit(source)")
    def fit(
        self, X: ArrayLike, y: ArrayLike, *, bootstrap: bool = False, seed: int = 0, **options: Any
    ) -> list[History]:
        """Train all members together: `nncore.fit_many` with its options.

        Parameters
        ----------
        X, y : array-like
        bootstrap : bool
            Whether each is trained on as many rows as there are, drawn with replacement (Breiman's bagging, 1996); else
            they differ by their seeds, which for networks does as well or better (Lakshminarayanan et al., 2017).
        seed : int
            Of what `bootstrap` draws.
        **options
            Those of `nncore.fit_many`, such as ``epochs`` and ``callbacks``.
        """
        if checks.flag("bootstrap", bootstrap):
            if "rows" in options:
                raise ValueError("bootstrap=True draws the rows of each model: leave rows out, or bootstrap")
            n = (np.shape(X) or (0,))[0]
            seed = SEED("seed", seed)
            draws = (generator(seed, "split", BOOTSTRAP + k) for k in range(len(self)))
            options["rows"] = [np.sort(draw.integers(n, size=n)) for draw in draws]
        return fit_many(self.models, X, y, **options)

    # ---- answers

    def predict_all(self, X: ArrayLike | Source) -> Array:
        """Return the outputs of every member, (n_models, n_samples, n_outputs).

        Of several outputs with a loss each, this and the mean, deviation and quantiles are lists, as ``predict`` is.
        """
        return self._each(X, lambda found: np.stack([*found]))

    def predict(self, X: ArrayLike | Source) -> Array:
        """Return the mean of the members' outputs, (n_samples, n_outputs): added up one by one in float64.

        Of members that answer with means and variances (`GaussianNegativeLogLikelihood`), these are the mean and the
        variance of the mixture of their distributions: to the mean of the variances, what each is unsure of, comes the
        variance of the means, in which they differ (Lakshminarayanan et al., 2017).

        Examples
        --------
        >>> from nncore import Dense, Ensemble, GaussianNegativeLogLikelihood, Sequential
        >>> model = Sequential([Dense(8, "tanh"), Dense(2)])
        >>> model.compile(loss=GaussianNegativeLogLikelihood())
        >>> ensemble, X = Ensemble.of(model, 5), [[0.0], [1.0]]
        >>> histories = ensemble.fit(X, [0.0, 1.0])
        >>> means, variances = np.split(ensemble.predict_all(X), 2, axis=2)
        >>> bool((ensemble.predict(X)[:, 1:] > variances.mean(axis=0)).all())
        True
        """
        loss, n, dtype = self.models[0].loss, len(self), self.models[0].dtype
        mixes = [_is_mixed(part) for part in loss.losses] if isinstance(loss, SeveralLosses) else [self._mixes()]
        return self._each(X, *(partial(_mixture if mixed else _mean, n=n, dtype=dtype) for mixed in mixes))

    def _mixes(self) -> bool:
        """Whether the members answer with means and variances; ValueError if some do and others not."""
        links = [_is_mixed(model.loss) for model in self.models]
        if len(set(links)) > 1:
            one, other = links.index(True), links.index(False)
            raise ValueError(f"models[{one}] answers with means and variances, models[{other}] does not: compile alike")
        return links[0]

    def predict_std(self, X: ArrayLike | Source) -> Array:
        """Return the standard deviation between the members, (n_samples, n_outputs); 0 where there is one member.

        Of members that answer with means and variances it is that between their means, and between their variances.
        """
        dtype = self.models[0].dtype
        return self._each(X, lambda found: np.asarray(np.stack([*found]).std(axis=0, dtype=np.float64), dtype))

    def predict_quantiles(self, X: ArrayLike, q: float | Sequence[float]) -> Array:
        """Return quantiles of the members' outputs, as numpy.quantile: (n_samples, n_outputs), for several `q` first.

        Examples
        --------
        >>> from nncore import Dense, Ensemble, Sequential
        >>> line = Sequential([Dense(1)])
        >>> line.build(2)
        >>> Ensemble([line]).predict_quantiles(np.zeros((4, 2)), [0.05, 0.5, 0.95]).shape
        (3, 4, 1)
        """
        shares = [SHARE(f"q[{i}]", share) for i, share in enumerate(np.atleast_1d(q).tolist())]
        wanted, dtype = shares if np.ndim(q) else shares[0], self.models[0].dtype
        return self._each(X, lambda found: np.asarray(np.quantile(np.stack([*found]), wanted, axis=0), dtype))

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the mean of the members' class probabilities; see ``Sequential.predict_proba``."""
        return self._mean(model.predict_proba(X) for model in self.models)

    def predict_classes(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the class of each row by `predict_proba`; of several yes/no questions, zeros and ones for each."""
        model, shares = self.models[0], self.predict_proba(X)
        if model.program.n_outputs > 1 and (model.last_activation == "sigmoid" or _asks(model.loss)):
            return np.asarray(shares > 0.5, np.int64)
        return np.asarray(shares.argmax(axis=1))

    def evaluate(self, X: ArrayLike | Source, y: ArrayLike | None = None) -> Scores:
        """Return ``{"loss": ..., metric: ...}`` of the mean output, with loss and metrics of the first member.

        `X` may be a source of `nncore.data`, which brings y, and weights for the loss.
        """
        state = self.models[0]._state
        if y is None and not isinstance(X, Source):
            raise TypeError("Ensemble.evaluate() missing 1 required positional argument: 'y'")
        if isinstance(current_loss(state), SeveralLosses):
            raise ValueError(
                "evaluate of an ensemble is for one loss, and its models have several; score what predict returns for "
                "each output, as by nncore.metrics"
            )
        data, loss = converted(built(state).program, state, X, y, None, sources=True), current_loss(state)
        outputs, target, weight = self.predict(X), data.target, data.sample_weight
        if isinstance(loss, CustomLoss):
            values, _ = loss(target, outputs)
        else:
            values, _ = kernels.loss(loss, _logits(outputs, loss), target)
        values = values if weight is None else values * weight
        return Scores({"loss": float(values.mean()), **scores(scorers(state), target, outputs, weight)})

    @property
    def metadata(self) -> dict[str, str]:
        """Notes that files keep: those of the first member."""
        return self.models[0].metadata

    def predictor(self) -> EnsemblePredictor:
        """Return a frozen copy for single rows: the mean of the members' `Sequential.predictor`."""
        loss = self.models[0].loss
        if isinstance(loss, SeveralLosses) and any(map(_is_mixed, loss.losses)):
            raise ValueError("predictor of an ensemble mixes no variances of one of several outputs; take predict")
        return EnsemblePredictor([model.predictor() for model in self.models], self._mixes())

    def _each(self, X: ArrayLike | Source, *functions: Callable[[Iterable[Array]], Array]) -> Array:
        """Return the function of the members' predictions; of several outputs with a loss each, a list of it for each.

        There is a function for each, or one for all.
        """
        found = (model.predict(X) for model in self.models)
        if not self.models[0].program.heads:
            return functions[0](found)
        outputs = [*zip(*found, strict=True)]
        of_each = functions if len(functions) > 1 else functions * len(outputs)
        return cast(Array, [function(of_it) for function, of_it in zip(of_each, outputs, strict=True)])

    def _mean(self, outputs: Iterable[Array]) -> Array:
        return _mean(outputs, len(self), self.models[0].dtype)

    # ---- files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all members into one file, each as ``Sequential.save`` does: enough to train on, exactly.

        Raises
        ------
        NotBuiltError, OSError
        """
        files = [checkpoint.pieces(snapshot(model, model.metadata)) for model in self.models]
        numbers = (len(files), *(sum(map(len, pieces)) for pieces in files))
        head = MAGIC + b"".join(n.to_bytes(WORD, "little") for n in numbers)
        atomic.write(path, itertools.chain([memoryview(head)], *files))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Ensemble:
        """Read what `save` wrote.

        Raises
        ------
        ModelFileError
            If the file is no ensemble, or damaged in any bit.
        OSError
            If it cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> from nncore import Dense, Ensemble, Sequential
        >>> ensemble = Ensemble.of(Sequential([Dense(1)]), 3)
        >>> histories = ensemble.fit([[1.0], [2.0]], [1.0, 2.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ensemble.save(f"{folder}/lines.ensemble")
        ...     Ensemble.load(f"{folder}/lines.ensemble")
        Ensemble(3 of Sequential([Dense(1)], seed=0, dtype='float32'))
        """
        with reading.open_regular(path, ModelFileError) as file:
            try:
                return cls(_members(file, os.fstat(file.fileno()).st_size))
            except ValueError as error:
                raise ModelFileError(f"{os.fsdecode(path)!r}: {error}") from error


checks.explain_unknown_arguments([Ensemble])


def _ends(model: Sequential) -> str:
    """Return what a model ends with, as far as members of an ensemble must agree: outputs, and whether shares."""
    n = output_width(model.layers)
    shares = model.last_activation if model.last_activation in ("sigmoid", "softmax") else "numbers"
    return f"{n} {shares}" if shares == "numbers" else f"{n} shares by {shares}"


def _logits(outputs: Array, loss: Loss) -> Array:
    """Return of what a kernel of the loss makes these outputs."""
    if loss.link == "mean_and_variance":
        means, variances = np.hsplit(outputs, 2)
        least = np.exp(loss.parameter)
        return np.hstack([means, np.log(np.maximum(variances - least, least * np.finfo(outputs.dtype).epsneg))])
    if loss.activation == "exponential" and not loss.raw:
        return np.asarray(np.log(np.maximum(outputs, np.finfo(outputs.dtype).tiny)))
    if loss.activation is None or loss.raw:
        return outputs
    limits = np.finfo(outputs.dtype)
    shares = np.clip(outputs, limits.tiny, 1 if loss.activation == "softmax" else 1 - limits.epsneg)
    return np.asarray(np.log(shares) if loss.activation == "softmax" else np.log(shares) - np.log1p(-shares))


def _asks(loss: Loss) -> bool:
    """Whether outputs are yes/no questions, each of its own."""
    return loss.yes_above is not None


def _members(file: BinaryIO, size: int) -> list[Sequential]:
    """Return the models of a file of `size` bytes, read one by one: no other copy of them is made."""
    if file.read(len(MAGIC)) != MAGIC:
        raise ModelFileError("not an ensemble; nncore.load reads the file of a single model")
    n = int.from_bytes(file.read(WORD), "little")
    sizes = file.read(min(n, 2**20) * WORD)
    counts = [int.from_bytes(sizes[i : i + WORD], "little") for i in range(0, len(sizes), WORD)]
    if n < 1 or len(counts) != n or len(MAGIC) + WORD * (1 + n) + sum(counts) != size:
        raise ModelFileError(f"damaged: {n} models and their sizes do not fit into {size} bytes")
    return [restored(checkpoint.read(cast("BinaryIO", _Part(file, count)), count)) for count in counts]


class _Part:
    """So many bytes of a file, as a file of their own."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, n: int) -> bytes:
        found = self._file.read(min(n, self._left))
        self._left -= len(found)
        return found

    def readinto(self, piece: memoryview) -> int:
        n: int = self._file.readinto(piece[: self._left])  # type: ignore[attr-defined]
        self._left -= n
        return n


class EnsemblePredictor:
    """The mean of several frozen networks, for single rows; see `nncore.Predictor` for what it takes.

    Of networks that answer with means and variances, those of their mixture; see `Ensemble.predict`.

    Attributes
    ----------
    predictors : tuple of Predictor
        Of the members.
    """

    def __init__(self, predictors: Sequence[Predictor], mixes: bool = False) -> None:
        self.predictors, self._mixes = tuple(predictors), mixes
        self._first, *self._others = predictors
        self._alike = len({predictor.dtype for predictor in predictors}) == 1

    def __call__(self, x: ArrayLike) -> Array:
        """Return the mean output, (n_outputs,) or (n, n_outputs); where no `BatchNorm` is folded, in the same bits."""
        first, n = self._first(x), len(self.predictors)
        if self._mixes:
            return _mixture((first, *(predictor(x) for predictor in self._others)), n, first.dtype)
        if first.ndim > 1 or not self._alike:
            return _mean((first, *(predictor(x) for predictor in self._others)), n, first.dtype)
        outputs = np.zeros((n + 1, len(first)), first.dtype)  # the first stays 0, as `_mean` begins: -0.0 would not
        outputs[1] = first
        for predictor, row in zip(self._others, outputs[2:], strict=True):
            predictor(x, row)
        total = np.add.accumulate(outputs, 0, np.float64)[-1]  # one by one; a sum may go another way
        mean: Array = (total / n).astype(first.dtype)
        return mean

    def __repr__(self) -> str:
        return f"EnsemblePredictor({len(self.predictors)} of {self.predictors[0]!r})"


def _is_mixed(loss: Loss) -> bool:
    """Whether a network with this loss answers with means and variances."""
    return loss.link == "mean_and_variance"


def _mean(outputs: Iterable[Array], n: int, dtype: np.dtype) -> Array:
    total: Any = 0.0
    for output in outputs:
        total = total + output.astype(np.float64)
    return np.asarray(total / n, dtype)


def _mixture(outputs: Iterable[Array], n: int, dtype: np.dtype) -> Array:
    """Return mean and variance of a mixture of as much of each of `n` distributions, of which outputs are the same.

    Examples
    --------
    >>> _mixture([np.array([[1.0, 0.25]]), np.array([[3.0, 0.75]])], 2, np.dtype(np.float64))
    array([[2. , 1.5]])
    """
    total: Any = 0.0
    spread = mean = total
    for k, output in enumerate(outputs, 1):
        means, _ = np.split(output := output.astype(np.float64), 2, axis=-1)
        total, difference = total + output, means - mean  # of the spread what Welford's rule adds (1962)
        mean = mean + difference / k
        spread = spread + difference * (means - mean)
    means, variances = np.split(total / n, 2, axis=-1)
    return np.concatenate([means, variances + spread / n], axis=-1).astype(dtype)


def renewed(model: Sequential, seed: int, **changed: Any) -> Sequential:
    """Return an untrained model such as this one, with another seed; `changed` are other layers, dtype, loss...

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> renewed(Sequential([Dense(2)]), 7, dtype="float64")
    Sequential([Dense(2)], seed=7, dtype='float64')
    """
    state = model._state
    kept: dict[str, Any] = {"layers": state.layers, "dtype": dtype_policy(state), "optimizer": state.optimizer}
    kept |= {"loss": state.loss, "metrics": state.metrics, **changed}
    other = Sequential(kept["layers"], seed=seed, dtype=kept["dtype"], name=state.name)
    other.compile(kept["optimizer"], kept["loss"], kept["metrics"])
    return other
