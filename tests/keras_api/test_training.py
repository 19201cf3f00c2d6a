"""compile, fit, evaluate, predict: data in all forms, custom steps, interruption, determinism, speed of the loop."""

import os
import re
import signal

import numpy as np
import pytest

import tenfold as tf

keras = tf.keras
layers = keras.layers


def data(rows=64, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.random((rows, 4), "float32")
    return x, x.sum(1, keepdims=True)


def regression(**options):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    model.compile(**{"optimizer": keras.optimizers.SGD(0.1), "loss": "mse"} | options)
    return model


def classifier(loss="sparse_categorical_crossentropy", units=3, **options):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(units, activation="softmax")])
    model.compile(**{"optimizer": "adam", "loss": loss, "metrics": ["accuracy"]} | options)
    return model


def test_fit_lowers_the_loss_and_returns_history():
    x, y = data()
    model = regression()
    history = model.fit(x, y, epochs=5, batch_size=16, verbose=0)
    assert history.epoch == [0, 1, 2, 3, 4]
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert model.history is history and isinstance(history.history["loss"][0], float)


def test_partial_batch_is_not_traced_again():
    x, y = data(70)
    calls = []

    class Counting(layers.Layer):
        def call(self, inputs):
            calls.append(tuple(inputs.shape))
            return inputs * 1.0

    model = keras.Sequential([keras.Input((4,)), Counting(), layers.Dense(1)])
    model.compile("sgd", "mse")
    calls.clear()
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    model.fit(x[:33], y[:33], batch_size=9, verbose=0)
    assert calls == [(None, 4)]


@pytest.mark.parametrize("kind", ["arrays", "tensors", "generator", "sequence", "batches", "dict"])
def test_forms_of_data_give_the_same(kind):
    x, y = data(60)
    batches = [(x[i : i + 20], y[i : i + 20]) for i in range(0, 60, 20)]

    class Numbered(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return batches[i]

    def endless():
        while True:
            yield from batches

    class Iterable:
        def __iter__(self):
            return iter(batches)

    def run(*args, **kwargs):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((4,), name="features")
        model = keras.Model({"features": inputs} if kind == "dict" else inputs, layers.Dense(1)(inputs))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        return model.fit(*args, epochs=2, shuffle=False, verbose=0, **kwargs).history["loss"]

    given = {
        "arrays": lambda: run(x, y, batch_size=20), "tensors": lambda: run(tf.constant(x), tf.constant(y), batch_size=20),
        "generator": lambda: run(endless(), steps_per_epoch=3), "sequence": lambda: run(Numbered()), "batches": lambda: run(Iterable()),
        "dict": lambda: run({"features": x}, y, batch_size=20),
    }  # fmt: skip
    kind_, kind = kind, "arrays"
    expected = given["arrays"]()
    kind = kind_
    np.testing.assert_allclose(given[kind](), expected, rtol=1e-5)


def test_sequences_of_different_lengths():
    rng = np.random.default_rng(0)

    class Ragged(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return rng.random((8, 3 + i, 2), "float32"), rng.random((8, 1), "float32")

    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(inputs)))
    model.compile("sgd", "mse")
    assert len(model.fit(Ragged(), epochs=2, verbose=0).history["loss"]) == 2


def test_validation_split_takes_the_last_rows():
    x, y = data(50)
    model = regression()
    history = model.fit(x, y, validation_split=0.2, epochs=2, verbose=0, shuffle=False)
    assert set(history.history) == {"loss", "val_loss"}
    np.testing.assert_allclose(history.history["val_loss"][-1], model.evaluate(x[40:], y[40:], verbose=0), rtol=1e-5)


def test_evaluate_returns_list_dict_or_number():
    x, _ = data(30)
    y = np.arange(30) % 3
    model = classifier()
    found = model.evaluate(x, y, verbose=0)
    named = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(named) == ["accuracy", "loss"] and found == [named["loss"], named["accuracy"]]
    assert model.metrics_names == ["loss", "accuracy"]
    assert isinstance(regression().evaluate(*data(), verbose=0), float)


