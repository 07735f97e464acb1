"""The benchmark of the footprint: imports are timed against nothing, bytes are counted with what is required."""

import json
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import nncore

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import footprint, spawn  # noqa: E402
from bench.bounds import least, most  # noqa: E402

NUMPY = footprint.Entry("numpy", "import numpy", "numpy")


def test_imports_are_timed_against_an_interpreter_that_does_nothing(monkeypatch):
    """In turns, by both clocks; each round is a second slower than the one before, and the first does not count."""
    log = []

    def pretend(flag, statement, folder):
        nth_round = len(log) // 3
        log.append(statement)
        seconds = {footprint.NOTHING: 1.0, "a": 1.25, "b": 3.0}[statement] + nth_round
        return spawn.Spawned("", 100.0 if nth_round == 0 else seconds, seconds / 2, 0)

    monkeypatch.setattr(footprint, "spawn", pretend)
    times = footprint.import_times(["a", "b"], rounds=3)
    assert times == {"a": {"wall": 0.25, "cpu": 0.125}, "b": {"wall": 2.0, "cpu": 1.0}}
    assert log[:6] == [footprint.NOTHING, "a", "b", "a", "b", footprint.NOTHING]


def test_imports_are_those_of_the_package_in_use_and_not_of_the_source_folder():
    statement = f"import os, nncore; assert os.path.samefile(nncore.__file__, {nncore.__file__!r}), nncore.__file__"
    statement += "; assert not os.listdir()"
    assert list(footprint.import_times([statement], rounds=1)) == [statement]


def test_bytes_are_counted_with_what_is_required():
    assert {"numpy", "scipy"} <= footprint.required("scipy")
    assert footprint.required("numpy") == {"numpy"}
    numpy = footprint.installed_bytes(NUMPY)
    scipy = footprint.installed_bytes(footprint.Entry("scipy", "import scipy", "scipy"))
    assert numpy > sum(path.stat().st_size for path in Path(np.__file__).parent.glob("*.py"))
    assert scipy > numpy


def test_source_folder_is_no_installation(monkeypatch, tmp_path):
    assert footprint.installed_bytes(footprint.Entry("numpy", "import numpy", "no-such-distribution")) is None
    assert footprint.installed_bytes(footprint.Entry("bench", "import bench", "numpy")) is None


def test_extras_are_not_required():
    assert any("extra" in need for need in metadata.requires("scipy"))
    assert "pytest" not in footprint.required("scipy")


def test_section():
    digits = {"results": [{"contender": "nncore", "threads": n, "peak_bytes": n * 10**8} for n in (1, 2)]}
    data = json.loads(json.dumps(footprint.run(True, [1], [], digits)))
    assert list(data["packages"]) == ["nncore"] and data["packages"]["nncore"]["peak_bytes"] == 2 * 10**8
    text = footprint.markdown(data)
    assert "| `import nncore` " in text and " 200 |" in text
    first_use, alone = footprint.ratios(data).items()
    assert first_use[0] == "milliseconds of import nncore over import numpy, first use included"
    assert (
        alone[0] == "milliseconds of import nncore alone" and least(first_use[0]) is None and most(first_use[0]) == 50
    )


@pytest.fixture
def data():
    imports = {footprint.NUMPY: 0.05, "import nncore": 0.06, footprint.NETWORK: 0.08, "import slow": 0.8}
    packages = {
        "nncore": {"statement": "import nncore", "installed_bytes": 10**8, "peak_bytes": None},
        "Slow": {"statement": "import slow", "installed_bytes": 4 * 10**8, "peak_bytes": 5 * 10**8},
        "Odd": {"statement": "import slow", "installed_bytes": None, "peak_bytes": None},
    }
    both = {statement: {"wall": 2 * seconds, "cpu": seconds} for statement, seconds in imports.items()}
    return {"rounds": 3, "imports": both, "packages": packages}


def test_ratios(data):
    assert footprint.ratios(data) == pytest.approx(
        {
            "milliseconds of import nncore over import numpy, first use included": 30.0,
            "milliseconds of import nncore alone": 60.0,
            "import time, first use included": 10.0,
            "installed size": 4.0,
        }
    )


def test_table(data):
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in footprint.markdown(data).splitlines()]
    assert ["`import nncore`", "120 ms", "60.0 ms", "100", "-"] in rows
    assert [f"`{footprint.NETWORK}`", "160 ms", "80.0 ms", "-", "-"] in rows
    assert ["`import slow`", "1.60 s", "800 ms", "400", "500"] in rows
