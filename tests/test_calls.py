"""Calls of compiled functions: what finds the program again, and what makes another."""

from __future__ import annotations

import collections
import math
from typing import Any

import numpy as np
import pytest

import tenfold as tf

A = np.arange(6, dtype=np.float32).reshape(2, 3)
Pair = collections.namedtuple("Pair", "first second")


def thrice(function: Any, *args: Any, **kwargs: Any) -> Any:
    """The same result of the first call, which traces, and of later ones, which find the program by a shorter way."""
    first, *later = [function(*args, **kwargs) for _ in range(3)]
    for other in later:
        tf.nest.map_structure(lambda a, b: np.testing.assert_array_equal(a, b), first, other)
    return first


STRUCTURES = [
    {"b": A, "a": [A + 1, (A + 2,)]},
    [A, {"z": A * 2, "c": A * 3}, None, True, 3],
    (A, (A + 1, [A + 2])),
    Pair(A, [A + 1]),
    collections.OrderedDict(z=A, a=A + 1),
    {"empty": (), "x": A},
]


@pytest.mark.parametrize("structure", STRUCTURES, ids=range(len(STRUCTURES)))
@pytest.mark.parametrize("tensors", [False, True])
def test_structures_come_back(structure: Any, tensors: bool) -> None:
    given = tf.nest.map_structure(lambda x: tf.constant(x) if tensors and isinstance(x, np.ndarray) else x, structure)
    double = tf.function(lambda s: tf.nest.map_structure(lambda x: x * 2 if isinstance(x, tf.Tensor) else x, s))
    result = thrice(double, given)
    assert type(result) is type(structure)
    wanted = tf.nest.map_structure(lambda x: x * 2 if isinstance(x, np.ndarray) else x, structure)
    tf.nest.map_structure(lambda r, w: np.testing.assert_array_equal(r, w), result, wanted)
    if isinstance(structure, dict):
        assert list(result) == list(structure)
    assert double.experimental_get_tracing_count() == 1


def test_what_is_no_tensor_makes_another_signature() -> None:
    seen = []

    @tf.function
    def f(x: Any, kind: Any = None, training: Any = False) -> Any:
        seen.append((kind, training))
        return x + (1.0 if training else 0.0) + (float(kind) if isinstance(kind, (int, float)) else 0.0)

    cases = [
        ((1,), {}, 1),
        ((True,), {}, 1),
        ((1.0,), {}, 1),
        ((2,), {}, 2),
        ((), {}, 0),
        ((), {"training": True}, 1),
        ((), {"training": 1}, 1),
        ((), {"kind": "x"}, 0),
    ]
    for _ in range(3):
        for args, kwargs, more in cases:
            np.testing.assert_array_equal(f(A, *args, **kwargs), A + more)
    assert len(seen) == len(cases)


def test_tensors_by_name_stand_in_their_place() -> None:
    @tf.function
    def subtract(x: Any, y: Any, scale: Any = 1) -> Any:
        return (x - y) * scale

    b = tf.constant(A * 3)
    for _ in range(3):
        np.testing.assert_array_equal(subtract(y=A, x=b), A * 2)
        np.testing.assert_array_equal(subtract(A, y=b), -A * 2)
        np.testing.assert_array_equal(subtract(A, b, scale=2), -A * 4)


def test_arrays_are_read_at_every_call_and_never_kept_as_results() -> None:
    same = tf.function(lambda x: (x, x + 1))
    x = A.copy()
    for k in range(4):
        x[...] = k
        itself, more = same(x)
        assert not np.shares_memory(itself.numpy(), x)
        x[...] = -1
        np.testing.assert_array_equal(itself, np.full_like(A, k))
        np.testing.assert_array_equal(more, np.full_like(A, k + 1))


@pytest.mark.parametrize("given", [A[:, ::-1], A.T, A.astype(">f4"), np.asfortranarray(A), A[:0], np.float32(3)])
def test_arrays_of_any_layout(given: Any) -> None:
    result = thrice(tf.function(lambda x: x * 2), given)
    assert result.dtype == tf.float32
    np.testing.assert_array_equal(result, np.asarray(given) * 2)


def test_an_input_signature_converts_arrays_each_time() -> None:
    f = tf.function(lambda x, y: x + y, input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.float32)])
    for _ in range(3):
        result = f(np.arange(3, dtype=np.float64), 1)
        assert result.dtype == tf.float32
        np.testing.assert_array_equal(result, [1, 2, 3])


