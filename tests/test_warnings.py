"""Every warning points at the line of the user that called nncore, however deep within it the reason was found."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import nncore
from nncore import Dense, Perceptron, Sequential, datasets, metrics
from nncore.callbacks import ModelCheckpoint

X, Y = np.linspace(0, 1, 30)[:, None], np.arange(30) // 10
LARGE = np.full((30, 1), 2**53 + 1)
XOR = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]


def classifier():
    model = Sequential([Dense(3, "softmax")])
    model.fit(X, Y)
    return model


def regressor():
    model = Sequential([Dense(1)])
    model.compile("sgd", metrics=["r2"])
    model.fit(X, Y)
    return model


def checkpointed():
    Path("best.safetensors").write_bytes(b"")
    classifier().fit(X, Y, callbacks=[ModelCheckpoint("best.safetensors", "loss", save_best_only=True)])


def with_long_names():
    pandas = pytest.importorskip("pandas")
    model = Sequential([Dense(1)])
    model.fit(pandas.DataFrame({"a" * 600_000: X[:, 0]}), Y)
    model.save("m.safetensors")


def table(text):
    Path("t.csv").write_text(text)
    return datasets.read_csv("t.csv")


def arrays():
    np.savez("t.npz", X=X, y=np.arange(30))
    return datasets.read_npz("t.npz")


REACHED = {
    "read_csv": (lambda: table("a,b\n1,$2\n3,$4\n5,$7\n"), "read as numbers"),
    "read_npz": (arrays, "whole numbers"),
    "fit of sorted rows": (
        lambda: Sequential([Dense(3, "softmax")]).fit(X, Y, validation_split=0.2),
        "validation_split",
    ),
    "fit of ids": (lambda: Sequential([Dense(1)], dtype="float64").fit(LARGE, Y), "past 2"),  # float32 would diverge
    "evaluate": (lambda: regressor().evaluate(X, LARGE), "past 2"),
    "evaluate, a metric": (lambda: regressor().evaluate(X[:1], Y[:1]), "fewer than two samples"),
    "predict": (lambda: classifier().predict(LARGE), "past 2"),
    "predict_classes": (lambda: classifier().predict_classes(LARGE), "past 2"),
    "predict_proba": (lambda: classifier().predict_proba(LARGE), "past 2"),
    "predictor": (lambda: regressor().predictor()(LARGE), "past 2"),
    "train_on_batch": (lambda: regressor().train_on_batch(X, LARGE), "past 2"),
    "loss_and_gradient": (lambda: regressor().loss_and_gradient(X, LARGE), "past 2"),
    "a solver": (lambda: regressor().fit(LARGE, Y, solver="lbfgs", epochs=1), "past 2"),
    "checkpoint": (checkpointed, "is there already"),
    "save": (lambda: classifier().save("m.h5"), "promises|suffix|[.]h5"),
    "save of long names": (with_long_names, "too long for a model file"),
    "Perceptron": (lambda: Perceptron().fit(*XOR, epochs=2), "did not converge|hyperplane"),
    "r2_score": (lambda: metrics.r2_score([1.0], [1.0]), "fewer than two samples"),
}


@pytest.mark.parametrize("name", REACHED)
def test_a_warning_points_at_the_users_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    call, said = REACHED[name]
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        call()
    found = [one for one in record if re.search(said, str(one.message))]
    assert found, [str(one.message) for one in record]
    assert {one.filename for one in found} == {__file__}


def test_no_warning_counts_its_frames():
    for path in Path(nncore.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        given = re.findall(r"stacklevel=(\S+?)[,)]", text.replace("level()", "level"))
        assert len(given) == text.count("warnings.warn(") and set(given) <= {"callers.level"}, path
