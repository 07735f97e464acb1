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


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    library = tmp_path_factory.mktemp("allocations") / "allocations.so"
    subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", str(SOURCE), "-o", str(library)], check=True)
    return library


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the counter replaces functions of glibc")
@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_step_allocates_nothing(counter, n_threads):
    environment = {**os.environ, "LD_PRELOAD": str(counter)}
    command = [sys.executable, "-c", COUNT, str(n_threads)]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    few_steps, many_steps = map(int, found.split())
    assert few_steps > 0  # the counter counts: `fit` itself makes arrays
    assert many_steps - few_steps < 20  # 990 more steps; Python's own business varies a little
