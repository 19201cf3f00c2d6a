"""GradientTape: what it watches, what it returns, higher orders, jacobians."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler.pipeline import Program
from tenfold.ir.primitive import PRIMITIVES
from tenfold.transform import backward_plan
from tenfold.transform.custom import with_rule


def differences(f: Any, x: np.ndarray[Any, Any], h: float = 1e-6) -> np.ndarray[Any, Any]:
    """The gradient of a scalar function by central differences."""
    g = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        g[i] = (float(f(tf.constant(up))) - float(f(tf.constant(down)))) / (2 * h)
    return g


def smooth(x: Any) -> Any:
    return tf.reduce_sum(tf.sin(x * x) + tf.tanh(x) * tf.exp(-x))


def test_gradient_equals_differences_eager_and_traced() -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))

    def gradient(t: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(t)
            y = smooth(t)
        return tape.gradient(y, t)

    expected = differences(smooth, x)
    np.testing.assert_allclose(gradient(tf.constant(x)).numpy(), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(tf.function(gradient)(tf.constant(x)).numpy(), expected, rtol=1e-6, atol=1e-8)


def test_second_and_third_order() -> None:
    x = tf.constant(0.7, tf.float64)
    with tf.GradientTape() as t3:
        t3.watch(x)
        with tf.GradientTape() as t2:
            t2.watch(x)
            with tf.GradientTape() as t1:
                t1.watch(x)
                y = tf.sin(x * x)
            d1 = t1.gradient(y, x)
        d2 = t2.gradient(d1, x)
    d3 = t3.gradient(d2, x)
    v, s, c = 0.7, np.sin(0.49), np.cos(0.49)
    np.testing.assert_allclose([float(d1), float(d2), float(d3)], [2 * v * c, 2 * c - 4 * v * v * s, -12 * v * s - 8 * v**3 * c], rtol=1e-12)


def test_gradients_that_come_again() -> None:
    """Matrix products, movement, reductions and broadcasting: the same bits each time, in higher orders too, and for other shapes in between."""
    rng = np.random.default_rng(3)
    w = tf.Variable(rng.standard_normal((4, 2)))

    def loss(x: Any) -> Any:
        h = tf.nn.softmax(x @ w + tf.reduce_mean(w, 0))
        return tf.reduce_sum(tf.gather(tf.transpose(h), [1, 0, 1])[:, 1:] ** 2.0)

    def first_and_second(x: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                y = loss(x)
            g = inner.gradient(y, w)
            norm = tf.reduce_sum(g * g)
        return g, outer.gradient(norm, x)

    def only_first(x: Any) -> Any:
        with tf.GradientTape() as tape:
            y = loss(x)
        return tape.gradient(y, w)

    xs = [tf.constant(rng.standard_normal((n, 4))) for n in (3, 5)]
    expected = [first_and_second(x) for x in xs]
    for _ in range(3):
        for x, (g, second) in zip(xs, expected, strict=True):
            np.testing.assert_array_equal(only_first(x).numpy(), g.numpy())
            for again, before in zip(first_and_second(x), (g, second), strict=True):
                np.testing.assert_array_equal(again.numpy(), before.numpy())


STRUCTURES: dict[str, Callable[[Any, Any], Any]] = {
    "difference": lambda x, y: x - y * y,
    "other way round": lambda x, y: y - x * x,
    "one tensor twice": lambda x, y: x - x * x,
    "two variables of one shape": lambda x, y: (x @ y) * y,
    "other factor": lambda x, y: (x @ y) * x,
    "transposed": lambda x, y: tf.matmul(x, y, transpose_b=True) * y,
    "steps of Python": lambda x, y: sum((x[i] * y[i] for i in range(int(tf.reduce_sum(x * x) > 1.0) + 2)), x[0]),
    "other axis": lambda x, y: tf.reduce_max(x, 1) * tf.reduce_sum(y, 0),
    "axis": lambda x, y: tf.reduce_max(x, 0) * tf.reduce_sum(y, 0),
    "through integers": lambda x, y: x * tf.cast(tf.cast(y, tf.int32), tf.float64) + y,
}


def both_differences(f: Callable[[Any, Any], Any], x: Any, y: Any) -> list[np.ndarray[Any, Any]]:
    """The gradients of a scalar function by two tensors, by differences."""
    return [differences(lambda v: f(v, y), x.numpy()), differences(lambda v: f(x, v), y.numpy())]


def test_structure_decides_which_gradients_come_again() -> None:
    """The same operations on the same shapes, wired otherwise, in turns: each gets its own gradients, with and without weights of the targets."""
    rng = np.random.default_rng(5)
    weight = rng.standard_normal((3, 3))
    for _, (name, f) in itertools.product(range(4), STRUCTURES.items()):
        x, y = (tf.constant(rng.standard_normal((3, 3))) for _ in range(2))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([x, y])
            z = f(x, y)
        w = weight if z.ndim == 2 else weight[0]
        plain, weighted = tape.gradient(z, [x, y]), tape.gradient(z, [x, y], output_gradients=tf.constant(w))
        expected = both_differences(lambda x, y, f=f: tf.reduce_sum(f(x, y)), x, y)  # type: ignore[misc]
        expected += both_differences(lambda x, y, f=f, w=w: tf.reduce_sum(f(x, y) * w), x, y)  # type: ignore[misc]
        for g, e in zip([*plain, *weighted], expected, strict=True):
            np.testing.assert_allclose(np.zeros((3, 3)) if g is None else g.numpy(), e, rtol=1e-5, atol=1e-7, err_msg=name)


def watched_in_turns(order: str, tape: Any, x: Any, y: Any) -> Any:
    """x * y * y with tensors watched before, between or after the products."""
    z = x
    for step in order:
        if step == "*":
            z = z * y
        else:
            tape.watch(x if step == "x" else y)
    return z


def test_when_tensors_are_watched_decides_which_gradients_come_again() -> None:
    """The same operations on the same shapes, watched at other times, in turns. What was done before anything was watched is constant."""
    rng = np.random.default_rng(6)
    for _, order in itertools.product(range(4), ["xy**", "yx**", "x*y*", "x**y", "y*x*", "xyxy**", "y**", "x*y*x", "*xy*", "*y*x"]):
        x, y = (tf.constant(rng.standard_normal((3,))) for _ in range(2))
        with tf.GradientTape() as tape:
            z = watched_in_turns(order, tape, x, y)
        gx, gy = tape.gradient(z, [x, y], unconnected_gradients="zero")
        remembered = order.lstrip("*").count("*")
        np.testing.assert_allclose(gx.numpy(), y.numpy() ** 2 if remembered == 2 and "x" in order else np.zeros(3), err_msg=order)
        np.testing.assert_allclose(gy.numpy(), remembered * x.numpy() * y.numpy() if "y" in order else np.zeros(3), err_msg=order)


def test_rows_of_a_jacobian_have_one_plan_and_weights_may_be_one_tensor() -> None:
    """A tape that stays is asked with other weights each time: nothing of them is remembered but that they are the same tensor or two."""
    backward_plan._plans.clear()
    rng = np.random.default_rng(8)
    for _ in range(3):
        x = tf.constant(rng.standard_normal(5))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y, z = tf.sin(x), x * x
        before = len(backward_plan._plans)
        np.testing.assert_allclose(tape.jacobian(y, x).numpy(), np.diag(np.cos(x.numpy())))
        assert len(backward_plan._plans) <= before + 1
        u, v = (tf.constant(rng.standard_normal(5)) for _ in range(2))
        for a, b in ((u, u), (u, v), (v, u), (v, v), (x, u), (u, x), (y, v), (z, y)):
            expected = a.numpy() * np.cos(x.numpy()) + 2 * b.numpy() * x.numpy()
            np.testing.assert_allclose(tape.gradient([y, z], x, output_gradients=[a, b]).numpy(), expected)
    assert all(map(callable, backward_plan._plans.values()))


def test_a_part_more_or_a_tensor_more_are_other_gradients() -> None:
    """A joined tensor and one that is only watched have the same type and shape, and come at the same place."""
    for _ in range(4):
        x, y, other = (tf.constant(v) for v in ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0]))
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = tf.concat([x, other], 0)
            tape.watch(y)
        np.testing.assert_array_equal(tape.gradient(z, x).numpy(), [1, 1])
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = tf.concat([x], 0) * 1.0
            tape.watch(other)
        np.testing.assert_array_equal(tape.gradient(z, x).numpy(), [1, 1])


def test_gradients_that_come_again_by_what_is_asked() -> None:
    """One tape's records with other targets and sources: a target that is a source, one that nothing was done with, several readings."""
    v = tf.Variable(2.0)
    for _ in range(4):
        x, other = tf.constant(3.0), tf.constant(5.0)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([x, other])
            y = x * x * v
            v.assign_add(1.0)
            z = y * v
        value = float(v) - 1.0
        assert float(tape.gradient(y, x)) == 6.0 * value
        assert float(tape.gradient(z, x)) == 6.0 * value * (value + 1.0)
        assert float(tape.gradient(z, y)) == value + 1.0
        assert [float(g) for g in tape.gradient([z, y], [y, v])] == [value + 2.0, 9.0 * (2.0 * value + 1.0) + 9.0]
        assert tape.gradient(y, other) is None and float(tape.gradient(x, x)) == 1.0
        assert float(tape.gradient(y, other, unconnected_gradients="zero")) == 0.0
        assert tape.gradient(x, v) is None


