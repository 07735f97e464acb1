"""Fit the polynomials of vecmath.h and roots.h and print them as the C tables that these hold.

    python src_c/coefficients.py [32|64] [table ...]

Each table is a weighted minimax fit found by Remez's exchange algorithm in 50-digit arithmetic. Its coefficients are
then rounded to the number type one by one, lowest order first, and the remaining ones are fitted again after each
rounding, so that they make up for it. Nothing is known here of how C evaluates the polynomial: the error printed beside
a table is that of the exact polynomial with the rounded coefficients, relative to the function that it serves.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp

mp.mp.dps = 50
Function = Callable[[mp.mpf], mp.mpf]


@dataclass(frozen=True)
class Fit:
    """One table: `target` is approximated by a polynomial of `degree` on [low, high].

    The error that is levelled is weight(x) * (polynomial(x) - target(x)); where weight(x) is what the table's value
    is multiplied by in the function served, over that function, it is that function's relative error.
    """

    name: str
    formula: str
    target: Function
    weight: Function
    low: mp.mpf
    high: mp.mpf
    degree: dict[int, int]
    prescribed: tuple[mp.mpf, ...] = ()  # the lowest coefficients, where they are to be just these


class Grid:
    """The points where a fit is judged: Chebyshev's, dense enough to find the error's peaks, none of them 0."""

    def __init__(self, fit: Fit, n: int = 1001) -> None:
        middle, half = (fit.high + fit.low) / 2, (fit.high - fit.low) / 2
        self.x = [middle - half * mp.cos(mp.pi * i / n) for i in range(n + 1)]
        self.target = [fit.target(x) for x in self.x]
        self.weight = [abs(fit.weight(x)) for x in self.x]

    def error(self, c: list[mp.mpf]) -> list[mp.mpf]:
        """Weighted error of the polynomial c, lowest order first."""
        return [w * (mp.polyval(c[::-1], x) - f) for x, w, f in zip(self.x, self.weight, self.target, strict=True)]


def levelled(grid: Grid, known: list[mp.mpf], n: int, points: list[int]) -> tuple[list[mp.mpf], mp.mpf]:
    """`known` and n more coefficients, whose weighted error alternates in sign over n + 1 points, and its size there.

    Where the order of the first free term is odd, so that the free part changes sign at 0, so does the error.
    """
    first = len(known)
    rows, values = [], []
    for i, point in enumerate(points):
        x = grid.x[point]
        side = mp.sign(x) ** first * (-1) ** i
        rows.append([x**k for k in range(first, first + n)] + [side / grid.weight[point]])
        values.append(grid.target[point] - mp.polyval(known[::-1], x))
    solution = list(mp.lu_solve(mp.matrix(rows), mp.matrix(values)))
    return known + solution[:n], abs(solution[n])


def peaks(error: list[mp.mpf], level: mp.mpf, n: int) -> list[int]:
    """n places where the error, of alternating sign, is largest and at least `level`."""
    best: list[int] = []
    for i, e in enumerate(error):
        if abs(e) < level:
            continue
        if best and mp.sign(error[best[-1]]) == mp.sign(e):
            best[-1] = max(best[-1], i, key=lambda j: abs(error[j]))
        else:
            best.append(i)
    while len(best) > n:
        best.pop(0 if abs(error[best[0]]) < abs(error[best[-1]]) else -1)
    return best


def remez(grid: Grid, known: list[mp.mpf], n: int) -> list[mp.mpf]:
    """The minimax polynomial whose lowest coefficients are `known` and whose n others are free."""
    points = [round((len(grid.x) - 1) * (i + 0.55) / (n + 1)) for i in range(n + 1)]
    for _ in range(30):
        c, level = levelled(grid, known, n, points)
        error = [e * mp.sign(x) ** len(known) for e, x in zip(grid.error(c), grid.x, strict=True)]
        points, last = peaks(error, level * (1 - mp.mpf(10) ** -20), n + 1), points
        if points == last:
            break
    return c


def rounded(x: mp.mpf, bits: int) -> mp.mpf:
    """x as the nearest number with the precision of a float of that many bits."""
    with mp.workprec({32: 24, 64: 53}[bits]):
        return +x


def fit_table(fit: Fit, bits: int) -> tuple[list[mp.mpf], mp.mpf]:
    """Rounded coefficients, lowest order first, and the largest weighted error."""
    grid = Grid(fit)
    known = list(fit.prescribed)
    for n in range(fit.degree[bits] + 1 - len(known), 0, -1):
        best = remez(grid, known, n)
        known.append(rounded(best[len(known)], bits))
    return known, max(abs(e) for e in grid.error(known))


EDGE = mp.log(2) / 2 * (1 + mp.mpf(2) ** -10)  # |r| <= log(2)/2, and a little more for the rounding of r
ATANH_EDGE = (3 - 2 * mp.sqrt(2)) * (1 + mp.mpf(2) ** -10)  # f / (2 + f) at the ends of sqrt(1/2) <= 1 + f <= sqrt(2)
TINY = mp.mpf(2) ** -30  # for 0, where the formulas cannot be evaluated
HALF = mp.mpf("0.5")
ROOT_EDGE = mp.mpf("0.0684")  # |1 - v y^2| for the first guess y of roots.h at 1 / sqrt(v)


def of_square(function: Function) -> Function:
    """The function of z = x^2 that is `function` of x."""
    return lambda z: function(mp.sqrt(z))


def scaled_erfc(u: mp.mpf) -> mp.mpf:
    """(1 + x/2) * exp(x^2) * erfc(x) where u = (x - 2) / (x + 2)."""
    x = 2 * (1 + u) / (1 - u)
    return (1 + x / 2) * mp.exp(x * x) * mp.erfc(x)


def fits(bits: int) -> list[Fit]:
    """The tables of one number type."""
    erfc_end = {32: mp.mpf("10.2"), 64: mp.mpf("27.3")}[bits]  # where erfc underflows
    return [
        Fit(
            "EXP",
            "(exp(r) - 1 - r) / r^2 for |r| <= log(2)/2",
            lambda r: (mp.expm1(r) - r) / r**2,
            lambda r: r**2 / mp.expm1(r),
            -EDGE,
            EDGE,
            {32: 4, 64: 9},
            (HALF,),
        ),
        Fit(
            "TANH",
            "tanh(r/2) / r in z = r^2 <= (log(2)/2)^2",
            of_square(lambda r: mp.tanh(r / 2) / r),
            of_square(lambda r: r / mp.tanh(r / 2)),
            TINY,
            EDGE**2,
            {32: 2, 64: 6},
            (HALF,),
        ),
        Fit(
            "TANH_WIDE",
            "tanh(r/2) / r in z = r^2 <= (3 log(2)/2)^2",
            of_square(lambda r: mp.tanh(r / 2) / r),
            of_square(lambda r: r / mp.tanh(r / 2)),
            TINY,
            (3 * EDGE) ** 2,
            {32: 4, 64: 11},
            (HALF,),
        ),
        Fit(
            "LOG",
            "(2 atanh(s) - 2s) / s^3 in z = s^2 <= (3 - 2 sqrt(2))^2",
            of_square(lambda s: (2 * mp.atanh(s) - 2 * s) / s**3),
            of_square(lambda s: s**3 / (2 * mp.atanh(s))),
            TINY,
            ATANH_EDGE**2,
            {32: 2, 64: 6},
        ),
        Fit(
            "LOG1P",
            "(2 atanh(t/2) - t) / t^3 in z = t^2 <= (2/3)^2",
            of_square(lambda t: (2 * mp.atanh(t / 2) - t) / t**3),
            of_square(lambda t: t**3 / (2 * mp.atanh(t / 2))),
            TINY,
            (mp.mpf(2) / 3) ** 2,
            {32: 3, 64: 8},
        ),
        Fit(
            "ERF",
            "erf(x) / x - 1 in z = x^2 <= 1",
            of_square(lambda x: mp.erf(x) / x - 1),
            of_square(lambda x: x / mp.erf(x)),
            TINY,
            mp.mpf(1),
            {32: 6, 64: 12},
        ),
        Fit(
            "ERFC",
            "(1 + x/2) exp(x^2) erfc(x) in u = (x - 2) / (x + 2)",
            scaled_erfc,
            lambda u: 1 / scaled_erfc(u),
            mp.mpf(-1),
            (erfc_end - 2) / (erfc_end + 2),
            {32: 10, 64: 24},
        ),
        Fit(
            "ROOT",
            "1 / sqrt(1 - e) for |e| <= 0.0684",
            lambda e: 1 / mp.sqrt(1 - e),
            lambda e: mp.sqrt(1 - e),
            -ROOT_EDGE,
            ROOT_EDGE,
            {32: 4, 64: 3},
            (mp.mpf(1),),
        ),
    ]


def c_table(fit: Fit, bits: int) -> str:
    """The fit as a C array, highest order first, with its comment."""
    c, error = fit_table(fit, bits)
    digits, suffix = {32: (9, "f"), 64: (17, "")}[bits]
    numbers = ", ".join(mp.nstr(x, digits) + suffix for x in reversed(c))
    return (
        f"/* {fit.formula}; relative error 2^{float(mp.log(error, 2)):.1f} */\n"
        f"static const real NN_{fit.name}[] = {{\n"
        f"{textwrap.fill(numbers + ',', 118, initial_indent='    ', subsequent_indent='    ')}\n}};"
    )


def main(arguments: list[str]) -> None:
    for bits in [int(a) for a in arguments if a in ("32", "64")] or [32, 64]:
        names = [a for a in arguments if a not in ("32", "64")]
        print(f"float{bits}:\n")
        for fit in fits(bits):
            if not names or fit.name in names:
                print(c_table(fit, bits))


if __name__ == "__main__":
    main(sys.argv[1:])
