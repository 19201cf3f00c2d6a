"""tf.function: signatures, variables, unknown sizes, inlining, errors."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.tensor.tensor import wrap


def test_one_trace_per_signature() -> None:
    traces = []

    @tf.function
    def f(x: Any, flag: bool = True) -> Any:
        traces.append(1)
        return x + 1 if flag else x - 1

    assert f(tf.constant(1)).numpy() == 2 and f(tf.constant(5)).numpy() == 6
    assert len(traces) == 1
    f(tf.constant(1.5))
    f(tf.constant([1, 2]))
    assert f(tf.constant(1), flag=False).numpy() == 0
    assert f(tf.constant(1), False).numpy() == 0
    assert len(traces) == 4 == f.experimental_get_tracing_count()


def test_nested_arguments_and_results() -> None:
    @tf.function
    def f(d: Any, *rest: Any) -> Any:
        return {"sum": d["a"] + d["b"][0], "rest": [r * 2 for r in rest], "none": None}

    out = f({"a": tf.constant(1), "b": (tf.constant(2),)}, tf.constant(3))
    assert int(out["sum"]) == 3 and int(out["rest"][0]) == 6 and out["none"] is None


def test_input_signature_leaves_sizes_open() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    def f(x: Any) -> Any:
        assert x.shape == (None, 3)
        return tf.reshape(x, [tf.shape(x)[0] * 3]), tf.reduce_mean(x, 0), tf.shape(x)

    for n in (1, 2, 5, 0):
        flat, mean, shape = f(tf.ones((n, 3)))
        assert flat.shape == (3 * n,) and shape.numpy().tolist() == [n, 3]
        np.testing.assert_array_equal(mean.numpy(), [1.0] * 3 if n else [np.nan] * 3)
    assert f.experimental_get_tracing_count() == 1
    with pytest.raises(ValueError, match="input_signature"):
        f(tf.ones((2, 4)))
    with pytest.raises(TypeError, match="float32"):
        f(tf.ones((2, 3), tf.float64))


def test_concrete_function() -> None:
    f = tf.function(lambda x, y: x * 2.0 + y)
    c = f.get_concrete_function(tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.float32))
    assert c(tf.constant([1.0, 2.0]), tf.constant(1.0)).numpy().tolist() == [3.0, 5.0]
    assert "mul" in str(c)


def test_variables_are_created_once_and_updated_in_place() -> None:
    class Counter(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.v: Any = None

        @tf.function
        def __call__(self, x: Any) -> Any:
            if self.v is None:
                self.v = tf.Variable(tf.zeros([2]))
            self.v.assign_add(x)
            return self.v * 10.0

    a, b = Counter(), Counter()
    assert a(tf.constant([1.0, 2.0])).numpy().tolist() == [10.0, 20.0]
    assert a(tf.constant([1.0, 2.0])).numpy().tolist() == [20.0, 40.0]
    assert b(tf.constant([5.0, 5.0])).numpy().tolist() == [50.0, 50.0]
    assert a.v.numpy().tolist() == [2.0, 4.0]


def test_variables_created_on_every_call_are_refused() -> None:
    @tf.function
    def f(x: Any) -> Any:
        return tf.Variable(1.0) * x

    f(tf.constant(1.0))
    with pytest.raises(ValueError, match="first"):
        f(tf.constant([1.0]))


def test_a_snapshot_survives_in_place_updates() -> None:
    v = tf.Variable([1.0, 2.0])
    f = tf.function(lambda: v.assign_add([1.0, 1.0]))
    before = v.read_value()
    f()
    f()
    assert before.numpy().tolist() == [1.0, 2.0] and v.numpy().tolist() == [3.0, 4.0]


def test_reads_see_earlier_writes_in_order() -> None:
    v = tf.Variable(1.0)

    @tf.function
    def f() -> Any:
        a = v + 0.0
        v.assign(a * 10.0)
        b = v + 0.0
        v.assign_sub(1.0)
        return a, b, v.read_value()

    assert [float(t) for t in f()] == [1.0, 10.0, 9.0] and float(v.numpy()) == 9.0
    assert [float(t) for t in f()] == [9.0, 90.0, 89.0]


def test_swapping_variables() -> None:
    a, b = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])

    @tf.function
    def swap() -> None:
        old = a.read_value()
        a.assign(b)
        b.assign(old)

    swap()
    assert a.numpy().tolist() == [3.0, 4.0] and b.numpy().tolist() == [1.0, 2.0]


def test_functions_are_inlined_into_functions() -> None:
    v = tf.Variable(0.0)
    inner = tf.function(lambda x: v.assign_add(x) * 2.0)
    outer = tf.function(lambda x: inner(x) + inner(x))
    assert float(outer(tf.constant(1.0))) == 6.0 and float(v.numpy()) == 2.0


def test_input_may_be_output_and_constants_may_be_output() -> None:
    f = tf.function(lambda x: (x, x, tf.constant([1, 2]), x[0]))
    x = tf.constant([5.0, 6.0])
    a, b, c, d = f(x)
    assert a.numpy().tolist() == b.numpy().tolist() == [5.0, 6.0] and c.numpy().tolist() == [1, 2] and float(d) == 5.0


def test_arguments_wherever_their_elements_are() -> None:
    """Read-only, strided, empty and half-precision arrays, and results of all sizes: their addresses are found by different means."""

    @tf.function
    def f(x: Any) -> Any:
        return x + x, tf.reduce_sum(x)

    frozen = np.arange(6.0, dtype=np.float32)
    frozen.flags.writeable = False
    wide = np.arange(3000.0, dtype=np.float32)
    for a in (frozen, wide[::2], wide, np.broadcast_to(np.float32(2), (4, 5)), np.zeros((0, 3), np.float32), np.float32(3)):
        doubled, total = f(wrap(a))
        np.testing.assert_array_equal(doubled.numpy(), np.asarray(a) * 2)
        np.testing.assert_allclose(float(total), np.asarray(a, np.float64).sum())
    half = tf.cast([1.0, 2.0], tf.bfloat16)
    assert tf.cast(f(half)[0], tf.float32).numpy().tolist() == [2.0, 4.0]


def test_values_are_unknown_while_tracing() -> None:
    @tf.function
    def f(x: Any) -> Any:
        if x > 0:
            return x
        return -x

    with pytest.raises(TypeError, match="unknown while the function is traced"):
        f(tf.constant(1.0))
    v = tf.Variable(1.0)
    with pytest.raises(TypeError, match="unknown while the function is traced"):
        tf.function(lambda: v + float(np.asarray(v)))()  # it would be what it was when the function was traced


def test_leaked_tensors_are_named() -> None:
    kept: list[Any] = []

    @tf.function
    def f(x: Any) -> Any:
        kept.append(x * 2.0)
        return x

    f(tf.constant(1.0))
    with pytest.raises(TypeError, match="another traced function"):
        tf.function(lambda y: y + kept[0])(tf.constant(1.0))
    with pytest.raises(TypeError, match="unknown"):
        kept[0].numpy()


def test_errors_in_a_trace_name_the_line() -> None:
    @tf.function
    def f(a: Any, b: Any) -> Any:
        return a @ b

    with pytest.raises(ValueError, match=r"\[matmul\][\s\S]*test_function.py"):
        f(tf.ones((2, 3)), tf.ones((2, 3)))


def test_run_functions_eagerly() -> None:
    seen: list[Any] = []
    f = tf.function(lambda x: seen.append(x) or x)  # type: ignore[func-returns-value]
    tf.config.run_functions_eagerly(True)
    try:
        f(tf.constant(1.0))
        assert float(seen[0].numpy()) == 1.0
    finally:
        tf.config.run_functions_eagerly(False)


def test_threads_share_a_function() -> None:
    f = tf.function(lambda x: tf.reduce_sum(tf.tanh(x) * 2.0))
    x = tf.constant(np.random.default_rng(0).standard_normal((200, 300)).astype("f"))
    expected = f(x).numpy()
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.extend(f(x).numpy() for _ in range(20))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 80 and all(r == expected for r in results)


def test_large_arguments_are_found_again_wherever_they_are() -> None:
    """The same array, others in turn, others where one lay that is gone, and strided ones."""
    double = tf.function(lambda x: x * 2.0)
    a, b = (np.full(5000, k, "float32") for k in range(2))
    for x in (a, a, b, a, *(np.full(5000, k, "float32") for k in range(20)), np.arange(10000, dtype="float32")[::2], a):
        np.testing.assert_array_equal(double(tf.constant(x)).numpy(), x * 2)
    t = tf.constant(a)
    for _ in range(3):
        np.testing.assert_array_equal(double(t).numpy(), a * 2)
        t._array += 1  # type: ignore[operator]
        a += 1


def test_methods_do_not_keep_their_object_alive() -> None:
    class Model:
        @tf.function
        def __call__(self, x: Any) -> Any:
            return x + 1

    m = Model()
    m(tf.constant(1))
    gone = weakref.ref(m)
    del m
    gc.collect()
    assert gone() is None


def test_random_numbers_advance_inside_functions() -> None:
    f = tf.function(lambda: tf.random.uniform([3]))
    tf.random.set_seed(1)
    a, b = f().numpy(), f().numpy()
    assert not np.array_equal(a, b)
    tf.random.set_seed(1)
    np.testing.assert_array_equal(f().numpy(), a)


@pytest.mark.parametrize("gradient", [False, True])
def test_what_a_compiled_function_was_given_is_not_kept(gradient: bool) -> None:
    """However many sets of sizes it has seen: else each of its programs would keep arrays of its last call."""
    function = tf.function(lambda x: tf.reduce_sum(x * x))
    kept = []
    for n in range(3):
        x = tf.constant(np.full((200, 100 + n), 2.0, np.float32))
        for _ in range(2):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x)
            assert y.numpy() == 4.0 * 200 * (100 + n)
            if gradient:
                np.testing.assert_array_equal(tape.gradient(y, x), np.full((200, 100 + n), 4.0))
        kept.append(weakref.ref(x._array))
        del x, tape, y
    gc.collect()
    assert [k() is None for k in kept] == [True] * 3


def test_the_structure_of_arguments_is_described_by_specs() -> None:
    concrete = tf.function(lambda pair, k=2: pair[0] * k + pair[1]).get_concrete_function((tf.ones((2, 3)), tf.TensorSpec((None, 3))))
    (pair,), options = concrete.structured_input_signature
    assert [(s.shape.as_list(), s.dtype.name) for s in pair[:1]] == [([2, 3], "float32")] and isinstance(pair[1], tf.TensorSpec)
    assert options == {}


def test_programs_for_any_number_of_sizes_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenfold.transform.function.MOST_PROGRAMS", 3)
    double = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec((None,))])
    concrete = double.get_concrete_function()
    for n in (1, 2, 3, 4, 1, 5, 2):
        np.testing.assert_array_equal(double(tf.ones(n)), np.full(n, 2.0))
        assert len(concrete._programs) <= 3 and len(concrete._ready) <= 3


class Watched(list[Any]):
    """A list that counts how often somebody goes through it."""

    seen = 0

    def __iter__(self) -> Any:
        self.seen += 1
        return super().__iter__()


def test_a_step_looks_at_its_variables_when_anybody_has_read_one() -> None:
    v, w = tf.Variable([1.0, 2.0]), tf.Variable(3.0)

    @tf.function
    def step(x: Any) -> Any:
        v.assign_add(x)
        w.assign_add(1.0)
        return v * w

    x = tf.constant([1.0, 1.0])
    step(x)
    (concrete,) = step._concrete.values()
    written = concrete._written = Watched(concrete._written)
    step(x)
    assert step(x).numpy().tolist() == [24.0, 30.0] and written.seen == 0
    held = v.read_value()
    v.read_value()
    step(x)
    assert written.seen and held.numpy().tolist() == [4.0, 5.0] and v.numpy().tolist() == [5.0, 6.0]
    step(x)
    tf.Variable(1.0).read_value()  # nothing of its own: it looks, but has nothing to leave
    step(x)
    assert held.numpy().tolist() == [4.0, 5.0] and v.numpy().tolist() == [7.0, 8.0] and w.numpy() == 9.0


def test_results_made_ahead_are_each_ones_own() -> None:
    step = tf.function(lambda x: (x + 1.0, tf.reduce_sum(x)))
    results = [step(tf.constant([float(k), 0.0])) for k in range(200)]
    for k, (more, total) in enumerate(results):
        assert more.numpy().tolist() == [k + 1.0, 1.0] and total.numpy() == k
    assert len({t._array.ctypes.data for pair in results for t in pair}) == 400
