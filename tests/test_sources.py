"""What the sources of the engine may not contain. It follows from the rules of arithmetic in CONTRIBUTING.md."""

import re
from pathlib import Path

import pytest

from nncore.history import layers
from nncore.training import sampling

ROOT = Path(__file__).resolve().parent.parent
HEADERS = sorted((ROOT / "src_c").glob("*.h"))
CYTHON = sorted(path for path in (ROOT / "nncore" / "_engine").iterdir() if path.suffix in (".pyx", ".pxi", ".pxd"))
KNOW_INSTRUCTION_SETS = {"vec.h", "tile.h", "cpu.h"}
INSTRUCTION_SETS = re.compile(r"immintrin|arm_neon|__AVX|__FMA|_mm\d*_|__m\d{3}|NN_VEC_BYTES")
UNORDERED = re.compile(
    r"(?<!no-)fast-math|Ofast|unsafe-math|associative-math|reciprocal-math|pragma omp|fopenmp|ffp-contract=fast"
)


def name(path):
    return path.name


def test_the_sources_are_where_they_are_looked_for():
    assert {"vec.h", "tile.h", "activations.h"} <= set(map(name, HEADERS))
    assert {"engine.pxi", "runtime.pyx"} <= set(map(name, CYTHON))


@pytest.mark.parametrize("path", [p for p in HEADERS + CYTHON if p.name not in KNOW_INSTRUCTION_SETS], ids=name)
def test_instruction_sets_are_known_to_three_headers_only(path):
    assert not INSTRUCTION_SETS.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [*HEADERS, *CYTHON, ROOT / "setup.py"], ids=name)
def test_nothing_lets_the_compiler_reorder_arithmetic(path):
    assert not UNORDERED.findall(path.read_text(encoding="utf-8"))


def test_the_compiler_is_told_not_to_fuse():
    assert '"-ffp-contract=off"' in (ROOT / "setup.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", HEADERS, ids=name)
def test_headers_know_nothing_of_python(path):
    assert not re.search(r"Python\.h|\bPy[A-Z]\w*_\w+|\bPyObject\b", path.read_text(encoding="utf-8"))


def test_python_and_the_engine_agree_about_records():
    """Constants that stand in the engine and in Python, where it is not compiled in."""
    (path,) = [path for path in CYTHON if path.name == "monitor.pxi"]
    text = path.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"^cdef enum:.*\n((?: +.+\n)+)", text, re.M) for line in block.splitlines()]
    names = [re.match(r" +(\w+)(?: = (.+))?$", line).groups() for line in lines]
    values = {name: value for name, value in names if value}
    assert [name.lower() for name, value in names if not value] == [*layers.FIELDS, "bins"]
    assert values == {
        "N_BINS": str(layers.N_BINS),
        "N_FIELDS": "BINS + N_BINS",
        "MAX_RECORDED_ROWS": str(sampling.MOST_ROWS),
        "MAX_BINNED": str(sampling.MOST_BINNED),
    }
