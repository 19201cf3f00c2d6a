"""What depends on weights alone is computed once, and anew whenever a weight has changed."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler import pipeline
from tenfold.compiler.pipeline import Program
from tenfold.tensor.variable import Readings

RNG = np.random.default_rng(0)


def values(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def only_program(function: Any) -> Program:
    """The one program of a tf.function called with one set of shapes."""
    (concrete,) = function._concrete.values()
    (program,) = concrete._programs.values()
    assert isinstance(program, Program)
    return program


def oracle(x: Any, w: Any, scale: Any) -> Any:
    return (x.astype(np.float64) @ w.astype(np.float64).T) * (1 / np.sqrt(scale.astype(np.float64) + 1))


class Product:
    """x @ w.T * rsqrt(scale + 1): a transposed weight, which is packed, and a factor, which is computed."""

    def __init__(self) -> None:
        self.w, self.scale = tf.Variable(values(24, 40)), tf.Variable(values(24) ** 2)
        self.function = tf.function(lambda x: tf.matmul(x, self.w, transpose_b=True) * tf.math.rsqrt(self.scale + 1.0))
        self.x = values(5, 40)

    def check(self) -> None:
        expected = oracle(self.x, self.w.numpy(), self.scale.numpy())
        np.testing.assert_allclose(self.function(tf.constant(self.x)), expected, rtol=1e-4, atol=1e-5)


def test_the_factor_and_the_packed_weights_are_made_once() -> None:
    p = Product()
    p.check()
    program = only_program(p.function)
    made = []
    settle = program._settle
    program._settle = lambda versions: made.append(1) or settle(versions)  # type: ignore
    assert program.kept_bytes >= 4 * 24 * 41
    for _ in range(3):
        p.check()
    assert not made
    p.scale.assign(p.scale + 1.0)
    p.check()
    p.check()
    assert len(made) == 1


def test_variables_are_read_again_when_any_has_changed() -> None:
    v, other = tf.Variable(values(3)), tf.Variable(values(3))
    readings = Readings([v], [v])

    def changes() -> bool:
        before = readings()
        return not all(a is b for a, b in zip(before, readings(), strict=True))

    assert not changes()
    arrays, versions = readings()
    update = tf.function(lambda: other.assign_add(tf.ones(3)))

    def update_held() -> None:
        other.read_value()  # somebody may hold the elements now, so that the update writes to a copy
        update()

    in_place, others = (update, update, v._zero, other._zero), (lambda: v.assign(values(3)), update_held)
    for change in (*in_place, *others, *in_place):
        change()
        again, numbers = readings()
        assert (again is arrays) == (change in in_place) and numbers is not versions and not changes()
        arrays, versions = again, numbers
    np.testing.assert_array_equal(arrays[0], np.zeros(3))


def test_what_failed_to_settle_is_made_again() -> None:
    p = Product()
    p.check()
    program = only_program(p.function)
    settle, failures = program._settle, [1]

    def fail(versions: Any) -> None:
        if failures:
            failures.pop()
            raise RuntimeError("no")
        settle(versions)

    program._settle = fail  # type: ignore[method-assign]
    p.scale.assign(p.scale + 1.0)
    with pytest.raises(RuntimeError):
        p.function(tf.constant(p.x))
    p.check()
    assert not failures


def test_an_assigned_weight_is_seen() -> None:
    p = Product()
    p.check()
    p.w.assign(values(24, 40))
    p.check()
    p.w.assign_add(values(24, 40))
    p.check()
    p.scale.assign(values(24) ** 2)
    p.check()


@pytest.mark.parametrize("held", [False, True])
def test_a_weight_updated_in_place_by_another_program_is_seen(held: bool) -> None:
    p = Product()
    step = tf.function(lambda: p.w.assign_sub(p.w * 0.5))
    kept = []
    for _ in range(3):
        p.check()
        before = p.w.numpy()
        if held:  # a snapshot in use: the update goes to another array
            kept.append(p.w.read_value())
        step()
        np.testing.assert_allclose(p.w, before * 0.5)
        p.check()


def test_functions_that_write_the_same_weights_in_turns_are_seen() -> None:
    """What a function writes has one version, of which another function, or an assignment, takes some variables away."""
    p, other = Product(), tf.Variable(values(24, 40))
    d = tf.constant(values(24, 40))

    @tf.function
    def both(d: Any) -> None:
        p.w.assign_add(d)
        p.scale.assign_add(tf.reduce_sum(d, 1) ** 2)

    @tf.function
    def one(d: Any) -> None:
        p.w.assign_sub(2.0 * d)
        other.assign_add(d)

    def assign(d: Any) -> None:
        p.scale.assign(p.scale * 2.0)

    def clear(d: Any) -> None:
        p.w._zero()

    p.check()
    for step in (both, one, both, both, one, one, clear, both, one, assign, one, both, clear, one):
        step(d)
        p.check()
        p.check()


def test_a_function_that_writes_its_weight_and_reads_it_again() -> None:
    p = Product()

    @tf.function
    def step(x: Any) -> Any:
        before = tf.matmul(x, p.w, transpose_b=True)
        p.w.assign(p.w * 2.0)
        return before, tf.matmul(x, p.w, transpose_b=True)

    for _ in range(3):
        p.check()
        w = p.w.numpy()
        before, after = step(tf.constant(p.x))
        np.testing.assert_allclose(before, p.x @ w.T, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(after, 2 * p.x @ w.T, rtol=1e-4, atol=1e-4)


def test_an_update_inside_a_loop_or_a_branch_is_seen() -> None:
    p = Product()

    @tf.function
    def grow(n: Any) -> Any:
        w = tf.while_loop(lambda i, w: i < n, lambda i, w: (i + 1, w * 1.5), (0, p.w.read_value()))[1]
        p.w.assign(tf.cond(n > 0, lambda: w, lambda: w + 1.0))

    for n in (2, 0, 1):
        p.check()
        grow(tf.constant(n))
        p.check()


def test_a_failing_step_may_have_changed_weights() -> None:
    p = Product()

    @tf.function
    def step(x: Any) -> Any:
        p.w.assign(p.w + 1.0)
        tf.debugging.assert_less(x, 0.0)
        return x

    p.check()
    with pytest.raises(tf.errors.InvalidArgumentError):
        step(tf.constant(1.0))
    p.check()


def test_settled_results_that_are_returned_or_decide_are_made_each_time() -> None:
    v = tf.Variable(values(8))

    @tf.function
    def function(x: Any) -> Any:
        double = v * 2.0
        return double, tf.cond(tf.reduce_sum(v) > 0, lambda: x + double, lambda: x - double)

    for sign in (1, -1, 1):
        v.assign(np.abs(values(8)) * sign)
        for _ in range(2):
            double, y = function(tf.constant(values(8) * 0))
            np.testing.assert_allclose(double, 2 * v.numpy())
            np.testing.assert_allclose(y, np.abs(2 * v.numpy()))


def image_model() -> Any:
    """Everything that prepares weights: Winograd's filters, panels, casts, factors of normalizations."""
    layers = tf.keras.layers
    return tf.keras.Sequential([
        tf.keras.Input((12, 12, 64)), layers.Conv2D(64, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU(),
        layers.Conv2D(16, 1, strides=2), layers.DepthwiseConv2D(3), layers.GlobalAveragePooling2D(), layers.Dense(4),
    ])  # fmt: skip


def test_predict_sees_the_weights_that_fit_set_and_load_left(tmp_path: Any) -> None:
    model, twin = image_model(), image_model()
    x, y = values(8, 12, 12, 64), values(8, 4)
    model.compile(tf.keras.optimizers.SGD(0.05), "mse")

    def check() -> None:
        twin.set_weights(model.get_weights())
        np.testing.assert_allclose(model.predict(x, verbose=0), twin(tf.constant(x)), rtol=2e-3, atol=2e-4)

    check()
    weights = model.get_weights()
    model.save_weights(tmp_path / "w.weights.h5")
    for _ in range(2):
        before = model.predict(x, verbose=0)
        model.fit(x, y, epochs=1, batch_size=4, verbose=0)
        assert not np.allclose(before, model.predict(x, verbose=0), atol=1e-4)
        check()
        model.train_on_batch(x, y)
        check()
    model.set_weights([w * 0.5 for w in weights])
    check()
    model.load_weights(tmp_path / "w.weights.h5")
    check()
    model.layers[0].kernel.assign(model.layers[0].kernel * 0.0)
    check()


def test_frozen_layers_are_settled_until_they_change() -> None:
    layers = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((300,)), layers.Dense(64, trainable=False, use_bias=False), layers.Dense(1, use_bias=False)])
    model.compile(tf.keras.optimizers.SGD(0.0), "mse")
    x = values(64, 300)
    for factor in (1.0, 3.0):
        model.layers[0].kernel.assign(values(300, 64) * factor)
        expected = (x.astype(np.float64) @ model.layers[0].kernel.numpy() @ model.layers[1].kernel.numpy()) ** 2
        loss = model.train_on_batch(x, np.zeros((64, 1), np.float32))
        np.testing.assert_allclose(np.ravel(loss)[0], expected.mean(), rtol=1e-3)