def test_gradients_of_gathered_rows_that_come_again() -> None:
    table = tf.Variable(np.ones((5, 2)))
    for _ in range(4):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.nn.embedding_lookup(table, [1, 3, 1]) * 2.0)
        g = tape.gradient(y, table)
        assert isinstance(g, tf.IndexedSlices)
        np.testing.assert_array_equal(tf.convert_to_tensor(g).numpy()[:, 0], [0.0, 4.0, 0.0, 2.0, 0.0])


def test_gradient_through_a_compiled_function() -> None:
    w = tf.Variable(np.random.default_rng(1).standard_normal((4, 2)))
    x = tf.constant(np.random.default_rng(2).standard_normal((3, 4)))

    def f(x: Any) -> Any:
        return tf.reduce_sum(tf.tanh(x @ w) ** 2)

    compiled = tf.function(f)
    results = []
    for call in (f, compiled):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = call(x)
            gx, gw = tape.gradient(y, [x, w])
            z = tf.reduce_sum(gx * gx)
        results.append([y, gx, gw, outer.gradient(z, x)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10)


def test_unconnected_gradients() -> None:
    a, b = tf.Variable(1.0), tf.Variable([1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        y = a * 2.0
    assert tape.gradient(y, b) is None
    assert tape.gradient(y, b, unconnected_gradients="zero").numpy().tolist() == [0.0, 0.0]
    assert tape.gradient(y, {"a": a, "b": [b]})["b"] == [None]


def test_a_tape_is_used_once_unless_persistent() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    assert float(tape.gradient(y, x)) == 6.0
    with pytest.raises(RuntimeError, match="persistent"):
        tape.gradient(y, x)


def test_watching() -> None:
    x, v, frozen = tf.constant(2.0), tf.Variable(3.0), tf.Variable(4.0, trainable=False)
    with tf.GradientTape() as tape:
        y = x * v * frozen
    assert [w is v for w in tape.watched_variables()] == [True]
    gx, gv, gf = tape.gradient(y, [x, v, frozen])
    assert gx is None and gf is None and float(gv) == 8.0
    assert [w is v for w in tape.watched_variables()] == [True], "as before it was used"
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = x * v
    assert [None if g is None else float(g) for g in tape.gradient(y, [x, v])] == [3.0, None]


def test_stop_recording_and_reset() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            a = x * x
        y = a * x
    assert float(tape.gradient(y, x)) == 9.0


def test_a_variable_read_before_and_after_an_assignment() -> None:
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x
        x.assign(5.0)
        y = y + 3.0 * x
    assert float(tape.gradient(y, x)) == 7.0


def test_output_gradients_and_several_targets() -> None:
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z = x * x, 3.0 * x
    np.testing.assert_allclose(tape.gradient(y, x, output_gradients=[10.0, 1.0]).numpy(), [20.0, 4.0])
    np.testing.assert_allclose(tape.gradient([y, z], x).numpy(), [5.0, 7.0])
    with pytest.raises(ValueError, match="output gradient"):
        tape.gradient([y, z], x, output_gradients=[tf.ones(2)])


@pytest.mark.parametrize("compiled", [False, True])
def test_jacobian(compiled: bool) -> None:
    a = np.random.default_rng(0).standard_normal((3, 2))

    def jacobian(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.constant(a) @ x
        return tape.jacobian(y, x)

    x = tf.constant(np.ones((2, 4)))
    got = (tf.function(jacobian) if compiled else jacobian)(x).numpy()
    assert got.shape == (3, 4, 2, 4)
    np.testing.assert_allclose(got, np.einsum("ik,jl->ijkl", a, np.eye(4)))


def test_batch_jacobian() -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x**2 * tf.constant([1.0, 10.0])
    got = tape.batch_jacobian(y, x).numpy()
    np.testing.assert_allclose(got, [np.diag(2 * row * [1, 10]) for row in x.numpy()], rtol=1e-6)


def test_custom_gradient_is_kept_by_every_road() -> None:
    @tf.custom_gradient
    def log1pexp(x: Any) -> Any:
        e = tf.exp(x)
        return tf.math.log(1.0 + e), lambda upstream: upstream * (1.0 - 1.0 / (1.0 + e))

    def gradient(f: Any) -> float:
        x = tf.constant(100.0)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return float(tape.gradient(y, x))

    assert gradient(log1pexp) == 1.0
    assert gradient(tf.function(log1pexp)) == 1.0
    assert float(tf.function(lambda: gradient_of(log1pexp))()) == 1.0


def test_a_rule_is_kept_by_every_road_and_recorded_when_somebody_asks() -> None:
    asked = []

    def rule(g: Any, x: Any, scale: Any, power: int) -> list[Any]:
        asked.append(power)
        return [7.0 * g * scale * x**2, None]

    cube = with_rule(rule, "cube_for_a_test", "")(lambda x, scale, power: scale * x**power)
    x, scale = tf.constant([2.0, -1.0]), tf.constant(0.5)

    def values(x: Any) -> Any:
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch([x, scale])
                y = cube(x, scale, power=3)
            first, other = inner.gradient(y, [x, scale])
            assert other is None
        return y, first, outer.gradient(first, x)

    y = tf.function(lambda x: cube(x, scale, power=3))(x)
    assert not asked and y.numpy().tolist() == [4.0, -0.5]
    for run in (values, tf.function(values)):
        found = [t.numpy().tolist() for t in run(x)]
        assert found == [[4.0, -0.5], [14.0, 3.5], [14.0, -7.0]]
    inside = tf.function(lambda x: cube(x, scale, power=3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = inside(x)
    assert tape.gradient(y, x).numpy().tolist() == [14.0, 3.5]
    rows = tf.vectorized_map(lambda v: cube(v, scale, power=3), tf.stack([x, x]))
    assert rows.numpy().tolist() == [[4.0, -0.5]] * 2
    assert PRIMITIVES.pop("cube_for_a_test").doc == ""


def gradient_of(f: Any) -> Any:
    x = tf.constant(100.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return tape.gradient(y, x)


def test_custom_gradient_with_variables_and_wrong_counts() -> None:
    w = tf.Variable(3.0)

    @tf.custom_gradient
    def scaled(x: Any) -> Any:
        return x * w, lambda upstream, variables: (upstream * 100.0, [upstream * 7.0 for _ in variables])

    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = scaled(x)
    assert [float(g) for g in tape.gradient(y, [x, w])] == [100.0, 7.0]

    @tf.custom_gradient
    def wrong(a: Any, b: Any) -> Any:
        return a * b, lambda upstream: upstream

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = wrong(x, x)
    with pytest.raises(ValueError, match="expected to return 2 gradients"):
        tape.gradient(y, x)


def test_recompute_grad_gives_the_same_gradient_and_computes_again() -> None:
    w = tf.Variable(np.random.default_rng(0).standard_normal((3, 3)))
    x = tf.constant(np.random.default_rng(1).standard_normal((2, 3)))
    calls = []

    def block(x: Any) -> Any:
        calls.append(1)
        return tf.tanh(x @ w) @ w

    def gradient(f: Any) -> Any:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(f(x))
        return tape.gradient(y, w)

    expected = gradient(block).numpy()
    calls.clear()
    np.testing.assert_allclose(gradient(tf.recompute_grad(block)).numpy(), expected)
    assert len(calls) == 2
    np.testing.assert_allclose(tf.function(lambda: gradient(tf.recompute_grad(block)))().numpy(), expected)


def test_errors_teach() -> None:
    x = tf.constant([3, 1, 2])
    with pytest.raises(ValueError, match="tensor or a variable"), tf.GradientTape() as tape:
        tape.watch(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)  # integers have no gradient
        y = tf.cast(x, tf.float32) * 2.0
    assert tape.gradient(y, x) is None


def planned_bytes(step: Callable[..., Any], *args: Any) -> int:
    """The arena of the largest program that `step` compiles for these arguments."""
    sizes: list[int] = []
    before = Program.__init__

    def init(self: Program, *rest: Any, **options: Any) -> None:
        before(self, *rest, **options)
        sizes.append(self.arena_bytes)

    with mock.patch.object(Program, "__init__", init):
        tf.function(step)(*args)
    return max(sizes)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_recomputing_needs_less_memory_in_a_compiled_step(optimizer: str) -> None:
    """Activations 256 x 32: of six blocks of four layers only the blocks' inputs live from the forward pass to the backward pass."""

    def needed(wrapper: Callable[..., Any]) -> float:
        blocks = [[tf.Variable(np.eye(32, dtype=np.float32) * 0.5) for _ in range(4)] for _ in range(6)]
        variables = [w for block in blocks for w in block]
        method = tf.keras.optimizers.get(optimizer)
        method.build(variables)

        def run(block: list[Any], x: Any) -> Any:
            for w in block:
                x = tf.tanh(x @ w)
            return x

        def step(x: Any) -> Any:
            with tf.GradientTape() as tape:
                for block in blocks:
                    x = wrapper(functools.partial(run, block))(x)
                loss = tf.reduce_sum(x * x)
            method.apply(tape.gradient(loss, variables), variables)
            return loss

        return planned_bytes(step, tf.ones((2048, 32))) / (2048 * 32 * 4)

    plain, recomputed = needed(lambda f: f), needed(tf.recompute_grad)
    assert plain > 24 and recomputed < 14


def test_gradients_of_weights_are_used_as_they_come() -> None:
    """A step does not keep all gradients until the last one is there."""
    weights = [tf.Variable(np.eye(256, dtype=np.float32)) for _ in range(10)]
    method = tf.keras.optimizers.SGD(0.1)
    method.build(weights)

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            for w in weights:
                x = tf.tanh(x @ w)
            loss = tf.reduce_sum(x)
        method.apply(tape.gradient(loss, weights), weights)
        return loss

    assert planned_bytes(step, tf.ones((4, 256))) < 5 * 256 * 256 * 4


def test_a_tape_of_both_kinds_of_variables_is_read_again_and_again() -> None:
    """A tape that stays sees each value of a variable once, however often it is read, and adds up its gradients."""
    for _ in range(4):
        v, whole = tf.Variable(3.0), tf.Variable(2)
        with tf.GradientTape(persistent=True) as tape:
            a = v * v
            v.assign(5.0)
            b = v * v * tf.cast(whole, tf.float32)
        assert [float(tape.gradient(y, v)) for y in (a, b, [a, b])] == [6.0, 20.0, 26.0]
        assert tape.gradient(b, whole) is None and [w is v for w in tape.watched_variables()] == [True]
        tape.reset()
        assert tape.gradient(b, v) is None and tape.watched_variables() == ()


def test_a_variable_as_the_target():
    v, w = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = v * w
    assert float(tape.gradient(v, v)) == 1.0 and tape.gradient(v, w) is None
    assert float(tape.gradient([v, y], v)) == 4.0


def test_what_tensorflow_has_no_gradient_for():
    image = tf.Variable(np.linspace(0, 1, 12, dtype="float32").reshape(2, 2, 3))
    with tf.GradientTape() as tape:
        adjusted = tf.image.adjust_contrast(image, 2.0)
    with pytest.raises(LookupError, match="no entry for: AdjustContrastv2"):
        tape.gradient(adjusted, image)
