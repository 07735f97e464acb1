"""The tuner alone, in a C program, on machines whose costs are known: how much slower than the best count it is."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
HEADERS = HERE.parent.parent / "src_c"
COMPILER = shutil.which("gcc") or shutil.which("cc")

CASES = {  # most workers, first guess, seconds of work, seconds that another worker costs: at first, later; steps, noise
    "two never pay": ((2, 2, 70e-6, 80e-6, 80e-6, 30_000, 0.2), 10, 1),
    "two always pay": ((2, 1, 70e-6, 5e-6, 5e-6, 30_000, 0.2), 10, 2),
    "two pay in long steps": ((2, 2, 30e-3, 1e-3, 1e-3, 1000, 0.2), 15, 2),
    "two do not pay in long steps": ((2, 2, 30e-3, 40e-3, 40e-3, 1000, 0.2), 15, 1),
    "the other processor becomes busy": ((2, 2, 300e-6, 20e-6, 400e-6, 40_000, 0.3), 15, 1),
    "the other processor becomes free": ((2, 1, 300e-6, 400e-6, 20e-6, 40_000, 0.3), 30, 2),
    "both are as good": ((2, 2, 70e-6, 35e-6, 35e-6, 30_000, 0.2), 20, None),
    "eight of sixteen are best": ((16, 4, 2e-3, 30e-6, 30e-6, 20_000, 0.2), 15, 8),
    "tiny steps": ((8, 1, 10e-6, 10e-6, 10e-6, 300_000, 0.1), 10, 1),
}


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    program = tmp_path_factory.mktemp("tuner") / "simulation"
    command = [COMPILER, "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{HEADERS}"]
    subprocess.run([*command, str(HERE / "tuner_simulation.c"), "-o", str(program), "-lm"], check=True)
    return program


@pytest.mark.skipif(COMPILER is None or not HEADERS.is_dir(), reason="needs a C compiler and the source folder")
@pytest.mark.parametrize("case", CASES)
def test_it_is_hardly_slower_than_the_best_count(simulation, case):
    """Per mille of the time that the best count of all, tried or not, would have taken; and what is settled at last."""
    arguments, most, settled = CASES[case]
    result = subprocess.run([simulation, *map(str, arguments)], capture_output=True, text=True, check=True)
    loss, count = result.stdout.split()
    assert float(loss) <= most
    assert settled is None or int(count) == settled
