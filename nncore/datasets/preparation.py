"""What happens to a table between the file and the network; it travels inside a saved model."""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncore.base import callers, strict_json
from nncore.base.tables import column_names, order_for
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dataset import Dataset
from nncore.datasets.frame_table import FrameTable
from nncore.datasets.header import NO_HEADER
from nncore.datasets.imputation import Imputer
from nncore.datasets.schema import Column, Schema
from nncore.datasets.standardizer import Standardizer, as_float


@dataclass(frozen=True, eq=False)
class Preparation:
    """Schema of the table, values for gaps and standardisation of inputs and target, fitted on training rows.

    The command line keeps it in its model files, as ``model.metadata["preparation"]``: in Python such a model wants
    what ``Preparation.from_json(model.metadata["preparation"])`` makes of the data, not these themselves. `read` takes
    a new text file or a table with the columns of the training's, `prepare_inputs` the features that these become.

    Attributes
    ----------
    schema : Schema
        Feature names, target name and classes.
    inputs, target : Standardizer or None
        None leaves the numbers as they are. A target is standardised in regression only.
    imputer : Imputer or None
        What stands in for missing inputs; None if none was missing in the table.

    Examples
    --------
    >>> from nncore.datasets import load_iris
    >>> iris = load_iris()
    >>> preparation = Preparation.fit(iris)
    >>> bool(abs(preparation.prepare_inputs(iris.X).mean()) < 1e-12)
    True
    >>> Preparation.from_json(preparation.to_json()).schema.classes
    ('setosa', 'versicolor', 'virginica')
    """

    schema: Schema
    inputs: Standardizer | None
    target: Standardizer | None
    imputer: Imputer | None = None

    @classmethod
    def fit(cls, dataset: Dataset, *, standardize: bool = True) -> Preparation:
        """Learn the preparation from training rows."""
        schema = dataset.schema
        if schema is None:
            columns = tuple(Column(name) for name in dataset.feature_names)
            schema = Schema(columns, "y", dataset.target_names)
        gaps = {column: features for column, features in schema.features.items() if column.gaps}
        texts = [features for column, features in gaps.items() if column.levels is not None]
        names = schema.feature_names
        numbers = [
            i
            for column, features in gaps.items()
            for i in features
            if column.levels is None and names[i] != column.feature_names[-1]  # which tells of gaps, and has none
        ]
        imputer = Imputer.fit(dataset.X, numbers, texts) if gaps else None
        X = dataset.X if imputer is None else imputer.fill(dataset.X)
        inputs = Standardizer().fit(X) if standardize else None
        return cls(schema, inputs, Standardizer().fit(dataset.y) if schema.classes is None else None, imputer)

    def read(self, source: Any, **file: Any) -> np.ndarray:
        """Return the inputs of a new table as the network wants them: what ``nncore predict`` gives it.

        The columns are those of the table of the training, with their texts, dates and gaps, in any order; others are
        not looked at, the target among them. They become the features that they became in training: nothing is learnt
        from this table, as `read_csv` would.

        Parameters
        ----------
        source : str, path-like, or table
            A text file, or a table of pandas, Polars or PyArrow. Names that only count its columns are none. The array
            of an NPZ file is for `prepare_inputs`.
        **file
            How a text file is written: header, delimiter, encoding and decimal of `read_csv`.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float64
            A row for each of the table. Gaps are filled where training had some in that column; a row with another gap
            holds NaN.

        Raises
        ------
        OSError, TypeError
            If the file cannot be opened, or `source` is neither.
        ValueError
            If a column is missing, a value is not what its column held in training, or no row is complete.

        Warns
        -----
        UserWarning
            For rows with NaN, gaps that are filled, texts that training never saw, and what was guessed of a file.

        Examples
        --------
        >>> import pandas
        >>> from nncore.datasets import load_penguins
        >>> preparation = Preparation.fit(load_penguins(), standardize=False)
        >>> preparation.schema.feature_names[:3], preparation.schema.feature_names[7:]
        (('island=Biscoe', 'island=Dream', 'island=Torgersen'), ('sex=female', 'sex=male'))
        >>> new = {"sex": ["male"], "body_mass_g": [4000], "bill_length_mm": [40.5], "bill_depth_mm": [18]}
        >>> new |= {"flipper_length_mm": [190], "island": ["Dream"]}
        >>> preparation.read(pandas.DataFrame(new)).tolist()
        [[0.0, 1.0, 0.0, 40.5, 18.0, 190.0, 4000.0, 0.0, 1.0]]
        """
        known = [column.name for column in self.schema.columns]
        table: CsvTable
        if isinstance(source, (str, os.PathLike)):
            table = CsvTable(source, known=known, **file)
        elif file:
            raise TypeError(f"{next(iter(file))} says how a text file is written, and {type(source).__name__} is none")
        else:
            table = FrameTable(source, known, self.schema.decimal)
        X, _ = self.schema.read(table, missing="mark", target=False)
        notes = [note for note in table.notes if self.schema.width is None or NO_HEADER not in note]
        X = self.prepare_inputs(X)
        if n := int(np.isnan(X).any(axis=1).sum()):
            row, name = self.first_lack(X)
            have = f"{n} of {len(X)} rows lack{'s' if n == 1 else ''} an input"
            lacks = f"{table.path}: {have}, the first is row {row}, without {name!r}"
            if n == len(X):
                raise ValueError(f"{lacks}; a prediction needs every input: fill them in")
            notes.append(
                f"{lacks}; they hold NaN, which predict refuses: X[~numpy.isnan(X).any(axis=1)] are the others"
            )
        for note in notes:
            warnings.warn(note, stacklevel=callers.level())
        return X

    def first_lack(self, X: np.ndarray) -> tuple[int, str]:
        """Return the first row, from 0, of filled or prepared inputs that holds NaN, and the column of the gap."""
        columns = {i: column.name for column, features in self.schema.features.items() for i in features}
        row = int(np.isnan(X).any(axis=1).argmax())
        return row, columns[int(np.isnan(X[row]).argmax())]

    def fill(self, X: Any) -> np.ndarray:
        """Return `X` with a value in each gap of a feature that had gaps in training, in the table's own units.

        `X` is as for `prepare_inputs`.
        """
        X = self._features(X)
        return X if self.imputer is None else self.imputer.fill(X)

    def prepare_inputs(self, X: Any) -> np.ndarray:
        """Return the inputs as the network wants them, without gaps.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The features, NaN where a value is missing. The columns of a table are taken by name, in the order of
            ``schema.feature_names``; arrays go by position.

        Raises
        ------
        TypeError, ValueError
            If it does not hold these features, or anything but numbers.
        """
        X = self.fill(X)
        return X if self.inputs is None else self.inputs.transform(X)

    def _features(self, X: Any) -> np.ndarray:
        names = self.schema.feature_names
        try:
            order = order_for(names, X, "X", "the preparation")
            found = as_float(X)
        except (TypeError, ValueError) as error:
            if column_names(X) is None:
                raise
            how = "a table with the columns of the training's file, its texts, dates and gaps, is for read(X)"
            raise type(error)(f"{error}; {how}") from None
        found = found if order is None else found[:, order]
        if found.ndim != 2 or found.shape[1] != len(names):
            raise ValueError(f"X must have shape (n_samples, {len(names)}), a column per feature, got {found.shape}")
        return found

    def prepare_target(self, y: np.ndarray) -> np.ndarray:
        """Return the target as the network wants it."""
        return y if self.target is None else self.target.transform(y)

    def restore_target(self, y: np.ndarray) -> np.ndarray:
        """Return values predicted by the network in the target's own units, in the shape in which they come."""
        return y if self.target is None else self.target.inverse_transform(y)

    def to_json(self) -> str:
        """Return the preparation as a JSON text."""
        return json.dumps(
            {
                "schema": self.schema.to_dict(),
                "inputs": None if self.inputs is None else self.inputs.to_dict(),
                "target": None if self.target is None else self.target.to_dict(),
                **({} if self.imputer is None else {"fill": self.imputer.to_list()}),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Preparation:
        """Return the preparation that `to_json` wrote.

        Raises
        ------
        ValueError
            If the text is anything else.
        """
        try:
            state = strict_json.loads(text)
            schema = Schema.from_dict(state["schema"])
            inputs = None if state["inputs"] is None else Standardizer.from_dict(state["inputs"])
            target = None if state["target"] is None else Standardizer.from_dict(state["target"])
            imputer = Imputer.from_list(state["fill"]) if "fill" in state else None
            if imputer is not None and len(imputer.values) != len(schema.feature_names):
                raise ValueError(f"{len(imputer.values)} values for {len(schema.feature_names)} features")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"not a preparation: {error}") from None
        return cls(schema, inputs, target, imputer)
