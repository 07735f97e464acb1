"""Which processor this is: maker, kind, extensions of its instruction set, caches. Its own word, by CPUID.

Numbers of families and models are told by kind as the Linux kernel tells them (``arch/x86/kernel/cpu/amd.c``,
``arch/x86/include/asm/intel-family.h``). What is not x86 has no CPUID: of it little more than a name is known.
"""

from __future__ import annotations

import platform
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from nncore._engine import runtime

Leaf = Callable[[int, int], "tuple[int, int, int, int] | None"]
"""Registers EAX, EBX, ECX and EDX of a leaf and subleaf of CPUID, or None."""

_VENDORS = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD", "HygonGenuine": "Hygon"}

_KINDS = {
    ("AMD", 0x17): {
        "Zen": (*range(0x30), *range(0x50, 0x60)),
        "Zen 2": (*range(0x30, 0x50), *range(0x60, 0x80), 0x90, 0x91, *range(0xA0, 0xB0)),
    },
    ("AMD", 0x19): {
        "Zen 3": (*range(0x10), *range(0x20, 0x60)),
        "Zen 4": (*range(0x10, 0x20), *range(0x60, 0xB0)),
    },
    ("AMD", 0x1A): {
        "Zen 5": (*range(0x30), *range(0x40, 0x50), *range(0x60, 0x80)),
        "Zen 6": (*range(0x50, 0x60), *range(0x80, 0xB0), *range(0xC0, 0xD0)),
    },
    ("Intel", 6): {
        "Haswell": (0x3C, 0x3F, 0x45, 0x46),
        "Broadwell": (0x3D, 0x47, 0x4F, 0x56),
        "Skylake": (0x4E, 0x5E, 0x8E, 0x9E, 0xA5, 0xA6),
        "Skylake server": (0x55,),  # Cascade Lake and Cooper Lake too, by stepping
        "Ice Lake": (0x7D, 0x7E),
        "Ice Lake server": (0x6A, 0x6C),
        "Tiger Lake": (0x8C, 0x8D),
        "Rocket Lake": (0xA7,),
        "Alder Lake": (0x97, 0x9A),
        "Raptor Lake": (0xB7, 0xBA, 0xBF),
        "Meteor Lake": (0xAA, 0xAC),
        "Arrow Lake": (0xB5, 0xC5, 0xC6),
        "Lunar Lake": (0xBD,),
        "Sapphire Rapids": (0x8F,),
        "Emerald Rapids": (0xCF,),
        "Granite Rapids": (0xAD, 0xAE),
        "Sierra Forest": (0xAF,),
    },
}

_YMM, _ZMM, _TILES = 0x6, 0xE6, 0x60000
"""What the operating system has to save, in XCR0, of registers of 256 bits, of 512 bits, and of AMX."""

_EAX, _EBX, _ECX, _EDX = range(4)
_EXTENSIONS = {
    "fma": (1, 0, _ECX, 12, _YMM),
    "avx2": (7, 0, _EBX, 5, _YMM),
    "avx_vnni": (7, 1, _EAX, 4, _YMM),
    "avx512f": (7, 0, _EBX, 16, _ZMM),
    "avx512dq": (7, 0, _EBX, 17, _ZMM),
    "avx512bw": (7, 0, _EBX, 30, _ZMM),
    "avx512vl": (7, 0, _EBX, 31, _ZMM),
    "avx512_vnni": (7, 0, _ECX, 11, _ZMM),
    "avx512_bf16": (7, 1, _EAX, 5, _ZMM),
    "avx512_fp16": (7, 0, _EDX, 23, _ZMM),
    "amx_tile": (7, 0, _EDX, 24, _TILES),
    "amx_bf16": (7, 0, _EDX, 22, _TILES),
    "amx_int8": (7, 0, _EDX, 25, _TILES),
    "amx_fp16": (7, 1, _EAX, 21, _TILES),
}
"""By /proc/cpuinfo's names: leaf, subleaf, register and bit that tell the extension, and what must be saved."""


_DATA, _INSTRUCTIONS, _MOST_CACHES = 1, 2, 8


