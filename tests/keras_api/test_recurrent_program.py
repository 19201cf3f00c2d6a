"""Recurrent layers outside of functions: one compiled loop, with the results, gradients and random numbers of the loop as it is written."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.keras.layers import recurrent_cells, recurrent_loop

L = tf.keras.layers
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.standard_normal((3, 6, 4)).astype(np.float32)
MASK = np.array([[1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], bool)
STATE = RANDOM.standard_normal((3, 5)).astype(np.float32)
IMAGES = RANDOM.standard_normal((2, 4, 6, 6, 3)).astype(np.float32)
ALL = {"return_sequences": True, "return_state": True}
CASES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "simple": (lambda: L.SimpleRNN(5), {}),
    "lstm": (lambda: L.LSTM(5), {}),
    "lstm_all": (lambda: L.LSTM(5, **ALL), {}),
    "lstm_backwards_masked": (lambda: L.LSTM(5, go_backwards=True, **ALL), {"mask": MASK}),
    "lstm_zeros_for_mask": (lambda: L.LSTM(5, zero_output_for_mask=True, **ALL), {"mask": MASK}),
    "lstm_from_states": (lambda: L.LSTM(5), {"initial_state": [STATE, STATE * 2]}),
    "lstm_dropout": (lambda: L.LSTM(5, dropout=0.3, recurrent_dropout=0.4, seed=3, **ALL), {"training": True, "mask": MASK}),
    "gru_masked": (lambda: L.GRU(5), {"mask": MASK}),
    "gru_reset_before": (lambda: L.GRU(5, reset_after=False, dropout=0.5, seed=1), {"training": True}),
    "gru_relu": (lambda: L.GRU(5, activation="relu", use_bias=False, go_backwards=True), {}),
    "bidirectional": (lambda: L.Bidirectional(L.LSTM(5, return_sequences=True)), {"mask": MASK}),
    "stacked": (lambda: L.RNN([L.LSTMCell(4), L.GRUCell(5, dropout=0.5, seed=2)], **ALL), {"training": True, "mask": MASK}),
    "float16": (lambda: L.LSTM(5, dtype="mixed_float16"), {}),
    "stacked_float16": (lambda: L.RNN([L.LSTMCell(4), L.GRUCell(5)], dtype="mixed_float16"), {"mask": MASK}),
    "images": (lambda: L.ConvLSTM2D(2, 3, padding="same", return_sequences=True), {}),
}  # fmt: skip


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cells whose step ran in Python from here on."""
    seen: list[str] = []
    for cell in (recurrent_cells.SimpleRNNCell, recurrent_cells.LSTMCell, recurrent_cells.GRUCell):
        plain = cell.advance

        def noted(self: Any, *args: Any, plain: Any = plain) -> Any:
            seen.append(self.name)
            return plain(self, *args)

        monkeypatch.setattr(cell, "advance", noted)
    return seen


@pytest.fixture
def as_written() -> Iterator[Callable[..., Any]]:
    """Runs a function without compiling anything."""

    def run(function: Callable[..., Any], *args: Any) -> Any:
        tf.config.run_functions_eagerly(True)
        try:
            return function(*args)
        finally:
            tf.config.run_functions_eagerly(False)

    yield run


