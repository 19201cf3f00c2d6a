"""Random numbers: the same bits everywhere, the right distributions, and seeds that lead to different streams."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from primitive_checks import close, compiled, eager, same_compiled

from tenfold.core.dtypes import FLOATS, INTEGERS, DType, uint64
from tenfold.core.errors import DTypeError, ShapeError
from tenfold.primitives import random as r
from tenfold.tensor.tensor import wrap
from tenfold.transform.function import Function, TensorSpec

SEED = np.array([3, 5], np.uint32)
N = 40_000


def philox(counter: tuple[int, int], key: int) -> tuple[int, int]:
    """Philox 2x32-10 as its paper defines it."""
    low, high = counter
    for _ in range(10):
        product = low * 0xD256D193
        low, high = (product >> 32) ^ key ^ high, product & 0xFFFFFFFF
        key = (key + 0x9E3779B9) & 0xFFFFFFFF
    return low, high


def test_philox_matches_its_paper() -> None:
    """The known answers of the Random123 library for philox2x32-10."""
    for counter, key, want in (
        ((0, 0), 0, (0xFF1DAE59, 0x6CD10DF2)),
        ((0xFFFFFFFF, 0xFFFFFFFF), 0xFFFFFFFF, (0x2C3F628B, 0xAB4FD7AD)),
        ((0x243F6A88, 0x85A308D3), 0x13198A2E, (0xDD7CE038, 0xF62A4C12)),
    ):
        assert philox(counter, key) == want
        words = [np.array([v], np.uint32) for v in (*counter, key)]
        assert tuple(int(same_compiled(lambda a, b, c, w=w: r.philox(a, b, c, word=w), *words)[0][0]) for w in (0, 1)) == want


@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 4), (2, 3, 65)], ids=str)
def test_bits(shape: tuple[int, ...]) -> None:
    first, second = same_compiled(lambda s: [r.random_bits(s, shape), r.random_bits(s, shape, 1)], SEED)
    assert first.shape == shape and first.dtype == np.uint32
    for i, (a, b) in enumerate(zip(first.reshape(-1), second.reshape(-1), strict=True)):
        assert (int(a), int(b)) == philox((i, 5), 3)


def test_equal_seeds_give_equal_numbers() -> None:
    a, b, c = (r.uniform(s, [100]).numpy() for s in ([1, 2], np.array([1, 2]), [1, 3]))
    assert (a == b).all() and not (a == c).any()


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
def test_uniform(dtype: DType) -> None:
    (x,) = same_compiled(lambda s: r.uniform(s, [N], dtype=dtype), SEED)
    wide = x.astype(np.float64)
    assert wide.min() >= 0 and wide.max() < 1
    assert abs(wide.mean() - 0.5) < 4 / math.sqrt(12 * N) + 0.004 * (dtype.size == 2)
    assert np.histogram(wide, 16, (0, 1))[0].min() > 0.9 * N / 16
    (y,) = eager(lambda s: r.uniform(s, [N], -2.0, 3.0, dtype), SEED)
    assert abs(y.astype(np.float64).mean() - 0.5) < 0.05 and -2 <= y.min() and y.max() <= 3


@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda d: d.name)
def test_uniform_integers(dtype: DType) -> None:
    low = 2 if dtype.is_unsigned else -3
    (x,) = same_compiled(lambda s: r.uniform(s, [N], low, 9, dtype), SEED)
    values, counts = np.unique(x, return_counts=True)
    assert values.tolist() == list(range(low, 9)) and counts.min() > 0.9 * N / (9 - low)
    (everything,) = same_compiled(lambda s: r.uniform(s, [N], None, None, dtype), SEED)
    assert everything.min() < dtype.min + 0.01 * (dtype.max - dtype.min) and everything.max() > dtype.max - 0.01 * (float(dtype.max) - dtype.min)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
def test_normal(dtype: DType) -> None:
    (x,) = eager(lambda s: r.normal(s, [N], dtype=dtype), SEED)
    close(compiled(lambda s: r.normal(s, [N], dtype=dtype), SEED)[0], x, scale=10)
    wide = x.astype(np.float64)
    assert abs(wide.mean()) < 0.02 and abs(wide.std() - 1) < 0.02
    assert abs((wide**3).mean()) < 0.06 and abs((wide**4).mean() - 3) < 0.15
    (y,) = eager(lambda s: r.normal(s, [N], 3.0, 0.5, dtype), SEED)
    assert abs(y.astype(np.float64).mean() - 3) < 0.02 and abs(y.astype(np.float64).std() - 0.5) < 0.02


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
def test_truncated_normal(dtype: DType) -> None:
    (x,) = eager(lambda s: r.truncated_normal(s, [4000], dtype=dtype), SEED)
    close(compiled(lambda s: r.truncated_normal(s, [4000], dtype=dtype), SEED)[0], x, scale=10)
    wide = x.astype(np.float64)
    assert np.abs(wide).max() <= 2 and abs(wide.mean()) < 0.05 and abs(wide.std() - 0.8796) < 0.03


def test_bernoulli() -> None:
    (x,) = same_compiled(lambda s: r.bernoulli(s, [N], 0.3), SEED)
    assert x.dtype == np.bool_ and abs(x.mean() - 0.3) < 0.01
    assert not r.bernoulli(SEED, [100], 0.0).numpy().any() and r.bernoulli(SEED, [100], 1.0).numpy().all()


def test_streams_are_independent() -> None:
    streams = [r.normal(s, [N]).numpy() for s in (*r.split(SEED, 3).numpy(), SEED, r.fold_in(SEED, 7))]
    assert np.abs(np.corrcoef(streams) - np.eye(5)).max() < 0.02
    assert np.abs(np.corrcoef(streams[0][:-1], streams[0][1:])[0, 1]) < 0.02


def test_seeds() -> None:
    assert r.split(SEED, 4).shape == (4, 2)
    many = r.fold_in(SEED, np.arange(1000, dtype=np.int32)).numpy()
    assert len({tuple(v) for v in many}) == 1000
    np.testing.assert_array_equal(many[7], r.fold_in(SEED, 7).numpy())
    assert r.as_seed(-1).shape == (2,) and (r.as_seed([1, 2]).numpy() == [1, 2]).all()
    high = [r.fold_in(SEED, np.array(n, np.int64)).numpy().tolist() for n in (1, 1 + 2**32)]
    assert high[0] != high[1]
    same_compiled(lambda s, n: r.fold_in(s, n), SEED, np.arange(5))


def test_unknown_sizes_and_steps() -> None:
    """The pattern of dropout in a compiled step: a key folded with a counter, and a batch of any size."""
    f = Function(lambda x, step: r.uniform(r.fold_in(SEED, step), x.sizes), [TensorSpec([None, 3]), TensorSpec([], "int64")])
    for n, step in ((2, 0), (5, 0), (5, 1)):
        want = r.uniform(r.fold_in(SEED, np.array(step, np.int64)), (n, 3)).numpy()
        np.testing.assert_array_equal(f(wrap(np.ones((n, 3), np.float32)), wrap(np.array(step, np.int64))).numpy(), want)


def test_shuffled() -> None:
    assert sorted(r.shuffled(SEED, 50)) == list(range(50)) and r.shuffled(SEED, 50) != list(range(50))


@pytest.mark.parametrize("seed", [[1], [1, 2, 3], [[1, 2]]], ids=str)
def test_wrong_seeds(seed: Any) -> None:
    with pytest.raises(ShapeError, match=r"seed=\[1, 2\]"):
        r.uniform(seed, [2])


def test_errors() -> None:
    with pytest.raises(DTypeError, match="a seed must be integers"):
        r.uniform([1.0, 2.0], [2])
    with pytest.raises(DTypeError, match="integers need a maxval"):
        r.uniform([1, 2], [2], dtype=uint64)
    with pytest.raises(DTypeError, match="expected a floating-point type; received int32"):
        r.normal([1, 2], [2], dtype="int32")
