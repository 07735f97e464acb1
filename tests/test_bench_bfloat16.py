"""The benchmark of bfloat16: everyone really computes in it, and what its tables, figures and bounds say."""

import doctest
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from idx_files import write_mnist

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import bfloat16, bounds, peers, precision, predict, predictors, readme, record, report, runners  # noqa: E402
from bench import worker as training_worker  # noqa: E402
from bench.__main__ import main  # noqa: E402
from bench.cases import CASES  # noqa: E402
from bench.predictors import server  # noqa: E402
from bench.timing import Protocol, Slot, Summary, Timing  # noqa: E402
from bench.workers import workers  # noqa: E402
from nncore import engine  # noqa: E402

CASE = "13-37-3"
INSTALLED = [name for name, entry in runners.BFLOAT16.items() if entry.available]

# ----------------------------------------------------------------------------------------------------- the contenders


def test_both_tables_have_the_same_contenders():
    """The first word of each is who it is of, by which users choose."""
    assert list(runners.BFLOAT16) == list(predictors.BFLOAT16)
    assert {name.split()[0] for name in runners.BFLOAT16} <= {*runners.RUNNERS}
    assert next(iter(runners.BFLOAT16)) == record.FIRST and report.FLOAT32 in runners.BFLOAT16
    assert set(peers.CONTENDERS) <= set(runners.TABLES) | set(predictors.TABLES)


def test_float32_takes_part_in_any_case():
    own = ["nncore", "nncore float32"]
    assert bfloat16._contenders([]) == bfloat16._contenders(["NumPy"]) == bfloat16._contenders(["nncore"]) == own
    assert bfloat16._contenders(None) == INSTALLED and INSTALLED[:2] == own
    for peer in {name.split()[0] for name in INSTALLED[2:]}:
        assert bfloat16._contenders([peer]) == [*own, *(name for name in INSTALLED if name.startswith(peer))]


