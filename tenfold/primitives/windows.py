"""Pooling: maxima and sums over windows of the spatial dimensions of channels-last data, and their adjoints.

Padding takes part in nothing: it is smaller than every element for a maximum, and 0 for a sum. The gradient of a maximum goes to the
first element, in row-major order, that attains it. Windows may overlap. Lowerings are unrolled over the window; all index arithmetic is
on spatial dimensions, so it stays scalar while channels fill the vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product as positions
from typing import Any

import numpy as np

from tenfold.core.dtypes import FLOATS, REALS, DType, float32, int8, int32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Shape, Size, Sym, differ, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Expr
from tenfold.primitives.arithmetic import cast, div
from tenfold.primitives.contraction import Padding, conv_sizes
from tenfold.primitives.define import check_dtype, each, primitive
from tenfold.primitives.movement import broadcast_to
from tenfold.tensor.tensor import Tensor, as_tensor, wrap

Window = tuple[int, ...]
UNROLLED = 32  # windows of more elements are taken one dimension after the other


def _pooled(name: str, x: Shape, window: Window, strides: Window, padding: Padding) -> Shape:
    """The shape of pooled data, the arguments checked."""
    rank = len(x) - 2
    if rank < 1 or not len(window) == len(strides) == len(padding) == rank:
        raise ShapeError(f"[{name}] expected data [n, spatial sizes, channels] and a window, strides and padding for each spatial dimension; "
                         f"received data {show(x)}, window={window}, strides={strides}, padding={padding}.")  # fmt: skip
    if any(v < 1 for v in (*window, *strides)):
        raise InvalidArgumentError(f"[{name}] window and strides must be positive; received window={window}, strides={strides}.")
    if any(isinstance(p, int) and not 0 <= p < w for w, pair in zip(window, padding, strict=True) for p in pair):
        raise InvalidArgumentError(f"[{name}] padding must be smaller than the window; received window={window}, padding={padding}.")
    return (x[0], *conv_sizes(x[1:-1], window, strides, padding, (1,) * rank), x[-1])


def _forward_spec(name: str) -> Any:
    def spec(x: Spec, window: Window, strides: Window, padding: Padding) -> Spec:
        check_dtype(name, x, REALS)
        return Spec(_pooled(name, x.shape, window, strides, padding), x.dtype)

    return spec


def _argmax_spec(x: Spec, window: Window, strides: Window, padding: Padding, above: float | None = None) -> Spec:
    check_dtype("window_argmax", x, REALS)
    return Spec(_pooled("window_argmax", x.shape, window, strides, padding), _numbering(window))


def _numbering(window: Window) -> DType:
    """The type for places within a window: gradients keep them from the forward pass, so they are small."""
    return int8 if math.prod(window) <= int8.max else int32


def _backward_spec(name: str) -> Any:
    def spec(g: Spec, *argmax: Spec, spatial: Shape, window: Window, strides: Window, padding: Padding) -> Spec:
        check_dtype(name, g, REALS)
        x = (g.shape[0], *spatial, g.shape[-1])
        for given in (g, *argmax):
            expected = _pooled(name, x, window, strides, padding)
            if len(given.shape) != len(expected) or any(differ(a, b) for a, b in zip(given.shape, expected, strict=True)):
                raise ShapeError(f"[{name}] the gradient has not the pooled shape. Expected {show(expected)}; received {show(given.shape)}.")
        return Spec(x, g.dtype)

    return spec


# --- NumPy ---


def _lowest(dtype: Any) -> Any:
    return np.asarray(np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf, dtype)


def _views(x: Any, out: Shape, window: Window, strides: Window, padding: Padding, fill: Any) -> Iterator[tuple[int, Any]]:
    """For each place in the window, its number and the elements that stand there."""
    padded: Any = np.pad(x, [(0, 0), *padding, (0, 0)], constant_values=fill) if any(map(any, padding)) else x  # type: ignore[arg-type]
    for number, offset in enumerate(positions(*map(range, window))):
        yield number, padded[(slice(None), *_strided(offset, out, strides))]


def _strided(offset: tuple[int, ...], out: Any, strides: Window) -> tuple[slice, ...]:
    return tuple(slice(o, o + (n - 1) * s + 1 if n else o, s) for o, n, s in zip(offset, out, strides, strict=True))


def _wide(x: Any) -> Any:
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x


def _max_oracle(x: Any, window: Window, strides: Window, padding: Padding) -> Any:
    shape = _pooled("window_max", x.shape, window, strides, padding)
    best = np.full(shape, _lowest(x.dtype), x.dtype)
    for _, view in _views(x, shape[1:-1], window, strides, padding, _lowest(x.dtype)):
        np.maximum(best, view, out=best)
    return best


def _sum_oracle(x: Any, window: Window, strides: Window, padding: Padding) -> Any:
    shape = _pooled("window_sum", x.shape, window, strides, padding)
    total = np.zeros(shape, _wide(x).dtype)
    for _, view in _views(_wide(x), shape[1:-1], window, strides, padding, 0):
        total += view
    return total.astype(x.dtype)


def _argmax_oracle(x: Any, window: Window, strides: Window, padding: Padding, above: float | None = None) -> Any:
    shape = _pooled("window_argmax", x.shape, window, strides, padding)
    best = np.full(shape, _lowest(x.dtype) if above is None else above, x.dtype)
    found = np.full(shape, -1 if above is not None else _first_inside(shape, window, strides, padding), _numbering(window).numpy)
    for number, view in _views(x, shape[1:-1], window, strides, padding, _lowest(x.dtype)):
        better = view > best
        found[better] = number
        np.maximum(best, view, out=best, where=better)
    return found


def _first_inside(shape: Any, window: Window, strides: Window, padding: Padding) -> Any:
    """The number of the window's first place that is not padding."""
    total: Any = np.zeros((1,) * len(shape), np.int32)
    for d, (s, (lo, _)) in enumerate(zip(strides, padding, strict=True)):
        first = np.maximum(lo - np.arange(shape[1 + d]) * s, 0).astype(np.int32)
        total = total + first.reshape([-1 if i == d + 1 else 1 for i in range(len(shape))]) * int(np.prod(window[d + 1 :], dtype=np.int64))
    return total


