"""Products of eight-bit integers: exact for all shapes, by every way of multiplying that hosts have, alone and with what follows them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_compiler import check, kernels
from test_contraction import Array, run, sample

import tenfold as tf
from tenfold.codegen import contraction
from tenfold.codegen.integers import IntegerWriter
from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.core.errors import DTypeError, ShapeError
from tenfold.kernel.contraction import Bytes, Extend, Pack, Tile, Vectors
from tenfold.kernel.integers import choose, integer_matmul
from tenfold.kernel.schedule import MODEL, Schedule
from tenfold.primitives import contraction as primitives

I8, U8, I32 = dtypes.int8, dtypes.uint8, dtypes.int32
TYPES = [(I8, I8), (I8, U8), (U8, I8), (U8, U8)]
RNG = np.random.default_rng(0)


def check_product(left: DType, right: DType, batch: int, m: int, n: int, k: int, tb: bool = False, shared: str = "", extreme: bool = False) -> None:
    rng = np.random.default_rng(m * n + k)
    a = sample(rng, left, 1 if "a" in shared else batch, m, k)
    b = sample(rng, right, 1 if "b" in shared else batch, *((n, k) if tb else (k, n)))
    if extreme:
        a[...], b[...] = (left.min, right.min) if left is right is I8 else (left.max, right.max)
    strides = 0 if "a" in shared else None, 0 if "b" in shared else None
    recipe = contraction.integer_matmul(left, right, batch, m, n, k, tb, *strides)
    expected = np.matmul(a.astype(np.int64), (b.swapaxes(1, 2) if tb else b).astype(np.int64))
    actual = run(recipe, {"a": a, "b": b}, (batch, m, n), I32)
    np.testing.assert_array_equal(actual, np.broadcast_to(expected, (batch, m, n)))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TYPES), st.integers(0, 3), st.integers(0, 40), st.integers(0, 70), st.integers(0, 90), st.booleans(),
       st.sampled_from(["", "a", "b", "ab"]))  # fmt: skip
def test_any_shape(types: tuple[DType, DType], batch: int, m: int, n: int, k: int, tb: bool, shared: str) -> None:
    check_product(*types, batch, m, n, k, tb, shared)


@pytest.mark.parametrize("types", TYPES, ids=lambda t: f"{t[0].name}-{t[1].name}")
@pytest.mark.parametrize("m,n,k", [(1, 700, 1031), (64, 130, 4097), (200, 33, 64), (13, 1, 999)])
def test_large(types: tuple[DType, DType], m: int, n: int, k: int) -> None:
    check_product(*types, 1, m, n, k)
    check_product(*types, 1, m, n, k, True, extreme=True)


def in_plain_steps(self: IntegerWriter, a: str, b: str, c: str) -> str:
    """What the instructions do that this host may not have, one byte of the groups after the other."""
    t, lanes = self.text, self.tile.lanes
    size, bits = (4, "i8") if self.kind.quads else (2, "i16")
    kind = f"<{size * lanes} x {bits}>"
    groups = [t.let(f"bitcast {self.vector} {a} to {kind}"), t.let(f"bitcast {self.vector} {b} to {kind}") if self.kind.quads else b]
    for part in range(size):
        picked = ", ".join(f"i32 {size * lane + part}" for lane in range(lanes))
        ones = [t.let(f"shufflevector {kind} {g}, {kind} poison, <{lanes} x i32> <{picked}>") for g in groups]
        signs = ("zext", "sext") if self.kind.quads else ("sext", "sext")
        x, y = (t.let(f"{sign} <{lanes} x {bits}> {one} to {self.vector}") for sign, one in zip(signs, ones, strict=True))
        c = t.let(f"add {self.vector} {c}, {t.let(f'mul {self.vector} {x}, {y}')}")
    return c


@pytest.mark.parametrize("quads", [False, True])
def test_other_hosts(quads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of four bytes, shifted where they must be unsigned; and pairs without an instruction for them."""
    made = contraction.vectors
    monkeypatch.setattr(contraction, "vectors", lambda target: replace(made(target), quads=quads, madd=False))
    if quads:
        monkeypatch.setattr(IntegerWriter, "multiply_add", in_plain_steps)
        monkeypatch.setattr(contraction, "REVISION", -1)  # not for the cache
    for left, right in TYPES:
        check_product(left, right, 2, 17, 40, 31)
        check_product(left, right, 1, 1, 130, 64, True)
        check_product(left, right, 3, 5, 20, 34, shared="b", extreme=True)


def test_what_is_made_for_a_host() -> None:
    def made(machine: Vectors, left: DType, right: DType, k: int) -> tuple[list[type], Bytes | None, DType]:
        steps = integer_matmul(machine, left, right, 1, 32, 64, k)
        (tile,) = (s.kernel for s in steps.launches if isinstance(s.kernel, Tile))
        extended = [s.kernel.dtype for s in steps.launches if isinstance(s.kernel, Extend)]
        return [type(s.kernel) for s in steps.launches], tile.integers, extended[0] if extended else left

    few, many = Vectors(32, 16, madd=True), Vectors(64, 32, quads=True, madd=True)
    assert made(few, I8, I8, 64) == ([Extend, Pack, Tile], Bytes(False, False, False, True), dtypes.int16)
    assert made(many, I8, I8, 64) == ([Extend, Pack, Tile], Bytes(True, True, False, True), U8)
    assert made(many, U8, I8, 64) == ([Pack, Tile], Bytes(True, False, False, True), U8)
    assert made(many, U8, U8, 64) == ([Extend, Pack, Tile], Bytes(False, False, True, True), dtypes.int16)  # b must be signed in fours
    assert made(few, I8, I8, 63)[0] == [Extend, Extend, Pack, Tile]  # rows of b up to a whole number of groups


