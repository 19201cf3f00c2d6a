"""Counter-based random numbers: element i is a function of (seed, i), so that equal seeds give equal numbers on every target, in any order.

The function is Philox 2x32 with 10 rounds (Salmon et al., 2011). A seed is a tensor of two uint32: the first is the key, the second the
counter's upper word. Everything here is stateless; generators and global seeds stand above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, as_dtype, bfloat16, float16, float32, float64, int32, int64, uint32, uint64
from tenfold.core.errors import DTypeError, ShapeError
from tenfold.core.shapes import Shape, Size, differ, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Expr
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives.define import check_sizes, elementwise, primitive
from tenfold.primitives.gather import as_sizes, iota
from tenfold.primitives.movement import reshape, slice_, stack
from tenfold.tensor.tensor import Tensor, as_tensor, wrap

ROUNDS, MULTIPLIER, WEYL = 10, 0xD256D193, 0x9E3779B9
FOLD = 0x85EBCA6B  # keeps the keys that fold_in makes apart from the numbers that they replace
BITS = {float16: 11, bfloat16: 8, float32: 24}


def _philox(low: Any, high: Any, key: Any, word: int) -> Any:
    """The two words of Philox; on NumPy arrays of uint32, elementwise."""
    low, high, key = (np.asarray(v, np.uint64) for v in (low, high, key))
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(ROUNDS):
        wide = low * np.uint64(MULTIPLIER)
        low, high = (wide >> np.uint64(32)) ^ key ^ high, wide & mask
        key = (key + np.uint64(WEYL)) & mask
    return (high if word else low).astype(np.uint32)


def _philox_expr(low: Expr, high: Expr, key: Expr, word: int) -> Expr:
    multiplier = loops.const(MULTIPLIER, uint32)
    for _ in range(ROUNDS):
        low, high = loops.binary("mulhi", low, multiplier) ^ key ^ high, low * multiplier
        key = key + WEYL
    return high if word else low


@elementwise(oracle=_philox, dtypes=(uint32,))
def philox(low: Expr, high: Expr, key: Expr, word: int = 0) -> Expr:
    """Word 0 or 1 of Philox 2x32-10 of the counter (low, high), element by element."""
    return _philox_expr(low, high, key, word)


def _mulhi(x: Any, y: Any) -> Any:
    return ((x.astype(np.uint64) * y.astype(np.uint64)) >> np.uint64(32)).astype(np.uint32)


@elementwise(oracle=_mulhi, dtypes=(uint32,), samples=((0, 2**32 - 1), (0, 2**32 - 1)))
def mulhi(x: Expr, y: Expr) -> Expr:
    """The upper half of the product of two uint32."""
    return loops.binary("mulhi", x, y)


def _bits_spec(seed: Spec, shape: Shape, word: int) -> Spec:
    if seed.dtype is not uint32 or len(seed.shape) != 1 or differ(seed.shape[0], 2):
        raise ShapeError(f"[random] a seed must be two integers. Expected uint32(2,); received {seed}. Try seed=[1, 2].")
    check_sizes("random", shape)
    return Spec(shape, uint32)


def _bits_oracle(seed: Any, shape: Any, word: int) -> Any:
    count = np.arange(math.prod(shape), dtype=np.uint64)
    return _philox(count & np.uint64(0xFFFFFFFF), np.uint64(seed[1]) ^ (count >> np.uint64(32)), seed[0], word).reshape(shape)


def _bits_lower(k: Any, index: list[Expr], shape: Shape, word: int) -> Expr:
    position: Expr = loops.const(0, int64)
    for d, i in enumerate(index):
        position = i if d == 0 else position * k.int(k.out_sizes[d]) + i
    key, upper = (k.read(0, [loops.const(n, int64)]) for n in (0, 1))
    high = loops.cast(position >> 32, uint32)
    return _philox_expr(loops.cast(position, uint32), upper ^ high, key, word)


@primitive(Kind.INDEXED, spec=_bits_spec, oracle=_bits_oracle, lower=_bits_lower, dtypes=(uint32,))
def random_bits(apply: Any, seed: Any, shape: Any, word: int = 0) -> Tensor:
    """Random uint32 in `shape`. The two words, 0 and 1, are independent numbers."""
    result: Tensor = apply(as_seed(seed), shape=as_sizes(shape), word=int(word))
    return result


# --- seeds ---


def as_seed(seed: Any) -> Tensor:
    """A seed from one or two integers of any type: a tensor of two uint32.

    Raises:
        ValueError, TypeError: it is something else.
    """
    given = as_tensor(seed, name="random")
    if not given.dtype.is_integer:
        raise DTypeError(f"[random] a seed must be integers; received {given.spec}.")
    if given.sizes == ():
        return reshape(fold_in(wrap(np.zeros(2, np.uint32)), given), (2,))
    if given.ndim != 1 or differ(given.sizes[0], 2):
        raise ShapeError(f"[random] a seed must be one or two integers; received shape {show(given.sizes)}. Try seed=[1, 2].")
    return a.cast(given, uint32)


def _words(seed: Tensor) -> tuple[Tensor, Tensor]:
    return tuple(reshape(slice_(seed, [i], [1]), ()) for i in (0, 1))


def fold_in(seed: Any, data: Any) -> Tensor:
    """A new seed [..., 2] for each integer in `data` [...]: different data give different seeds."""
    key, high = _words(as_seed(seed))
    data = as_tensor(data)
    low = a.cast(data, uint32)
    key = a.bitwise_xor(key, wrap(np.uint32(FOLD)))
    first, second = (philox(low, high, key, word=w) for w in (0, 1))
    if data.dtype.size == 8:  # what does not fit 32 bits comes in a second time
        upper = a.cast(a.right_shift(data, a.constant_like(32, data)), uint32)
        first, second = (philox(upper, second, first, word=w) for w in (0, 1))
    return stack([first, second], axis=-1)


def split(seed: Any, num: Size = 2) -> Tensor:
    """`num` new seeds [num, 2]."""
    return fold_in(seed, iota(num, uint32))


# --- distributions ---


def _unit(seed: Tensor, shape: Shape, dtype: DType, word: int = 0) -> Tensor:
    """Uniform in [0, 1): all multiples of one power of 2, as many bits as the type holds exactly."""
    if dtype is float64:
        high, low = (a.cast(a.right_shift(random_bits(seed, shape, w), wrap(np.uint32(s))), float64) for w, s in ((0, 5), (1, 6)))
        return (high * wrap(np.float64(2**26)) + low) * wrap(np.float64(2.0**-53))
    bits = BITS[dtype]
    whole = a.bitcast(a.right_shift(random_bits(seed, shape, word), wrap(np.uint32(32 - bits))), int32)
    return a.cast(a.mul(a.cast(whole, float32), wrap(np.float32(2.0**-bits))), dtype)


def _floating(name: str, dtype: Any) -> DType:
    want = as_dtype(dtype)
    if not want.is_floating:
        raise DTypeError(f"[{name}] expected a floating-point type; received {want.name}. Try tf.cast on the result.")
    return want


def uniform(seed: Any, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32) -> Tensor:
    """Uniform in [minval, maxval). For floats maxval is 1 by default; integers need one, or minval=None for all values of the type."""
    want, sizes = as_dtype(dtype), as_sizes(shape)
    if want.is_integer:
        return _integers(as_seed(seed), sizes, minval, maxval, want)
    unit = _unit(as_seed(seed), sizes, _floating("random_uniform", want))
    if _is_number(minval, 0) and (maxval is None or _is_number(maxval, 1)):
        return unit
    low, high = as_tensor(minval, hint=want), as_tensor(1 if maxval is None else maxval, hint=want)
    return unit * (high - low) + low


def _is_number(value: Any, number: int) -> bool:
    return isinstance(value, (int, float)) and value == number


def _integers(seed: Tensor, shape: Shape, minval: Any, maxval: Any, dtype: DType) -> Tensor:
    wide = dtype.size == 8
    bits = random_bits(seed, shape)
    if wide:
        bits = a.bitwise_or(a.left_shift(a.cast(bits, uint64), wrap(np.uint64(32))), a.cast(random_bits(seed, shape, 1), uint64))
    if minval is None:
        return a.cast(bits, dtype)
    if maxval is None:
        raise DTypeError(f"[random_uniform] integers need a maxval (or minval=None for all values of {dtype.name}).")
    low, high = as_tensor(minval, hint=dtype), as_tensor(maxval, hint=dtype)
    if wide:
        span = a.cast(a.sub(a.cast(high, dtype), a.cast(low, dtype)), uint64)
        return a.add(a.cast(a.floormod(bits, span), dtype), a.cast(low, dtype))
    span = a.sub(a.cast(high, uint32), a.cast(low, uint32))
    return a.cast(a.add(mulhi(bits, span), a.cast(low, uint32)), dtype)


def normal(seed: Any, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32) -> Tensor:
    """Normally distributed (Box and Muller's way)."""
    want, sizes, key = _floating("random_normal", dtype), as_sizes(shape), as_seed(seed)
    inner = float64 if want is float64 else float32
    first = _unit(key, sizes, inner)
    second = _unit(fold_in(key, np.uint32(1)), sizes, inner) if inner is float64 else _unit(key, sizes, inner, 1)
    radius = e.sqrt(a.mul(e.log1p(a.neg(first)), a.constant_like(-2, first)))
    z = a.cast(a.mul(radius, e.cos(a.mul(second, a.constant_like(2 * math.pi, second)))), want)
    return _scaled(z, mean, stddev)


def truncated_normal(seed: Any, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32) -> Tensor:
    """Normally distributed within two standard deviations of the mean."""
    want, sizes = _floating("truncated_normal", dtype), as_sizes(shape)
    unit = _unit(as_seed(seed), sizes, float64 if want is float64 else float32)
    centred = a.add(a.mul(unit, a.constant_like(2, unit)), a.constant_like(2.0**-24 - 1, unit))  # never the ends of [-1, 1]
    z = a.mul(e.erfinv(a.mul(centred, a.constant_like(math.erf(math.sqrt(2)), unit))), a.constant_like(math.sqrt(2), unit))
    return _scaled(a.cast(z, want), mean, stddev)


def _scaled(z: Tensor, mean: Any, stddev: Any) -> Tensor:
    if not _is_number(stddev, 1):
        z = a.mul(z, as_tensor(stddev, hint=z.dtype))
    return z if _is_number(mean, 0) else a.add(z, as_tensor(mean, hint=z.dtype))


def bernoulli(seed: Any, shape: Any, probability: Any = 0.5) -> Tensor:
    """True with the given probability."""
    p = as_tensor(probability, hint=float32)
    inner = float64 if p.dtype is float64 else float32
    return a.less(_unit(as_seed(seed), as_sizes(shape), inner), a.cast(p, inner))


def shuffled(seed: Any, count: int) -> Sequence[int]:
    """A random order of `count` things, in Python."""
    bits = [random_bits(seed, (count,), word)._array for word in (0, 1)]
    return [int(i) for i in np.lexsort(bits)]


__all__ = ["as_seed", "bernoulli", "fold_in", "normal", "philox", "random_bits", "shuffled", "split", "truncated_normal", "uniform"]
