"""Choose the engine for this processor and number type, and say how many threads it may use.

`NNCORE_ISA` (base, avx2, avx512vl, avx512, avx512bf16 or amx) forces an instruction set, `NNCORE_NUM_THREADS` a number
of threads; both are read when nncore is imported. Without the latter `OMP_NUM_THREADS` is heeded, by which joblib and
others divide the processors among their workers.
"""

from __future__ import annotations

import importlib.util
import os
import platform
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nncore.base import control_groups
from nncore.errors import EnvironmentVariableError

if TYPE_CHECKING:
    from nncore.program import Program

try:
    from nncore._engine import runtime
    from nncore.engine import sharing
except ImportError as error:
    raise ImportError(
        "nncore's compiled engine is missing. If Python found nncore in a source folder, leave that folder, or build "
        "the engine in it with `pip install -e .`"
    ) from error

ISAS = {"base": 0, "avx2": 1, "avx512vl": 2, "avx512": 2}
"""Instruction sets, the best one last, and what level of processor they need; avx512vl is avx512 with vectors of 256
bits instead of 512."""

MIXED_ISAS = {"base": 0, "avx2": 1, "avx512": 2, "avx512bf16": 3, "amx": 4}
"""The same for products of bfloat16: the last two multiply pairs of them, the last one whole matrices."""

BITS = {"float32": 32, "float64": 64}
"""Size of each dtype."""

SHORT_VECTORS_PAY = 0.85
"""Share of the arithmetic below which avx512vl beats avx512 where both do as much per cycle; measured."""


def choose_isa() -> str:
    """Return the best instruction set that processor and system support, or that of `NNCORE_ISA`.

    Raises
    ------
    EnvironmentVariableError
        A RuntimeError, if `NNCORE_ISA` names one that is unknown or that this machine cannot run.
    """
    forced = os.environ.get("NNCORE_ISA", "")
    if not forced:
        return supported_isas()[-1]
    levels, level = ISAS | MIXED_ISAS, runtime.cpu_level()
    if forced not in levels:
        raise EnvironmentVariableError(
            f"NNCORE_ISA={forced!r} is unknown; expected one of {', '.join(levels)}, or leave it unset"
        )
    if levels[forced] > level:
        supported = ", ".join(isa for isa, needed in levels.items() if needed <= level)
        raise EnvironmentVariableError(
            f"NNCORE_ISA={forced} cannot run here: this machine supports {supported}; "
            "choose one of these, or leave NNCORE_ISA unset"
        )
    return forced if forced in ISAS else "avx512"


def supported_isas() -> list[str]:
    """Return the instruction sets that processor and system support."""
    level = runtime.cpu_level()
    return [isa for isa, needed in ISAS.items() if needed <= level]


ISA, FORCED = choose_isa(), os.environ.get("NNCORE_ISA", "")
"""The instruction set in use, and `NNCORE_ISA`. An impossible one has failed by now."""

CHOOSES_VECTORS = ISA == "avx512" and not FORCED and runtime.cpu_halves_512()
"""Whether networks of narrow layers get avx512vl: some processors have no use for 512 bits as such."""


@cache
def load(dtype: str) -> ModuleType:
    """Return the engine module for ``"float32"`` or ``"float64"``."""
    return module(ISA, dtype)


@cache
def load_mixed() -> ModuleType:
    """Return the engine module for float32 with products of bfloat16; for AMX the system is asked, once.

    Raises
    ------
    EnvironmentVariableError
        A RuntimeError, if this installation, or the system, has not what `NNCORE_ISA` forces.
    """
    usable, isa = mixed_isas(), mixed_isa()
    if usable[-1] == "amx" == isa and not runtime.cpu_allow_tiles():
        usable.pop()
        isa = isa if FORCED else usable[-1]
    if isa not in usable:
        raise EnvironmentVariableError(
            f"NNCORE_ISA={FORCED} cannot multiply bfloat16 here: there are {', '.join(usable)}; choose one of these, "
            "or leave NNCORE_ISA unset"
        )
    return mixed_module(isa)


def mixed_isa() -> str:
    """Return the instruction set for products of bfloat16: the best one, or what `NNCORE_ISA` comes to.

    It may be ``"amx"`` where the system will deny its registers; a question that cannot be taken back.
    """
    return {"": mixed_isas()[-1], "avx512vl": "avx512"}.get(FORCED, FORCED)


def bfloat16_emulator() -> str | None:
    """Return the instruction set that makes products of bfloat16 by those of float32, slower than float32 itself; None
    where that in use has its own."""
    isa = mixed_isa()
    return isa if isa in ISAS else None


