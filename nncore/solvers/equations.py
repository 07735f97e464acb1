"""Linear algebra of large symmetric matrices, block by block: between two blocks, Python may be interrupted."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular
from scipy.linalg.blas import dsyrk

from nncore.base.typing import Array

BLOCK = 256  # columns at a time
WHOLE = 1024  # of so many parameters a matrix is soon done, and as one


def add_gram(total: Array, J: Array) -> Array:
    """Return ``total + J'J``, of which the lower half counts; `total` (p, p), in Fortran's order, is overwritten.

    Examples
    --------
    >>> add_gram(np.zeros((2, 2), order="F"), np.array([[1.0, 2.0], [3.0, 4.0]]))[1].tolist()
    [14.0, 20.0]
    """
    p = len(total)
    if p <= WHOLE:
        found: Array = dsyrk(1.0, J.T, beta=1.0, c=total, lower=1, overwrite_c=1)
        return found
    for start in range(0, p, BLOCK):
        total[start:, start : start + BLOCK] += J[:, start:].T @ J[:, start : start + BLOCK]
    return total


def solve(A: Array, b: Array) -> Array | None:
    """Return x of ``A x = b``; None if rounding makes A indefinite. Its lower half, in Fortran's order, is overwritten.

    By Cholesky's decomposition: of each block of columns first, whose products are then taken from those behind it
    (G. H. Golub and C. F. Van Loan, "Matrix Computations", 4th edition, section 4.2.9).

    Examples
    --------
    >>> solve(np.array([[4.0, 0.0], [2.0, 2.0]], order="F"), np.array([8.0, 6.0])).tolist()
    [1.0, 2.0]
    """
    try:
        if len(A) <= WHOLE:
            factor, _ = cho_factor(A, lower=True, overwrite_a=True, check_finite=False)
        else:
            factor = _factorised(A)
    except LinAlgError:
        return None
    x: Array = cho_solve((factor, True), b, check_finite=False)
    return x if np.isfinite(x).all() else None


def _factorised(A: Array) -> Array:
    p = len(A)
    for start in range(0, p, BLOCK):
        end = min(start + BLOCK, p)
        corner, _ = cho_factor(A[start:end, start:end], lower=True, check_finite=False)
        A[start:end, start:end] = corner
        A[end:, start:end] = solve_triangular(corner, A[end:, start:end].T, lower=True, check_finite=False).T
        for left in range(end, p, BLOCK):
            right = min(left + BLOCK, p)
            A[left:, left:right] -= A[left:, start:end] @ A[left:right, start:end].T
    return A
