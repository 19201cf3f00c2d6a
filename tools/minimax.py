"""Derives the polynomials of tenfold/kernel/mathlib and prints tenfold/kernel/coefficients.py.

Each is the minimax polynomial of a function on an interval under a weight, found by Remez's exchange in 60 digits
(E. Remez, 1934; see Cody & Waite, Software Manual for the Elementary Functions, 1980, for why these functions and intervals), and for erfc
a Chebyshev series in (x - K) / (x + K) (Shepherd & Laframboise, Math. Comp. 36, 1981).

    python tools/minimax.py > tenfold/kernel/coefficients.py
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mpmath import mp, mpf

mp.dps = 60
Real = Callable[[mpf], mpf]


def remez(f: Real, weight: Real, low: float, high: float, degree: int) -> list[mpf]:
    """Coefficients of the polynomial p of `degree` that minimizes max |weight * (f - p)| on [low, high]."""
    a, b, n = mpf(low), mpf(high), degree + 2
    points = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * (k + mpf(1) / 2) / n) for k in range(n)]
    for _ in range(12):
        rows = mp.matrix(n, n)
        for r, x in enumerate(points):
            for k in range(degree + 1):
                rows[r, k] = x**k
            rows[r, n - 1] = (-1) ** r / weight(x)
        solution = mp.lu_solve(rows, mp.matrix([f(x) for x in points]))
        coefficients = [solution[k] for k in range(degree + 1)]
        grid = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * mpf(k) / (40 * n)) for k in range(40 * n + 1)]
        errors = [weight(x) * (f(x) - mp.polyval(coefficients[::-1], x)) for x in grid]
        extrema: list[int] = []
        for k, e in enumerate(errors):
            if extrema and (e > 0) == (errors[extrema[-1]] > 0):
                if abs(e) > abs(errors[extrema[-1]]):
                    extrema[-1] = k
            else:
                extrema.append(k)
        while len(extrema) > n:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        if len(extrema) < n:
            break
        points = [grid[k] for k in extrema]
        sizes = [abs(errors[k]) for k in extrema]
        if max(sizes) / min(sizes) < 1.001:
            break
    return coefficients


def limited(f: Real, at_zero: float) -> Real:
    """`f`, which cancels near 0, with its limit there."""
    return lambda x: mpf(at_zero) if abs(x) < mpf(10) ** -18 else f(x)


def chebyshev(f: Real, degree: int) -> list[mpf]:
    """Power coefficients of the Chebyshev interpolant of f on [-1, 1]."""
    n = degree + 1
    nodes = [mp.cos(mp.pi * (k + mpf(1) / 2) / n) for k in range(n)]
    values = [f(x) for x in nodes]
    series = [sum(v * mp.cos(j * mp.pi * (k + mpf(1) / 2) / n) for k, v in enumerate(values)) * (1 if j == 0 else 2) / n for j in range(n)]
    previous, current = [mpf(1)], [mpf(0), mpf(1)]
    total = [mpf(0)] * n
    for j in range(n):
        basis = previous
        for k, c in enumerate(basis):
            total[k] += series[j] * c
        following = [mpf(0)] + [2 * c for c in current]
        for k, c in enumerate(previous):
            following[k] -= c
        previous, current = current, following
    return total


def show(name: str, coefficients: list[mpf], comment: str, single: bool) -> None:
    cast = (lambda c: float(np.float32(float(c)))) if single else float
    print(f"# {comment}\n{name} = (")
    for c in coefficients:
        print(f"    {cast(c)!r},")
    print(")  # fmt: skip")


def fit(name: str, comment: str, f: Real, weight: Real, low: float, high: float, degrees: tuple[int | None, int | None]) -> None:
    """One polynomial for float32 and one for float64 (degree None: not needed)."""
    for suffix, degree in zip(("32", "64"), degrees, strict=True):
        if degree is not None:
            show(name + suffix, remez(f, weight, low, high, degree), comment, suffix == "32")


def main() -> None:
    print('"""Polynomial coefficients, lowest power first; made by tools/minimax.py."""\n')
    half = float(mp.log(2) / 2) * 1.001
    fit(
        "EXP",
        "(exp(r) - 1 - r) / r^2",
        limited(lambda r: (mp.expm1(r) - r) / r**2, 0.5),
        lambda r: r**2 / mp.exp(r) + mpf(10) ** -9,
        -half,
        half,
        (4, 10),
    )
    low, high = float(mp.sqrt(0.5)) - 1.0001, float(mp.sqrt(2)) - 0.9999
    log_rest = limited(lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, 1 / 3)
    fit("LOG", "(log(1 + f) - f + f^2 / 2) / f^3", log_rest, lambda f: abs(f) ** 2 + mpf(10) ** -4, low, high, (8, None))
    z_high = float((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * 1.001
    atanh_rest = limited(lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z, 2 / 3)
    fit("LOG", "(2 atanh(s) / s - 2) / s^2 of z = s^2", atanh_rest, lambda z: mpf(1), 0.0, z_high, (None, 7))
    quarter = (float(mp.pi / 4) * 1.01) ** 2
    fit(
        "SIN",
        "(sin(r) / r - 1) / r^2 of z = r^2",
        limited(lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, -1 / 6),
        lambda z: z + mpf(10) ** -6,
        0.0,
        quarter,
        (2, 6),
    )
    fit(
        "COS",
        "(cos(r) - 1 + r^2 / 2) / r^4 of z = r^2",
        limited(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, 1 / 24),
        lambda z: z**2 + mpf(10) ** -6,
        0.0,
        quarter,
        (3, 6),
    )
    fit(
        "TANH",
        "(tanh(x) / x - 1) / x^2 of z = x^2, |x| < 0.625",
        limited(lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, -1 / 3),
        lambda z: z + mpf(10) ** -5,
        0.0,
        0.4,
        (5, None),
    )
    fit(
        "ATAN",
        "(atan(t) / t - 1) / t^2 of z = t^2, |t| < tan(pi / 8)",
        limited(lambda z: (mp.atan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, -1 / 3),
        lambda z: z + mpf(10) ** -5,
        0.0,
        0.1716,
        (None, 11),
    )
    fit(
        "ASIN",
        "(asin(x) / x - 1) / x^2 of z = x^2, |x| < 0.5",
        limited(lambda z: (mp.asin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, 1 / 6),
        lambda z: z + mpf(10) ** -5,
        0.0,
        0.2501,
        (None, 12),
    )
    fit(
        "ERF",
        "erf(x) / x of z = x^2, |x| < 1",
        limited(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z), float(2 / mp.sqrt(mp.pi))),
        lambda z: mpf(1),
        0.0,
        1.0,
        (6, 13),
    )
    fit("ERFTAIL", "log(erfc(x)), 1 < x < 4", lambda x: mp.log(mp.erfc(x)), lambda x: mp.erfc(x), 1.0, 4.0, (7, None))
    k = mpf(3.75)
    show(
        "ERFC64",
        chebyshev(lambda t: (lambda x: (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x))(k * (1 + t) / (1 - t)), 30),
        "(1 + 2x) exp(x^2) erfc(x) of t = (x - 3.75) / (x + 3.75)",
        False,
    )


if __name__ == "__main__":
    main()