def test_tiles_fit_the_registers() -> None:
    for machine in (Vectors(32, 16), Vectors(64, 32), Vectors(64, 32, quads=True), Vectors(32, 16, quads=True)):
        for m, n in ((1, 10), (1, 4096), (7, 100), (128, 1024)):
            rows, vectors = choose(m, n, 8, machine, machine.quads, MODEL)
            assert rows * vectors + 2 * vectors + 1 <= machine.count if machine.quads else rows * vectors + vectors + 2 <= machine.count
            assert choose(m, n, 8, machine, machine.quads, Schedule((14, 4))) == (rows, vectors)  # a wish that cannot be done
    assert choose(1, 4096, 8, Vectors(32, 16), False, MODEL)[1] == 4


def test_tasks_in_any_order_give_the_same() -> None:
    a, b = sample(RNG, I8, 1, 61, 300), sample(RNG, I8, 1, 300, 200)
    recipe = contraction.integer_matmul(I8, I8, 1, 61, 200, 300)
    whole = run(recipe, {"a": a, "b": b}, (61, 200), I32)
    np.testing.assert_array_equal(run(recipe, {"a": a, "b": b}, (61, 200), I32, lambda n: [[*range(0, n, 2)], [*range(1, n, 2)][::-1]]), whole)


# --- in programs ---


def bytes_of(*shape: int) -> Array:
    return RNG.integers(-128, 128, shape).astype(np.int8)


@pytest.mark.parametrize("shape", [(20, 20), (7, 20), (1, 20), (20, 1)])
def test_scales_of_rows_and_columns_end_the_product(shape: tuple[int, int]) -> None:
    rows, columns = shape
    q, w = bytes_of(rows, 9), bytes_of(9, columns)
    across, down = RNG.random((rows, 1)) + 0.5, RNG.random(columns) + 0.5

    def scaled(q: Any, w: Any, across: Any, down: Any) -> Any:
        return tf.nn.relu(tf.cast(primitives.integer_matmul(q, w), tf.float64) / (across * down) + down)

    program = check(scaled, q, w, across, down)
    assert {c.name for c in program.calls} == {"integer_matmul"}


def test_rows_scale_float_products_too() -> None:
    a, b, down = RNG.random((20, 6)), RNG.random((6, 20)), RNG.random((20, 1))
    assert kernels(check(lambda a, b, down: a @ b * down, a, b, down)) == 1


def test_ranks_and_batches() -> None:
    a, b = bytes_of(3, 4, 5), bytes_of(5, 6)
    for x, y in ((a, b), (a, bytes_of(3, 5, 2)), (a[0], bytes_of(2, 5, 3)), (a[0, 0], b), (a, b[:, 0]), (b[:, 0], b[:, 1]), (a, bytes_of(1, 5, 2))):
        expected = np.matmul(x.astype(np.int32), y.astype(np.int32))
        np.testing.assert_array_equal(primitives.integer_matmul(x, y).numpy(), expected)
        check(lambda x, y: primitives.integer_matmul(x, y), x, y)
    turned = primitives.integer_matmul(a, bytes_of(3, 4, 2), transpose_a=True)
    assert turned.shape == (3, 5, 2)
    mapped = tf.vectorized_map(lambda row: primitives.integer_matmul(row, b), a)
    np.testing.assert_array_equal(mapped.numpy(), np.matmul(a.astype(np.int32), b.astype(np.int32)))


def test_types_and_shapes_are_checked() -> None:
    with pytest.raises(DTypeError, match="integer_matmul"):
        primitives.integer_matmul(bytes_of(2, 3), np.ones((3, 2), np.int32))
    with pytest.raises(ShapeError, match="inner dimensions"):
        primitives.integer_matmul(bytes_of(2, 3), bytes_of(2, 3))
    with pytest.raises(ShapeError, match="matrices or vectors"):
        primitives.integer_matmul(np.int8(2), bytes_of(2, 3))


def test_public_names_use_it() -> None:
    a, b = bytes_of(300, 70), bytes_of(70, 5)
    exact = a.astype(np.int32) @ b.astype(np.int32)
    product = tf.matmul(a, b, output_type=tf.int32)
    np.testing.assert_array_equal(product.numpy(), exact)
    np.testing.assert_array_equal(tf.keras.ops.matmul(a, b).numpy(), exact)
    ops = tf.keras.ops
    for equation, shapes in (("ab,bc->ac", (a, b)), ("abc,cde->abde", (bytes_of(2, 3, 4), bytes_of(4, 2, 3))), ("ab,ab->a", (a, a)),
                             ("...a,ab->...b", (bytes_of(2, 3, 4), bytes_of(4, 2))), ("ab,cb->c", (a, bytes_of(2, 70))),
                             ("ab,c->abc", (b, b[0]))):  # fmt: skip
        expected = np.einsum(equation, *(x.astype(np.int32) for x in shapes))
        got = ops.einsum(equation, *shapes)
        assert got.dtype is I32
        np.testing.assert_array_equal(got.numpy(), expected)
        check(lambda *xs, e=equation: ops.einsum(e, *xs), *shapes)
