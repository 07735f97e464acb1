"""The compiled engine: which of its modules suits this processor and number type, and how many threads it may use."""

from nncore.engine.arithmetic import own_arithmetic
from nncore.engine.select import (
    BITS,
    ISA,
    ISAS,
    MIXED_ISAS,
    available_cpus,
    bfloat16_emulator,
    choose_isa,
    get_num_threads,
    load,
    load_for,
    mixed_variants,
    module,
    padded,
    set_num_threads,
    show_config,
    supported_isas,
    variants,
)

__all__ = [
    "BITS",
    "ISA",
    "ISAS",
    "MIXED_ISAS",
    "available_cpus",
    "bfloat16_emulator",
    "choose_isa",
    "get_num_threads",
    "load",
    "load_for",
    "mixed_variants",
    "module",
    "own_arithmetic",
    "padded",
    "set_num_threads",
    "show_config",
    "supported_isas",
    "variants",
]
