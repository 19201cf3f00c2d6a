"""Random numbers of the gamma, beta and binomial distributions: drawn by rejection, until every element has been accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, as_dtype, float32, float64, uint32
from tenfold.core.errors import DTypeError
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import reduction as r
from tenfold.primitives.gather import as_sizes
from tenfold.primitives.movement import broadcast_to
from tenfold.primitives.random import as_seed, fold_in
from tenfold.primitives.random import normal as normal_
from tenfold.primitives.random import uniform as uniform_
from tenfold.tensor.tensor import as_tensor, wrap
from tenfold.transform.control import while_loop

FEW = 10  # successes expected, below which a binomial draw counts them one by one
STIRLING = (0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.0207906721037650, 0.0166446911898211,
            0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.0092554621827127, 0.0083305634333628)  # fmt: skip


def _floating(name: str, dtype: Any) -> DType:
    want = as_dtype(dtype)
    if not want.is_floating:
        raise DTypeError(f"[{name}] expected a floating-point type; received {want.name}.")
    return want


def _until_accepted(draw: Callable[[Any, Any], tuple[Any, Any]], seed: Any, start: Any) -> Any:
    """`draw(seed, round) -> (proposals, which are accepted)` again and again; each element is its first accepted proposal."""
    none = a.not_equal(start, start)

    def again(i: Any, value: Any, done: Any) -> Any:
        proposal, accepted = draw(fold_in(seed, i), i)
        return i + wrap(np.uint32(1)), a.select(done, value, proposal), a.logical_or(done, accepted)

    first = as_tensor(0, uint32)
    return while_loop(lambda i, value, done: a.logical_not(r.all(done)), again, [first, start, none])[1]


def _log_gamma_draws(seed: Any, shape: Any, alpha: Any) -> Any:
    """Logarithms of gamma draws (Marsaglia and Tsang, 2000). Below 1, alpha is raised by 1 and the draw lowered by U ** (1 / alpha).
    NaN where alpha is negative or not finite."""
    dtype = alpha.dtype
    small = a.less(alpha, 1)
    d = a.select(a.less(alpha, 0), float("nan"), a.select(small, alpha + 1, alpha) - 1 / 3)
    c = 1 / e.sqrt(9 * d)

    def draw(key: Any, round_: Any) -> tuple[Any, Any]:
        z: Any = normal_(fold_in(key, np.uint32(0)), shape, dtype=dtype)
        u: Any = uniform_(fold_in(key, np.uint32(1)), shape, dtype=dtype)
        base = 1 + c * z
        positive = a.less(0, base)
        log_v = 3 * a.log(a.select(positive, base, 1))
        accepted = e.log1p(-u) < z * z / 2 + d * (1 - e.exp(log_v) + log_v)
        return a.log(d) + log_v, a.logical_or(a.logical_and(positive, accepted), a.logical_not(e.is_finite(d)))

    found = _until_accepted(draw, seed, broadcast_to(a.zeros_like(alpha), shape))
    u: Any = uniform_(fold_in(seed, np.uint32(0xFFFFFFFF)), shape, dtype=dtype)
    return a.select(small, found + e.log1p(-u) / a.select(small, alpha, 1), found)


def _parameters(shape: Any, dtype: DType, *values: Any) -> tuple[Any, ...]:
    return tuple(broadcast_to(a.cast(as_tensor(v), dtype), shape) for v in values)


def gamma(seed: Any, shape: Any, alpha: Any, dtype: Any = float32) -> Any:
    """Gamma distributed with concentration `alpha` and rate 1; `alpha` is broadcast to `shape`.

    Example:
        >>> gamma([1, 2], [1000], 3.0).numpy().mean().round()
        np.float32(3.0)
    """
    want, sizes = _floating("gamma", dtype), as_sizes(shape)
    (concentration,) = _parameters(sizes, float64 if want is float64 else float32, alpha)
    return a.cast(e.exp(_log_gamma_draws(as_seed(seed), sizes, concentration)), want)


def beta(seed: Any, shape: Any, alpha: Any, beta: Any, dtype: Any = float32) -> Any:
    """Beta distributed: g / (g + h) of gamma draws g (of `alpha`) and h (of `beta`), taken by their logarithms, so that small ones do no harm.

    Example:
        >>> 0.3 < beta([1, 2], [1000], 2.0, 3.0).numpy().mean() < 0.5
        np.True_
    """
    want, sizes, key = _floating("beta", dtype), as_sizes(shape), as_seed(seed)
    first, second = _parameters(sizes, float64 if want is float64 else float32, alpha, beta)
    g, h = (_log_gamma_draws(fold_in(key, np.uint32(i)), sizes, p) for i, p in enumerate((first, second)))
    return a.cast(e.sigmoid(g - h), want)


def _tail(k: Any) -> Any:
    """log(k!) less Stirling's formula: log(k!) = (k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2 + tail."""
    n = k + 1
    far = (1 / 12 - (1 / 360 - 1 / 1260 / (n * n)) / (n * n)) / n
    for i, value in enumerate(STIRLING):
        far = a.select(a.equal(k, i), value, far)
    return far


