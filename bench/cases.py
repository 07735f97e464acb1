"""The networks that are timed. The tests import this list too, so that what is timed is also checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import Adam, Dense, Sequential

Array = NDArray[Any]
SEED = 0
LABEL_NOISE = 0.2
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Case:
    """A softmax classifier and how it is trained: Adam, shuffled mini-batches, sparse categorical crossentropy.

    Attributes
    ----------
    name : str
        What ``--cases`` takes: the sizes, and the dtype unless it is float32.
    sizes : tuple of int
        Features, hidden units of each layer, classes.
    activation : str
        Of the hidden layers.
    batch_size, n_rows : int
        Rows per step and per epoch. The last step of an epoch has fewer rows if one does not divide the other.
    dtype : {"float32", "float64"}
    epsilon : float
        Adam's.

    Examples
    --------
    >>> case = Case("2-3-2", (2, 3, 2), "tanh", batch_size=10, n_rows=25)
    >>> case.n_parameters, case.steps_per_epoch, case.flops_per_step, case.mean_flops_per_step
    (17, 3, 600, 500.0)
    """

    name: str
    sizes: tuple[int, ...]
    activation: str
    batch_size: int
    n_rows: int
    dtype: str = "float32"
    epsilon: float = 1e-8

    @property
    def n_parameters(self) -> int:
        """Weights and biases."""
        return sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.sizes))

    @property
    def steps_per_epoch(self) -> int:
        """Updates per epoch."""
        return -(-self.n_rows // self.batch_size)

    @property
    def flops_per_step(self) -> int:
        """Floating-point operations of the matrix products in the step of a full batch."""
        return self.batch_size * self._flops_per_row

    @property
    def mean_flops_per_step(self) -> float:
        """The same, as the mean of an epoch's steps: the last may have fewer rows."""
        return self.n_rows * self._flops_per_row / self.steps_per_epoch

    @property
    def _flops_per_row(self) -> int:
        """Forward and the gradient of the weights need 2 per weight each; so does the gradient of a layer's input,
        which the first layer does without. Activations, loss and update are not counted.
        """
        products = [n_in * n_out for n_in, n_out in pairwise(self.sizes)]
        return 2 * (3 * sum(products) - products[0])

    @property
    def optimizer(self) -> Adam:
        """The update rule."""
        return Adam(LEARNING_RATE, epsilon=self.epsilon)

    def exact(self) -> Case:
        """Return the same case in float64 and with hardly any epsilon: whoever trains it right gets the same losses.

        As it stands it would not show that two packages do the same. In float32 some relu with an argument within
        rounding of 0 is open in one and shut in the other, and Adam's first steps, of equal length for all gradients,
        spread that. And scikit-learn adds epsilon to the mean square before its bias is corrected, others after.
        """
        return replace(self, dtype="float64", epsilon=1e-16)

    def layers(self) -> list[Dense]:
        """Return the network, from input to output."""
        hidden = [Dense(units, self.activation) for units in self.sizes[1:-1]]
        return [*hidden, Dense(self.sizes[-1], "softmax")]

    def model(self, dtype: str | None = None, seed: int = SEED) -> Sequential:
        """Return the built model, of another dtype than the case's if told; the same weights at every call."""
        model = Sequential(self.layers(), seed=seed, dtype=dtype or self.dtype)
        model.compile(self.optimizer, "sparse_categorical_crossentropy")
        model.build(self.sizes[0])
        return model

    def initial_weights(self, seed: int = SEED) -> list[Array]:
        """Return the weight (n_in, n_out) and the bias (n_out,) of each layer in turn; the same at every call."""
        return self.model(seed=seed).get_weights()

    def data(self, n_rows: int | None = None) -> tuple[Array, NDArray[np.int32]]:
        """Return X (n_rows, n_features) and labels (n_rows,); the same at every call.

        A fifth of the labels is random: a network that has learned everything would compute with ever smaller numbers.
        """
        n = self.n_rows if n_rows is None else n_rows
        rng = np.random.default_rng(SEED)
        X = rng.standard_normal((n, self.sizes[0]))
        labels = (X @ rng.standard_normal((self.sizes[0], self.sizes[-1]))).argmax(axis=1)
        noise = rng.random(n) < LABEL_NOISE
        labels[noise] = rng.integers(self.sizes[-1], size=int(noise.sum()))
        return X.astype(self.dtype), labels.astype(np.int32)


def _case(sizes: str, activation: str, batch_size: int, n_rows: int, dtype: str = "float32") -> Case:
    name = sizes if dtype == "float32" else f"{sizes}-{dtype}"
    return Case(name, tuple(map(int, sizes.split("-"))), activation, batch_size, n_rows, dtype)


CASES = {
    case.name: case
    for case in (
        _case("2-8-8-2", "tanh", 32, 8_000),
        _case("4-16-16-3", "relu", 16, 4_000),
        _case("4-32-16-4", "tanh", 10_000, 10_000),  # full batch: one step per epoch
        _case("8-64-64-4", "tanh", 64, 6_400),
        _case("13-64-64-2", "relu", 64, 6_400),
        _case("64-32-10", "relu", 32, 6_400),
        _case("17-256-256-6", "tanh", 256, 5_120),
        _case("80-256-256-10", "relu", 64, 3_200),
        _case("376-256-256-17", "relu", 256, 5_120),
        _case("784-128-10", "relu", 128, 5_120),
        _case("784-512-512-10", "relu", 256, 5_120),
        _case("1024-1024-1024-10", "relu", 512, 2_048),
        # Sizes that no tile divides, and a last batch of another size than the others.
        _case("13-37-3", "relu", 37, 1_121),
        _case("101-77-53-7", "elu", 50, 1_121),
        _case("4-16-16-3", "relu", 16, 4_000, "float64"),
        _case("13-64-64-2", "relu", 64, 6_400, "float64"),
        _case("784-128-10", "relu", 128, 5_120, "float64"),
    )
}
"""All cases by name."""

NETWORKS = 64
"""How many are trained together in `bench.many`."""


def _many(sizes: str, activation: str, batch_size: int) -> Case:
    name = f"{NETWORKS} of {sizes}"
    return replace(CASES[sizes], name=name, activation=activation, batch_size=batch_size, n_rows=2_048)


MANY = {
    case.name: case
    for case in (
        _many("2-8-8-2", "tanh", 32),
        _many("4-16-16-3", "relu", 32),
        _many("64-32-10", "relu", 32),
        _many("8-64-64-4", "relu", 64),
    )
}
"""Those of `bench.many`, by name; sizes and steps are those of one network."""

KNOWN = {**CASES, **MANY}


def select(names: list[str] | None) -> list[Case]:
    """Return the cases of these names, each once, or all.

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> [case.batch_size for case in select(["2-8-8-2", "2-8-8-2"])]
    [32]
    """
    unknown = [name for name in names or [] if name not in CASES]
    if unknown:
        raise ValueError(f"unknown case {unknown[0]!r}; known: {', '.join(CASES)}")
    return [CASES[name] for name in dict.fromkeys(names or CASES)]
