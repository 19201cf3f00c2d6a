"""Batches of arrays that go together into one native run: nobody sees a difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold as tf
from tenfold import keras
from tenfold.keras.training.epochs import Steps
from tenfold.keras.training.step import Step


class Watch(keras.callbacks.Callback):
    """A callback that asks for every batch, so that each is run alone."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)

    def on_test_batch_end(self, batch, logs=None):
        self.seen.append(batch)

    def on_predict_batch_end(self, batch, logs=None):
        self.seen.append(batch)


def model_of(width, seed=3):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((width,)), keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.3), keras.layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def data_of(n, width):
    random = np.random.default_rng(0)
    return random.random((n, width), np.float32), random.integers(0, 3, n), random.random(n, np.float32)


@pytest.fixture
def calls(monkeypatch):
    """Takes all the time it wants, and lists how many batches went into each call of a step."""
    monkeypatch.setattr(Steps, "SECONDS", 1e9)
    seen, single = [], Step.__call__

    def call(self, arrays, structure, repeat=None):
        seen.append(1 if repeat is None else repeat.times)
        return single(self, arrays, structure, repeat)

    monkeypatch.setattr(Step, "__call__", call)
    return seen


def trained(n, size, width, shuffle, alone, **options):
    model, (x, y, weight) = model_of(width), data_of(n, width)
    callbacks = [Watch()] if alone else None
    history = model.fit(x, y, size, epochs=2, verbose=0, shuffle=shuffle, sample_weight=weight, callbacks=callbacks, **options)
    score = model.evaluate(x, y, batch_size=size, verbose=0, callbacks=callbacks)
    outputs = model.predict(x, batch_size=size, verbose=0, callbacks=callbacks)
    return [*model.get_weights(), *model.optimizer.variables, history.history["loss"], history.history["accuracy"], score, outputs]


@settings(max_examples=10, deadline=None)
@given(
    n=st.integers(1, 700), size=st.integers(1, 90), width=st.sampled_from([1, 5, 200, 800]), shuffle=st.sampled_from([True, False, "batch"])
)  # fmt: skip
def test_the_same_bits_as_one_by_one(n, size, width, shuffle):
    for a, b in zip(trained(n, size, width, shuffle, True), trained(n, size, width, shuffle, False), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_do_go_together(calls, shuffle):
    trained(1000, 10, 784, shuffle, False)
    assert sum(calls) == 4 * 100 and max(calls) >= 64 and calls.count(1) <= 6
    calls.clear()
    trained(1000, 10, 784, shuffle, True)
    assert set(calls) == {1}


def test_what_went_together_once_does_so_at_once(calls):
    model, (x, y, _) = model_of(5), data_of(1000, 5)
    model.fit(x, y, 10, verbose=0)
    assert calls == [1, 4, 16, 64, 15]
    calls.clear()
    model.fit(x, y, 10, verbose=0)
    assert calls == [1, 99]


def test_shuffled_by_batches_or_kept_sparse_they_go_one_by_one(calls):
    trained(100, 10, 5, "batch", True)
    model, (x, y, _) = model_of(5), data_of(100, 5)
    model.fit(tf.sparse.from_dense(x), y, 10, verbose=0)
    assert set(calls) == {1}


def test_callbacks_see_the_batches_that_steps_per_execution_promises(calls):
    model, (x, y, _) = model_of(5), data_of(105, 5)
    model.compile("sgd", "sparse_categorical_crossentropy", steps_per_execution=4)
    watch = Watch()
    model.fit(x, y, 5, verbose=0, callbacks=[watch])
    assert watch.seen == [3, 7, 11, 15, 19, 23]
    assert max(calls) == 4 and sum(calls) == 21


def test_a_callback_that_comes_between_epochs_sees_every_batch():
    watch = Watch()

    class Late(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                callbacks.append(watch)

    model, (x, y, _) = model_of(5), data_of(100, 5)
    callbacks = keras.callbacks.CallbackList([Late()], model=model, add_history=True, epochs=3, steps=50)
    model.fit(x, y, 2, epochs=3, verbose=0, callbacks=callbacks)
    assert watch.seen == [*range(50), *range(50)]


def test_steps_per_epoch_cuts_where_it_shall(calls):
    model, (x, y, _) = model_of(5), data_of(100, 5)
    model.fit(x, y, 2, epochs=3, steps_per_epoch=11, verbose=0)
    assert sum(calls) == 33 and max(calls) > 1
    assert int(model.optimizer.iterations) == 33


def test_a_label_out_of_range_ends_training_where_it_stands(calls):
    @tf.function
    def careless(labels, logits):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(labels, tf.int32), logits)

    ends = []
    for callbacks in ([], [Watch()]):
        model, (x, y, _) = model_of(5), data_of(200, 5)
        model.compile("sgd", careless)
        y[155] = 7
        with pytest.raises(tf.errors.InvalidArgumentError, match="label is out of range"):
            model.fit(x, y, 10, shuffle=False, verbose=0, callbacks=callbacks)
        ends.append(int(model.optimizer.iterations))
        y[155] = 0
        model.fit(x, y, 10, verbose=0)
        assert int(model.optimizer.iterations) == ends[-1] + 20
    assert ends[0] == ends[1] < 20 and max(calls) > 1


def test_python_called_by_a_model_is_called_for_each_batch(calls):
    sums = []

    def note(values):
        sums.append(float(values.sum()))
        return values

    class Host(keras.layers.Layer):
        def call(self, x):
            return tf.numpy_function(note, [x], tf.float32, shapes=(10, 5))

    x = data_of(100, 5)[0]
    model = keras.Sequential([keras.Input((5,), batch_size=10), Host()])
    model.predict(x, batch_size=10, verbose=0)
    assert set(calls) == {1} and len(sums) == 10


def test_outputs_of_any_structure_come_from_predict(calls):
    inputs = keras.Input((4,))
    outputs = {"twice": inputs * 2, "sums": [keras.ops.sum(inputs, -1), inputs]}
    model = keras.Model(inputs, outputs)
    x = np.arange(4 * 103, dtype=np.float32).reshape(103, 4)
    found = model.predict(x, batch_size=5, verbose=0)
    np.testing.assert_array_equal(found["twice"], 2 * x)
    np.testing.assert_array_equal(found["sums"][0], x.sum(-1))
    np.testing.assert_array_equal(found["sums"][1], x)
    assert max(calls) > 1 and sum(calls) == 21