def _many(seed: Any, shape: Any, n: Any, p: Any, relevant: Any) -> Any:
    """Binomial draws by transformed rejection with squeeze (Hörmann, 1993: BTRD without its tables); n p >= 10 and p <= 1/2."""
    spread = e.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    inner = -0.0873 + 0.0248 * b + 0.01 * p
    centre = n * p + 0.5
    steep = (2.83 + 5.1 / b) * spread
    odds = p / (1 - p)
    mode = e.floor((n + 1) * p)

    def draw(key: Any, round_: Any) -> tuple[Any, Any]:
        u: Any = uniform_(fold_in(key, np.uint32(0)), shape, dtype=float64) - 0.5
        v: Any = 1 - uniform_(fold_in(key, np.uint32(1)), shape, dtype=float64)
        us = 0.5 - e.abs(u)
        safe = a.maximum(us, 1e-300)
        k = e.floor((2 * inner / safe + b) * u + centre)
        inside = a.logical_and(k >= 0, k <= n)
        k = a.select(inside, k, mode)
        bound = ((mode + 0.5) * a.log((mode + 1) / (odds * (n - mode + 1))) + (n + 1) * a.log((n - mode + 1) / (n - k + 1))
                 + (k + 0.5) * a.log(odds * (n - k + 1) / (k + 1)) + _tail(mode) + _tail(n - mode) - _tail(k) - _tail(n - k))  # fmt: skip
        accepted = a.log(v * steep / (inner / (safe * safe) + b)) <= bound
        quickly = a.logical_and(us >= 0.07, v <= 0.92 - 4.2 / b)
        return k, a.logical_or(a.logical_not(relevant), a.logical_and(inside, a.logical_or(quickly, accepted)))

    return _until_accepted(draw, seed, a.zeros_like(n))


def _few(seed: Any, shape: Any, n: Any, p: Any, relevant: Any) -> Any:
    """Binomial draws by walking up the distribution function to a uniform number."""
    u: Any = uniform_(seed, shape, dtype=float64)
    odds = p / (1 - p)

    def step(k: Any, mass: Any, below: Any) -> Any:
        more = a.logical_and(a.logical_and(relevant, below + mass <= u), k < n)
        return a.select(more, k + 1, k), a.select(more, mass * odds * (n - k) / (k + 1), mass), a.select(more, below + mass, below)

    def unfinished(k: Any, mass: Any, below: Any) -> Any:
        return r.any(a.logical_and(a.logical_and(relevant, below + mass <= u), k < n))

    return while_loop(unfinished, step, [a.zeros_like(n), e.exp(n * e.log1p(-p)), a.zeros_like(n)])[0]


def binomial(seed: Any, shape: Any, counts: Any, probabilities: Any, dtype: Any = float32) -> Any:
    """How many of `counts` trials succeed, each with the given probability. NaN where there is no such distribution.

    Example:
        >>> 49 < binomial([1, 2], [1000], 100, 0.5).numpy().mean() < 51
        np.True_
    """
    want, sizes, key = as_dtype(dtype), as_sizes(shape), as_seed(seed)
    n, p = _parameters(sizes, float64, counts, probabilities)
    n = e.floor(n)
    valid = a.logical_and(a.logical_and(p >= 0, p <= 1), a.logical_and(n >= 0, e.is_finite(n)))
    mirrored = p > 0.5
    rare = a.select(valid, a.select(mirrored, 1 - p, p), 0)
    trials = a.select(valid, n, 0)
    many = trials * rare >= FEW
    large = _many(fold_in(key, np.uint32(0)), sizes, a.select(many, trials, 4 * FEW), a.select(many, rare, 0.5), many)
    found = a.select(many, large, _few(fold_in(key, np.uint32(1)), sizes, trials, a.select(many, 0, rare), a.logical_not(many)))
    found = a.select(mirrored, n - found, found)
    return a.cast(found if want.is_integer else a.select(valid, found, float("nan")), want)
