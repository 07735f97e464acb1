"""``nncore info``: what a bug report needs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from nncore import engine
from nncore.cli.errors import DONE
from nncore.cli.output import print_json, print_lines
from nncore.engine import peak, processor

_AMX = "amx_"


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    facts = {**engine.show_config(), **_of_processor(), "peak_gflops": peak.measure()}
    if options.json:
        print_json(facts)
        return DONE
    shown = {name: _WORDS.get(name, _in_words)(value) for name, value in facts.items()}
    width = max(map(len, shown))
    print_lines(f"{name.ljust(width)}  {words}" for name, words in shown.items())
    return DONE


def _of_processor() -> dict[str, Any]:
    """Return what `show_config` leaves out; None for what is not known."""
    this = processor.this()
    facts: dict[str, Any] = {"cpu_vendor": this.vendor, "cpu_numbers": this.numbers, "extensions": None, "amx": None}
    if this.extensions is not None:
        facts["extensions"] = [name for name, usable in this.extensions.items() if usable]
        facts["amx"] = {name: usable for name, usable in this.extensions.items() if name.startswith(_AMX)}
    return {**facts, "caches": this.caches}


def _in_words(value: object) -> str:
    if value is None or value == "":
        return "not known"
    return ", ".join(map(str, value)) or "none" if isinstance(value, (list, tuple)) else str(value)


def _numbers(value: tuple[int, int, int] | None) -> str:
    return _in_words(value and [f"{name} {n}" for name, n in zip(("family", "model", "stepping"), value, strict=True)])


def _amx(value: dict[str, bool] | None) -> str:
    if not value:
        return "not known" if value is None else "no"
    names = ", ".join(name.removeprefix(_AMX) for name in value)
    saved = "on Linux a process must first ask for its registers"
    return f"{names}; {saved if all(value.values()) else 'of no use: the system does not save its registers'}"


def _caches(value: dict[str, int] | None) -> str:
    return _in_words(value and [f"{level} {n_bytes / 1024:,.0f} KiB" for level, n_bytes in value.items()])


def _peak(value: dict[str, dict[str, float]]) -> str:
    of_dtypes = [
        f"{dtype} {', '.join(f'{rate:.3g} ({isa})' for isa, rate in of_isas.items())}"
        for dtype, of_isas in value.items()
    ]
    return f"{'; '.join(of_dtypes)}; one core's multiply-adds in registers, measured now"


def _emulated(value: bool) -> str:
    return "yes: mixed_bfloat16 is slower than float32 here" if value else "no"


_WORDS: dict[str, Callable[[Any], str]] = {
    "bfloat16_emulated": _emulated,
    "cpu_numbers": _numbers,
    "amx": _amx,
    "caches": _caches,
    "peak_gflops": _peak,
}
"""How values are written that are no texts, numbers or lists of them."""