def mixed_isas() -> list[str]:
    """Return the instruction sets of `MIXED_ISAS` that processor and system support and the compiler understood."""
    level = runtime.cpu_level()
    known = [isa for isa, needed in MIXED_ISAS.items() if needed <= level]
    return [isa for isa in known if isa in ISAS or importlib.util.find_spec(f"nncore._engine.bf16_{isa}")]


def mixed_module(isa: str) -> ModuleType:
    """Return the engine module for products of bfloat16 of one instruction set, which this machine must support."""
    return importlib.import_module(f"nncore._engine.bf16_{isa}")


def mixed_variants() -> dict[str, ModuleType]:
    """Return every module for products of bfloat16 that this machine can run, by instruction set."""
    return {isa: mixed_module(isa) for isa in mixed_isas() if isa != "amx" or runtime.cpu_allow_tiles()}


def load_for(program: Program, dtype: str) -> ModuleType:
    """Return the engine module that suits a network: all of them give the same bits, not in the same time."""
    if program.precision is not None:
        return load_mixed()
    if not CHOOSES_VECTORS:
        return load(dtype)
    short, long = (padded(program, bits // BITS[dtype]) for bits in (256, 512))
    return module("avx512vl", dtype) if short < SHORT_VECTORS_PAY * long else load(dtype)


def padded(program: Program, n_lanes: int) -> int:
    """Return the multiply-adds per row of a training step with vectors of `n_lanes`, those in empty lanes included."""
    dense = [row for row in program.rows if row.op == "dense"]
    forward_and_weights = sum(2 * row.n_in * _up(row.n_out, n_lanes) for row in dense)
    return forward_and_weights + sum(row.n_out * _up(row.n_in, n_lanes) for row in dense[1:])


def _up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


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
    return {(name, dtype): module(name, dtype) for name in supported_isas() for dtype in BITS}


# ------------------------------------------------------------------------------------------------------- threads


def available_cpus() -> int:
    """Return how many processors this process may use: its affinity, cut to the quota of its control group."""
    try:
        n = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        n = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, n if quota is None else min(n, int(quota + 0.5)))


def _cgroup_quota(root: Path = control_groups.ROOT, process: Path = control_groups.PROCESS) -> float | None:
    """CPU time per second that the control groups allow, the tightest from this process's up; None for no limit."""
    return control_groups.limit("cpu", _quota_v2, _quota_v1, root, process)


def _quota_v2(group: Path) -> float:
    quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
    return int(quota) / int(period)  # "max" is no number


def _quota_v1(group: Path) -> float:
    quota = int((group / "cpu.cfs_quota_us").read_text(encoding="ascii"))
    if quota <= 0:
        raise ValueError("no limit")
    return quota / int((group / "cpu.cfs_period_us").read_text(encoding="ascii"))


def set_num_threads(n: int | None = None) -> None:
    """Let the engine use up to `n` threads. It takes fewer for small steps; no result depends on it.

    Parameters
    ----------
    n : int, optional
        At least 1; None goes back to the default: `NNCORE_NUM_THREADS`, or all processors this process may use, but no
        more than `OMP_NUM_THREADS`.

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
    sharing.set_most(int(n))


def get_num_threads() -> int:
    """Return the most threads that the engine will use.

    Examples
    --------
    >>> get_num_threads() >= 1
    True
    """
    return sharing.most()


def _default_threads() -> int:
    wanted = os.environ.get("NNCORE_NUM_THREADS", "").strip()
    if not wanted:
        shared = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # "4,2": of the outermost level
        limit = int(shared) if shared.isascii() and shared.isdigit() else 0
        return min(limit or runtime.MAX_THREADS, available_cpus())
    if not (wanted.isascii() and wanted.isdigit()) or int(wanted) < 1:
        raise EnvironmentVariableError(f"NNCORE_NUM_THREADS={wanted!r} must be an integer of at least 1, or unset")
    return int(wanted)


def show_config() -> dict[str, Any]:
    """Return what nncore runs on, for a bug report.

    Returns
    -------
    dict
        Versions, the processor, the instruction set in use and those it could use, the same for mixed_bfloat16, which
        may have to be emulated, and the threads. `NNCORE_ISA` takes those of both lists; the last of them, amx, is
        still the system's to grant.

    Examples
    --------
    >>> config = show_config()
    >>> config["isa"] in config["isa_supported"], config["isa_bfloat16"] in config["isa_bfloat16_supported"]
    (True, True)
    """
    import numpy

    from nncore.engine import processor
    from nncore.version import __version__

    return {
        "nncore": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": processor.this().name,
        "cpu_kind": processor.this().kind,
        "isa": ISA,
        "isa_supported": supported_isas(),
        "isa_bfloat16": mixed_isa(),
        "isa_bfloat16_supported": mixed_isas(),
        "bfloat16_emulated": bfloat16_emulator() is not None,
        "threads": get_num_threads(),
        "cpus_available": available_cpus(),
    }


set_num_threads()