def everything(layer: Any, x: Any, options: Any) -> list[Any]:
    """Results, gradients by weights and inputs, and the random state after it."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        ys = tf.nest.flatten(layer(x, **options))
        total = tf.add_n([tf.reduce_sum(tf.cast(y, "float32") ** 2) for y in ys])
    return [np.asarray(t, np.float64) for t in (*ys, *tape.gradient(total, [x, *layer.trainable_variables]), *layer.non_trainable_variables)]


@pytest.mark.parametrize("name", CASES)
def test_equals_the_loop_as_it_is_written(name: str, as_written: Callable[..., Any]) -> None:
    make, options = CASES[name]
    x = IMAGES if name == "images" else ROWS
    made = []
    for _ in range(2):
        tf.keras.utils.set_random_seed(1)
        made.append(make())
        made[-1].build(x.shape)
    layer, other = made
    for _ in range(2):
        expected = as_written(everything, other, x, options)
        for a, b in zip(everything(layer, x, options), expected, strict=True):
            np.testing.assert_allclose(a, b, atol=0.02 if "float16" in name else 2e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_one_trace_serves_all_batches_and_lengths(masked: bool, steps: list[str]) -> None:
    layer = L.LSTM(5)
    for batch, length in ((3, 6), (3, 4), (1, 9), (2, 1)):
        x = tf.constant(RANDOM.standard_normal((batch, length, 4)).astype("float32"))
        layer(x, mask=tf.ones((batch, length), "bool") if masked else None)
    assert steps == ["lstm_cell"]


def test_taped_calls_trace_once_too(steps: list[str]) -> None:
    layer = L.GRU(5)
    for _ in range(3):
        everything(layer, ROWS, {})
    assert steps == ["gru_cell"]


def test_code_of_the_users_own_runs_at_each_step() -> None:
    seen = []

    class Own(L.LSTMCell):
        def advance(self, *args):
            seen.append("cell")
            return super().advance(*args)

    def activation(x):
        seen.append("activation")
        return tf.tanh(x)

    for layer, what in ((L.RNN(Own(5)), "cell"), (L.SimpleRNN(5, activation=activation), "activation")):
        layer(ROWS)
        seen.clear()
        layer(ROWS)
        assert seen == [what] * 6


def test_states_of_the_users_own_are_asked_for_each_time() -> None:
    class Own(L.SimpleRNN):
        asked = 0

        def get_initial_state(self, batch_size):
            self.asked += 1
            return [tf.fill((batch_size, 5), 0.1 * self.asked)]

    layer = Own(5)
    first, second = layer(ROWS), layer(ROWS)
    assert layer.asked == 2 and not np.allclose(first, second)


def test_what_is_set_after_a_call_counts(as_written: Callable[..., Any]) -> None:
    layer = L.LSTM(5)
    layer(ROWS)
    for change in ("return_sequences", "go_backwards", "return_state"):
        setattr(layer, change, True)
        for a, b in zip(tf.nest.flatten(layer(ROWS)), tf.nest.flatten(as_written(layer, ROWS)), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    layer.cell.activation = tf.keras.activations.relu
    layer.set_weights([2 * w for w in layer.get_weights()])
    np.testing.assert_allclose(layer(ROWS)[0], as_written(layer, ROWS)[0], atol=1e-5)
    layer.trainable = False
    with tf.GradientTape() as tape:
        y = layer(ROWS)[0]
    assert tape.gradient(y, layer.cell.kernel) is None


def test_copies_have_weights_of_their_own() -> None:
    layer = L.GRU(5)
    before = layer(ROWS)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other(ROWS), before)
        other.set_weights([0 * w for w in other.get_weights()])
        assert not np.any(other(ROWS)) and np.any(layer(ROWS))


def test_a_state_that_stays() -> None:
    layer = L.LSTM(5, stateful=True, return_sequences=True)
    whole = L.LSTM(5, return_sequences=True)
    whole.build(ROWS.shape)
    layer.build((3, 2, 4))
    layer.set_weights(whole.get_weights())
    parts = [layer(ROWS[:, i : i + 2]) for i in (0, 2, 4)]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole(ROWS), atol=1e-6)


def test_gradients_of_gradients_and_tapes_that_stay(as_written: Callable[..., Any]) -> None:
    layer = L.GRU(3)
    layer.build(ROWS.shape)
    kernel = layer.cell.recurrent_kernel

    def second() -> list[Any]:
        with tf.GradientTape(persistent=True) as outer:
            with tf.GradientTape() as inner:
                y = tf.reduce_sum(layer(ROWS) ** 2)
            g = tf.reduce_sum(inner.gradient(y, kernel) ** 2)
        return [np.asarray(outer.gradient(g, kernel)), np.asarray(outer.gradient(y, kernel)), np.asarray(outer.gradient(g, kernel))]

    for a, b in zip(second(), as_written(second), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_empty_batches_and_mistakes(as_written: Callable[..., Any]) -> None:
    layer = L.LSTM(5, return_sequences=True)
    assert layer(ROWS).shape == (3, 6, 5) and layer(ROWS[:0]).shape == (0, 6, 5)
    with pytest.raises(ValueError, match="no rows"):
        layer(ROWS[:, :0])
    for wrong in ({"initial_state": [STATE[:, :4]] * 2}, {"mask": MASK[:, :5]}):
        for run in (lambda f, *args: f(*args), as_written):
            with pytest.raises((ValueError, TypeError)):
                run(lambda wrong: layer(ROWS, **wrong), wrong)


def test_a_mistake_names_the_line_that_called_the_layer() -> None:
    layer = L.LSTM(5, name="reader")
    layer(ROWS)
    with pytest.raises(ValueError, match=rf"(?s)inner dimensions differ.*at {re.escape(__file__)}:\d+ in test_a_mistake_.*layer reader"):
        layer(tf.concat([ROWS, ROWS], -1))


def test_an_unrolled_loop_is_not_compiled(steps: list[str]) -> None:
    layer = L.SimpleRNN(5, unroll=True)
    layer(ROWS)
    assert len(steps) == 6


def test_traced_functions_have_the_loop_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    run = recurrent_loop.run
    monkeypatch.setattr(recurrent_loop, "run", lambda *args: seen.append(tf.executing_eagerly()) or run(*args))
    layer = L.LSTM(5)
    layer.build(ROWS.shape)
    tf.function(layer)(ROWS)
    assert seen == [False]
