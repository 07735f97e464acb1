"""Compile the engine: one extension module per (arithmetic, instruction set), from one source, 13 on x86.

Everything else about the package is in pyproject.toml.
"""

import os
import platform
import shlex
import subprocess
import sysconfig
from glob import glob

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

X86 = platform.machine().lower() in ("x86_64", "amd64")

JOBS = int(os.environ.get("NNCORE_BUILD_JOBS", os.cpu_count() or 1))

# instruction set -> the compiler's flags for it; on aarch64 the base includes NEON with fused multiply-add
AVX512 = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"]
ISA_FLAGS = {
    "base": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512vl": [*AVX512, "-DNN_VEC_BYTES=32"],  # short vectors in AVX-512's 32 registers, for narrow layers
    "avx512": AVX512,
    "avx512bf16": [*AVX512, "-mavx512bf16"],
    "amx": [*AVX512, "-mavx512bf16", "-DNN_TILES=1"],  # its instructions are assembler
    "tiles": [*AVX512, "-mavx512bf16", "-DNN_TILES=2"],  # ... or functions, to test what surrounds them
}
MODULES = {  # name of a kind of module -> its macros and instruction sets
    "f32": ([("NN_REAL_BITS", "32")], ["base", "avx2", "avx512vl", "avx512"]),
    "f64": ([("NN_REAL_BITS", "64")], ["base", "avx2", "avx512vl", "avx512"]),
    "bf16": ([("NN_REAL_BITS", "32"), ("NN_BFLOAT16", "1")], ["base", "avx2", "avx512", "avx512bf16", "amx"]),
}
if os.environ.get("NNCORE_TEST_TILES"):
    MODULES["bf16"][1].append("tiles")

# instruction sets that not every compiler and assembler in use understands, and an instruction of each
NEW = {"avx512bf16": "vdpbf16ps %zmm0, %zmm1, %zmm2", "tiles": "vdpbf16ps %zmm0, %zmm1, %zmm2"}
NEW["amx"] = "tdpbf16ps %tmm0, %tmm1, %tmm2"


def understood(isa: str) -> bool:
    """Whether the compiler takes the flags of an instruction set, and its assembler the instructions."""
    command = [*shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"), *ISA_FLAGS[isa]]
    source = f'int main(void) {{ __asm__ volatile ("{NEW[isa]}"); return 0; }}'
    try:
        command += ["-x", "c", "-c", "-", "-o", os.devnull]
        done = subprocess.run(command, input=source.encode(), capture_output=True).returncode == 0
    except OSError:
        done = False
    if not done:
        print(f"nncore is built without products of bfloat16 by {isa}: the compiler does not know them")
    return done


# -ffp-contract=off: the compiler fuses no multiply-add that the source does not ask for, so bits depend on no flag.
# -g0: a wheel with debug information would be several times as large.
# The user's CFLAGS come before these: "base" stays base under -march=native, and no arithmetic flag of theirs survives.
FLAGS = ["-std=gnu11", "-O3", "-g0", *(["-march=x86-64"] if X86 else [])]
FLAGS += ["-fno-fast-math", "-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra"]
# What Cython's output trips over and cannot mend; the headers of src_c are free of both.
FLAGS += ["-Wno-unused-parameter", "-Wno-cast-function-type", "-Wno-missing-field-initializers"]
LINK_FLAGS = ["-Wl,-s"] if platform.system() == "Linux" else []
if os.environ.get("NNCORE_SANITIZE"):
    FLAGS += ["-fsanitize=" + os.environ["NNCORE_SANITIZE"], "-fno-sanitize-recover=all", "-fno-wrapv", "-UNDEBUG"]
    FLAGS += ["-O1", "-g1"]  # with more of either, gcc takes ten times as long; neither changes a bit
    LINK_FLAGS = ["-fsanitize=" + os.environ["NNCORE_SANITIZE"]]


def extension(name: str, macros: list[tuple[str, str]], flags: list[str]) -> Extension:
    return Extension(
        f"nncore._engine.{name}",
        [f"nncore/_engine/{name}.pyx"],
        include_dirs=["src_c", numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"), *macros],
        extra_compile_args=FLAGS + flags,
        extra_link_args=["-pthread", *LINK_FLAGS],
        depends=glob("src_c/*.h") + glob("nncore/_engine/*.pxi"),
    )


extensions = [extension("runtime", [], [])] + [
    extension(f"{kind}_{isa}", macros, ISA_FLAGS[isa])
    for kind, (macros, isas) in MODULES.items()
    for isa in isas
    if isa == "base" or (X86 and (isa not in NEW or understood(isa)))
]

setup(
    ext_modules=cythonize(
        extensions,
        nthreads=JOBS if platform.system() == "Linux" else 0,  # elsewhere processes do not fork
        build_dir="build/cython",
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
            "freethreading_compatible": False,
        },
    ),
    options={"build_ext": {"parallel": JOBS}},
)
