"""Choose the engine for this processor and number type, and say how many threads it may use.

`NNCORE_ISA` (base, avx2 or avx512) forces an instruction set, `NNCORE_NUM_THREADS` a number of threads; both are read
when nncore is imported.
"""

from __future__ import annotations

import importlib
import os
import platform
from functools import cache
from types import ModuleType
from typing import Any

try:
    from nncore._engine import runtime
except ImportError as error:
    raise ImportError(
        "nncore's compiled engine is missing. If Python found nncore in a source folder, leave that folder, or build "
        "the engine in it with `pip install -e .`"
    ) from error

ISAS = ("base", "avx2", "avx512")
"""Instruction sets by level: a processor that runs one runs those before it."""

BITS = {"float32": 32, "float64": 64}


def isa() -> str:
    """Return the instruction set in use: the best that processor and system support, or that of `NNCORE_ISA`.

    Raises
    ------
    RuntimeError
        If `NNCORE_ISA` names one that is unknown or that this machine cannot run.
    """
    best = runtime.cpu_level()
    forced = os.environ.get("NNCORE_ISA", "")
    if not forced:
        return ISAS[best]
    if forced not in ISAS:
        raise RuntimeError(f"NNCORE_ISA={forced!r} is unknown; expected one of {', '.join(ISAS)}, or leave it unset")
    if ISAS.index(forced) > best:
        raise RuntimeError(
            f"NNCORE_ISA={forced} cannot run here: this machine supports {', '.join(ISAS[: best + 1])}; "
            "choose one of these, or leave NNCORE_ISA unset"
        )
    return forced


@cache
def load(dtype: str) -> ModuleType:
    """Return the engine module for ``"float32"`` or ``"float64"``."""
    return module(isa(), dtype)


def module(isa: str, dtype: str) -> ModuleType:
    """Return the engine module of one instruction set, which this machine must support."""
    return importlib.import_module(f"nncore._engine.f{BITS[dtype]}_{isa}")


def variants() -> dict[tuple[str, str], ModuleType]:
    """Return every engine module that this machine can run, by (instruction set, dtype).

    Examples
    --------
    >>> ("base", "float32") in variants()
    True
    """
    runnable = ISAS[: runtime.cpu_level() + 1]
    return {(name, dtype): module(name, dtype) for name in runnable for dtype in BITS}


# ------------------------------------------------------------------------------------------------------- threads


def available_cpus() -> int:
    """Return how many processors this process may use: its affinity, cut to the quota of its control group."""
    try:
        n = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        n = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, n if quota is None else min(n, int(quota + 0.5)))


def _cgroup_quota() -> float | None:
    """CPU time per second that the control group allows, or None where nothing limits it."""
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
    except (OSError, ValueError):
        return _cgroup_v1_quota()
    return None if quota == "max" else int(quota) / int(period)


def _cgroup_v1_quota() -> float | None:
    try:
        with open("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", encoding="ascii") as file:
            quota = int(file.read())
        with open("/sys/fs/cgroup/cpu/cpu.cfs_period_us", encoding="ascii") as file:
            return quota / int(file.read()) if quota > 0 else None
    except (OSError, ValueError):
        return None


def set_num_threads(n: int | None = None) -> None:
    """Let the engine use up to `n` threads. It takes fewer for small steps; no result depends on it.

    Parameters
    ----------
    n : int, optional
        At least 1; None goes back to the default, `NNCORE_NUM_THREADS` or all processors this process may use.

    Raises
    ------
    TypeError, ValueError
        If `n` is no integer, or below 1.

    Examples
    --------
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads()
    """
    if n is None:
        n = _default_threads()
    elif isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"n must be an int >= 1 or None, got {n!r} of type {type(n).__name__}")
    elif n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    runtime.set_thread_limit(min(int(n), runtime.MAX_THREADS))


def get_num_threads() -> int:
    """Return the most threads that the engine will use.

    Examples
    --------
    >>> get_num_threads() >= 1
    True
    """
    limit: int = runtime.get_thread_limit()
    return limit


def _default_threads() -> int:
    wanted = os.environ.get("NNCORE_NUM_THREADS", "").strip()
    if not wanted:
        return available_cpus()
    if not (wanted.isascii() and wanted.isdigit()) or int(wanted) < 1:
        raise RuntimeError(f"NNCORE_NUM_THREADS={wanted!r} must be an integer of at least 1, or unset")
    return int(wanted)


def show_config() -> dict[str, Any]:
    """Return what nncore runs on, for a bug report.

    Returns
    -------
    dict
        Versions, the processor, the instruction set in use and those it could use, and the threads.

    Examples
    --------
    >>> sorted(show_config())
    ['cpu', 'cpus_available', 'isa', 'isa_supported', 'nncore', 'numpy', 'platform', 'python', 'threads']
    """
    import numpy

    from nncore.version import __version__

    return {
        "nncore": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": runtime.cpu_name() or platform.processor(),
        "isa": isa(),
        "isa_supported": list(ISAS[: runtime.cpu_level() + 1]),
        "threads": get_num_threads(),
        "cpus_available": available_cpus(),
    }


isa()  # an impossible NNCORE_ISA fails here, at import
set_num_threads()
