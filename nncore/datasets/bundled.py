"""Small real data sets that come with nncore; data/SOURCES.md tells where each one is from."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dataset import Dataset
from nncore.datasets.inference import infer_schema

DATA = Path(__file__).parent / "data"


def _load(name: str, task: str, description: str, classes: tuple[str, ...] | None = None) -> Dataset:
    kept = _parsed(name, task, description, classes)
    return replace(kept, X=kept.X.copy(), y=kept.y.copy())  # the caller may write to its arrays


@cache
def _parsed(name: str, task: str, description: str, classes: tuple[str, ...] | None) -> Dataset:
    table = CsvTable(DATA / f"{name}.csv.gz")
    schema = infer_schema(table, task=task, missing="drop")
    if classes is not None:  # an order of the classes other than the alphabet's
        schema = replace(schema, classes=classes)
    X, y = schema.read(table, missing="drop")
    assert y is not None  # every bundled table has its target
    return Dataset(X, y, schema.feature_names, schema.classes, name, description, schema)


def load_iris() -> Dataset:
    """Fisher's irises: 150 flowers, 4 lengths in cm, 3 species.

    Examples
    --------
    >>> X, y = load_iris()
    >>> X.shape, y.shape
    ((150, 4), (150,))
    """
    return _load(
        "iris", "classification", "Sepals and petals of three species of iris, measured by E. Anderson (Fisher, 1936)."
    )


def load_wine() -> Dataset:
    """Wines of one Italian region: 178 wines, 13 chemical measurements, 3 cultivars.

    Examples
    --------
    >>> load_wine()
    <Dataset wine: 178 rows, 13 features, 3 classes>
    """
    return _load(
        "wine", "classification", "Chemical analyses of wines of three cultivars, one Italian region (Forina, 1988)."
    )


def load_breast_cancer() -> Dataset:
    """Wisconsin diagnostic breast cancer: 569 tumours, 30 measurements of cell nuclei; 0 malignant, 1 benign.

    Examples
    --------
    >>> load_breast_cancer().target_names
    ('malignant', 'benign')
    """
    return _load(
        "breast_cancer",
        "classification",
        "Cell nuclei in images of fine needle aspirates of breast masses (Wolberg, Street, Mangasarian, 1995).",
        ("malignant", "benign"),
    )


def load_digits() -> Dataset:
    """Handwritten digits: 1797 images of 8 x 8 pixels from 0 to 16, 10 classes.

    Examples
    --------
    >>> load_digits()
    <Dataset digits: 1797 rows, 64 features, 10 classes>
    """
    return _load("digits", "classification", "Digits written by 13 people, 8 x 8 pixels (Alpaydin and Kaynak, 1998).")


def load_diabetes() -> Dataset:
    """Diabetes progression: 442 patients, 10 measurements in their own units, a score one year later (regression).

    Examples
    --------
    >>> load_diabetes()
    <Dataset diabetes: 442 rows, 10 features, regression>
    """
    return _load(
        "diabetes",
        "regression",
        "Age, sex (1 or 2), body mass index, blood pressure and six blood serum values of diabetes patients, and the "
        "progression of the disease one year later (Efron, Hastie, Johnstone, Tibshirani, 2004).",
    )


def load_penguins() -> Dataset:
    """Palmer penguins: 333 birds, 4 measurements, island and sex; 3 species.

    The 11 birds of which a value is missing are left out. Island and sex are one-hot, as `read_csv` makes them.

    Examples
    --------
    >>> load_penguins().feature_names[:4]
    ('island=Biscoe', 'island=Dream', 'island=Torgersen', 'bill_length_mm')
    """
    return _load(
        "penguins",
        "classification",
        "Adult penguins of three species near Palmer Station, Antarctica, 2007-2009 (Gorman, Williams, Fraser, 2014).",
    )


BUNDLED = {
    "iris": load_iris,
    "wine": load_wine,
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
    "diabetes": load_diabetes,
    "penguins": load_penguins,
}