def test_accuracy_is_chosen_by_the_shapes():
    x, _ = data(12)
    labels = np.arange(12) % 3
    cases = [
        (classifier(), labels, "SparseCategoricalAccuracy"),
        (classifier("categorical_crossentropy"), np.eye(3, dtype="float32")[labels], "CategoricalAccuracy"),
        (classifier("binary_crossentropy", 1), (labels > 0).astype("float32")[:, None], "BinaryAccuracy"),
    ]
    for model, y, kind in cases:
        model.fit(x, y, verbose=0)
        assert [type(m).__name__ for m in model._compiled.metrics.metrics] == [kind]


def test_predict_joins_batches_and_keeps_structure():
    x = data(37)[0]
    inputs = keras.Input((4,))
    model = keras.Model(inputs, {"a": layers.Dense(2)(inputs), "b": inputs * 2.0})
    found = model.predict(x, batch_size=8, verbose=0)
    np.testing.assert_allclose(found["b"], 2 * x)
    np.testing.assert_allclose(found["a"], np.asarray(model(x)["a"]), rtol=1e-5, atol=1e-6)
    assert isinstance(found["a"], np.ndarray) and found["a"].shape == (37, 2)
    np.testing.assert_allclose(model.predict(x[:1], verbose=0)["b"], 2 * x[:1])
    np.testing.assert_allclose(model.predict(iter([x[:5], x[5:9]]), verbose=0)["b"], 2 * x[:9])


def test_predict_results_are_not_overwritten_by_later_calls():
    model = regression()
    x = data(3)[0]
    first = model.predict(x, verbose=0)
    copy = first.copy()
    model.predict(x * 7, verbose=0)
    np.testing.assert_array_equal(first, copy)


def test_custom_train_step_with_tape_and_own_metric():
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.seen = keras.metrics.Mean(name="seen")

        def call(self, x):
            return self.dense(x)

        def train_step(self, batch):
            x, y = batch
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self(x, training=True) - y))
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True))
            self.seen.update_state(loss)
            return {"seen": self.seen.result(), "last": loss}

    model = Mine()
    model.compile(keras.optimizers.SGD(0.1))
    history = model.fit(*data(), epochs=3, verbose=0).history
    assert set(history) == {"last", "seen"} and history["seen"][-1] < history["seen"][0]


