"""The compiler against the oracles: random programs, fusion, memory, in-place updates, determinism."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold as tf
from tenfold.codegen import cpu
from tenfold.compiler.pipeline import Program
from tenfold.compiler.simplify import simplify
from tenfold.ir import reference
from tenfold.ir.graph import specialize

RNG = np.random.default_rng(0)


def program(f: Any, *arguments: Any) -> tuple[Program, Any]:
    """The compiled program of `f` for these arguments, and its concrete function."""
    c = tf.function(f).get_concrete_function(*arguments)
    return Program(specialize(c.graph, {}), c._updates), c


def check(f: Any, *arrays: Any, rtol: float = 1e-9) -> Program:
    """Compiled equals oracle, output by output."""
    p, c = program(f, *(tf.constant(a) for a in arrays))
    inputs = [*arrays, *(v.numpy() for v in c.variables)]
    expected = reference.run(c.graph, inputs)
    for a, b in zip(p([np.array(a) for a in inputs]), expected, strict=False):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)
    return p


def kernels(p: Program) -> int:
    return sum(1 for call in p.calls if call.tasks)


# --- random programs ---

UNARY = [tf.tanh, tf.exp, tf.abs, tf.nn.relu, lambda x: x * 0.5, lambda x: -x, tf.sigmoid, lambda x: tf.cast(x > 0, x.dtype)]
BINARY = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, tf.maximum, tf.minimum, lambda a, b: tf.where(a > b, a, b)]
SHAPED = [
    lambda x: tf.reduce_sum(x, 0, keepdims=True),
    lambda x: tf.reduce_max(x, -1, keepdims=True),
    lambda x: tf.reduce_mean(x, keepdims=True),
    lambda x: tf.nn.softmax(x),
    lambda x: tf.transpose(tf.transpose(x)),
    lambda x: tf.reverse(x, [0]),
    lambda x: tf.roll(x, 1, -1),
    lambda x: tf.pad(x, [[1, 1]] * len(x.shape))[tuple(slice(1, -1) for _ in x.shape)],
    lambda x: tf.reshape(tf.reshape(x, [-1]), tf.shape(x)),
    lambda x: tf.concat([x, x], 0)[: x.shape[0]],
    lambda x: tf.cumsum(x, 0),
    lambda x: x / (1.0 + tf.reduce_sum(x * x, -1, keepdims=True)),
]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(2, 14))
def test_random_programs(seed: int, rank: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.choice([1, 2, 3, 7, 16, 17, 40], rank))
    arrays = [rng.standard_normal(shape) for _ in range(3)]
    plan = [(int(rng.integers(3)), int(rng.integers(100)), int(rng.integers(100)), int(rng.integers(100))) for _ in range(steps)]

    def f(*xs: Any) -> Any:
        values = list(xs)
        for kind, which, i, j in plan:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == 0:
                values.append(UNARY[which % len(UNARY)](tf.clip_by_value(a, -5.0, 5.0)))
            elif kind == 1:
                values.append(BINARY[which % len(BINARY)](a, b))
            else:
                values.append(SHAPED[which % len(SHAPED)](a))
        return values[-1], values[-2], tf.reduce_sum(values[len(values) // 2])

    check(f, *arrays)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_sizes_from_nothing_to_odd(m: int, k: int, n: int) -> None:
    a, b, c = RNG.standard_normal((m, k)), RNG.standard_normal((k, n)), RNG.standard_normal(n)
    check(lambda a, b, c: (tf.nn.relu(a @ b + c), tf.reduce_sum(a @ b, 0), tf.reduce_mean(a), tf.transpose(b) * 2.0), a, b, c)


@pytest.mark.parametrize("shape", [(100_003,), (70_000, 3), (3, 70_000), (300, 300), (64, 40, 33), (1, 200_000), (5, 0), (0,)])
def test_large_reductions(shape: tuple[int, ...]) -> None:
    x = RNG.standard_normal(shape)
    for axis in [None, *range(len(shape))]:
        check(lambda x, axis=axis: (tf.reduce_sum(x * x, axis) + 1.0, tf.reduce_max(x, axis), tf.reduce_any(x > 3.0, axis)), x)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool", "complex64"])
def test_every_dtype_goes_through(dtype: str) -> None:
    x = tf.cast(tf.constant(RNG.integers(0, 5, (4, 6))), dtype)
    f = lambda x: (tf.transpose(x), tf.concat([x, x], 1), x[::-1, 1::2], tf.where(x == x, x, tf.zeros_like(x)))  # noqa: E731
    for a, b in zip(tf.function(f)(x), f(x), strict=True):
        assert a.dtype == dtype
        np.testing.assert_array_equal(a.numpy(), b.numpy())


# --- what is fused ---


def test_elementwise_chains_are_one_kernel() -> None:
    p = check(lambda x, y: tf.tanh(x * 2.0 + y) * tf.exp(-x), RNG.random((64, 64)), RNG.random((64, 64)))
    assert kernels(p) == 1


def test_softmax_is_one_kernel() -> None:
    assert kernels(check(lambda x: tf.nn.softmax(x), RNG.random((64, 50)))) == 1


def test_layer_norm_is_one_kernel() -> None:
    def norm(x: Any, g: Any, b: Any) -> Any:
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-3) * g + b

    assert kernels(check(norm, RNG.random((64, 50)), RNG.random(50), RNG.random(50))) == 1


def test_bias_and_relu_ride_on_the_product() -> None:
    p = check(lambda a, w, b: tf.nn.relu(a @ w + b), RNG.random((8, 12)), RNG.random((12, 5)), RNG.random(5))
    assert [c.name for c in p.calls] == ["matmul"]


def test_a_condition_that_sizes_decide_costs_nothing() -> None:
    def f(x: Any) -> Any:
        y, z = tf.cond(tf.shape(x)[0] > 2, lambda: (tf.exp(x * 2.0), x), lambda: (x + 1.0, x * 3.0))
        return y - z, z

    compiled = tf.function(f, input_signature=[tf.TensorSpec([None, 3], tf.float64)])
    for n in (1, 2, 3, 5):
        x = RNG.random((n, 3))
        y, z = (np.exp(x * 2), x) if n > 2 else (x + 1, x * 3)
        for found, expected in zip(compiled(x), (y - z, z), strict=True):
            np.testing.assert_allclose(found, expected)
        p, _ = program(f, tf.constant(x))
        assert len(p.calls) <= 2


def test_an_adam_update_is_one_kernel_in_place() -> None:
    w, m, v = (tf.Variable(RNG.random((30, 7))) for _ in range(3))

    def step(g: Any) -> None:
        m.assign(0.9 * m + 0.1 * g)
        v.assign(0.999 * v + 0.001 * g * g)
        w.assign_sub(0.01 * m / (tf.sqrt(v.read_value()) + 1e-7))

    p, _ = program(step, tf.constant(RNG.random((30, 7))))
    assert kernels(p) == 1


def test_equal_work_is_done_once() -> None:
    c = tf.function(lambda x: tf.exp(x) + tf.exp(x * 1.0) + tf.exp(x + 0.0)).get_concrete_function(tf.TensorSpec([3]))
    assert [n.primitive.name for n in simplify(specialize(c.graph, {"n": 1})).nodes] == ["exp", "add", "add"]


def test_a_part_of_what_is_put_together_is_read_where_it_is_made() -> None:
    """Colours that are put together, taken apart and put together again: one sweep stores all three channels, side by side."""

    def turned(x: Any) -> Any:
        red, green, blue = (x[..., i] for i in range(3))
        first = tf.stack([green * 2.0, blue + 1.0, red], -1)
        return tf.stack([first[..., 1] * first[..., 0], first[..., 2], first[..., 0]], -1)

    p = check(turned, RNG.random((4, 20, 3)))
    assert kernels(p) == 1
    (call,) = p.calls
    assert [len(stage.stores) for stage in call.code.stages] == [3]


def test_results_that_nobody_needs_are_not_computed() -> None:
    def f(x: Any) -> Any:
        tf.linalg.inv(tf.zeros((2, 2)) + x[0])  # singular, were it computed
        return x + 1.0

    assert tf.function(f)(tf.constant([1.0])).numpy().tolist() == [2.0]


def test_temporaries_share_memory() -> None:
    def chain(x: Any) -> Any:
        for _ in range(20):
            x = tf.nn.softmax(tf.transpose(x))
        return x

    p, _ = program(chain, tf.constant(RNG.random((100, 100))))
    assert p.arena_bytes < 4 * 100 * 100 * 8


def test_another_batch_size_compiles_no_new_loops() -> None:
    """(A product may choose another tile, to fit another number of rows.)"""

    @tf.function(input_signature=[tf.TensorSpec([None, 12])])
    def f(x: Any) -> Any:
        h = tf.nn.relu(x @ tf.ones((12, 40)) + 1.0)
        return tf.reduce_mean(tf.nn.softmax(h @ tf.ones((40, 10))), 0)

    f(tf.ones((64, 12)))
    before = set(cpu._addresses)
    f(tf.ones((37, 12)))
    assert not [key for key in set(cpu._addresses) - before if key.startswith("loops")]


@pytest.mark.parametrize("step", [lambda x: tf.sin(x) + 0.1, lambda x: tf.nn.softmax(x), lambda x: tf.transpose(x) + tf.reduce_sum(x, 0)])
def test_deep_programs(step: Any) -> None:
    def chain(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(700):
                y = step(y)
        return tape.gradient(y, x)

    check(chain, RNG.random((3, 3)))


# --- variables ---


def test_a_variable_that_is_still_read_is_not_overwritten_too_early() -> None:
    w = tf.Variable(RNG.random((6, 6)))
    x = RNG.random((6, 6))

    @tf.function
    def f(x: Any) -> Any:
        old = tf.transpose(w.read_value())
        w.assign(w @ x)
        return old @ w, w.read_value() + old

    before = w.numpy()
    product, total = f(tf.constant(x))
    np.testing.assert_allclose(w.numpy(), before @ x)
    np.testing.assert_allclose(product.numpy(), before.T @ before @ x)
    np.testing.assert_allclose(total.numpy(), before @ x + before.T)


def test_shifted_updates_in_place() -> None:
    v = tf.Variable(np.arange(1000.0))
    f = tf.function(lambda: v.assign(tf.concat([v[1:], v[:1]], 0) + tf.reverse(v, [0])))
    expected = np.roll(np.arange(1000.0), -1) + np.arange(1000.0)[::-1]
    f()
    np.testing.assert_array_equal(v.numpy(), expected)


# --- effects ---


def test_a_failed_check_in_compiled_code_is_raised() -> None:
    @tf.function
    def f(x: Any) -> Any:
        tf.debugging.assert_greater(x, 0.0, message="must be positive")
        return x * 2.0

    assert float(f(tf.constant(1.0))) == 2.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be positive"):
        f(tf.constant(-1.0))
    assert float(f(tf.constant(3.0))) == 6.0


# --- determinism ---


def test_same_bits_with_one_thread_and_two() -> None:
    x, w = tf.constant(RNG.random((500, 300)).astype("f")), tf.constant(RNG.random((300, 200)).astype("f"))
    f = tf.function(lambda x, w: (tf.reduce_sum(x), tf.reduce_mean(x @ w, 0), tf.nn.softmax(x @ w)))
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    results = []
    for n in (1, 2):
        tf.config.threading.set_intra_op_parallelism_threads(n)
        results.append([t.numpy() for t in f(x, w)])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


ELSEWHERE = {  # reductions whose results are read by other rows than their own: with equal sizes, shapes do not tell
    "rows as columns": lambda x, w: tf.reduce_sum(x, 1) + x,
    "columns as rows": lambda x, w: tf.reduce_sum(x, 0)[:, None] * x,
    "after softmax": lambda x, w: tf.nn.softmax(x) + tf.reduce_sum(x, 1),
    "three dimensions": lambda x, w: tf.reduce_sum(w, 1) + w + tf.reduce_max(w, 2)[:, None],
    "reduced twice": lambda x, w: tf.reduce_sum(tf.square(x - tf.reduce_mean(x, 1)), 1) * tf.reduce_sum(x, 1),
    "diagonal": lambda x, w: tf.linalg.diag_part(x) + x,
}


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("n", [3, 40])
def test_results_of_reductions_read_in_other_rows(name, n):
    rng = np.random.default_rng(0)
    x, w = tf.constant(rng.random((n, n), "float32")), tf.constant(rng.random((n, n, n), "float32"))

    def gradients(x, w):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = ELSEWHERE[name](x, w)
            loss = tf.reduce_sum(y * y)
        return [y, *tape.gradient(loss, [x, w], unconnected_gradients="zero")]

    for got, want in zip(tf.function(gradients)(x, w), gradients(x, w), strict=True):
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-4, atol=1e-4 * np.abs(want.numpy()).max())
