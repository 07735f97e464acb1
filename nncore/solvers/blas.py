"""How many threads SciPy's linear algebra may use while a solver runs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from nncore import engine


def limited(most: int | None = None) -> AbstractContextManager[object]:
    """Return what holds BLAS to `most` threads, never above nncore's own limit, until its block ends.

    Where the package threadpoolctl is not installed, it does nothing: ``OPENBLAS_NUM_THREADS`` is the way then. Numbers
    below that are set already stay. BLAS's threads spin while they wait, which costs all others on a busy machine, and
    themselves: Levenberg-Marquardt with 81 parameters took twenty times as long with two of them as with one.

    Examples
    --------
    >>> with limited(1):
    ...     pass
    """
    try:
        from threadpoolctl import threadpool_info, threadpool_limits
    except ImportError:
        return nullcontext()
    limit = engine.get_num_threads() if most is None else min(most, engine.get_num_threads())
    if all(library["num_threads"] <= limit for library in threadpool_info() if library["user_api"] == "blas"):
        return nullcontext()
    bound: AbstractContextManager[object] = threadpool_limits(limits=limit, user_api="blas")
    return bound
