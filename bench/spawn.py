"""Run a Python program and measure all of it from outside: from the start of the interpreter to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import nncore
from bench.record import ROOT

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that the largest resident set is counted in: see getrusage(2)."""

LAUNCHER = """
import os, sys, time
start = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
wall = time.perf_counter() - start
print()
print(os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, end="")
"""
"""What a bare interpreter does between this process and the program: it starts the program and has the last line.

The kernel counts as a process's largest resident set what its parent held when it started: the parent must be small.
"""


class Spawned(NamedTuple):
    """What a process said and took.

    Attributes
    ----------
    output : str
        Its stdout.
    wall, cpu : float
        Seconds by the clock on the wall, and of the processors' time.
    peak : int
        Bytes of memory at most.
    """

    output: str
    wall: float
    cpu: float
    peak: int


def spawn(*arguments: str, folder: Path = ROOT) -> Spawned:
    """Run ``python *arguments`` in a folder, by default the repository's root, with the nncore of this process.

    Raises
    ------
    RuntimeError
        If it fails; its own words stand on stderr.
    """
    command = [sys.executable, "-I", "-S", "-c", LAUNCHER, sys.executable, *arguments]
    environment = dict(os.environ)
    if Path(nncore.__file__).resolve().parent.parent == ROOT:  # built in place: elsewhere it would not be found
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    output, _, report = done.stdout.rpartition("\n")
    code, wall, cpu, peak = report.split()
    if int(code) != 0:
        raise RuntimeError(f"python {' '.join(arguments)} ended with {code}; its error is above")
    return Spawned(output, float(wall), float(cpu), int(peak) * MAXRSS_UNIT)
