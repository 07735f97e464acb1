"""What happens to a table between the file and the network; it travels inside a saved model."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from nncore.base import strict_json
from nncore.datasets.dataset import Dataset
from nncore.datasets.imputation import Imputer
from nncore.datasets.schema import Column, Schema
from nncore.datasets.standardizer import Standardizer


@dataclass(frozen=True, eq=False)
class Preparation:
    """Schema of the table, values for gaps and standardisation of inputs and target, fitted on training rows.

    The command line keeps it in its model files, as ``model.metadata["preparation"]``: in Python such a model wants
    ``Preparation.from_json(model.metadata["preparation"]).prepare_inputs(X)``, not X itself.

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

    def fill(self, X: np.ndarray) -> np.ndarray:
        """Return `X` with a value in each gap of a feature that had gaps in training, in the table's own units."""
        return X if self.imputer is None else self.imputer.fill(X)

    def prepare_inputs(self, X: np.ndarray) -> np.ndarray:
        """Return the inputs as the network wants them, without gaps."""
        X = self.fill(X)
        return X if self.inputs is None else self.inputs.transform(X)

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