def _spread_oracle(g: Any, *argmax: Any, spatial: Shape, window: Window, strides: Window, padding: Padding) -> Any:
    out, wide = g.shape[1:-1], _wide(g)
    room = [max(n + lo + hi, (o - 1) * s + w) for n, (lo, hi), o, s, w in zip(spatial, padding, out, strides, window, strict=True)]
    total = np.zeros((g.shape[0], *room, g.shape[-1]), wide.dtype)
    for number, offset in enumerate(positions(*map(range, window))):
        share = np.where(argmax[0] == number, wide, wide.dtype.type(0)) if argmax else wide
        total[(slice(None), *_strided(offset, out, strides))] += share
    kept = total[(slice(None), *(slice(lo, lo + n) for n, (lo, _) in zip(spatial, padding, strict=True)))]
    return np.ascontiguousarray(kept).astype(g.dtype)


def _pick_oracle(x: Any, argmax: Any, window: Window, strides: Window, padding: Padding) -> Any:
    picked = np.zeros(argmax.shape, x.dtype)
    for number, view in _views(x, argmax.shape[1:-1], window, strides, padding, 0):
        np.copyto(picked, view, where=argmax == number)
    return picked


# --- kernels ---


def _reads(k: Any, index: list[Expr], window: Window, strides: Window, padding: Padding) -> Iterator[tuple[int, Expr, Expr | None]]:
    """For each place in the window, its number, the element there, and whether it lies inside (None: certainly)."""
    starts = [i * k.int(s) - k.int(lo) if lo != 0 else i * k.int(s) for i, s, (lo, _) in zip(index[1:-1], strides, padding, strict=True)]
    limits = k.shape(0)[1:-1]
    for number, offset in enumerate(positions(*map(range, window))):
        guard: Expr | None = None
        place = [start + o if o else start for start, o in zip(starts, offset, strict=True)]
        for p, n, (lo, hi) in zip(place, limits, padding, strict=True):
            for test in ([p >= 0] if lo != 0 else []) + ([p < n] if hi != 0 else []):
                guard = test if guard is None else guard & test
        yield number, k.read(0, [index[0], *place, index[-1]], guard), guard


def _smallest(x: Expr) -> Expr:
    return loops.const(-np.inf if x.dtype.is_floating else x.dtype.min, x.dtype)


def _max_lower(k: Any, index: list[Expr], window: Window, strides: Window, padding: Padding) -> Expr:
    best: Expr | None = None
    for _, element, guard in _reads(k, index, window, strides, padding):
        value = element if guard is None else loops.select(guard, element, _smallest(element))
        best = value if best is None else loops.binary("max", best, value)
    assert best is not None
    return best


def _sum_lower(k: Any, index: list[Expr], window: Window, strides: Window, padding: Padding) -> Expr:
    total: Expr | None = None
    for _, element, _guard in _reads(k, index, window, strides, padding):
        wide = _accumulated(element)
        total = wide if total is None else total + wide
    assert total is not None
    return loops.cast(total, element.dtype)


