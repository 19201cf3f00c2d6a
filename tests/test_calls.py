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
