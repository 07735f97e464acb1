"""Tell every library how many threads it may use."""

from __future__ import annotations

import os

VARIABLES = (
    "NNCORE_NUM_THREADS",
    "OMP_NUM_THREADS",  # PyTorch, scikit-learn
    "OPENBLAS_NUM_THREADS",  # NumPy and SciPy
    "MKL_NUM_THREADS",
    "NPROC",  # JAX: the size of its pool
)


def limit(n: int) -> None:
    """Limit this process and those it starts to `n` threads. Libraries imported before do not notice."""
    os.environ.update(dict.fromkeys(VARIABLES, str(n)))
    if n == 1:  # JAX would otherwise still split its matrix products
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
