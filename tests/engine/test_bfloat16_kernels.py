"""The kernels of mixed_bfloat16 alone, in a C program, in bits against a scalar loop over the definition."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from nncore.engine.processor import this

HERE = Path(__file__).resolve().parent
HEADERS = HERE.parent.parent / "src_c"
COMPILER = shutil.which("gcc") or shutil.which("cc")

AVX512 = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"]
VARIANTS = {  # the compiler's flags, and an extension of the processor that comes with all the others of them
    "base": ([], "fma"),  # for the scalar loop
    "avx2": (["-mavx2", "-mfma"], "avx2"),
    "avx512": (AVX512, "avx512vl"),
    "avx512bf16": ([*AVX512, "-mavx512bf16"], "avx512_bf16"),
    "what stands for amx": ([*AVX512, "-mavx512bf16", "-DNN_TILES=2"], "avx512_bf16"),
    "amx": ([*AVX512, "-mavx512bf16", "-DNN_TILES=1"], "amx_bf16"),
}


@pytest.mark.skipif(COMPILER is None or not HEADERS.is_dir(), reason="needs a C compiler and the source folder")
@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="the variants are of x86")
@pytest.mark.parametrize("variant", VARIANTS)
def test_products_and_gradients_have_the_bits_of_the_definition(variant, tmp_path):
    """Every remainder of rows, inputs and outputs; random bits, infinities, NaN, subnormal numbers, overflow."""
    flags, extension = VARIANTS[variant]
    if not (this().extensions or {}).get(extension):
        pytest.skip(f"this processor has no {extension}")
    program = tmp_path / "kernels"
    command = [COMPILER, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"]
    command += ["-ffp-contract=off", "-fno-math-errno", "-DNN_BFLOAT16=1", f"-I{HEADERS}", *flags]
    subprocess.run([*command, str(HERE / "bfloat16_kernels.c"), "-o", str(program), "-lm"], check=True)
    result = subprocess.run([program], capture_output=True, text=True, check=False)
    if result.returncode == 2:
        pytest.skip("the system denies the registers of AMX")
    assert result.returncode == 0, result.stderr
    n_compared, n_nan, n_zero, n_wrong = map(int, result.stdout.splitlines()[-1].split())
    assert n_wrong == 0, result.stdout
    assert n_compared - n_nan - n_zero > 500_000  # most of them say something