def test_threads_that_train_and_predict() -> None:
    p = Product()
    step = tf.function(lambda: p.w.assign(p.w * 0.99))
    step()
    p.check()

    def train() -> None:
        for _ in range(200):
            step()

    thread = threading.Thread(target=train)
    thread.start()
    while thread.is_alive():
        p.function(tf.constant(p.x))
    thread.join()
    p.check()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_first_run_makes_no_panels_of_large_weights_and_has_the_same_bits(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "LARGE", 1)
    w, v, scale = (tf.Variable(tf.cast(values(*shape), dtype)) for shape in ((70, 90), (3, 3, 5, 6), (90,)))
    function = tf.function(lambda x, y: (tf.matmul(x, w) * tf.math.rsqrt(scale * scale + 1.0), tf.nn.conv2d(y, v, 1, "SAME")))
    arguments = tf.cast(values(64, 70), dtype), tf.cast(values(2, 9, 9, 5), dtype)

    def run() -> list[bytes]:
        return [r.numpy().tobytes() for r in function(*arguments)]

    first = run()
    program = only_program(function)
    assert program.kept_bytes and not program._kept.made
    assert run() == first
    assert program._kept.made and program._first is None
    w.assign(w * tf.cast(0.5, dtype))
    scale.assign(scale * tf.cast(0.5, dtype))
    assert run() == run() != first
    again = tf.function(lambda x, y: function(x, y))
    assert [r.numpy().tobytes() for r in again(*arguments)] == run()


def test_a_weight_that_changes_after_the_first_run_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "LARGE", 1)
    p = Product()
    p.check()
    p.w.assign(values(24, 40))
    for _ in range(3):
        p.check()
