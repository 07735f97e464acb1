"""The bundled data sets hold the published figures, and unpack as documented."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

import nncore
from nncore import datasets
from nncore.datasets import bundled
from nncore.datasets.bundled import BUNDLED, DATA

SHAPES = {
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast_cancer": (569, 30, 2),
    "digits": (1797, 64, 10),
    "diabetes": (442, 10, None),
    "penguins": (333, 9, 3),
}


@pytest.mark.parametrize("name", BUNDLED)
def test_shapes_and_types(name):
    dataset = getattr(datasets, f"load_{name}")()
    n_samples, n_features, n_classes = SHAPES[name]
    assert dataset.X.shape == (n_samples, n_features) and dataset.X.dtype == np.float64
    assert np.isfinite(dataset.X.astype(np.float32)).all()
    assert len(dataset.feature_names) == n_features and dataset.name == name and dataset.description
    if n_classes is None:
        assert dataset.target_names is None and dataset.y.dtype == np.float64 and dataset.task == "regression"
    else:
        assert len(dataset.target_names) == n_classes and dataset.y.dtype == np.int64
        assert np.array_equal(np.unique(dataset.y), np.arange(n_classes))


@pytest.mark.parametrize("name", [name for name in BUNDLED if name != "penguins"])
def test_figures_are_those_of_scikit_learn(name):
    options = {"scaled": False} if name == "diabetes" else {}
    theirs = getattr(sklearn.datasets, f"load_{name}")(**options)
    ours = BUNDLED[name]()
    assert np.array_equal(ours.X, theirs.data)
    assert np.array_equal(ours.y, theirs.target)
    assert list(ours.feature_names) == list(theirs.feature_names)
    if name != "diabetes":
        assert list(ours.target_names) == [str(label) for label in theirs.target_names]


def test_penguins_are_the_complete_rows_with_one_hot_texts():
    penguins = datasets.load_penguins()
    assert penguins.target_names == ("Adelie", "Chinstrap", "Gentoo")
    assert np.bincount(penguins.y).tolist() == [146, 68, 119]  # of 344 birds, 11 have a missing value
    assert penguins.feature_names[:3] == ("island=Biscoe", "island=Dream", "island=Torgersen")
    assert penguins.feature_names[-2:] == ("sex=female", "sex=male")
    assert np.array_equal(penguins.X[:, :3].sum(axis=1), np.ones(333))
    assert penguins.X[0].tolist() == [0, 0, 1, 39.1, 18.7, 181, 3750, 0, 1]


def test_unpacks_to_x_and_y_and_takes_rows():
    iris = datasets.load_iris()
    X, y = iris
    assert X is iris.X and y is iris.y and len(iris) == 150
    first = iris.rows(slice(0, 3))
    assert first.X.shape == (3, 4) and first.target_names == iris.target_names
    with pytest.raises(AttributeError):
        iris.X = X


def test_every_call_returns_fresh_arrays():
    iris = datasets.load_iris()
    iris.X[:], iris.y[:] = 0, 7
    again = datasets.load_iris()
    assert again.X.min() > 0 and again.y.max() == 2


def test_a_file_is_parsed_once(monkeypatch):
    datasets.load_digits()
    monkeypatch.setattr(bundled, "CsvTable", None)
    assert datasets.load_digits().n_samples == 1797


@pytest.mark.parametrize(
    ("X", "y", "names", "message"),
    [
        (np.zeros(3), np.zeros(3), ("a",), r"X must be \(n_samples, n_features\)"),
        (np.zeros((3, 1)), np.zeros(2), ("a",), r"got \(3, 1\) and \(2,\)"),
        (np.zeros((3, 2)), np.zeros(3), ("a",), "2 columns in X, but 1 feature_names"),
    ],
)
def test_dataset_refuses_shapes_that_do_not_fit(X, y, names, message):
    with pytest.raises(ValueError, match=message):
        datasets.Dataset(X, y, names, None, "toy")


def test_files_are_small_reproducible_and_documented():
    files = sorted(DATA.glob("*.csv.gz"))
    assert [file.name.removesuffix(".csv.gz") for file in files] == sorted(BUNDLED)
    assert sum(file.stat().st_size for file in files) < 125_000
    sources = (DATA / "SOURCES.md").read_text()
    for file in files:
        assert f"`{file.name}`" in sources
        assert file.read_bytes()[4:8] == bytes(4), "the gzip header must hold no time"
        assert file.read_bytes()[3] == 0, "nor a file name"
        assert gzip.decompress(file.read_bytes()).isascii()


def test_data_lie_inside_the_package():
    assert Path(nncore.__file__).parent in DATA.parents
