"""Fixtures that all tests share. The tests run against the installed nncore, not against the source folder."""

import os
import platform
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what goes on in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests press Ctrl-C

# `python -m pytest` puts the current folder first on the path, where the source folder would hide the installed
# package. At the end it serves `bench`, whose cases the tests share.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
sys.path.append(str(ROOT))

from nncore import engine  # noqa: E402
from nncore._engine import runtime  # noqa: E402

VARIANTS = engine.variants()
BASE_FUSES = platform.machine() in ("aarch64", "arm64")
FUSED = {key: module for key, module in VARIANTS.items() if BASE_FUSES or key[0] != "base"}
"""The variants that promise equal bits: those with a fused multiply-add in hardware."""


@pytest.fixture(scope="session", autouse=True)
def outside_the_source_folder(tmp_path_factory):
    """Subprocesses put the current folder on their path: there, too, it must not hide the installed package."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    yield
    os.chdir(before)


@pytest.fixture(params=VARIANTS, ids="-".join)
def variant(request):
    """Every engine module that this machine can run."""
    return VARIANTS[request.param]


@pytest.fixture(params=FUSED, ids="-".join)
def fused_variant(request):
    """Every engine module that promises equal bits."""
    return FUSED[request.param]


@pytest.fixture
def threads():
    """Sets the number of threads that large steps have; the default comes back after the test."""
    runtime.tune_threads(False)
    yield engine.set_num_threads
    engine.set_num_threads()
    runtime.tune_threads(True)
