"""The kernel language: loop nests over buffers, and the scalar expressions inside them.

A `Kernel` is what one fused group of operations becomes. It has numbered *axes*, each with an extent that is known only when
the kernel is launched; *outer* loops over some of them (whose iterations are independent, and are what tasks divide); and
inside, *stages* one after the other, each a nest of inner loops that accumulates reductions and stores elements:

    for outer axes (divided among tasks):
        for stage in stages:
            for stage.axes:
                accumulate stage.reductions; perform stage.stores
            # results of stage.reductions are now scalars that later stages may use

One axis is the *vector* axis: its loop advances by the host's lanes. Standing among a stage's inner axes it makes row
reductions (softmax, layer norm); standing last among the outer axes it makes plain elementwise kernels and column
reductions, whose accumulators are then vectors.

    softmax over rows      outer (0,)      vector 1   stages: [max over 1], [sum of exp over 1], [store over 1]
    x + bias               outer (0, 1)    vector 1   stages: [store], no inner axes
    sum over rows          outer (1,)      vector 1   stages: [sum over 0], [store]

Expressions are trees (shared, so really graphs) of about thirty scalar instructions; a new target implements these and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tenfold.core import dtypes
from tenfold.core.dtypes import DType

LEAVES = ("const", "axis", "param", "result")
UNARY = ("neg", "abs", "sqrt", "floor", "ceil", "round", "trunc", "not")
# float min/max/neg follow IEEE: NaN propagates; "round" is half to even; int "div" and "rem" truncate as C does and give 0 for x / 0
BINARY = ("add", "sub", "mul", "div", "rem", "min", "max", "and", "or", "xor", "shl", "shr", "mulhi", "lt", "le", "eq", "ne")
OTHER = ("fma", "select", "cast", "bitcast", "load", "angle")
COMPARISONS = ("lt", "le", "eq", "ne")


@dataclass(frozen=True, slots=True, eq=False)
class Expr:
    """One scalar instruction: `op` applied to `args`, giving a value of type `dtype`.

    const   attr = the Python value                     axis    attr = axis number; int64 position in that loop
    param   attr = its number; an int64 given at launch  result  attr = (stage, k): a reduction of an earlier stage
    load    attr = buffer number, args = (index,) or (index, guard): element `index` (int64) of the buffer; where the bool
            `guard` is false nothing is read and the value is 0
    cast    value conversion (float -> int truncates toward zero and saturates; NaN gives 0; anything -> bool is `!= 0`)
    bitcast same bits, same width                        mulhi   high half of an unsigned product
    shr     arithmetic on signed, logical on unsigned types
    angle   part attr of args (x, r, rest, n): the float64 r, the float64 rest and the int64 n as they are where |x| < 2^50, else such
            that x = r + rest + n pi / 2 exactly, |r| <= pi / 4
    """

    op: str
    args: tuple[Expr, ...]
    dtype: DType
    attr: Any = None

    def __add__(self, other: Any) -> Expr:
        return binary("add", self, other)

    def __radd__(self, other: Any) -> Expr:
        return binary("add", other, self)

    def __sub__(self, other: Any) -> Expr:
        return binary("sub", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return binary("sub", other, self)

    def __mul__(self, other: Any) -> Expr:
        return binary("mul", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return binary("mul", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return binary("div", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return binary("div", other, self)

    def __mod__(self, other: Any) -> Expr:
        return binary("rem", self, other)

    def __and__(self, other: Any) -> Expr:
        return binary("and", self, other)

    def __rand__(self, other: Any) -> Expr:
        return binary("and", other, self)

    def __or__(self, other: Any) -> Expr:
        return binary("or", self, other)

    def __xor__(self, other: Any) -> Expr:
        return binary("xor", self, other)

    def __lshift__(self, other: Any) -> Expr:
        return binary("shl", self, other)

    def __rshift__(self, other: Any) -> Expr:
        return binary("shr", self, other)

    def __lt__(self, other: Any) -> Expr:
        return binary("lt", self, other)

    def __le__(self, other: Any) -> Expr:
        return binary("le", self, other)

    def __gt__(self, other: Any) -> Expr:
        return binary("lt", other, self)

    def __ge__(self, other: Any) -> Expr:
        return binary("le", other, self)

    def __neg__(self) -> Expr:
        return unary("neg", self)

    def __abs__(self) -> Expr:
        return unary("abs", self)

    def __invert__(self) -> Expr:
        return unary("not", self)


def const(value: Any, dtype: DType) -> Expr:
    """A constant."""
    return Expr("const", (), dtype, value)


def axis(number: int) -> Expr:
    """The position in loop `number`."""
    return Expr("axis", (), dtypes.int64, number)


def param(number: int) -> Expr:
    """The `number`-th integer given at launch."""
    return Expr("param", (), dtypes.int64, number)


def result(stage: int, k: int, dtype: DType) -> Expr:
    """What reduction `k` of an earlier `stage` came to."""
    return Expr("result", (), dtype, (stage, k))


def load(buffer: int, index: Expr, dtype: DType, guard: Expr | None = None) -> Expr:
    """Element `index` of `buffer`; 0 where `guard` is false."""
    return Expr("load", (index,) if guard is None else (index, guard), dtype, buffer)


def as_expr(value: Any, dtype: DType) -> Expr:
    """`value` itself if an Expr, else a constant of `dtype`."""
    return value if isinstance(value, Expr) else const(value, dtype)


def unary(op: str, x: Expr) -> Expr:
    """`op` of one argument; same type."""
    return Expr(op, (x,), x.dtype)


def binary(op: str, a: Any, b: Any) -> Expr:
    """`op` of two arguments of one type (a Python number takes the other's); comparisons give bool."""
    dtype = a.dtype if isinstance(a, Expr) else b.dtype
    a, b = as_expr(a, dtype), as_expr(b, dtype)
    assert a.dtype is b.dtype, f"{op} of {a.dtype} and {b.dtype}"
    return Expr(op, (a, b), dtypes.bool_ if op in COMPARISONS else dtype)


def fma(a: Expr, b: Any, c: Any) -> Expr:
    """`a * b + c`, rounded once where the host can."""
    return Expr("fma", (a, as_expr(b, a.dtype), as_expr(c, a.dtype)), a.dtype)


def select(condition: Expr, a: Any, b: Any) -> Expr:
    """`a` where `condition`, else `b`."""
    dtype = a.dtype if isinstance(a, Expr) else b.dtype
    return Expr("select", (condition, as_expr(a, dtype), as_expr(b, dtype)), dtype)


def angle_parts(x: Expr, r: Expr, rest: Expr, n: Expr) -> tuple[Expr, Expr, Expr]:
    """`r`, `rest` and `n`, which make x = r + rest + n pi / 2; where |x| >= 2^50, the right ones."""
    first, second, quadrant = (Expr("angle", (x, r, rest, n), e.dtype, k) for k, e in enumerate((r, rest, n)))
    return first, second, quadrant


def cast(x: Expr, dtype: DType) -> Expr:
    """`x` converted to `dtype`."""
    return x if x.dtype is dtype else Expr("cast", (x,), dtype)


def bitcast(x: Expr, dtype: DType) -> Expr:
    """The bits of `x` read as `dtype` (same width)."""
    return Expr("bitcast", (x,), dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """Combines `value` over the stage's axes by `op`: sum, prod, min, max, and, or."""

    op: str
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """Writes `value` to element `index` of `buffer` where `guard` holds; `accumulate` adds to what is there (scatter)."""

    buffer: int
    index: Expr
    value: Expr
    guard: Expr | None = None
    accumulate: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A nest of inner loops over `axes`, outermost first (none: straight-line code)."""

    axes: tuple[int, ...]
    reductions: tuple[Reduction, ...] = ()
    stores: tuple[Store, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A loop nest. See the module's text.

    Launched as `kernel(args, task)`, args an array of int64: the buffers' addresses, then the params, then `grain`. The task
    space is the flattened outer axes without the vector axis (or the vector axis, when it is the only outer one); task t does
    the iterations [t * grain, (t + 1) * grain) of it. Grain is in elements; for a vector axis the launcher makes it a multiple of 64.
    """

    buffers: tuple[DType, ...]
    params: int
    extents: tuple[Expr, ...]  # of each axis: a const or a param
    outer: tuple[int, ...]
    vector: int | None
    stages: tuple[Stage, ...]


def walk(*roots: Expr) -> Iterator[Expr]:
    """Every distinct Expr below `roots`, arguments first."""
    seen: set[int] = set()
    stack: list[tuple[Expr, bool]] = [(r, False) for r in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.args))