def rounded(array):
    """Return it rounded to bfloat16, half to even: what is left of it are 16 bits."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)


def test_preparing_trains_in_bfloat16():
    """It is that near float32, but not the same."""
    served = [training_worker.Server("bfloat16", name, 1) for name in ("nncore", "nncore float32")]
    losses = [served_by.prepare(CASE) for served_by in served]
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=bfloat16.LOSS_TOLERANCE)
    assert served[0].runner.model.dtype_policy == "mixed_bfloat16"
    assert served[1].runner.model.dtype_policy == "float32"
    assert all(weight.dtype == np.float32 for weight in served[0].runner.weights())


@pytest.mark.parametrize("contender", [name for name in runners.BFLOAT16 if name.split()[0] != record.FIRST])
def test_peers_train_the_same_network(contender):
    """In bfloat16, on processors that it suits: in float32 they would be nearer."""
    if contender not in INSTALLED:
        pytest.skip(f"{contender} is not installed")
    with workers(["nncore", "nncore float32", contender], [1], bfloat16.Trainer) as started:
        tolerances = bfloat16.LOSS_TOLERANCE, bfloat16.LOSS_TOLERANCES
        losses = bfloat16.first_losses("prepare", CASES[CASE], started, *tolerances)
    apart = abs(losses[contender] / losses["nncore float32"] - 1)
    assert apart > 1e-6 or contender == "PyTorch medium"


@pytest.mark.skipif("JAX bfloat16" not in INSTALLED, reason="JAX is not installed")
def test_jax_rounds_the_products_of_the_gradient_too():
    import jax

    from bench.runners import jax_scan

    rng = np.random.default_rng(0)
    x, weight, dz = (rng.standard_normal(shape).astype(np.float32) for shape in ((40, 30), (30, 20), (40, 20)))
    z, back = jax.vjp(jax_scan.Bfloat16.product, x, weight)
    expected = (rounded(x) @ rounded(weight), rounded(dz) @ rounded(weight).T, rounded(x).T @ rounded(dz))
    for array, right in zip((z, *back(dz)), expected, strict=True):
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, right, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("contender", [name for name in runners.BFLOAT16 if name != "PyTorch medium"])
def test_everyone_predicts_the_outputs_of_the_reference_nearly(contender):
    if contender not in INSTALLED:
        pytest.skip(f"{contender} is not installed")
    with workers([contender], [1], bfloat16.Predictor) as (started,):
        assert predict.ready(started, CASE, 100, quick=True)


def test_nncore_predicts_in_bfloat16():
    outputs = []
    for name in ("nncore", "nncore float32"):
        served = server.Server("bfloat16", name, 1)
        served.prepare((CASE, 100))
        served.check("predict")
        outputs.append(served.ways["predict"]())
    assert 1e-5 < abs(outputs[0] - outputs[1]).max() < 1e-2
    with pytest.raises(AssertionError, match="13-37-3, 100 rows, predict: other outputs"):
        server.check_outputs(CASES[CASE], served.X, "predict", outputs[0] + 0.021, served.tolerance)


# --------------------------------------------------------------------------------------------------- the measurements


class Clockwork:
    """A worker whose calls take what they should."""

    def __init__(self, contender, seconds_by_way):
        self.contender, self.threads, self.seconds = contender, 1, seconds_by_way

    def ask(self, request, argument):
        return list(self.seconds) if request == "prepare" else None

    def timed_at(self, way):
        return lambda calls: Slot(calls * self.seconds[way], calls * self.seconds[way])


def test_everyone_predicts_in_their_fastest_way():
    ways = {"nncore": {"predict": 1.0}, "Slow": {"eager": 8.0, "compiled": 4.0, "other": 6.0}}
    started = [Clockwork(name, seconds) for name, seconds in ways.items()]
    results = bfloat16._predictions(CASES[CASE], started, Protocol(2, 0.1), quick=False)
    assert [(r.contender, r.measure, r.timing.ratio.median) for r in results] == [
        ("nncore", "predict 1,024 rows", 1.0),
        ("Slow", "predict 1,024 rows", 4.0),
    ]
    (_, quick) = bfloat16._predictions(CASES[CASE], started, Protocol(2, 0.1), quick=True)
    assert quick.timing.seconds.median == 6.0  # without the compiled one


@pytest.fixture
def data():
    """Of two cases, with two peers."""
    results = []
    for case, own in (("784-128-10", 1e-4), ("784-512-512-10", 2e-3)):
        for measure in (report.STEP, bfloat16.PREDICT):
            ratios = {"nncore": 1.0, report.FLOAT32: 2.0, "PyTorch medium": 4.0, "JAX bfloat16": 3.0}
            timings = {
                name: Timing(Summary(own * r, own * r, own * r), Summary(r, r, r), 1.0) for name, r in ratios.items()
            }
            results += record.results_of(case, measure, timings)
    machine = {"cpu": "Analytical Engine", "isa": "amx", "platform": "Steam brass", "python": "3.11", "numpy": "2.0"}
    machine |= {"nncore": "1.0", "JAX": "3.0", "date": "1843-07-10", "commit": "abc"}
    losses = {"784-128-10": {"nncore": 1.0, "JAX bfloat16": 1.001}}
    found = record.Run("bfloat16", machine, Protocol(5, 0.1), results, losses)
    scores = [("MNIST", 97.5, 97.25), ("MNIST", 97.5, 97.5), ("iris", 96.0, 96.5), ("wine", 98.0, 98.0)]
    of_seeds = [
        {"data": name, "seed": i % 2, "float32": a, "mixed_bfloat16": b} for i, (name, a, b) in enumerate(scores)
    ]
    return {**found.to_dict(), "accuracy": {"missing": None, "results": of_seeds}}


def test_ratios(data):
    assert bfloat16.ratios(data) == {
        "bfloat16 by amx, train, 784-128-10, 1 thread": 3.0,
        "bfloat16 by amx over float32, train, 784-128-10, 1 thread": 2.0,
        "bfloat16 by amx, predict 1,024 rows, 784-128-10, 1 thread": 3.0,
        "bfloat16 by amx over float32, predict 1,024 rows, 784-128-10, 1 thread": 2.0,
        "bfloat16 by amx, train, 784-512-512-10, 1 thread": 3.0,
        "bfloat16 by amx over float32, train, 784-512-512-10, 1 thread": 2.0,
        "bfloat16 by amx, predict 1,024 rows, 784-512-512-10, 1 thread": 3.0,
        "bfloat16 by amx over float32, predict 1,024 rows, 784-512-512-10, 1 thread": 2.0,
        "points between bfloat16 and float32, MNIST": 0.125,
        "points between bfloat16 and float32, mean of the tables": 0.25,
    }


def rows_of(text):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]


def test_markdown(data):
    text = bfloat16.markdown(data)
    assert "Analytical Engine (amx), 1 thread, " in text and "after one epoch, from the same weights" in text
    assert "losses are at most 1.0e-03 apart" in text
    assert "better by, in points: MNIST -0.12, mean of the tables +0.25." in text
    assert "### training step, 1 thread\n\n|" in text and "### predict 1,024 rows, 1 thread\n\n|" in text
    rows = rows_of(text)
    flops = CASES["784-512-512-10"].mean_flops_per_step
    step = ["2.00 ms (2.00 to 2.00)", report.three_digits(flops / 2e-3 / 1e9), "2.00x", "JAX bfloat16 3.00x"]
    assert ["784-512-512-10 relu, 256", "669,706", *step] in [row[:6] for row in rows]
    assert ["MNIST", "97.50", "97.38", "-0.12", "-0.25", "+0.00"] in rows


def test_readme_gets_a_short_table_where_there_are_results(data, tmp_path):
    with_floor = json.loads(json.dumps(data["results"]).replace(report.FLOAT32, report.FLOOR))
    training = {**data, "benchmark": "training", "losses": {}, "results": with_floor}
    document, files = tmp_path / "README.md", [tmp_path / "new" / "peers.json", tmp_path / "old" / "peers.json"]
    for file, found in zip(files, ({"training": training, "bfloat16": data}, {"training": training}), strict=True):
        peers.save(found, file.parent)
        assert peers.stored(file) == json.loads(json.dumps(found))
    document.write_text(f"{readme.BEGIN}\n{readme.END}\n")
    readme.update(document, files)
    new, old = document.read_text().split("### Analytical Engine\n")[1:]
    title = "Training step in bfloat16 with 1 thread:\n\n"
    short = new.split(title)[1]
    assert ["784-128-10 relu, 128", "100 us", "2.00x", "4.00x", "3.00x"] in rows_of(short)
    assert "in points: MNIST -0.12, mean of the tables +0.25." in " ".join(short.split()) and title not in old
    assert max(map(len, short.splitlines())) <= 120


# --------------------------------------------------------------------------------------------------------- the bounds


@pytest.mark.parametrize(
    ("name", "bound", "limit"),
    [
        ("by amx, train, 784-512-512-10, 1 thread", 2.0, 1.0),
        ("by amx, predict 1,024 rows, 1024-1024-1024-10, 2 threads", 2.0, 1.0),
        ("by amx, train, 376-256-256-17, 1 thread", 1.5, 1.0),
        ("by amx, train, 784-128-10, 1 thread", 1.0, 1.0),
        ("by amx, train, 13-64-64-2, 1 thread", None, None),
        ("by amx over float32, train, 784-512-512-10, 1 thread", 3.0, 1.5),
        ("by amx over float32, train, 376-256-256-17, 1 thread", None, None),
        ("by avx512bf16, train, 784-512-512-10, 1 thread", None, None),
        ("by avx512bf16 over float32, train, 784-512-512-10, 1 thread", 1.5, 1.0),
        ("by avx512bf16 over float32, predict 1,024 rows, 784-128-10, 1 thread", None, None),
        ("by avx2 over float32, train, 784-512-512-10, 1 thread", None, None),
    ],
)
def test_bounds_and_limits(name, bound, limit):
    """They depend on what multiplies, whatever the kind of processor is called."""
    assert bounds.least(f"bfloat16 {name}") == bound and bounds.limit(f"bfloat16 {name}", "AMD Zen 4") == limit
    assert bounds.most(f"bfloat16 {name}") is None


def test_bounds_know_what_multiplies():
    assert {by.split()[0] for by in (*bounds.BFLOAT16, *bounds.LIMIT_BFLOAT16)} <= {*engine.MIXED_ISAS}


def test_points_have_a_bound():
    name = "points between bfloat16 and float32, mean of the tables"
    assert bounds.check({name: 0.2}) == ([], 1)
    assert bounds.check({name: 0.25}) == ([f"{name}: 0.25, expected at most 0.2"], 1)


def test_stored_results_are_checked(data, tmp_path, capsys):
    peers.save({"bfloat16": data}, tmp_path)
    assert main(["check", "--results", str(tmp_path / "peers.json")]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "5 of 8 bounds met",
        "bfloat16 by amx over float32, predict 1,024 rows, 784-512-512-10, 1 thread: 2, expected at least 3",
        "bfloat16 by amx over float32, train, 784-512-512-10, 1 thread: 2, expected at least 3",
        "points between bfloat16 and float32, mean of the tables: 0.25, expected at most 0.2",
        "6 of 6 limits kept",
    ]


# ------------------------------------------------------------------------------------------------------- the accuracy


@pytest.mark.parametrize("module", [bfloat16, bounds, precision], ids=lambda module: module.__name__)
def test_doctests(module):
    done = doctest.testmod(module)
    assert done.attempted and not done.failed


@pytest.mark.parametrize(("table", "least"), [("penguins", 0.97), ("diabetes", 0.3)])
def test_tables_are_learned_in_both(table, least):
    """Of classes and of numbers; rows that were trained on would be known better."""
    scores = [precision.on_table(table, 1, dtype) for dtype in precision.DTYPES]
    assert least < min(scores) and scores[1] == pytest.approx(scores[0], abs=0.02)
    assert max(scores) < {"penguins": 1.01, "diabetes": 0.5}[table]


def test_dtypes_are_told_apart(monkeypatch):
    """Scores alone would not show it: they may be the same."""
    trained = []
    fit = precision._trained
    monkeypatch.setattr(precision, "_trained", lambda *arguments: trained.append(fit(*arguments)) or trained[-1])
    for dtype in precision.DTYPES:
        precision.on_table("iris", 0, dtype)
    weights = [model.parameters for model in (trained[0], trained[precision.FOLDS])]
    assert len(trained) == 2 * precision.FOLDS and 0 < abs(weights[0] - weights[1]).max() < 0.1
    assert trained[precision.FOLDS].dtype_policy == "mixed_bfloat16"


def test_digits_are_compared_if_they_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "BUNDLED", {"iris": precision.BUNDLED["iris"]})
    write_mnist(tmp_path, n_train=300, n_test=40)
    monkeypatch.setenv("NNCORE_DATA", str(tmp_path))
    found = precision.run(quick=False)
    assert [(r["data"], r["seed"]) for r in found["results"]] == [(d, i) for d in ("MNIST", "iris") for i in range(5)]
    assert all(0 <= result[dtype] <= 100 for result in found["results"] for dtype in precision.DTYPES)
    monkeypatch.setenv("NNCORE_DATA", str(tmp_path / "none"))
    without = precision.run(quick=True)
    assert [result["data"] for result in without["results"]] == ["iris"]
    assert precision.accuracy.MISSING in precision.markdown(without) and "of 1 seed." in precision.markdown(without)


# -------------------------------------------------------------------------------------------------- the whole section


def test_section(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NNCORE_DATA", str(tmp_path / "none"))
    monkeypatch.setattr(precision, "BUNDLED", {"iris": precision.BUNDLED["iris"]})
    command = ["peers", "--quick", "--sections", "bfloat16", "--peers", "NumPy", "--cases", CASE, "--threads", "1", "2"]
    assert main([*command, "--output", str(tmp_path)]) == 0
    data = peers.stored(tmp_path / "peers.json")["bfloat16"]
    assert data["machine"]["isa"] == bfloat16.isa() and {*data["losses"][CASE]} == {"nncore", "nncore float32"}
    own, two = ["nncore", "nncore float32"], ["nncore", "nncore float32", "1 thread"]
    assert [(r["measure"], r["threads"], r["contender"]) for r in data["results"]] == [
        (measure, threads, name)
        for measure in (report.STEP, bfloat16.PREDICT)
        for threads, names in ((1, own), (2, two))
        for name in names
    ]
    shown = capsys.readouterr().out
    assert "### predict 1,024 rows, 2 threads" in shown and "### accuracy" in shown
    assert (tmp_path / "peers.md").read_text() == shown


def test_float64_has_no_bfloat16(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["peers", "--sections", "bfloat16", "--cases", "784-128-10-float64"])
    assert stop.value.code == 2
    assert "the section bfloat16 times none of the cases 784-128-10-float64, only 2-8-8-2" in capsys.readouterr().err


def test_default_networks_are_known():
    assert {*bfloat16.QUICK_NETWORKS} <= {*bfloat16.NETWORKS} <= {*bfloat16.POSSIBLE} <= {*CASES}
