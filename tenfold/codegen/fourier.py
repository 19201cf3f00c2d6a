"""A kernel of Fourier transforms of rows, by Stockham's method (Cochran et al., 1967): passes between two buffers that need no reordering.

A pass of radix r over a row of r * m * s elements takes each x[s (p + m j) + q] for j = 0 ... r - 1, transforms these r numbers, and puts the k-th of
them, times w^(p k) where w = exp(-2 pi i / (r m)), at y[s (r p + k) + q]; the next pass finds m = r' m' and s' = r s. Vectors run along q. In the
first pass, where s is 1, they run along p, and eight by eight results are transposed before they are stored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from tenfold.codegen.flatten import constant_bits
from tenfold.codegen.instructions import literal, register
from tenfold.codegen.text import Text
from tenfold.core.dtypes import DType
from tenfold.runtime.native import Target

FIRST = 8  # the radix of the first pass, and the lanes of all vectors
LEAST = FIRST * FIRST  # elements of a row
RADICES = (4, 3, 5, 7)
ARGS = ("source", "target", "twiddles", "scratch", "count", "grain")
PLANES = 4  # rows of scratch memory, real and imaginary parts apart, that a task needs
Complex = tuple[str, str]


def radices(n: int) -> tuple[int, ...] | None:
    """Those of the passes over rows of n; None: there is no kernel for this length."""
    if n % FIRST or n < LEAST:
        return None
    rest, found = n // FIRST, [FIRST]
    twos = (rest & -rest).bit_length() - 1
    if twos % 2:
        found.append(8 if twos >= 3 else 2)
        rest //= found[-1]
    for r in RADICES:
        while rest % r == 0:
            found.append(r)
            rest //= r
    return tuple(found) if rest == 1 else None


@dataclass(frozen=True)
class Fourier:
    """target[row] = the transform of source[row], for `count` rows, `grain` in a task, which has its own PLANES rows of `scratch`.

    Attributes:
        dtype: of the parts.
        n: elements of a row; `radices(n)` is not None.
        inverse: with the conjugate roots, divided by n.
        halved: real rows, and the first n // 2 + 1 terms of each.
    """

    dtype: DType
    n: int
    inverse: bool = False
    halved: bool = False

    @property
    def key(self) -> str:
        """What tells it from others."""
        return f"fourier {self.dtype.name} {self.n} {self.inverse} {self.halved} 1"

    @cached_property
    def passes(self) -> tuple[tuple[int, int, int], ...]:
        """(r, m, s) of each."""
        s, found = 1, []
        for r in radices(self.n) or ():
            found.append((r, self.n // (r * s), s))
            s *= r
        return tuple(found)

    @property
    def twiddles(self) -> list[float]:
        """The numbers that the passes multiply by, real parts before imaginary ones: in the first pass for each k, later for each p."""
        found: list[float] = []
        for r, m, s in self.passes[:-1]:
            powers = [[p * k for p in range(m)] for k in range(1, r)] if s == 1 else [[p * k for k in range(1, r)] for p in range(m)]
            for row in powers:
                angles = [2 * math.pi * e / (r * m) for e in row]
                found += [math.cos(x) for x in angles] + [math.sin(x) * (1 if self.inverse else -1) for x in angles]
        return found

    def emit(self, name: str, target: Target) -> str:
        """LLVM text."""
        return _Writer(self).function(name)


class _Writer:
    def __init__(self, kernel: Fourier) -> None:
        self.k, self.t = kernel, Text()
        self.size, self.scalar = kernel.dtype.size, register(kernel.dtype)
        self.vector = f"<{FIRST} x {self.scalar}>"
        self.sign = 1.0 if kernel.inverse else -1.0

    def function(self, name: str) -> str:
        k, t, row = self.k, self.t, self.k.n * self.size
        a = t.arguments(ARGS, frozenset(ARGS[:4]))
        first = t.mul("%task", a["grain"])
        scratch = t.at(a["scratch"], t.mul("%task", PLANES * row))
        planes = [(t.at(scratch, 2 * i * row), t.at(scratch, (2 * i + 1) * row)) for i in range(2)]
        with t.loop(first, t.min(t.add(first, a["grain"]), a["count"])) as i:
            source = t.at(a["source"], t.mul(i.index, row if k.halved else 2 * row))
            terms = (k.n // 2 + 1) if k.halved else k.n
            out = t.at(a["target"], t.mul(i.index, 2 * terms * self.size))
            table = self._first_pass(source, planes[0], a["twiddles"])
            for number, (r, m, s) in enumerate(k.passes[1:-1]):
                table = self._pass(planes[number % 2], planes[1 - number % 2], table, r, m, s)
            last = planes[len(k.passes) % 2]
            self._last_pass(last, planes[1 - len(k.passes) % 2][0] if k.halved else out)
            if k.halved:
                self._copy(planes[1 - len(k.passes) % 2][0], out, terms)
        return t.function(name)

    # --- passes ---
    def _first_pass(self, source: str, out: Complex, table: str) -> str:
        r, m, _ = self.k.passes[0]
        t = self.t
        with t.loop(0, m, FIRST) as i:
            p = t.min(i.index, m - FIRST)  # the last ones again, where m is no multiple
            values = [self._given(source, t.add(p, m * j)) for j in range(r)]
            results = self._transform(values)
            turned = [results[0]]
            for k in range(1, r):
                at = t.mul(t.add(p, 2 * (k - 1) * m), self.size)
                w = self._load(t.at(table, at)), self._load(t.at(table, t.add(at, m * self.size)))
                turned.append(self._times(results[k], w))
            for part, plane in enumerate(out):
                for k, column in enumerate(self._transposed([z[part] for z in turned])):
                    self._store(column, t.at(plane, t.mul(t.add(t.mul(p, r), FIRST * k), self.size)))
        return t.at(table, 2 * (r - 1) * m * self.size)

    def _pass(self, source: Complex, out: Complex, table: str, r: int, m: int, s: int) -> str:
        t = self.t
        with t.loop(0, m) as p:
            here = t.at(table, t.mul(p.index, 2 * (r - 1) * self.size))
            w = [(self._spread(t.at(here, k * self.size)), self._spread(t.at(here, (r - 1 + k) * self.size))) for k in range(r - 1)]
            with t.loop(0, s, FIRST) as q:
                first = t.add(t.mul(p.index, s), q.index)
                values = [self._at(source, t.add(first, s * m * j)) for j in range(r)]
                begin = t.add(t.mul(p.index, s * r), q.index)
                for k, z in enumerate(self._transform(values)):
                    for part, plane in zip(self._times(z, w[k - 1]) if k else z, out, strict=True):
                        self._store(part, t.at(plane, t.mul(t.add(begin, s * k), self.size)))
        return t.at(table, 2 * (r - 1) * m * self.size)

    def _last_pass(self, source: Complex, out: str) -> None:
        r, _, s = self.k.passes[-1]
        t = self.t
        factor = self._constant(1.0 / self.k.n)
        with t.loop(0, s, FIRST) as q:
            for k, (re, im) in enumerate(self._transform([self._at(source, t.add(q.index, s * j)) for j in range(r)])):
                if self.k.inverse:
                    re, im = self._op("mul", re, factor), self._op("mul", im, factor)
                pairs = ", ".join(f"i32 {lane}, i32 {lane + FIRST}" for lane in range(FIRST))
                both = t.let(f"shufflevector {self.vector} {re}, {self.vector} {im}, <{2 * FIRST} x i32> <{pairs}>")
                self._store(both, t.at(out, t.mul(t.add(q.index, s * k), 2 * self.size)), 2 * FIRST)

    def _copy(self, source: str, target: str, terms: int) -> None:
        """`terms`, one more than a multiple of four, from the scratch memory."""
        t, each = self.t, 8 * self.size
        with t.loop(0, (terms - 1) * 2 * self.size, each) as i:
            self._store(self._load(t.at(source, i.index)), t.at(target, i.index))
        end = (terms - 1) * 2 * self.size
        t.store(f"<2 x {self.scalar}>", t.load(f"<2 x {self.scalar}>", t.at(source, end), self.size), t.at(target, end), self.size)

    # --- memory ---
    def _load(self, at: str, lanes: int = FIRST) -> str:
        return self.t.load(f"<{lanes} x {self.scalar}>", at, self.size)

    def _store(self, value: str, at: str, lanes: int = FIRST) -> None:
        self.t.store(f"<{lanes} x {self.scalar}>", value, at, self.size)

    def _at(self, planes: Complex, element: str) -> Complex:
        offset = self.t.mul(element, self.size)
        return self._load(self.t.at(planes[0], offset)), self._load(self.t.at(planes[1], offset))

    def _given(self, source: str, element: str) -> Complex:
        t = self.t
        if self.k.halved:
            return self._load(t.at(source, t.mul(element, self.size))), "zeroinitializer"
        both = self._load(t.at(source, t.mul(element, 2 * self.size)), 2 * FIRST)
        kind = f"<{2 * FIRST} x {self.scalar}>"
        parts = [", ".join(f"i32 {2 * lane + odd}" for lane in range(FIRST)) for odd in (0, 1)]
        re, im = (t.let(f"shufflevector {kind} {both}, {kind} poison, <{FIRST} x i32> <{lanes}>") for lanes in parts)
        return re, im

    def _spread(self, at: str) -> str:
        t = self.t
        one = t.let(f"insertelement {self.vector} poison, {self.scalar} {t.load(self.scalar, at, self.size)}, i32 0")
        return t.let(f"shufflevector {self.vector} {one}, {self.vector} poison, <{FIRST} x i32> zeroinitializer")

    def _transposed(self, rows: list[str]) -> list[str]:
        """Eight vectors of eight lanes: three rounds of interleaving each vector of the first half with that of the second."""
        half = FIRST // 2
        for _ in range(3):
            turned = []
            for i in range(half):
                for start in (0, half):
                    lanes = ", ".join(f"i32 {start + lane}, i32 {start + lane + FIRST}" for lane in range(half))
                    turned.append(self.t.let(f"shufflevector {self.vector} {rows[i]}, {self.vector} {rows[i + half]}, <{FIRST} x i32> <{lanes}>"))
            rows = turned
        return rows

    # --- arithmetic ---
    def _constant(self, x: float) -> str:
        """A vector of one number."""
        one = f"{self.scalar} {literal(self.k.dtype, constant_bits(x, self.k.dtype))}"
        return f"<{', '.join([one] * FIRST)}>"

    def _op(self, op: str, x: str, y: str) -> str:
        return self.t.let(f"f{op} contract nsz {self.vector} {x}, {y}")

    def _plus(self, x: Complex, y: Complex) -> Complex:
        return self._op("add", x[0], y[0]), self._op("add", x[1], y[1])

    def _minus(self, x: Complex, y: Complex) -> Complex:
        return self._op("sub", x[0], y[0]), self._op("sub", x[1], y[1])

    def _scaled(self, x: Complex, c: float) -> Complex:
        c_ = self._constant(c)
        return self._op("mul", x[0], c_), self._op("mul", x[1], c_)

    def _times(self, x: Complex, w: Complex) -> Complex:
        re = self._op("sub", self._op("mul", x[0], w[0]), self._op("mul", x[1], w[1]))
        return re, self._op("add", self._op("mul", x[0], w[1]), self._op("mul", x[1], w[0]))

    def _turned(self, x: Complex, sign: float) -> Complex:
        """x times i, or -i."""
        negative = self.t.let(f"fneg {self.vector} {x[1] if sign > 0 else x[0]}")
        return (negative, x[0]) if sign > 0 else (x[1], negative)

    def _transform(self, xs: list[Complex]) -> list[Complex]:
        """Of a few numbers: sum over j of x_j w^(j k), by halves, or by pairs j and r - j where r is odd."""
        r = len(xs)
        if r == 1:
            return xs
        if r % 2:
            return self._transform_odd(xs)
        even, odd = self._transform(xs[0::2]), self._transform(xs[1::2])
        turned = [self._root(z, k, r) for k, z in enumerate(odd)]
        return [self._plus(e, o) for e, o in zip(even, turned, strict=True)] + [self._minus(e, o) for e, o in zip(even, turned, strict=True)]

    def _root(self, z: Complex, k: int, r: int) -> Complex:
        """z times w^k."""
        if k == 0:
            return z
        if 4 * k == r:
            return self._turned(z, self.sign)
        angle = 2 * math.pi * k / r
        return self._times(z, (self._constant(math.cos(angle)), self._constant(math.sin(angle) * self.sign)))

    def _transform_odd(self, xs: list[Complex]) -> list[Complex]:
        r, half = len(xs), len(xs) // 2
        sums = [self._plus(xs[j], xs[r - j]) for j in range(1, half + 1)]
        differences = [self._turned(self._minus(xs[j], xs[r - j]), self.sign) for j in range(1, half + 1)]
        total = xs[0]
        for z in sums:
            total = self._plus(total, z)
        results = [total] + [total] * (r - 1)
        for k in range(1, half + 1):
            along, across = xs[0], None
            for j in range(1, half + 1):
                angle = 2 * math.pi * j * k / r
                along = self._plus(along, self._scaled(sums[j - 1], math.cos(angle)))
                part = self._scaled(differences[j - 1], math.sin(angle))
                across = part if across is None else self._plus(across, part)
            assert across is not None
            results[k], results[r - k] = self._plus(along, across), self._minus(along, across)
        return results
