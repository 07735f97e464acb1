"""Compile the engine: one extension module per (arithmetic, instruction set), from one source, 13 on x86.

What Cython's memoryviews need is in a module of its own, which all import: 140 KB that each would have again.

Everything else about the package is in pyproject.toml.
"""

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import Cython
import numpy
import setuptools
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from building import fingerprint, is_current, mark

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


DIRECTIVES = {
    "language_level": "3",
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": True,
    "freethreading_compatible": False,
}


def extension(name: str, macros: list[tuple[str, str]], flags: list[str]) -> Extension:
    return Extension(
        f"nncore._engine.{name}",
        [f"nncore/_engine/{name}.pyx"],
        include_dirs=["src_c", numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"), *macros],
        extra_compile_args=FLAGS + flags,
        extra_link_args=["-pthread", *LINK_FLAGS],
    )


MEMORYVIEWS = extension("memoryviews", [], [])
MEMORYVIEWS.sources = ["nncore/_engine/memoryviews.c"]  # Cython's own, there is no .pyx
extensions = [MEMORYVIEWS, extension("runtime", [], [])] + [
    extension(f"{kind}_{isa}", macros, ISA_FLAGS[isa])
    for kind, (macros, isas) in MODULES.items()
    for isa in isas
    if isa == "base" or (X86 and (isa not in NEW or understood(isa)))
]
BUILT = {extension.name for extension in extensions}

# What decides what comes out, beside flags. Not the folders of headers: pip has NumPy's in a new one each time.
CYTHON_FILES = [path for path in Path("nncore/_engine").iterdir() if path.suffix in (".pyx", ".pxd", ".pxi")]
CYTHON_FILES.append(Path("setup.py"))
VERSIONS = [sys.version, setuptools.__version__, Cython.__version__, numpy.__version__]
READ_BY_COMPILERS = ["CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "SDKROOT"]
READ_BY_COMPILERS += ["MACOSX_DEPLOYMENT_TARGET", "ARCHFLAGS", "SOURCE_DATE_EPOCH"]
OF_THE_COMPILER = ["compiler_so", "linker_so", "macros", "libraries", "library_dirs", "runtime_library_dirs", "objects"]


class Build(build_ext):
    """Generates and compiles what is not current, by its contents (building.py), and drops modules that are no more."""

    def build_extensions(self) -> None:
        for path in Path(self.build_lib, "nncore", "_engine").glob("*.so"):
            if f"nncore._engine.{path.name.partition('.')[0]}" not in BUILT:
                path.unlink()  # else the wheel would have it, as the one of NNCORE_TEST_TILES
        version = subprocess.run([*self.compiler.compiler_so, "--version"], capture_output=True).stdout
        words = [VERSIONS, version, self.debug, [os.environ.get(name) for name in READ_BY_COMPILERS]]
        words += [getattr(self.compiler, name, None) for name in OF_THE_COMPILER]
        self.key = fingerprint([*CYTHON_FILES, *Path("src_c").glob("*.h")], words)
        every = self.extensions
        self.extensions = [extension for extension in every if self.force or not self.is_current(extension)]
        self.force = True  # times say no more
        generate(self.extensions)
        super().build_extensions()
        self.extensions = every

    def build_extension(self, extension: Extension) -> None:
        super().build_extension(extension)
        mark(*self.stamp(extension))

    def is_current(self, extension: Extension) -> bool:
        return is_current(*self.stamp(extension))

    def stamp(self, extension: Extension) -> tuple[Path, Path, str]:
        """The compiled module, where its stamp is, and its key."""
        flags = [extension.define_macros, extension.extra_compile_args, extension.extra_link_args]
        made = Path(self.get_ext_fullpath(extension.name))
        return made, Path(self.build_temp, f"{extension.name}.stamp"), fingerprint([], [self.key, flags])


def generate(extensions: list[Extension]) -> None:
    """Have Cython write the C of these extensions, where it is not current, and name it as their source."""
    key = fingerprint(CYTHON_FILES, VERSIONS)
    made = {extension.name: Path("build/cython", extension.sources[0]).with_suffix(".c") for extension in extensions}
    stale = [e for e in extensions if not is_current(made[e.name], made[e.name].with_suffix(".stamp"), key)]
    if stale:
        nthreads = JOBS if platform.system() == "Linux" else 0  # elsewhere processes do not fork
        options = {"compiler_directives": DIRECTIVES, "shared_utility_qualified_name": MEMORYVIEWS.name}
        cythonize(stale, nthreads=nthreads, build_dir="build/cython", force=True, **options)
    for extension in extensions:
        extension.sources = [str(made[extension.name])]
    for extension in stale:
        mark(made[extension.name], made[extension.name].with_suffix(".stamp"), key)


setup(
    ext_modules=extensions,
    cmdclass={"build_ext": Build},
    options={"build_ext": {"parallel": JOBS}},
)
