"""Contractions: the matrix product, and convolutions with both their gradients. Each one's vjp is made of the others.

Data are channels-last: x [n, spatial..., ci], weights [kernel..., ci / groups, co], results [n, spatial..., co].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product as positions
from typing import Any

import numpy as np

from tenfold.core.dtypes import NUMBERS, REALS, int8, int32, uint8
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Shape, Size, broadcast, differ, divide, function, product, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.arithmetic import conj
from tenfold.primitives.define import check_dtype, each, primitive, tensors
from tenfold.primitives.movement import broadcast_to, reshape, transpose
from tenfold.tensor.bind import expect_same_dtype
from tenfold.tensor.tensor import Tensor, as_tensor

Padding = tuple[tuple[Size, Size], ...]


def _wide(a: Any) -> Any:
    """Half precision is computed in float32."""
    return a.astype(np.float32) if a.dtype.itemsize == 2 and a.dtype.kind not in "iu" else a


# --- matrix product ---


def _matmul_spec(a: Spec, b: Spec, transpose_a: bool, transpose_b: bool) -> Spec:
    dtype = expect_same_dtype("matmul", (a, b), NUMBERS)
    m, k = (a.shape[-1], a.shape[-2]) if transpose_a else (a.shape[-2], a.shape[-1])
    n, l = (b.shape[-2], b.shape[-1]) if transpose_b else (b.shape[-1], b.shape[-2])
    if differ(k, l):
        first, second = ("(k, …)" if transpose_a else "(…, k)"), ("(…, k)" if transpose_b else "(k, …)")
        raise ShapeError(f"[matmul] inner dimensions differ. Expected {first} @ {second}; received {show(a.shape)} @ {show(b.shape)}."
                         + _remedy(a, b, transpose_a, transpose_b))  # fmt: skip
    if len(a.shape) != len(b.shape) or any(differ(i, j) for i, j in zip(a.shape[:-2], b.shape[:-2], strict=True)):
        raise ShapeError(f"[matmul] batch dimensions differ. Received {show(a.shape)} @ {show(b.shape)}.")
    return Spec((*a.shape[:-2], m, n), dtype)


def _remedy(a: Spec, b: Spec, transpose_a: bool, transpose_b: bool) -> str:
    """Which transposition would make the product possible."""
    for flip_a, flip_b in ((False, True), (True, False), (True, True)):
        k = a.shape[-2 if transpose_a != flip_a else -1]
        if not differ(k, b.shape[-1 if transpose_b != flip_b else -2]):
            both = (("transpose_a", transpose_a, flip_a), ("transpose_b", transpose_b, flip_b))
            changes = [f"{name}={not now}" for name, now, flip in both if flip]
            return f" Try {', '.join(changes)}."
    return ""


def _matmul_oracle(a: Any, b: Any, transpose_a: bool, transpose_b: bool) -> Any:
    if a.itemsize == 2 and a.dtype.kind not in "iu":
        return _matmul_oracle(_wide(a), _wide(b), transpose_a, transpose_b).astype(a.dtype)
    x, y = a.mT if transpose_a else a, b.mT if transpose_b else b
    return x.dot(y) if x.ndim == 2 else np.matmul(x, y)  # the same product, in a microsecond less


def _matmul_vjp_a(g: Tensor, y: Tensor, a: Tensor, b: Tensor, transpose_a: bool, transpose_b: bool) -> Tensor:
    if transpose_a:
        return matmul.bare(conj(b), g, transpose_a=transpose_b, transpose_b=True)
    return matmul.bare(g, conj(b), transpose_a=False, transpose_b=not transpose_b)


def _matmul_vjp_b(g: Tensor, y: Tensor, a: Tensor, b: Tensor, transpose_a: bool, transpose_b: bool) -> Tensor:
    if transpose_b:
        return matmul.bare(g, conj(a), transpose_a=True, transpose_b=transpose_a)
    return matmul.bare(conj(a), g, transpose_a=not transpose_a, transpose_b=False)


@primitive(Kind.CONTRACTION, spec=_matmul_spec, oracle=_matmul_oracle, vjp=each(_matmul_vjp_a, _matmul_vjp_b), dtypes=NUMBERS)
def matmul(apply: Any, a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """The matrix product of the last two dimensions; those before are a batch and broadcast. A vector is a row at the left of the product
    and a column at its right, as with Python's `@`.

    Raises:
        ValueError: the inner dimensions differ. TypeError: the data types differ.
    """
    if type(a) is not Tensor or type(b) is not Tensor:
        a, b = tensors("matmul", (a, b))
    ranks = a.ndim, b.ndim
    if ranks == (2, 2):
        return apply(a, b, transpose_a=bool(transpose_a), transpose_b=bool(transpose_b))
    if 0 in ranks:
        raise ShapeError(f"[matmul] expected matrices or vectors; received {show(a.sizes)} @ {show(b.sizes)}. Try a * b.")
    row, column = ranks[0] == 1, ranks[1] == 1
    a = reshape(a, (a.sizes[0], 1) if transpose_a else (1, a.sizes[0])) if row else a
    b = reshape(b, (1, b.sizes[0]) if transpose_b else (b.sizes[0], 1)) if column else b
    y = _batched(apply, a, b, bool(transpose_a), bool(transpose_b))
    if row or column:
        sizes = y.sizes
        y = reshape(y, (*sizes[:-2], *(() if row else sizes[-2:-1]), *(() if column else sizes[-1:])))
    return y


def _batched(apply: Any, a: Tensor, b: Tensor, transpose_a: bool, transpose_b: bool) -> Tensor:
    """The product with the batch dimensions made equal, or merged into the rows where b has none."""
    lead, other = a.sizes[:-2], b.sizes[:-2]
    if lead and all(isinstance(n, int) and n == 1 for n in other) and len(other) <= len(lead):
        _matmul_spec(Spec(a.sizes[-2:], a.dtype), Spec(b.sizes[-2:], b.dtype), transpose_a, transpose_b)
        a = transpose(a, (*range(a.ndim - 2), a.ndim - 1, a.ndim - 2)) if transpose_a else a
        rows = reshape(a, (product(a.sizes[:-1]), a.sizes[-1]))
        y = apply(rows, reshape(b, b.sizes[-2:]), transpose_a=False, transpose_b=transpose_b)
        return reshape(y, (*a.sizes[:-1], y.sizes[-1]))
    if lead != other:
        common = broadcast("matmul", lead, other)
        a, b = broadcast_to(a, (*common, *a.sizes[-2:])), broadcast_to(b, (*common, *b.sizes[-2:]))
    result: Tensor = apply(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    return result


# --- product of matrices of eight-bit integers ---

BYTES = (int8, uint8)
EXACT = 1 << 24  # up to here float32 holds all integers


def _integer_matmul_spec(a: Spec, b: Spec, transpose_b: bool) -> Spec:
    for x in (a, b):
        check_dtype("integer_matmul", x, BYTES)
    return Spec(_matmul_spec(a, Spec(b.shape, a.dtype), False, transpose_b).shape, int32)


def _integer_matmul_oracle(a: Any, b: Any, transpose_b: bool) -> Any:
    wide = np.float32 if a.shape[-1] << 16 <= EXACT else np.float64  # so that BLAS computes it
    x, y = a.astype(wide), b.astype(wide)
    return np.matmul(x, y.swapaxes(-1, -2) if transpose_b else y).astype(np.int64).astype(np.int32)


@primitive(Kind.CONTRACTION, spec=_integer_matmul_spec, oracle=_integer_matmul_oracle, dtypes=BYTES)
def integer_matmul(apply: Any, a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """The matrix product of int8 or uint8, each with each, added up in int32; else like `matmul`."""
    a, b = (as_tensor(x) for x in (a, b))
    ranks = a.ndim, b.ndim
    if 0 in ranks:
        raise ShapeError(f"[integer_matmul] expected matrices or vectors; received {show(a.sizes)} @ {show(b.sizes)}.")
    a = reshape(a, (1, a.sizes[0])) if ranks[0] == 1 else transpose(a, (*range(a.ndim - 2), a.ndim - 1, a.ndim - 2)) if transpose_a else a
    b, transpose_b = (reshape(b, (b.sizes[0], 1)), False) if ranks[1] == 1 else (b, transpose_b)

    def product_(x: Tensor, y: Tensor, transpose_a: bool, transpose_b: bool) -> Any:
        return apply(x, y, transpose_b=transpose_b)

    y = _batched(product_, a, b, False, bool(transpose_b))
    kept = [n for d, n in enumerate(y.sizes) if not (d == y.ndim - 2 and ranks[0] == 1) and not (d == y.ndim - 1 and ranks[1] == 1)]
    return y if 1 not in ranks else reshape(y, kept)


# --- convolutions ---


def reach(kernel: Sequence[Size], dilation: Sequence[int]) -> tuple[Size, ...]:
    """How many neighbouring positions a kernel touches, gaps included."""
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))


def conv_sizes(spatial: Sequence[Size], kernel: Sequence[Size], strides: Sequence[int], padding: Padding, dilation: Sequence[int]) -> Shape:
    """The spatial sizes that a convolution gives."""
    result: list[Size] = []
    for n, wide, s, (lo, hi) in zip(spatial, reach(kernel, dilation), strides, padding, strict=True):
        size = divide(n + lo + hi - wide, s) + 1
        result.append(max(size, 0) if isinstance(size, int) else size)
    return tuple(result)


def conv_padding(padding: Any, spatial: Sequence[Size], kernel: Sequence[Size], strides: Sequence[int], dilation: Sequence[int]) -> Padding:
    """(low, high) per spatial dimension from "same", "valid", "causal", a number, or pairs of numbers.

    "same" is TensorFlow's rule: ceil(n / stride) positions, the odd element of padding at the end.
    """
    name = padding.lower() if isinstance(padding, str) else None
    if name == "valid":
        return tuple((0, 0) for _ in spatial)
    if name == "causal":
        return tuple((wide - 1, 0) for wide in reach(kernel, dilation))
    if name == "same":
        return tuple(_same(n, wide, s) for n, wide, s in zip(spatial, reach(kernel, dilation), strides, strict=True))
    if name is not None:
        raise InvalidArgumentError(f"[convolution] unknown padding. Expected 'same', 'valid', 'causal' or numbers; received {padding!r}.")
    pairs = [padding] * len(spatial) if isinstance(padding, int) else list(padding)
    if len(pairs) != len(spatial):
        raise InvalidArgumentError(f"[convolution] expected padding for {len(spatial)} spatial dimensions; received {padding!r}.")
    return tuple((int(p), int(p)) if isinstance(p, (int, np.integer)) else (int(p[0]), int(p[1])) for p in pairs)


def _same(n: Size, wide: Size, stride: int) -> tuple[Size, Size]:
    total = wide - 1 if stride == 1 else function("max", (divide(n + stride - 1, stride) - 1) * stride + wide - n, 0)
    low = divide(total, 2)
    return low, total - low


def _check(name: str, x: Shape, w: Shape, strides: Sequence[int], padding: Padding, dilation: Sequence[int], groups: int) -> Shape:
    """The shape of the convolution of x with w, both checked."""
    rank = len(x) - 2
    if not 1 <= rank <= 3 or len(w) != len(x):
        raise ShapeError(f"[{name}] expected data [n, 1 to 3 spatial sizes, channels] and weights of the same rank; "
                         f"received {show(x)} and {show(w)}.")  # fmt: skip
    if not len(strides) == len(padding) == len(dilation) == rank or any(s < 1 for s in (*strides, *dilation)):
        raise InvalidArgumentError(f"[{name}] expected {rank} positive strides and dilations, and padding for as many dimensions; "
                                   f"received strides={strides}, dilation={dilation}, padding={padding}.")  # fmt: skip
    if groups < 1 or differ(x[-1], w[-2] * groups):
        raise ShapeError(f"[{name}] channels differ. Expected {show((w[-2] * groups,))[1:-2]} input channels, as weights {show(w)} "
                         f"with groups={groups} take; received data {show(x)}.")  # fmt: skip
    if isinstance(w[-1], int) and w[-1] % groups:
        raise ShapeError(f"[{name}] groups must divide the output channels. Received {w[-1]} channels and groups={groups}.")
    return (x[0], *conv_sizes(x[1:-1], w[:-2], strides, padding, dilation), w[-1])


def _padded(x: Any, padding: Any) -> Any:
    """x with a margin; negative padding crops."""
    x = np.pad(x, [(0, 0), *((max(lo, 0), max(hi, 0)) for lo, hi in padding), (0, 0)])
    return x[(slice(None), *(slice(max(-lo, 0), x.shape[i] - max(-hi, 0)) for i, (lo, hi) in enumerate(padding, 1)))]


def _taps(kernel: Any, out: Any, strides: Any, dilation: Any) -> Any:
    """Each position of the kernel, and the part of the padded data that it meets."""
    for tap in positions(*map(range, kernel)):
        starts = [t * d for t, d in zip(tap, dilation, strict=True)]
        yield tap, (slice(None), *(slice(b, b + (n - 1) * s + 1 if n else b, s) for b, n, s in zip(starts, out, strides, strict=True)))


def _grouped(x: Any, groups: int) -> Any:
    """[..., groups * c] as [groups, positions, c]."""
    return x.reshape(-1, groups, x.shape[-1] // groups).transpose(1, 0, 2)


def _group_weights(w: Any, groups: int) -> Any:
    """[ci / groups, co] as [groups, ci / groups, co / groups]."""
    return w.reshape(w.shape[0], groups, -1).transpose(1, 0, 2)


def _convolution_oracle(x: Any, w: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    out = conv_sizes(x.shape[1:-1], w.shape[:-2], strides, padding, dilation)
    wide, weights = _padded(_wide(x), padding), _wide(w)
    shape = (x.shape[0], *out, w.shape[-1])
    total = np.zeros(shape, wide.dtype)
    if total.size and x.shape[-1]:
        for tap, place in _taps(w.shape[:-2], out, strides, dilation):
            product_ = np.matmul(_grouped(wide[place], groups), _group_weights(weights[tap], groups))
            total += product_.transpose(1, 0, 2).reshape(shape)
    return total.astype(x.dtype)


def _input_gradient_oracle(g: Any, w: Any, spatial: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    out, weights, wide = g.shape[1:-1], _wide(w), _wide(g)
    channels = w.shape[-2] * groups
    # room for padding, for what strides skip at the end, and for what negative padding cropped
    dims = zip(spatial, padding, out, strides, reach(w.shape[:-2], dilation), strict=True)
    room = [max(n + max(lo, 0) + max(hi, 0), (o - 1) * s + r + max(-lo, 0)) for n, (lo, hi), o, s, r in dims]
    total = np.zeros((g.shape[0], *room, channels), wide.dtype)
    inner = total[(slice(None), *(slice(max(-lo, 0), None) for lo, _ in padding))]
    if g.size and channels:
        for tap, place in _taps(w.shape[:-2], out, strides, dilation):
            product_ = np.matmul(_grouped(wide, groups), _group_weights(weights[tap], groups).transpose(0, 2, 1))
            inner[place] += product_.transpose(1, 0, 2).reshape(*g.shape[:-1], channels)
    kept = total[(slice(None), *(slice(max(lo, 0), max(lo, 0) + n) for n, (lo, _) in zip(spatial, padding, strict=True)))]
    return np.ascontiguousarray(kept).astype(g.dtype)


def _weight_gradient_oracle(x: Any, g: Any, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    wide, rows = _padded(_wide(x), padding), _grouped(_wide(g), groups) if g.size else None
    total = np.zeros((*kernel, x.shape[-1] // groups, g.shape[-1]), wide.dtype)
    if total.size and rows is not None:
        for tap, place in _taps(kernel, g.shape[1:-1], strides, dilation):
            product_ = np.matmul(_grouped(wide[place], groups).transpose(0, 2, 1), rows)
            total[tap] = product_.transpose(1, 0, 2).reshape(total.shape[-2:])
    return total.astype(x.dtype)


def _convolution_spec(x: Spec, w: Spec, strides: Any, padding: Any, dilation: Any, groups: int) -> Spec:
    dtype = expect_same_dtype("convolution", (x, w), REALS)
    return Spec(_check("convolution", x.shape, w.shape, strides, padding, dilation, groups), dtype)


def _input_gradient_spec(g: Spec, w: Spec, spatial: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Spec:
    dtype = expect_same_dtype("convolution_input_gradient", (g, w), REALS)
    x = (g.shape[0], *spatial, w.shape[-2] * groups)
    _same_result("convolution_input_gradient", g, _check("convolution_input_gradient", x, w.shape, strides, padding, dilation, groups))
    return Spec(x, dtype)


def _weight_gradient_spec(x: Spec, g: Spec, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Spec:
    dtype = expect_same_dtype("convolution_weight_gradient", (x, g), REALS)
    if isinstance(x.shape[-1], int) and x.shape[-1] % groups:
        raise ShapeError(f"[convolution_weight_gradient] groups must divide the channels. Received {x.shape[-1]} channels and groups={groups}.")
    w = (*kernel, divide(x.shape[-1], groups), g.shape[-1])
    _same_result("convolution_weight_gradient", g, _check("convolution_weight_gradient", x.shape, w, strides, padding, dilation, groups))
    return Spec(w, dtype)


def _same_result(name: str, g: Spec, expected: Shape) -> None:
    if len(g.shape) != len(expected) or any(differ(a, b) for a, b in zip(g.shape, expected, strict=True)):
        raise ShapeError(f"[{name}] the gradient has not the convolution's shape. Expected {show(expected)}; received {show(g.shape)}.")


@primitive(Kind.CONTRACTION, spec=_convolution_spec, oracle=_convolution_oracle, dtypes=REALS, vjp=each(
    lambda g, y, x, w, **attrs: convolution_input_gradient.bare(g, w, spatial=x.sizes[1:-1], **attrs),
    lambda g, y, x, w, **attrs: convolution_weight_gradient.bare(x, g, kernel=w.sizes[:-2], **attrs)))  # fmt: skip
def convolution(apply: Any, x: Any, w: Any, strides: Sequence[int], padding: Padding, dilation: Sequence[int], groups: int = 1) -> Tensor:
    """The convolution (cross-correlation) of x with w: each output is the sum over the window of data times weights."""
    x, w = tensors("convolution", (x, w))
    result: Tensor = apply(x, w, **_attributes(strides, padding, dilation, groups))
    return result


@primitive(Kind.CONTRACTION, spec=_input_gradient_spec, oracle=_input_gradient_oracle, dtypes=REALS, vjp=each(
    lambda h, y, g, w, spatial, **attrs: convolution.bare(h, w, **attrs),
    lambda h, y, g, w, spatial, **attrs: convolution_weight_gradient.bare(h, g, kernel=w.sizes[:-2], **attrs)))  # fmt: skip
def convolution_input_gradient(apply: Any, g: Any, w: Any, *, spatial: Sequence[Size], strides: Sequence[int], padding: Padding,
                               dilation: Sequence[int], groups: int = 1) -> Tensor:  # fmt: skip
    """What a convolution passes from its result's gradient `g` to data of `spatial` sizes; the transposed convolution."""
    result: Tensor = apply(g, w, spatial=tuple(spatial), **_attributes(strides, padding, dilation, groups))
    return result


@primitive(Kind.CONTRACTION, spec=_weight_gradient_spec, oracle=_weight_gradient_oracle, dtypes=REALS, vjp=each(
    lambda v, y, x, g, kernel, **attrs: convolution_input_gradient.bare(g, v, spatial=x.sizes[1:-1], **attrs),
    lambda v, y, x, g, kernel, **attrs: convolution.bare(x, v, **attrs)))  # fmt: skip
def convolution_weight_gradient(apply: Any, x: Any, g: Any, *, kernel: Sequence[Size], strides: Sequence[int], padding: Padding,
                                dilation: Sequence[int], groups: int = 1) -> Tensor:  # fmt: skip
    """What a convolution passes from its result's gradient `g` to weights of `kernel` sizes."""
    result: Tensor = apply(x, g, kernel=tuple(kernel), **_attributes(strides, padding, dilation, groups))
    return result


def _attributes(strides: Sequence[int], padding: Padding, dilation: Sequence[int], groups: int) -> dict[str, Any]:
    pairs = tuple((lo, hi) for lo, hi in padding)
    return {"strides": tuple(int(s) for s in strides), "padding": pairs, "dilation": tuple(int(d) for d in dilation), "groups": int(groups)}
