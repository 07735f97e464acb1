"""A step of training asks for no memory: every call of the C library's allocator is counted."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("allocations.c")
COMPILER = shutil.which("cc") or shutil.which("gcc")

COUNT = """
import ctypes, sys
import numpy as np
from nncore import Adam, Dense, Sequential, set_num_threads

set_num_threads(int(sys.argv[1]))
count = ctypes.CDLL(None).allocations
count.restype = ctypes.c_long
rng = np.random.default_rng(0)
X, y = rng.standard_normal((96_000, 20)).astype("float32"), rng.integers(5, size=96_000).astype("int32")
model = Sequential([Dense(300, "relu"), Dense(5, "softmax")])
model.compile(Adam(), "sparse_categorical_crossentropy")

def during(n_steps):
    before = count()
    model.fit(X[: 96 * n_steps], y[: 96 * n_steps], epochs=1, batch_size=96, verbose=False)
    return count() - before

during(1000)  # makes room
print(min(during(10) for _ in range(5)), min(during(1000) for _ in range(5)))
"""

PREDICT = """
import ctypes, sys
import numpy as np
from nncore import Dense, Sequential, set_num_threads

set_num_threads(int(sys.argv[1]))
count = ctypes.CDLL(None).allocations
count.restype = ctypes.c_long
plans = []
for sizes in ((20, 300, 5), (1024, 32, 16), (3, 5, 2)):  # in tiles and in columns
    model = Sequential([Dense(sizes[1], "relu"), Dense(sizes[2], "softmax")])
    model.build(sizes[0])
    for n in (1, 50, 3000):
        plans.append((model._state.network._plan, np.ones((n, sizes[0]), "f4"), np.empty((n, sizes[2]), "f4")))

def during(n_calls):
    before = count()
    for _ in range(n_calls):
        for plan, X, out in plans:
            plan.predict(X, out)
    return count() - before

during(10)  # makes room
print(count(), min(during(100) for _ in range(5)))
"""


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    library = tmp_path_factory.mktemp("allocations") / "allocations.so"
    subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", str(SOURCE), "-o", str(library)], check=True)
    return library


def counted(counter, code, *arguments):
    """What a program prints, in a process whose allocations are counted: two numbers."""
    environment = {**os.environ, "LD_PRELOAD": str(counter)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return map(int, found.split())


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the counter replaces functions of glibc")
@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_step_allocates_nothing(counter, n_threads):
    few_steps, many_steps = counted(counter, COUNT, n_threads)
    assert few_steps > 0  # the counter counts: `fit` itself makes arrays
    assert many_steps - few_steps < 20  # 990 more steps; Python's own business varies a little


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the counter replaces functions of glibc")
@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_prediction_allocates_nothing(counter, n_threads):
    before, meanwhile = counted(counter, PREDICT, n_threads)
    assert before > 0
    assert meanwhile < 20  # 900 predictions
