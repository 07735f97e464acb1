"""The benchmark of many networks: what it times is what it says, its table and bounds, and its command runs."""

import doctest
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import bounds, many, record  # noqa: E402
from bench.__main__ import main  # noqa: E402
from bench.cases import MANY, NETWORKS, SEED  # noqa: E402
from bench.runners.many import Single, Together  # noqa: E402
from bench.timing import Protocol, Summary, Timing  # noqa: E402
from nncore.base.random import permutation  # noqa: E402

CASE = MANY["64 of 2-8-8-2"]


def test_doctests():
    done = doctest.testmod(many)
    assert done.attempted and not done.failed


def test_together_and_one_by_one_are_the_same_work():
    ways = [Together(CASE, 1), Single(CASE, 1)]
    for way in ways:
        way.train_in_order(permutation(SEED, 0, CASE.n_rows))
    together, single = ([model.parameters for model in way.models] for way in ways)
    assert len({parameters.tobytes() for parameters in together}) == NETWORKS
    assert np.array_equal(together, single)


@pytest.mark.parametrize(("package", "module"), [("jax", "jax_scan"), ("torch", "pytorch_vmap")])
def test_peers_train_each_network(package, module):
    """The first and the last end as `fit` leaves those with their seeds."""
    pytest.importorskip(package)
    case = CASE.exact()
    runner = importlib.import_module(f"bench.runners.{module}").Many(case, 1)
    order = permutation(SEED, 0, case.n_rows)
    X, y = (array[order] for array in case.data())
    models = {k: case.model(seed=SEED + k) for k in (0, NETWORKS - 1)}
    for k, model in models.items():
        assert all(np.array_equal(*pair) for pair in zip(runner.weights(k), model.get_weights(), strict=True))
        model.fit(X, y, epochs=1, batch_size=case.batch_size, shuffle=False, verbose=False)
    runner.train_in_order(order)
    for k, model in models.items():
        for found, expected in zip(runner.weights(k), model.get_weights(), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    runner.train(2)
    assert all(np.isfinite(array).all() for array in runner.weights(5))


def test_names():
    assert many.choose(None) == [*MANY, "search"] and many.choose(["search", "search"]) == ["search"]
    with pytest.raises(ValueError, match="unknown case '9'; known: 2-8-8-2, "):
        many.choose(["9"])
    assert many.known(["nncore"]) == ["nncore", "nncore single"]
    with pytest.raises(ValueError, match="unknown peer 'X'"):
        many.known(["X"])


def timing(ratio):
    return Timing(Summary(*[1e-6 * ratio] * 3), Summary(*[ratio] * 3), 1.0)


def a_run(factor):
    """What a run finds that meets its bounds by such a factor."""
    ratios = {"nncore": 1.0, "nncore single": 2.5 * factor, "JAX": 12 * factor, "PyTorch": 40 * factor}
    results = record.results_of(CASE.name, "training step", {who: timing(ratio) for who, ratio in ratios.items()})
    two = {"nncore": timing(1.0), "1 thread": timing(1.8 * factor)}
    results += record.results_of(CASE.name, "training step", two, 2)
    for n, ratio in ((1, 20 * factor), (2, 40 * factor)):
        results += record.results_of("search", "fit", {"nncore": timing(1.0), "scikit-learn": timing(ratio)}, n)
    return record.Run("many", record.machine(), Protocol(3, 0.1), results)


@pytest.mark.parametrize(("factor", "met"), [(1.0, 6), (0.99, 0), (float("nan"), 0)])
def test_bounds(factor, met, capsys):
    assert bounds.report(many.ratios(a_run(factor))) is bool(met)
    assert capsys.readouterr().out.startswith(f"{met} of 6 bounds met\n")


def test_tables():
    lines = many.markdown(a_run(1.0)).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert lines[0] == "# Many small networks"
    own, *others = many.RUNNERS
    assert cells[0] == ["network", "parameters", f"{own} fit_many", *others, "with 2 threads"]
    assert cells[2][:3] == ["2-8-8-2 tanh, 32", "114", "1.00 us (1.00 to 1.00)"]
    assert cells[2][4] == "12.0 us, 12.0x (12.0 to 12.0)" and cells[2][6] == "1.80x (1.80 to 1.80)"
    assert cells[-1] == ["scikit-learn, n_jobs=2", "40.0 us (40.0 to 40.0)", "40.0x (40.0 to 40.0)"]


def test_command(tmp_path, capsys):
    """Ours alone: in processes of their own, and the search where there is scikit-learn."""
    command = ["many", "--quick", "--peers", "nncore", "--cases", "2-8-8-2", "search", "--output", str(tmp_path)]
    assert main(command) == 0
    text = (tmp_path / "many.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == text + "\n" and "| 2-8-8-2 tanh, 32 " in text
    run = record.Run.from_dict(json.loads((tmp_path / "many.json").read_text()))
    assert {
        "together beside nncore single, 64 of 2-8-8-2, 1 thread",
        "speed-up together, 64 of 2-8-8-2, 2 threads",
    } == {*many.ratios(run)}
    assert all(result.timing.seconds.median > 0 for result in run.results)
    assert run.losses[CASE.name]["nncore"] == run.losses[CASE.name]["nncore single"]