def test_numbers_that_are_not_themselves_and_texts() -> None:
    assert math.isnan(float(thrice(tf.function(lambda x, n: x * n), tf.constant(1.0), math.nan)))
    joined = thrice(tf.function(lambda s: s + "!"), np.array(["a", "b"]))
    assert joined.numpy().tolist() == [b"a!", b"b!"]


def test_calls_under_a_tape_and_inside_a_function() -> None:
    square = tf.function(lambda d: {"y": d["x"] ** 2})
    x = tf.constant(A)
    for _ in range(3):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = square({"x": x})["y"]
        np.testing.assert_array_equal(tape.gradient(y, x), 2 * A)
        np.testing.assert_array_equal(square({"x": A})["y"], A**2)
    np.testing.assert_array_equal(tf.function(lambda v: square({"x": v})["y"] + 1)(x), A**2 + 1)


# --- under tapes ---
def test_under_a_tape_a_function_runs_once() -> None:
    seen = []

    def look(x: Any) -> Any:
        seen.append(x)
        return x

    f = tf.function(lambda x: tf.square(x) + tf.stop_gradient(tf.numpy_function(look, [x], tf.float32, shapes=())))
    x = tf.constant(3.0)
    for n in (1, 2, 3):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        assert float(tape.gradient(y, x)) == 6.0
        assert len(seen) == n


def test_a_variable_is_updated_once_under_a_tape() -> None:
    w, count = tf.Variable(2.0), tf.Variable(0, trainable=False)

    @tf.function
    def f(x: Any) -> Any:
        count.assign_add(1)
        return w * x * x

    with tf.GradientTape(persistent=True) as tape:
        y = f(3.0) + f(4.0)
    assert [float(tape.gradient(y, w)) for _ in range(2)] == [25.0, 25.0]
    assert int(count) == 2


def test_gradients_by_some_of_the_inputs() -> None:
    a, b, c = (tf.constant(A + k) for k in range(3))
    f = tf.function(lambda x, y, z: (x * y, tf.cast(x, tf.int32), tf.sin(z), tf.constant(1.0)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([a, b, c])
        product, whole, sine, one = f(a, b, c)
    np.testing.assert_array_equal(tape.gradient(product, a), b)
    np.testing.assert_array_equal(tape.gradient(product, [b, a])[0], a)
    assert tape.gradient(whole, a) is None and float(one) == 1.0
    both = tape.gradient([product, sine], [a, c])
    np.testing.assert_allclose(both[0], b)
    np.testing.assert_allclose(both[1], np.cos(A + 2), rtol=1e-6)


def test_derivatives_of_any_order() -> None:
    """x^5 and its derivatives, by tapes in tapes around one compiled function."""
    f = tf.function(lambda x: tf.reduce_sum(x**5))
    x = tf.constant([1.0, 2.0, -3.0])
    with tf.GradientTape() as third:
        third.watch(x)
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                y = f(x)
            dy = first.gradient(y, x)
        ddy = second.gradient(dy, x)
    dddy = third.gradient(ddy, x)
    v = x.numpy().astype(np.float64)
    for found, wanted in ((dy, 5 * v**4), (ddy, 20 * v**3), (dddy, 60 * v**2)):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_hessian_of_a_compiled_function() -> None:
    f = tf.function(lambda x: tf.reduce_sum(tf.sin(x) * x[::-1]))
    x = tf.constant([0.3, 0.7, 1.1])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        g = inner.gradient(y, x)
    v = x.numpy().astype(np.float64)
    wanted = np.diag(-np.sin(v) * v[::-1]) + np.fliplr(np.diag(np.cos(v) + np.cos(v[::-1])))
    np.testing.assert_allclose(outer.jacobian(g, x), wanted, rtol=1e-5, atol=1e-6)


def test_sizes_left_open_under_a_tape() -> None:
    f = tf.function(lambda x: tf.reduce_mean(x * x), input_signature=[tf.TensorSpec([None], tf.float32)])
    for n in (1, 3, 7, 3):
        x = tf.range(n, dtype=tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        np.testing.assert_allclose(tape.gradient(y, x), 2 * x.numpy() / n, rtol=1e-6)


def test_what_has_no_gradient_says_so_when_it_is_asked_for() -> None:
    @tf.function
    def f(x: Any, y: Any) -> Any:
        with tf.GradientTape() as inner:
            inner.watch(x)
            z = tf.math.digamma(x)
        return inner.gradient(z, x), x * y

    x, y = tf.constant([1.0]), tf.constant([2.0])
    for _ in range(2):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([x, y])
            after, product = f(x, y)
        np.testing.assert_array_equal(tape.gradient(product, y), x)
        with pytest.raises(tf.errors.UnimplementedError, match="has no gradient"):
            tape.gradient(after, x)
