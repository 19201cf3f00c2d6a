"""Gradients of gathered rows: IndexedSlices, what optimizers make of them, and what compiled steps touch.

The expected numbers are those of TensorFlow 2.21 with Keras 3.15 (tests/recorded/make/slices.py): an optimizer squares the parts of a row before
it adds them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from primitive_checks import check_gradient, same_compiled

import tenfold as tf
from tenfold.compiler.pipeline import Program
from tenfold.core.errors import ShapeError
from tenfold.primitives.gather import row_owners
from tenfold.primitives.scatter import scatter_into
from tenfold.tensor.tensor import wrap

INDICES = np.array([[1, 1, 3]], np.int32)
WEIGHTS = np.array([[[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]]], np.float32)


def test_the_gradient_of_gather_is_slices() -> None:
    table = tf.Variable(np.arange(12.0, dtype=np.float32).reshape(6, 2))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table, INDICES) * WEIGHTS)
    g = tape.gradient(loss, table)
    assert isinstance(g, tf.IndexedSlices)
    assert g.indices.numpy().tolist() == [1, 1, 3] and g.shape == (6, 2) and g.dense_shape.numpy().tolist() == [6, 2]
    np.testing.assert_array_equal(g.values.numpy(), WEIGHTS[0])
    want = np.zeros((6, 2), np.float32)
    np.add.at(want, INDICES[0], WEIGHTS[0])
    np.testing.assert_array_equal(tf.convert_to_tensor(g).numpy(), want)
    np.testing.assert_array_equal((g * g).dense().numpy()[1], [10, 5])  # the sum of squares
    np.testing.assert_array_equal((1.0 - g).numpy(), 1 - want)


def test_slices_of_two_lookups_join_and_with_a_dense_gradient_become_dense() -> None:
    table = tf.Variable(np.ones((6, 2), np.float32))
    with tf.GradientTape(persistent=True) as tape:
        two = tf.reduce_sum(tf.gather(table, [0, 2])) + tf.reduce_sum(tf.gather(table, [2, 5]))
        mixed = two + tf.reduce_sum(table * table)
    slices, dense = tape.gradient(two, table), tape.gradient(mixed, table)
    assert isinstance(slices, tf.IndexedSlices) and sorted(slices.indices.numpy().tolist()) == [0, 2, 2, 5]
    np.testing.assert_array_equal(dense.numpy()[:, 0], [3, 2, 4, 2, 2, 3])
    rows = tape.gradient(tf.reduce_sum(table[1]), table)
    assert rows is None  # outside the tape


def test_slices_check_their_shapes() -> None:
    with pytest.raises(ShapeError, match="one row of values per index"):
        tf.IndexedSlices(np.ones((3, 2)), [0, 1])
    with pytest.raises(ValueError, match="dense_shape"):
        tf.convert_to_tensor(tf.IndexedSlices(np.ones((2, 2)), [0, 1]))


def trained(optimizer: Any, compiled: bool) -> tuple[list[Any], Any]:
    layer = tf.keras.layers.Embedding(6, 2, embeddings_initializer=tf.keras.initializers.Constant(0.5))
    layer.build((None,))
    variables = layer.trainable_variables
    optimizer.build(variables)

    def step(indices: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(indices) * weights)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    run = tf.function(step) if compiled else step
    for _ in range(3):
        run(tf.constant(INDICES), tf.constant(WEIGHTS))
    return [v.numpy() for v in optimizer.variables[2:]], layer.embeddings.numpy()


RECORDED: dict[str, tuple[Any, list[list[float]], list[float]]] = {  # optimizer -> rows 1 of its state, row 1 of the table
    "sgd": (lambda o: o.SGD(), [], [0.38, 0.47]),
    "momentum": (lambda o: o.SGD(momentum=0.9), [[-0.1084, -0.0271]], [0.2756, 0.4439]),
    "clipnorm": (lambda o: o.SGD(clipnorm=1.0), [], [0.470232, 0.492558]),
    "global_clipnorm": (lambda o: o.SGD(global_clipnorm=1.0), [], [0.470232, 0.492558]),
    "clipvalue": (lambda o: o.SGD(clipvalue=0.5), [], [0.47, 0.5]),
    "accumulation": (lambda o: o.SGD(gradient_accumulation_steps=2), [[4.0, 1.0]], [0.46, 0.49]),
    "adam": (lambda o: o.Adam(), [[1.084, 0.271], [0.02997, 0.014985]], [0.496205, 0.498658]),
    "adamw": (lambda o: o.AdamW(), [[1.084, 0.271], [0.02997, 0.014985]], [0.496199, 0.498652]),
    "amsgrad": (lambda o: o.Adam(amsgrad=True), [[1.084, 0.271], [0.02997, 0.014985], [0.02997, 0.014985]], [0.496205, 0.498658]),
    "rmsprop": (lambda o: o.RMSprop(), [[2.71, 1.355]], [0.490668, 0.496701]),
    "adagrad": (lambda o: o.Adagrad(), [[30.1, 15.1]], [0.49712, 0.498985]),
    "adamax": (lambda o: o.Adamax(), [[1.084, 0.271], [4.0, 3.0]], [0.497, 0.499]),
    "lion": (lambda o: o.Lion(), [[0.118804, 0.029701]], [0.497, 0.497]),
    "adadelta": (lambda o: o.Adadelta(), [[1.42625, 0.713125], [0.0, 0.0]], [0.499995, 0.499998]),
}


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", RECORDED)
def test_optimizers_take_slices_as_tensorflow_does(name: str, compiled: bool) -> None:
    make, state, row = RECORDED[name]
    slots, table = trained(make(tf.keras.optimizers), compiled)
    for got, want in zip(slots, state, strict=True):
        np.testing.assert_allclose(got[1], want, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(table[1], row, atol=2e-6)


def test_clipping_keeps_slices_as_tensorflow_does() -> None:
    """Norms are of the values, parts of a row one by one."""
    table = tf.Variable(tf.ones((6, 2)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table, INDICES) * WEIGHTS)
    g = tape.gradient(loss, table)
    assert float(tf.linalg.global_norm([g, None])) == pytest.approx(4.031129)
    (clipped, other, none), norm = tf.clip_by_global_norm([g, tf.constant([2.0]), None], 2.0)
    assert none is None and float(norm) == pytest.approx(4.5) and other.numpy() == pytest.approx(2 * 2 / 4.5)
    recorded = {
        "global": (clipped, [[0.444444, 0.888889], [1.333333, -0.444444], [0.222222, 0.444444]]),
        "norm": (tf.clip_by_norm(g, 2.0), [[0.496139, 0.992278], [1.488417, -0.496139], [0.248069, 0.496139]]),
        "value": (tf.clip_by_value(g, -0.75, 1.5), [[1.0, 1.5], [1.5, -0.75], [0.5, 1.0]]),
    }
    for got, want in recorded.values():
        assert isinstance(got, tf.IndexedSlices) and got.indices.numpy().tolist() == [1, 1, 3] and got.shape == (6, 2)
        np.testing.assert_allclose(got.values.numpy(), want, atol=1e-6)


def test_scatter_into() -> None:
    random = np.random.default_rng(0)
    x, updates, indices = random.normal(size=(5, 3)), random.normal(size=(6, 3)), np.array([4, 0, 4, -1, 7, 2])
    want = x.copy()
    for i, u in zip(indices, updates, strict=True):
        if 0 <= i < 5:
            want[i] += u
    np.testing.assert_array_equal(same_compiled(scatter_into, x, indices, updates)[0], want)
    check_gradient(lambda a, b: scatter_into(a, wrap(indices), b), x, updates, order=2)
    with pytest.raises(ShapeError, match="expected rows"):
        scatter_into(wrap(x), wrap(indices), wrap(updates[:, :2]))


def test_row_owners() -> None:
    indices = np.array([3, 0, 3, -1, 9])
    np.testing.assert_array_equal(same_compiled(lambda i: row_owners(i, 5), indices)[0], [2, 0, 0, 3, 0])


def calls_of(step: Any, *args: Any) -> list[Any]:
    """The calls of the program that `step`, a tf.function, ran for these arguments."""
    made: list[Any] = []
    before = Program.__init__

    def init(self: Any, *a: Any, **k: Any) -> None:
        before(self, *a, **k)
        made.append(self)

    Program.__init__ = init  # type: ignore[method-assign]
    try:
        step(*args)
    finally:
        Program.__init__ = before  # type: ignore[method-assign]
    return [call for program in made for call in program.calls]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_step_stores_no_dense_gradient(optimizer: str) -> None:
    rows, columns = 4096, 16
    layer = tf.keras.layers.Embedding(rows, columns)
    layer.build((None,))
    method = tf.keras.optimizers.get(optimizer)
    method.build(layer.trainable_variables)

    @tf.function
    def step(indices: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(indices) ** 2.0)
        method.apply(tape.gradient(loss, layer.trainable_variables), layer.trainable_variables)
        return loss

    before = layer.embeddings.numpy()
    indices = np.array([7, 7, 4095, 0, 12], np.int32)
    calls = calls_of(step, tf.constant(indices))
    sizes = [int(np.prod(v.spec.shape)) for call in calls for v in call.writes]
    assert sum(size >= rows * columns for size in sizes) == {"sgd": 1, "adam": 3}[optimizer]  # the variables themselves
    if optimizer == "sgd":
        assert not any(call.name == "copy" and np.prod(call.writes[0].spec.shape) >= rows for call in calls)
        want = before.copy()
        np.subtract.at(want, indices, np.float32(0.01) * 2 * before[indices])
        np.testing.assert_allclose(layer.embeddings.numpy(), want, rtol=1e-6)


def test_compact_sums_are_those_of_the_oracle() -> None:
    random = np.random.default_rng(1)
    indices, updates = random.integers(-2, 5000, 300).astype(np.int32), random.normal(size=(300, 8)).astype(np.float32)
    indices[100:140] = 17

    def both(i: Any, u: Any) -> Any:
        g = tf.IndexedSlices(u, i, (4096, 8))
        return [g.dense() * 2.0, (g * g).dense() + 1.0]

    got = tf.function(both)(tf.constant(indices), tf.constant(updates))
    for a, b in zip(got, both(tf.constant(indices), tf.constant(updates)), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
