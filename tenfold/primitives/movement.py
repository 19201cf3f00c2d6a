"""Primitives that move elements without changing them: an output element is an input element at a computed index.

A lowering rule `(k, index, **attrs)` gives the output element at `index` (a list of int64 Exprs) through `k.read(i, index)`, an
element of input i; `k.shape(i)`, its sizes; `k.int(n)`, a Python integer that must not become part of the kernel's structure. An element of
`index` that is passed on as it is promises that the input has the output's size there.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tenfold.core.dtypes import ALL
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Size, Sym, differ, divide, function, normalize_axis, product, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Expr
from tenfold.primitives.define import check_sizes, each, primitive
from tenfold.tensor.tensor import STACK, Tensor, as_tensor, common_dtype

Sizes = tuple[Size, ...]
COPIED = 1 << 10  # elements: so few are repeated in less time than NumPy takes to describe the repetition


def _reshape_spec(x: Spec, shape: Sizes) -> Spec:
    if differ(product(x.shape), product(shape)):
        raise ShapeError(f"[reshape] the number of elements differs. Expected {product(x.shape)} elements as shape {show(x.shape)} has; "
                         f"received shape {show(shape)}.")  # fmt: skip
    return Spec(shape, x.dtype)


def _no_lowering(*args: Any, **attrs: Any) -> Expr:
    raise AssertionError("reshape changes no element: the compiler makes it another name of the same buffer")


@primitive(Kind.INDEXED, spec=_reshape_spec, oracle=lambda x, shape: x.reshape(shape), lower=_no_lowering, dtypes=ALL,
           vjp=each(lambda g, y, x, shape: reshape(g, x.sizes)),
           algebra=lambda inputs, attrs: inputs[0] if inputs[0].spec.shape == attrs["shape"] else None)  # fmt: skip
def reshape(apply: Any, x: Any, shape: Sequence[Size]) -> Tensor:
    """The same elements in row-major order under another shape; one size may be -1: what remains."""
    x = as_tensor(x)
    sizes = [n if type(n) is int or isinstance(n, Sym) else int(n) for n in shape]
    unknown = [i for i, n in enumerate(sizes) if type(n) is int and n < 0]
    if len(unknown) > 1 or (unknown and sizes[unknown[0]] != -1):
        raise InvalidArgumentError(f"[reshape] at most one size may be -1 and none smaller. Received shape {tuple(sizes)}.")
    if unknown:
        rest, total = product(n for i, n in enumerate(sizes) if i != unknown[0]), product(x.sizes)
        if isinstance(rest, int) and isinstance(total, int) and (total % rest if rest else total):
            raise ShapeError(f"[reshape] {total} elements of shape {show(x.sizes)} do not divide into shape {tuple(sizes)}.")
        sizes[unknown[0]] = divide(total, rest) if rest != 0 else 0
    wanted = tuple(sizes)
    return x if wanted == x.sizes else apply(x, shape=wanted)


def _transpose_lower(k: Any, index: list[Expr], perm: tuple[int, ...]) -> Expr:
    inverse = np.argsort(perm)
    return k.read(0, [index[i] for i in inverse])


@primitive(Kind.INDEXED, spec=lambda x, perm: Spec(tuple(x.shape[i] for i in perm), x.dtype), oracle=lambda x, perm: np.transpose(x, perm),
           vjp=each(lambda g, y, x, perm: transpose(g, tuple(int(i) for i in np.argsort(perm)))), lower=_transpose_lower, dtypes=ALL)  # fmt: skip
def transpose(apply: Any, x: Any, perm: Sequence[int] | None = None) -> Tensor:
    """The dimensions in another order; default: reversed."""
    x = as_tensor(x)
    order = tuple(reversed(range(x.ndim))) if perm is None else tuple(normalize_axis("transpose", int(i), x.ndim) for i in perm)
    if sorted(order) != list(range(x.ndim)):
        raise InvalidArgumentError(f"[transpose] expected a permutation of {tuple(range(x.ndim))}; "
                                   f"received perm={tuple(perm or ())} for shape {x.shape}.")  # fmt: skip
    return x if order == tuple(range(x.ndim)) else apply(x, perm=order)


def _broadcast_spec(x: Spec, shape: Sizes) -> Spec:
    lead = len(shape) - len(x.shape)
    check_sizes("broadcast_to", shape)
    if lead < 0 or any(a != 1 and differ(a, b) for a, b in zip(x.shape, shape[lead:], strict=True)):
        raise ShapeError(f"[broadcast_to] shape {show(x.shape)} does not broadcast to {show(shape)}. "
                         "Expected sizes equal or 1, aligned at the right.")  # fmt: skip
    return Spec(shape, x.dtype)


def _broadcast_lower(k: Any, index: list[Expr], shape: Sizes) -> Expr:
    sizes = k.sizes(0)
    kept = index[len(index) - len(sizes) :]
    return k.read(0, [loops.const(0, i.dtype) if n == 1 else i for i, n in zip(kept, sizes, strict=True)])


def _broadcast_oracle(x: Any, shape: Any) -> Any:
    if prod(shape) > COPIED:
        return np.broadcast_to(x, shape)
    y = np.empty(shape, x.dtype)
    y[...] = x
    return y


@primitive(Kind.INDEXED, spec=_broadcast_spec, oracle=_broadcast_oracle, dtypes=ALL, lower=_broadcast_lower,
           vjp=each(lambda g, y, x, shape: g))  # the caller sums it to the shape of x  # fmt: skip
def broadcast_to(apply: Any, x: Any, shape: Sequence[Size]) -> Tensor:
    """`x` repeated to fill `shape`."""
    x = as_tensor(x)
    lead = len(shape) - x.ndim
    sizes = tuple(x.sizes[i - lead] if isinstance(n, (int, np.integer)) and n == -1 else n for i, n in enumerate(shape))
    return x if sizes == tuple(x.sizes) else apply(x, shape=sizes)


def _slice_spec(x: Spec, begin: Sizes, size: Sizes, strides: tuple[int, ...]) -> Spec:
    for axis, (n, b, s, step) in enumerate(zip(x.shape, begin, size, strides, strict=True)):
        if isinstance(s, int) and s < 0:
            raise InvalidArgumentError(f"[slice] a size is negative in dimension {axis}. "
                                       f"Received begin={begin}, size={size} for shape {show(x.shape)}.")  # fmt: skip
        if not isinstance(n, int) or not isinstance(b, int) or not isinstance(s, int) or s == 0:
            continue
        if not (0 <= b < n and 0 <= b + (s - 1) * step < n):
            raise InvalidArgumentError(f"[slice] out of range in dimension {axis}. Expected positions 0 to {n - 1}; "
                                       f"received begin={b}, size={s}, stride={step}.")  # fmt: skip
    return Spec(size, x.dtype)


def _slice_oracle(x: Any, begin: Any, size: Any, strides: Any) -> Any:
    def one(b: int, s: int, step: int) -> slice:
        stop = b + s * step
        return slice(b, stop if stop >= 0 else None, step) if s else slice(0, 0)

    return x[tuple(one(*z) for z in zip(begin, size, strides, strict=True))]


def _slice_lower(k: Any, index: list[Expr], begin: Any, size: Any, strides: Any) -> Expr:
    return k.read(0, [k.int(b) - i if step == -1 else i * k.int(step) + k.int(b) for i, b, step in zip(index, begin, strides, strict=True)])


def _slice_vjp(g: Tensor, y: Tensor, x: Tensor, begin: Any, size: Any, strides: Any) -> Tensor:
    if any(s < 0 for s in strides):
        axes = [i for i, s in enumerate(strides) if s < 0]
        g = reverse(g, axes)
    gaps = tuple(abs(s) - 1 for s in strides)
    spread = tuple(_spread(n, gap) for n, gap in zip(size, gaps, strict=True))
    begin = tuple(b + 1 - w if s < 0 else b for b, w, s in zip(begin, spread, strides, strict=True))
    return pad(g, begin, tuple(n - b - w for n, b, w in zip(x.sizes, begin, spread, strict=True)), interior=gaps)


@primitive(Kind.INDEXED, spec=_slice_spec, oracle=_slice_oracle, vjp=each(_slice_vjp), lower=_slice_lower, dtypes=ALL,
           algebra=lambda inputs, attrs: inputs[0] if attrs["size"] == inputs[0].spec.shape and set(attrs["strides"]) <= {1} else None)  # fmt: skip
def slice_(apply: Any, x: Any, begin: Sequence[Size], size: Sequence[Size], strides: Sequence[int] | None = None) -> Tensor:
    """`size` elements of each dimension from `begin` on, `strides` apart (negative: backwards)."""
    x = as_tensor(x)
    steps = (1,) * x.ndim if strides is None else tuple(int(s) for s in strides)
    result: Tensor = apply(x, begin=tuple(begin), size=tuple(size), strides=steps)
    return result


def reverse(x: Tensor, axes: Sequence[int]) -> Tensor:
    """`x` backwards along `axes`."""
    flipped = {normalize_axis("reverse", a, x.ndim) for a in axes}
    n = x.sizes
    return slice_(x, [n[i] - 1 if i in flipped else 0 for i in range(x.ndim)], n, [-1 if i in flipped else 1 for i in range(x.ndim)])


def _pad_spec(x: Spec, low: Sizes, high: Sizes, interior: tuple[int, ...], value: Any) -> Spec:
    if not len(low) == len(high) == len(interior) == len(x.shape):
        raise ShapeError(f"[pad] expected one pair of paddings per dimension; received {len(low)} for shape {show(x.shape)}.")
    if any(isinstance(p, int) and p < 0 for p in (*low, *high)):
        raise InvalidArgumentError(f"[pad] paddings must not be negative. Received {tuple(zip(low, high, strict=True))}.")
    return Spec(tuple(lo + hi + _spread(n, s) for n, lo, hi, s in zip(x.shape, low, high, interior, strict=True)), x.dtype)


def _spread(n: Size, interior: int) -> Size:
    """Over how many places n elements reach that have `interior` others between neighbours."""
    return n if interior == 0 else n * (interior + 1) - function("min", n, 1) * interior


def _pad_oracle(x: Any, low: Any, high: Any, interior: Any, value: Any) -> Any:
    spread = [_spread(n, s) for n, s in zip(x.shape, interior, strict=True)]
    y = np.full([lo + n + hi for n, lo, hi in zip(spread, low, high, strict=True)], value, x.dtype)
    if x.size:
        y[tuple(slice(lo, lo + n, s + 1) for n, lo, s in zip(spread, low, interior, strict=True))] = x
    return y


def _pad_lower(k: Any, index: list[Expr], low: Any, high: Any, interior: Any, value: Any) -> Expr:
    guard: Expr | None = None
    inner: list[Expr] = []
    for i, n, lo, hi, gap in zip(index, k.shape(0), low, high, interior, strict=True):
        position = i if lo == 0 and hi == 0 and gap == 0 else i - k.int(lo)
        tests = []
        if lo != 0:
            tests.append(position >= 0)
        if gap:
            tests.append(loops.binary("eq", position % k.int(gap + 1), 0))
            position = position / k.int(gap + 1)
        if hi != 0 or gap:
            tests.append(position < n)
        for test in tests:
            guard = test if guard is None else guard & test
        inner.append(position)
    if guard is None:
        return k.read(0, inner)
    element = k.read(0, inner, guard)
    return element if value == 0 else loops.select(guard, element, value)


def _pad_vjp(g: Tensor, y: Tensor, x: Tensor, low: Any, high: Any, interior: Any, value: Any) -> Tensor:
    return slice_(g, low, x.sizes, tuple(s + 1 for s in interior))


@primitive(Kind.INDEXED, spec=_pad_spec, oracle=_pad_oracle, vjp=each(_pad_vjp), lower=_pad_lower, dtypes=ALL)
def pad(apply: Any, x: Any, low: Sequence[Size], high: Sequence[Size], interior: Sequence[int] | None = None, value: Any = None) -> Tensor:
    """`x` with `low` and `high` elements of `value` added at the ends of each dimension, and `interior` between neighbours;
    default: zeros."""
    x = as_tensor(x)
    gaps = (0,) * x.ndim if interior is None else tuple(interior)
    if all(isinstance(p, int) and p == 0 for p in (*low, *high, *gaps)):
        return x
    result: Tensor = apply(x, low=tuple(low), high=tuple(high), interior=gaps, value=x.dtype.zero if value is None else value)
    return result


def _concat_spec(*xs: Spec, axis: int) -> Spec:
    first = xs[0]
    total: Size = 0
    for x in xs:
        if x.dtype is not first.dtype:
            from_types = sorted({s.dtype.name for s in xs})
            raise InvalidArgumentError(f"[concat] data types differ. Expected one type; received {' and '.join(from_types)}. Try tf.cast.")
        if len(x.shape) != len(first.shape) or any(differ(a, b) for i, (a, b) in enumerate(zip(x.shape, first.shape, strict=True)) if i != axis):
            raise ShapeError(f"[concat] shapes must agree except along axis {axis}. Received {', '.join(show(s.shape) for s in xs)}.")
        total = total + x.shape[axis]
    return Spec((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)


def _concat_vjp(wanted: Sequence[bool], g: Tensor, y: Tensor, *xs: Tensor, axis: int) -> list[Tensor | None]:
    result: list[Tensor | None] = []
    start: Size = 0
    for want, x in zip(wanted, xs, strict=True):
        begin = [start if i == axis else 0 for i in range(x.ndim)]
        result.append(slice_(g, begin, x.sizes) if want else None)
        start = start + x.sizes[axis]
    return result


def _concat_lower(k: Any, index: list[Expr], axis: int) -> Expr:
    position, start, parts = index[axis], 0, []
    for i in range(k.inputs):
        n = k.sizes(i)[axis]
        local = position - k.int(start)
        parts.append((position < k.int(start + n), local))
        start += n
    result: Expr | None = None
    for i in reversed(range(k.inputs)):
        inside, local = parts[i]
        guard = inside if i == 0 else (inside & (local >= 0))
        element = k.read(i, [*index[:axis], local, *index[axis + 1 :]], guard)
        result = element if result is None else loops.select(inside, element, result)
    assert result is not None
    return result


@primitive(Kind.INDEXED, spec=_concat_spec, oracle=lambda *xs, axis: np.concatenate(xs, axis), vjp=_concat_vjp, lower=_concat_lower, dtypes=ALL,
           algebra=lambda inputs, attrs: inputs[0] if len(inputs) == 1 else None)  # fmt: skip
def concat(apply: Any, values: Sequence[Any], axis: int) -> Tensor:
    """The tensors one after the other along `axis`."""
    if not values:
        raise InvalidArgumentError("[concat] expected at least one tensor; received none.")
    hint = common_dtype(values)
    xs = [as_tensor(v, hint=hint) for v in values]
    result: Tensor = apply(*xs, axis=normalize_axis("concat", int(axis), xs[0].ndim))
    return result


def expand_dims(x: Tensor, axis: int) -> Tensor:
    """`x` with a dimension of size 1 before `axis`."""
    at = normalize_axis("expand_dims", axis, x.ndim + 1)
    return reshape(x, (*x.sizes[:at], 1, *x.sizes[at:]))


def stack(values: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors side by side along a new `axis`."""
    hint = common_dtype(values)
    xs = [as_tensor(v, hint=hint) for v in values]
    for x in xs[1:]:
        if len(x.sizes) != len(xs[0].sizes) or any(differ(a, b) for a, b in zip(x.sizes, xs[0].sizes, strict=True)):
            raise ShapeError(f"[stack] expected tensors of one shape; received {', '.join(str(v.shape) for v in xs)}.")
    return concat([expand_dims(x, axis) for x in xs], axis)


STACK.append(stack)
