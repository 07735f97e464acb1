"""The data of a run: rows to train on and rows held out, as the network reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nncore.base.typing import Array
from nncore.builder.refusal import Refusal, located
from nncore.datasets import Dataset, Preparation, train_test_split

FLOAT32 = np.dtype("float32")


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rows as the network reads them.

    Attributes
    ----------
    dataset : Dataset
        In its own units; what is filled into gaps is in it.
    preparation : Preparation
    train, held_out : ndarray of int
        Numbers of the rows in the data set; none are held out if the share is 0.
    stratified : bool
        Whether each class has its share among the rows held out.
    X, y : ndarray
        All rows, prepared; X of shape (n, n_features), as y, if it holds numbers, of the network's dtype.
    offered : Dataset
        The names of all features and columns there are to choose from; no rows.
    noted : bool
        Whether a model file says how they are prepared.
    """

    dataset: Dataset
    preparation: Preparation
    train: Array
    held_out: Array
    stratified: bool
    X: Array
    y: Array
    offered: Dataset
    noted: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes that the rows take: in the data set, as the network reads them, and once more in their parts."""
        return self.dataset.X.nbytes + self.dataset.y.nbytes + 2 * (self.X.nbytes + self.y.nbytes)

    @cached_property
    def parts(self) -> dict[str, tuple[Array, Array]]:
        """Inputs and targets of the parts train and held_out; kept, for they are asked for all the time."""
        return {name: (self.X[self.rows(name)], self.y[self.rows(name)]) for name in ("train", "held_out")}

    def rows(self, part: str) -> Array:
        """Return the numbers of the rows of a part: train, held_out or all."""
        return {"train": self.train, "held_out": self.held_out, "all": np.arange(len(self.X))}[part]


def prepare(
    dataset: Dataset,
    share: float,
    *,
    standardize: bool,
    seed: int = 0,
    dtype: np.dtype = FLOAT32,
    preparation: Preparation | None = None,
    offered: Dataset | None = None,
) -> Prepared:
    """Hold rows out and learn the preparation from the others.

    Parameters
    ----------
    dataset : Dataset
    share : float
        Of the rows, to be held out. From 0, below 1.
    standardize : bool
        Bring all features to mean 0 and deviation 1.
    seed : int
        Of the choice of the rows held out.
    dtype : numpy.dtype
        Of the network's numbers.
    preparation : Preparation, optional
        One that was learned before; by default one is learned from the rows to train on.
    offered : Dataset, optional
        The data set before features were selected.
    """
    stratified = share > 0 and can_be_stratified(dataset, share)
    train, held_out = split(dataset, share, stratified, seed)
    noted = preparation is not None
    if preparation is None:
        preparation = _learned(dataset.rows(train), standardize)
    dataset = replace(dataset, X=preparation.fill(dataset.X))
    X = np.ascontiguousarray(preparation.prepare_inputs(dataset.X), dtype)
    y = preparation.prepare_target(dataset.y)
    y = y if dataset.target_names is not None else np.asarray(y, dtype)
    names = (offered or dataset).rows(slice(0, 0))
    return Prepared(dataset, preparation, train, held_out, stratified, X, y, names, noted)


def _learned(rows: Dataset, standardize: bool) -> Preparation:
    try:
        return Preparation.fit(rows, standardize=standardize)
    except ValueError as error:
        column = re.search(r"column (\d+)", str(error))
        named = f"column {rows.feature_names[int(column[1])]!r}" if column else ""
        raise Refusal(str(error).replace(column[0], named) if column else str(error), "data.options") from None


def noted_preparation(notes: Mapping[str, str], dataset: Dataset) -> Preparation | None:
    """Return the preparation that the notes of a model file hold, as ``nncore train`` writes them, if it suits."""
    if "preparation" not in notes:
        return None
    preparation = located("data", Preparation.from_json, notes["preparation"])
    schema = preparation.schema
    suits = schema.feature_names == dataset.feature_names and schema.classes == dataset.target_names
    if not suits or np.isnan(preparation.fill(dataset.X)).any():  # gaps where its training had none
        return None
    return preparation


def can_be_stratified(dataset: Dataset, share: float) -> bool:
    """Tell whether every class can have a row in both parts."""
    if dataset.target_names is None:
        return False
    n_test = int(np.ceil(len(dataset) * share))
    counts = np.bincount(dataset.y)
    return bool(counts[counts > 0].min() >= 2 and min(n_test, len(dataset) - n_test) >= np.count_nonzero(counts))


def split(dataset: Dataset, share: float, stratified: bool, seed: int) -> tuple[Array, Array]:
    """Return the numbers of the rows to train on and of those held out."""
    everything = np.arange(len(dataset))
    if not share:
        return everything, everything[:0]
    stratify = dataset.y if stratified else False
    try:
        train, held_out = train_test_split(everything, test_size=share, seed=seed, stratify=stratify)
    except ValueError as error:
        raise Refusal(str(error), "training.validation_split") from None
    return train, held_out
