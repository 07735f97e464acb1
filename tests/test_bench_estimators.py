"""The benchmark of the estimators: both train the same, its tables say what was found, and its command runs."""

import doctest
import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import bounds, estimators, record  # noqa: E402
from bench.__main__ import main  # noqa: E402
from bench.timing import Protocol, Summary, Timing  # noqa: E402


def test_doctests():
    done = doctest.testmod(estimators)
    assert done.attempted and not done.failed


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["iris, 8 tanh, batch 150", "diabetes, 50, batch 32"])
def test_what_is_timed_is_the_same_work(name):
    """As many epochs, of as many rows, from the same weights to much the same loss."""
    own, other = (estimators.FITS[name].contender(who)() for who in estimators.MODULES)
    assert type(own).__module__ == "nncore.sklearn.mlp" and type(other).__module__.startswith("sklearn.")
    assert own.n_iter_ == other.n_iter_ == 200 and own.t_ == other.t_
    assert own.loss_ == pytest.approx(other.loss_, rel=0.05)


def test_tables_are_whole():
    for load in {**estimators.CLASSES, **estimators.NUMBERS}.values():
        X, y = load()
        assert len(X) == len(y) >= 20 and np.isfinite(X).all()


def a_run(ratio):
    timings = {
        who: Timing(Summary(*[1e-3 * factor] * 3), Summary(*[factor] * 3), 1.0)
        for who, factor in ((record.FIRST, 1.0), (estimators.PEER, ratio))
    }
    return record.Run("estimators", record.machine(), Protocol(3, 0.1), record.results_of("wine, 8", "fit", timings))


@pytest.mark.parametrize(("ratio", "met"), [(10.0, True), (9.9, False), (float("nan"), False)])
def test_bound_and_tables(ratio, met):
    assert bounds.report(estimators.ratios(a_run(ratio))) is met
    scores = estimators.Scores({"wine": {record.FIRST: [0.5, 0.6], estimators.PEER: [0.6, 0.7]}})
    text = estimators.markdown(a_run(ratio), scores)
    assert "# Estimators beside scikit-learn's" in text and "1.00 ms (1.00 to 1.00)" in text
    assert text.rstrip().endswith("no |") and "0.550 (0.500 to 0.600)" in text


def test_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(estimators, "FITS", {"iris": estimators.FITS["iris, 8 tanh, batch 150"]})
    monkeypatch.setattr(estimators, "CLASSES", {"wine": estimators.CLASSES["wine"]})
    monkeypatch.setattr(estimators, "NUMBERS", {"linnerud": estimators.NUMBERS["linnerud"]})
    assert main(["estimators", "--quick", "--output", str(tmp_path)]) == 0
    text = (tmp_path / "estimators.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == text + "\n" and "| wine " in text and "| linnerud " in text
    assert estimators.ratios(record.Run.from_dict(json.loads((tmp_path / "estimators.json").read_text())))