def test_compute_loss_override():
    class Doubled(keras.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return 2 * super().compute_loss(x, y, y_pred, sample_weight)

    x, y = data()
    plain = regression()
    double = Doubled([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    double.compile("sgd", "mse")
    double.set_weights(plain.get_weights())
    np.testing.assert_allclose(double.evaluate(x, y, verbose=0), 2 * plain.evaluate(x, y, verbose=0), rtol=1e-5)


def test_eager_training_equals_compiled():
    x, y = data()
    weights = regression().get_weights()
    results = []
    for eager in (False, True):
        model = regression(run_eagerly=eager, metrics=["mae"])
        model.set_weights(weights)
        results.append(model.fit(x, y, epochs=2, shuffle=False, verbose=0).history)
    np.testing.assert_allclose(results[0]["loss"], results[1]["loss"], rtol=1e-5)
    np.testing.assert_allclose(results[0]["mae"], results[1]["mae"], rtol=1e-5)


def test_seed_fixes_everything():
    x, y = data()

    def run():
        keras.utils.set_random_seed(7)
        model = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dropout(0.5), layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(x, y, epochs=2, batch_size=16, verbose=0)
        return model.get_weights()

    assert all(np.array_equal(a, b) for a, b in zip(run(), run(), strict=True))


def test_class_weight_equals_sample_weight():
    x, _ = data(30)
    y = np.arange(30) % 3
    first, second = classifier(), classifier()
    second.set_weights(first.get_weights())
    weights = {0: 1.0, 1: 0.5, 2: 3.0}
    a = first.fit(x, y, class_weight=weights, shuffle=False, verbose=0).history["loss"]
    b = second.fit(x, y, sample_weight=np.array([weights[k] for k in y.tolist()]), shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(a, b, rtol=1e-5)


def test_several_outputs_by_name():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [layers.Dense(1, name="size")(inputs), layers.Dense(3, activation="softmax", name="kind")(inputs)])
    losses = {"size": "mse", "kind": "sparse_categorical_crossentropy"}
    model.compile("adam", losses, loss_weights={"size": 0.5, "kind": 2.0}, metrics={"kind": ["accuracy"]})
    x, y = data(24)
    labels = np.arange(24) % 3
    by_list = model.evaluate(x, [y, labels], verbose=0, return_dict=True)
    by_name = model.evaluate(x, {"kind": labels, "size": y}, verbose=0, return_dict=True)
    assert by_list == by_name and set(by_list) == {"loss", "size_loss", "kind_loss", "kind_accuracy"}
    np.testing.assert_allclose(by_list["loss"], 0.5 * by_list["size_loss"] + 2 * by_list["kind_loss"], rtol=1e-5)


def test_frozen_layers_stay_and_recompiling_is_not_needed():
    model = regression()
    model.fit(*data(), verbose=0)
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(*data(), verbose=0)
    after = model.get_weights()
    assert np.array_equal(before[0], after[0]) and not np.array_equal(before[2], after[2])


def test_steps_per_execution_groups_the_steps_that_callbacks_see():
    x, y = data(56)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            seen.append(("end", batch, round(float(logs["loss"]), 5)))

        def on_test_batch_end(self, batch, logs=None):
            seen.append(("test", batch))

        def on_predict_batch_end(self, batch, logs=None):
            seen.append(("predict", batch, logs["outputs"].shape[0]))

    together, alone = regression(steps_per_execution=3), regression()
    alone.set_weights(together.get_weights())
    assert together.steps_per_execution == 3
    losses = {}
    note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda i, logs: losses.update({i: round(float(logs["loss"]), 5)}))
    alone.fit(x, y, batch_size=8, shuffle=False, verbose=0, callbacks=[note])
    together.fit(x, y, batch_size=8, shuffle=False, verbose=0, callbacks=[Watch()])
    assert seen == [("begin", 0), ("end", 2, losses[2]), ("begin", 3), ("end", 5, losses[5]), ("begin", 6), ("end", 8, losses[6])]
    for a, b in zip(together.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    seen.clear()
    together.evaluate(x, y, batch_size=8, verbose=0, callbacks=[Watch()])
    found = together.predict(x, batch_size=8, verbose=0, callbacks=[Watch()])
    assert seen == [("test", 2), ("test", 5), ("test", 8), ("predict", 2, 24), ("predict", 5, 24), ("predict", 8, 8)]
    np.testing.assert_array_equal(found, alone.predict(x, batch_size=8, verbose=0))
    with pytest.raises(ValueError, match="steps_per_execution must be a positive integer"):
        regression(steps_per_execution=0)


def test_accumulated_gradients_are_those_of_one_large_batch():
    x, y = data(64)
    sgd = dict(learning_rate=0.1, momentum=0.9)
    small = regression(optimizer=keras.optimizers.SGD(**sgd, gradient_accumulation_steps=4))
    large = regression(optimizer=keras.optimizers.SGD(**sgd))
    large.set_weights(small.get_weights())
    for model, size in ((small, 8), (large, 32)):
        model.fit(x, y, batch_size=size, epochs=5, shuffle=False, verbose=0)
    for a, b in zip(small.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert small.optimizer.iterations.numpy() == large.optimizer.iterations.numpy() == 10


def test_figures_are_the_same_however_often_they_are_asked_for():
    """The first few times they are computed in eager mode, then by a compiled function; always of this batch alone."""
    x, _ = data()
    labels = np.arange(64) % 3
    model = classifier(metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")])
    model.optimizer.learning_rate = 0.0
    names = ["loss", "accuracy", "top2"]
    assert model.train_on_batch(x, labels, return_dict=True).keys() == set(names)
    for i in range(8):
        part = slice(8 * i, 8 * i + 8)
        got = model.train_on_batch(x[part], labels[part])
        p = model.predict_on_batch(x[part]).astype(np.float64)
        own = p[np.arange(8), labels[part]]
        expected = [-np.log(own).mean(), (p.argmax(1) == labels[part]).mean(), ((p > own[:, None]).sum(1) < 2).mean()]
        np.testing.assert_allclose(got, expected, rtol=1e-5)
        assert model.metrics_names == names


def test_a_metric_of_the_users_own_is_asked_each_time():
    """Its result may depend on what no compiled function sees."""

    class Counted(keras.metrics.Mean):
        asked = 0

        def result(self):
            self.asked += 1
            return super().result() * 0 + self.asked

    x, y = data(16)
    metric = Counted(name="counted")
    model = regression(metrics=[metric])
    got = [model.train_on_batch(x, y, return_dict=True)["counted"] for _ in range(8)]
    assert got == sorted(set(got)) and got[-1] == metric.asked


def test_metrics_are_reset_in_place_but_not_for_who_holds_their_value():
    model = regression()
    x, y = data()
    model.evaluate(x, y, verbose=0)
    total = model.metrics[0].total
    kept = total.value
    before = float(kept)
    model.reset_metrics()
    assert float(kept) == before and float(total.value) == 0
    model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(float(total.value), before, rtol=1e-6)


def test_train_on_batch_and_test_on_batch():
    x, y = data(16)
    model = regression()
    first = model.train_on_batch(x, y)
    for _ in range(20):
        model.train_on_batch(x, y)
    model.reset_metrics()
    assert model.test_on_batch(x, y) < first
    assert set(model.train_on_batch(x, y, return_dict=True)) == {"loss"}
    assert model.predict_on_batch(x).shape == (16, 1)


def test_ctrl_c_stops_between_steps_and_leaves_the_model_usable():
    x, y = data(4096)
    model = regression()
    model.fit(x, y, batch_size=16, verbose=0)

    def interrupt(epoch, logs=None):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=100_000, batch_size=16, verbose=0, callbacks=[tf.keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)])
    assert len(model.history.history["loss"]) >= 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"][0])


def test_stop_training_from_a_batch():
    steps = []

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append(logs["loss"])
            self.model.stop_training = batch == 2

    regression().fit(*data(), batch_size=8, epochs=5, verbose=0, callbacks=[Stop()])
    assert len(steps) == 3


def test_generator_that_ends_early_warns():
    x, y = data(16)
    with pytest.warns(UserWarning, match="ran out of data"):
        history = regression().fit(iter([(x, y)]), steps_per_epoch=3, epochs=4, verbose=0)
    assert len(history.history["loss"]) == 1


def test_progress_in_plain_text(capsys):
    regression().fit(*data(), epochs=2, batch_size=16)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2" and lines[1].startswith("4/4 ━━") and "- loss: " in lines[1] and len(lines) == 4


def test_verbose_two_prints_a_line_per_epoch(capsys):
    regression().fit(*data(), epochs=2, batch_size=16, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"4/4 - \d+s - ", lines[1]) and len(lines) == 4


class Reporting(keras.layers.Layer):
    def call(self, inputs):
        self.add_metric(tf.reduce_mean(inputs), name="level")
        return inputs


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_spellings_of_keras_2():
    class Own(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True))
            return {"loss": loss, **{m.name: m.result() for m in self.metrics if m.name == "level"}}

    x = np.arange(8, dtype="float32").reshape(4, 2)
    inputs = keras.Input((2,))
    model = Own(inputs, keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.5))(Reporting()(inputs)))
    model.compile("sgd", "mse")
    logs = model.fit(x, np.zeros((4, 1), "float32"), batch_size=4, shuffle=False, verbose=0).history
    np.testing.assert_allclose(logs["loss"], [np.mean(x.sum(1) ** 2) + 1.0], rtol=1e-6)
    np.testing.assert_allclose(logs["level"], [3.5], rtol=1e-6)
    metric = keras.metrics.Mean()
    metric.update_state([1.0])
    metric.reset_states()
    assert float(metric.result()) == 0.0


def test_add_metric_needs_a_name():
    with pytest.warns(DeprecationWarning), pytest.raises(ValueError, match="expected a name"):
        keras.layers.Dense(1).add_metric(1.0)
