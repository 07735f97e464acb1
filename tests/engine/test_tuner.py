"""The tuner alone, in a C program, on machines whose costs are known: how much slower than the best count it is."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from engine_networks import make_plan, network, state

from nncore import Adam
from nncore._engine import runtime
from nncore.engine import load

HERE = Path(__file__).resolve().parent
HEADERS = HERE.parent.parent / "src_c"
COMPILER = shutil.which("gcc") or shutil.which("cc")

CASES = {  # most workers, first guess, seconds of work, those that another worker costs: at first, later; steps, noise;
    # steps until later, else half of them
    "two never pay": ((2, 2, 70e-6, 80e-6, 80e-6, 30_000, 0.2), 10, 1),
    "two always pay": ((2, 1, 70e-6, 5e-6, 5e-6, 30_000, 0.2), 10, 2),
    "two pay in long steps": ((2, 2, 30e-3, 1e-3, 1e-3, 1000, 0.2), 15, 2),
    "two do not pay in long steps": ((2, 2, 30e-3, 40e-3, 40e-3, 1000, 0.2), 15, 1),
    "the other processor becomes busy": ((2, 2, 300e-6, 20e-6, 400e-6, 40_000, 0.3), 15, 1),
    "the other processor becomes free": ((2, 1, 300e-6, 400e-6, 20e-6, 40_000, 0.3), 30, 2),
    "the first trials meet another program": ((2, 2, 1.1e-3, 3e-3, 60e-6, 3000, 0.1, 25), 100, 2),
    "... of short steps": ((2, 2, 44e-6, 100e-6, 8e-6, 60_000, 0.1, 400), 100, 2),
    "a few long steps": ((2, 2, 1.0, 0.0, 0.0, 16, 0.1), 80, 2),
    "some long steps": ((16, 16, 1.0, 0.0, 0.0, 200, 0.1), 10, 16),
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


@pytest.mark.parametrize("batch_size", [64, 1024, 4096])
def test_trying_counts_of_threads_changes_no_bit(fused_variant, threads, batch_size):
    """Trainings of some tenths of a second, in which the leader tries several counts, beside one on a single thread."""
    runtime.tune_threads(True)
    program, rng = network([64, 128, 10], "relu", "mse"), np.random.default_rng(0)
    n = max(1024, batch_size)  # the largest is cut into groups where two share it
    X = rng.standard_normal((n, 64)).astype(fused_variant.DTYPE)
    y = rng.standard_normal((n, 10)).astype(fused_variant.DTYPE)
    states = set()
    for n_threads in (1, 2, 3):
        threads(n_threads)
        plan = make_plan(fused_variant, program, Adam(0.01), scale=0.1)
        plan.train(X, y, None, epochs=60 * 1024 // n, batch_size=batch_size)
        assert plan.threads_used == n_threads
        states.add(state(plan))
    assert len(states) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_forked_between_two_epochs_of_a_call_trains_on(threads):
    """Whoever listens to the scores may fork, or a handler of signals meanwhile: the child has a pool of its own."""
    threads(2)
    program, rng = network([64, 128, 10], "relu", "mse"), np.random.default_rng(0)
    X, y = rng.standard_normal((2000, 64)).astype("f4"), rng.standard_normal((2000, 10)).astype("f4")
    plan, twin = (make_plan(load("float32"), program, Adam(0.01), scale=0.1) for _ in "ab")
    children = []

    def listener(epoch, scores):
        if epoch == 1:
            children.append(os.fork())
            if children[0] == 0:
                signal.alarm(60)  # ends it if it hangs

    try:
        plan.train(X, y, None, epochs=8, batch_size=500, listener=listener)
        twin.train(X, y, None, epochs=8, batch_size=500)
        same = state(plan) == state(twin)
    finally:
        if children[0] == 0:
            os._exit(0 if "same" in locals() and same else 1)
    assert same and os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0