def _accumulated(x: Expr) -> Expr:
    return loops.cast(x, float32) if x.dtype.is_floating and x.dtype.size == 2 else x


def _argmax_lower(k: Any, index: list[Expr], window: Window, strides: Window, padding: Padding, above: float | None = None) -> Expr:
    first: Expr = loops.const(0 if above is None else -1, loops.axis(0).dtype)
    for d, (i, s, (lo, _)) in enumerate(zip(index[1:-1], strides, padding, strict=True)):
        if lo != 0 and above is None:
            first = first + loops.binary("max", k.int(lo) - i * k.int(s), 0) * int(np.prod(window[d + 1 :], dtype=np.int64))
    best: Expr | None = None
    found = loops.cast(first, int32)
    for number, element, guard in _reads(k, index, window, strides, padding):
        if best is None:
            best = _smallest(element) if above is None else loops.const(above, element.dtype)
        better = best < element if guard is None else guard & (best < element)
        found = loops.select(better, loops.const(number, int32), found)
        best = loops.select(better, element, best)
    return loops.cast(found, _numbering(window))


def _spread_lower(k: Any, index: list[Expr], spatial: Shape, window: Window, strides: Window, padding: Padding) -> Expr:
    """The sum over the windows that contain an element: at most ceil(window / stride) per dimension."""
    last, remainder = [], []
    for i, s, (lo, _) in zip(index[1:-1], strides, padding, strict=True):
        position = i + k.int(lo) if lo != 0 else i
        last.append(position if s == 1 else position / k.int(s))
        remainder.append(loops.const(0, position.dtype) if s == 1 else position - last[-1] * k.int(s))
    limits, routed = k.shape(0)[1:-1], k.inputs > 1
    total: Expr | None = None
    for back in positions(*(range(-(-w // s)) for w, s in zip(window, strides, strict=True))):
        guard: Expr | None = None
        number: Expr = loops.const(0, loops.axis(0).dtype)
        place = []
        for q, r, j, n, w, s in zip(last, remainder, back, limits, window, strides, strict=True):
            at, offset = q - j, (r + j * s if j else r)
            tests = [at < n] + ([at >= 0] if j else []) + ([offset < w] if (j + 1) * s > w else [])
            for test in tests:
                guard = test if guard is None else guard & test
            place.append(at)
            number = number * w + offset
        given = k.read(0, [index[0], *place, index[-1]], guard)
        element = _accumulated(given)
        if routed:
            chosen = loops.cast(k.read(1, [index[0], *place, index[-1]], guard), int32)
            mine = loops.binary("eq", chosen, loops.cast(number, int32))
            element = loops.select(mine, element, 0)
        total = element if total is None else total + element
    assert total is not None
    return loops.cast(total, given.dtype)


def _pick_lower(k: Any, index: list[Expr], window: Window, strides: Window, padding: Padding) -> Expr:
    argmax = loops.cast(k.read(1, index), int32)
    picked: Expr | None = None
    for number, element, _ in _reads(k, index, window, strides, padding):
        picked = loops.select(loops.binary("eq", argmax, number), element, 0 if picked is None else picked)
    assert picked is not None
    return picked


# --- the primitives ---


def _rest(attrs: dict[str, Any]) -> dict[str, Any]:
    return {name: attrs[name] for name in ("window", "strides", "padding")}


def _separately(operation: Any, x: Tensor, window: Sequence[int], strides: Sequence[int], padding: Padding) -> Tensor | None:
    """A large window of several dimensions taken one by one, the last first: so ties still go to the first element in row-major order."""
    if math.prod(window) <= UNROLLED or sum(w > 1 for w in window) < 2:
        return None
    for d in reversed(range(len(window))):
        alone = [tuple(v if i == d else one for i, v in enumerate(values)) for values, one in ((window, 1), (strides, 1), (padding, (0, 0)))]
        x = operation(x, *alone)
    return x


def _attributes(window: Sequence[int], strides: Sequence[int], padding: Padding) -> dict[str, Any]:
    return {"window": tuple(map(int, window)), "strides": tuple(map(int, strides)), "padding": tuple((lo, hi) for lo, hi in padding)}


@primitive(Kind.INDEXED, spec=_forward_spec("window_max"), oracle=_max_oracle, lower=_max_lower, dtypes=REALS, vjp=each(
    lambda g, y, x, **attrs: window_route.bare(g, window_argmax.bare(x, **attrs), spatial=x.sizes[1:-1], **attrs)))  # fmt: skip
def window_max(apply: Any, x: Any, window: Sequence[int], strides: Sequence[int], padding: Padding) -> Tensor:
    """The largest element of each window of x [n, spatial..., channels]; NaN if there is one."""
    x = as_tensor(x)
    result: Tensor | None = _separately(window_max, x, window, strides, padding)
    return apply(x, **_attributes(window, strides, padding)) if result is None else result


@primitive(Kind.INDEXED, spec=_argmax_spec, oracle=_argmax_oracle, lower=_argmax_lower, dtypes=REALS)
def window_argmax(
    apply: Any, x: Any, window: Sequence[int], strides: Sequence[int], padding: Padding, above: float | None = None
) -> Tensor:  # fmt: skip
    """The place within its window, in row-major order, of each window's first largest element. NaN is never the larger one.

    With `above`, only larger elements count: -1 where a window has none.
    """
    floor = {} if above is None else {"above": above}
    result: Tensor = apply(as_tensor(x), **_attributes(window, strides, padding), **floor)
    return result


@primitive(Kind.INDEXED, spec=_forward_spec("window_sum"), oracle=_sum_oracle, lower=_sum_lower, dtypes=REALS, vjp=each(
    lambda g, y, x, **attrs: window_spread.bare(g, spatial=x.sizes[1:-1], **attrs)))  # fmt: skip
def window_sum(apply: Any, x: Any, window: Sequence[int], strides: Sequence[int], padding: Padding) -> Tensor:
    """The sum of each window of x [n, spatial..., channels]."""
    x = as_tensor(x)
    result: Tensor | None = _separately(window_sum, x, window, strides, padding)
    return apply(x, **_attributes(window, strides, padding)) if result is None else result


@primitive(Kind.INDEXED, spec=_backward_spec("window_spread"), oracle=_spread_oracle, lower=_spread_lower, dtypes=REALS, vjp=each(
    lambda h, y, g, **attrs: window_sum.bare(h, **_rest(attrs))))  # fmt: skip
def window_spread(apply: Any, g: Any, spatial: Sequence[Size], window: Sequence[int], strides: Sequence[int], padding: Padding) -> Tensor:
    """Each element of `g` added to all places of its window: the adjoint of `window_sum`."""
    result: Tensor = apply(as_tensor(g), spatial=tuple(spatial), **_attributes(window, strides, padding))
    return result


@primitive(Kind.INDEXED, spec=_backward_spec("window_route"), oracle=_spread_oracle, lower=_spread_lower, dtypes=REALS, vjp=each(
    lambda h, y, g, argmax, **attrs: window_pick.bare(h, argmax, **_rest(attrs)), None))  # fmt: skip
def window_route(apply: Any, g: Any, argmax: Any, spatial: Sequence[Size], window: Sequence[int], strides: Sequence[int], padding: Padding) -> Tensor:
    """Each element of `g` added to the place `argmax` of its window: the adjoint of `window_max`."""
    result: Tensor = apply(as_tensor(g), as_tensor(argmax), spatial=tuple(spatial), **_attributes(window, strides, padding))
    return result


def _pick_spec(x: Spec, argmax: Spec, window: Window, strides: Window, padding: Padding) -> Spec:
    check_dtype("window_pick", x, REALS)
    return Spec(_pooled("window_pick", x.shape, window, strides, padding), x.dtype)


@primitive(Kind.INDEXED, spec=_pick_spec, oracle=_pick_oracle, lower=_pick_lower, dtypes=REALS, vjp=each(
    lambda g, y, x, argmax, **attrs: window_route.bare(g, argmax, spatial=x.sizes[1:-1], **attrs), None))  # fmt: skip
def window_pick(apply: Any, x: Any, argmax: Any, window: Sequence[int], strides: Sequence[int], padding: Padding) -> Tensor:
    """The element at place `argmax` of each window: the adjoint of `window_route`."""
    result: Tensor = apply(as_tensor(x), as_tensor(argmax), **_attributes(window, strides, padding))
    return result


def window_mean(x: Any, window: Sequence[int], strides: Sequence[int], padding: Padding) -> Tensor:
    """The mean of each window over what is not padding (average pooling)."""
    x = as_tensor(x)
    check_dtype("window_mean", x.spec, FLOATS)
    total = window_sum(x, window, strides, padding)
    if not any(isinstance(n, Sym) for n in x.sizes[1:-1]):
        spatial = tuple(int(n) for n in x.sizes[1:-1])
        ones = np.ones((1, *spatial, 1), np.float32)
        count: Tensor = wrap(_sum_oracle(ones, **_attributes(window, strides, padding)).astype(x.dtype.numpy))
    else:
        ones_ = broadcast_to(wrap(np.ones((), np.float32)), (1, *x.sizes[1:-1], 1))
        count = cast(window_sum(ones_, window, strides, padding), x.dtype)
    return div(total, count)
