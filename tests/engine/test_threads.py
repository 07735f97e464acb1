"""The pool and the team alone, in a C program: many jobs from several callers, with the thread sanitizer too."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
HEADERS = HERE.parent.parent / "src_c"
COMPILER = shutil.which("gcc") or shutil.which("cc")
ALONE = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
"""What is loaded into this process, as a sanitizer, is neither for the compiler nor for the program."""


def build_and_run(folder, *flags):
    program = folder / "stress"
    command = [COMPILER, "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", *flags, f"-I{HEADERS}"]
    command += [str(HERE / "threads_stress.c"), "-o", str(program), "-pthread"]
    built = subprocess.run(command, env=ALONE, capture_output=True, check=False)
    if built.returncode and flags:
        pytest.skip(f"the compiler cannot build with {flags[0]}")
    assert not built.returncode, built.stderr.decode()
    # without address randomisation, which older thread sanitizers cannot live with
    steady = ["setarch", "-R"] if shutil.which("setarch") else []
    return subprocess.run([*steady, str(program)], env=ALONE, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(COMPILER is None or not HEADERS.is_dir(), reason="needs a C compiler and the source folder")
@pytest.mark.parametrize("flags", [(), ("-fsanitize=thread",)], ids=["plain", "sanitized"])
def test_many_jobs_from_several_callers(tmp_path, flags):
    result = build_and_run(tmp_path, *flags)
    assert (result.stdout, result.stderr, result.returncode) == ("ok\n", "", 0)
