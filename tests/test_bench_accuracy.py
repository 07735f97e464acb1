"""The benchmark of whole programs, on easy digits: every recipe trains the same network, the clock stands outside."""

import gzip
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from idx_files import idx_bytes, write_mnist

import nncore

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import accuracy, spawn, workers  # noqa: E402
from bench.recipes import RECIPES, available, recipe  # noqa: E402


@pytest.fixture
def easy(tmp_path):
    """A folder of digits that a few steps suffice for: each class has a line of brighter pixels."""
    rng = np.random.default_rng(0)
    for half, n in (("train", 1_300), ("t10k", 200)):
        labels = rng.integers(10, size=n).astype(np.uint8)
        images = rng.integers(0, 40, (n, 28, 28), dtype=np.uint8)
        images[np.arange(n), 2 * labels, :8] += 80
        (tmp_path / f"{half}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (tmp_path / f"{half}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return tmp_path


# --------------------------------------------------------------------------------------------------------- the recipes


def test_digits_are_those_of_the_package(easy):
    digits, own = recipe.load(easy), nncore.datasets.load_mnist(easy)
    np.testing.assert_allclose(digits.pixels / 255, own.train.X, rtol=1e-6)
    assert np.array_equal(digits.labels, own.train.y) and np.array_equal(digits.test_labels, own.test.y)
    assert digits.test_pixels.shape == (200, 784) and digits.pixels.dtype == np.uint8


def test_other_files_are_refused(easy):
    (easy / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x0d\x01" + bytes(12))  # float32
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte: expected an IDX file of bytes with 1 axes"):
        recipe.load(easy)
    with pytest.raises(FileNotFoundError):
        recipe.load(easy / "elsewhere")


def test_first_weights_are_he_uniform():
    weights = recipe.initial_weights(3)
    for i, n_in in enumerate(recipe.SIZES[:-1]):
        weight, bias = weights[2 * i : 2 * i + 2]
        largest = math.sqrt(6 / n_in)
        assert 0.98 * largest < abs(weight).max() <= largest and not bias.any()
        assert weight.std() == pytest.approx(largest / math.sqrt(3), rel=0.05)
    assert np.array_equal(weights[0], recipe.initial_weights(3)[0])
    assert not np.array_equal(weights[0], recipe.initial_weights(4)[0])


@pytest.mark.parametrize("contender", ["nncore", "scikit-learn"])
def test_recipe_learns_and_stops_when_told(contender, easy, threads):
    if not available(contender):
        pytest.skip(f"{contender} is not installed")
    seen = []

    def enough(accuracy):
        seen.append(accuracy)
        return len(seen) == 3

    RECIPES[contender].train()(recipe.load(easy), 0, 1, enough)
    assert len(seen) == 3 and seen[0] < seen[2] and seen[2] > 0.9


@pytest.mark.parametrize("contender", ["nncore", "scikit-learn"])
def test_recipe_starts_from_the_first_weights(contender, easy, threads, monkeypatch):
    """Where nothing is learned, they give the accuracy."""
    if not available(contender):
        pytest.skip(f"{contender} is not installed")
    monkeypatch.setattr(recipe, "LEARNING_RATE", 1e-12)
    digits, seen = recipe.load(easy), []
    RECIPES[contender].train()(digits, 5, 1, lambda accuracy: seen.append(accuracy) or True)
    x, weights = digits.test_pixels / 255, recipe.initial_weights(5)
    for weight, bias in zip(weights[0::2], weights[1::2], strict=True):
        x = np.maximum(x, 0) @ weight + bias
    assert seen == [pytest.approx((x.argmax(1) == digits.test_labels).mean(), abs=0.006)]


# --------------------------------------------------------------------------------------------------------- the section


def test_section(easy, monkeypatch):
    monkeypatch.setenv("NNCORE_DATA", str(easy))
    data = json.loads(json.dumps(accuracy.run(True, [1], [])))
    (result,) = data["results"]
    assert result["reached"] and result["accuracy"] >= 0.98 and result["epochs"] <= recipe.MOST_EPOCHS
    assert result["seconds"] > result["train_seconds"] > result["epoch_seconds"] > 0 and result["cpu_seconds"] > 0
    assert 2e7 < result["peak_bytes"] < 2e9
    assert "nncore" in accuracy.markdown(data) and "### 1 thread" in accuracy.markdown(data)
    assert accuracy.ratios(data) == {}  # there is nobody to compare with
    assert accuracy.peak_bytes(data) == {"nncore": result["peak_bytes"]}


def test_recipe_that_does_not_get_there_says_so(tmp_path):
    write_mnist(tmp_path, n_train=60, n_test=40)  # noise
    result = accuracy.measured("nncore", 0, 1, tmp_path)
    assert not result["reached"] and result["epochs"] == recipe.MOST_EPOCHS and result["accuracy"] < 0.5


def test_missing_digits_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("NNCORE_DATA", str(tmp_path))
    data = accuracy.run(False, [1, 2], None)
    assert data["results"] == [] and accuracy.ratios(data) == {} and accuracy.peak_bytes(data) == {}
    assert accuracy.markdown(data).endswith(f"\n\n{accuracy.MISSING}\n")


def test_digits_are_found_in_a_folder_of_data(easy, monkeypatch, tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    (root / "mnist").symlink_to(easy)
    monkeypatch.setenv("NNCORE_DATA", str(root))
    assert accuracy.find_digits() == easy.resolve()
    monkeypatch.setenv("NNCORE_DATA", str(easy))
    assert accuracy.find_digits() == easy.resolve()
    monkeypatch.delenv("NNCORE_DATA")
    monkeypatch.setattr(Path, "glob", lambda self, pattern: pytest.fail(f"looked into {self}"))
    assert accuracy.find_digits() is None and "NNCORE_DATA" in accuracy.MISSING


def test_who_takes_part():
    there = [name for name in RECIPES if available(name)]
    assert workers.taking_part([], there) == ["nncore"]
    assert workers.taking_part(["NumPy"], there) == ["nncore"]  # has no recipe
    assert workers.taking_part(None, there) == there
    assert workers.taking_part(["a", "b"], ["b", "nncore", "a"]) == ["nncore", "b", "a"]


def result(contender, seed, seconds, reached=True):
    took = {
        "seconds": seconds,
        "cpu_seconds": seconds,
        "train_seconds": seconds / 2,
        "epoch_seconds": 0.5,
        "peak_bytes": 100 * seed,
    }
    how_far = {"epochs": 7 if reached else 20, "accuracy": 0.98 if reached else 0.975, "reached": reached}
    return {"contender": contender, "seed": seed, "threads": 1, **how_far, **took}


def test_ratio_is_that_of_the_best_peer_that_gets_there():
    seconds = {"nncore": (2.0, 4.0, 9.0), "Slow": (30.0, 20.0, 10.0), "Lost": (1.0, 1.0, 1.0)}
    results = [result(name, i, s, name != "Lost") for name, all_ in seconds.items() for i, s in enumerate(all_)]
    data = {"missing": None, "results": results}
    assert accuracy.ratios(data) == {"MNIST to 98 %, 1 thread": 5.0}
    assert accuracy.peak_bytes(data) == {"nncore": 100, "Slow": 100, "Lost": 100}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in accuracy.markdown(data).splitlines()]
    assert ["nncore", "4.00 s", "2.00 s", "7", "500 ms", "1.00x"] in rows
    assert ["Slow", "20.0 s", "10.0 s", "7", "500 ms", "5.00x"] in rows
    assert ["Lost", "-", "-", "97.5% after 20", "500 ms", "-"] in rows


def test_ratio_is_zero_if_nncore_does_not_get_there():
    data = {"missing": None, "results": [result("nncore", 0, 1.0, False), result("Slow", 0, 30.0)]}
    assert accuracy.ratios(data) == {"MNIST to 98 %, 1 thread": 0.0}
    assert "| Slow" in accuracy.markdown(data)


# -------------------------------------------------------------------------------------------------------- the outside


def test_spawned_process_is_measured_alone():
    own = bytearray(300_000_000)
    own[::4096] = b"1" * len(own[::4096])  # touched, so that this process is larger than those below
    memory = spawn.spawn("-c", "x = bytearray(200_000_000); x[::4096] = b'1' * len(x[::4096]); print('done')")
    idle = spawn.spawn("-c", "import time; time.sleep(0.2)")
    assert memory.output == "done\n" and memory.peak > 2e8 > idle.peak
    assert idle.wall > 0.2 and idle.wall - idle.cpu > 0.15


def test_failure_of_a_spawned_process_is_told():
    with pytest.raises(RuntimeError, match=r"python -c raise SystemExit\(3\) ended with 3"):
        spawn.spawn("-c", "raise SystemExit(3)")