@dataclass(frozen=True)
class Processor:
    """What is known of a processor; None stands for what is not.

    Attributes
    ----------
    name : str
        The maker's for the product, as "AMD EPYC" for many kinds in clouds; may be empty.
    kind : str
        By its design, on which speed depends: "AMD Zen 4". Where no number tells it, maker and name.
    vendor : str or None
    numbers : (int, int, int) or None
        Family, model and stepping.
    extensions : dict of str to bool or None
        Those of `_EXTENSIONS` that the processor has, and whether the operating system saves their registers: without
        that no program may use them.
    caches : dict of str to int or None
        Bytes of those that hold data, by level: ``{"L1d": 32768, ...}``.
    """

    name: str
    kind: str
    vendor: str | None = None
    numbers: tuple[int, int, int] | None = None
    extensions: dict[str, bool] | None = None
    caches: dict[str, int] | None = None

    @property
    def slug(self) -> str:
        """The kind as the name of a folder.

        Examples
        --------
        >>> Processor("AMD EPYC", "AMD Zen 4").slug
        'amd-zen-4'
        """
        return "-".join(re.findall(r"[a-z0-9]+", self.kind.lower())) or "unknown"


@cache
def this() -> Processor:
    """Return what is known of the processor that runs this.

    Examples
    --------
    >>> this().kind != ""
    True
    """
    return read(runtime.cpuid, runtime.cpu_saves(), runtime.cpu_name())


def read(leaf: Leaf, saved: int, name: str) -> Processor:
    """Read a processor's own word.

    Parameters
    ----------
    leaf : callable
        CPUID.
    saved : int
        XCR0: which registers the operating system saves.
    name : str
        As CPUID spells it; may be empty.

    Returns
    -------
    Processor

    Examples
    --------
    >>> read(lambda leaf, subleaf: None, 0, "Analytical Engine").kind
    'Analytical Engine'
    """
    first, second = leaf(0, 0), leaf(1, 0)
    if first is None or second is None:
        name = name or platform.processor()
        return Processor(name, name or platform.machine() or "unknown")
    word = struct.pack("<3I", first[_EBX], first[_EDX], first[_ECX]).decode("ascii", "replace").strip()
    vendor = _VENDORS.get(word, word)
    numbers = _numbers(second[_EAX])
    kind = _kind(vendor, *numbers[:2]) or (name if vendor in name else f"{vendor} {name}".strip())
    extensions = {
        extension: saved & needed == needed
        for extension, (number, part, register, bit, needed) in _EXTENSIONS.items()
        if (registers := leaf(number, part)) is not None and registers[register] >> bit & 1
    }
    return Processor(name, kind, vendor, numbers, extensions, dict(_caches(leaf)) or None)


def _numbers(signature: int) -> tuple[int, int, int]:
    """Return family, model and stepping; all makers put those of more than four bits together alike."""
    family, model, stepping = signature >> 8 & 15, signature >> 4 & 15, signature & 15
    if family in (6, 15):
        model += (signature >> 16 & 15) << 4
    return family + (signature >> 20 & 255 if family == 15 else 0), model, stepping


def _kind(vendor: str, family: int, model: int) -> str:
    """Return maker and kind; an empty string if the table does not have it."""
    kinds = _KINDS.get((vendor, family), {})
    return next((f"{vendor} {kind}" for kind, models in kinds.items() if model in models), "")


def _caches(leaf: Leaf) -> Iterator[tuple[str, int]]:
    """Yield level and bytes of the caches for data: Intel's leaf, else AMD's of the same form."""
    for number in (4, 0x8000001D):
        for part in range(_MOST_CACHES):
            registers = leaf(number, part)
            if registers is None or registers[_EAX] & 31 == 0:  # no more of them
                break
            kind, level = registers[_EAX] & 31, registers[_EAX] >> 5 & 7
            if kind != _INSTRUCTIONS:
                ways, partitions, line = (
                    registers[_EBX] >> bit & most for bit, most in ((22, 1023), (12, 1023), (0, 4095))
                )
                n_bytes = (ways + 1) * (partitions + 1) * (line + 1) * (registers[_ECX] + 1)
                yield f"L{level}{'d' if kind == _DATA else ''}", n_bytes
