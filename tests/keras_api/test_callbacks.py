"""Callbacks: when they are called, and what each one does."""

import csv
import sys
import warnings

import numpy as np
import pytest

import tenfold as tf

keras = tf.keras
layers = keras.layers
callbacks = keras.callbacks
RNG = np.random.default_rng(0)
X = RNG.random((32, 4), "float32")
Y = X.sum(1, keepdims=True)


def model(rate=0.1, **options):
    made = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    made.compile(**{"optimizer": keras.optimizers.SGD(rate), "loss": "mse"} | options)
    return made


class Script(callbacks.Callback):
    """Replaces val_loss by a prepared sequence."""

    def __init__(self, values, name="val_loss"):
        super().__init__()
        self.values, self.name = values, name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def test_order_of_hooks():
    seen = []

    class Spy(callbacks.Callback):
        def __getattribute__(self, name):
            if name.startswith("on_") and name not in ("on_batch_begin", "on_batch_end"):
                return lambda *args, **kwargs: seen.append(name.removeprefix("on_"))
            return super().__getattribute__(name)

        def on_train_batch_begin(self, batch, logs=None): ...
        def on_train_batch_end(self, batch, logs=None): ...
        def on_test_batch_begin(self, batch, logs=None): ...
        def on_test_batch_end(self, batch, logs=None): ...

    model().fit(X, Y, batch_size=16, validation_data=(X, Y), validation_batch_size=32, callbacks=[Spy()], verbose=0)
    steps = ["train_batch_begin", "train_batch_end"] * 2
    test = ["test_begin", "test_batch_begin", "test_batch_end", "test_end"]
    assert seen == ["train_begin", "epoch_begin", *steps, *test, "epoch_end", "train_end"]


def test_batch_logs_hold_running_means():
    losses = []
    spy = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(dict(logs)["loss"]))
    history = model().fit(X, Y, batch_size=8, callbacks=[spy], verbose=0)
    assert len(losses) == 4 and losses[-1] == pytest.approx(history.history["loss"][0])


def test_logs_are_not_fetched_if_nobody_looks():
    m = model()
    fetched = []
    original = m.get_metrics_result
    m.get_metrics_result = lambda: fetched.append(1) or original()
    m.fit(X, Y, batch_size=1, verbose=0, callbacks=[callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)])
    assert len(fetched) < 3


def test_params_and_model_are_set():
    found = {}

    class Spy(callbacks.Callback):
        def on_train_begin(self, logs=None):
            found.update(self.params, model=self.model)

    m = model()
    m.fit(X, Y, batch_size=8, epochs=2, callbacks=Spy(), verbose=0)
    assert found["epochs"] == 2 and found["steps"] == 4 and found["verbose"] == 0 and found["model"] is m


def test_early_stopping_waits_for_patience_and_restores():
    m = model()
    weights = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(m.get_weights()[0].copy()))
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    history = m.fit(X, Y, epochs=10, callbacks=[keep, Script([5, 3, 4, 4, 1, 1, 1, 1, 1, 1]), stop], verbose=0)
    assert len(history.epoch) == 4 and stop.stopped_epoch == 3 and stop.best_epoch == 1
    np.testing.assert_array_equal(m.get_weights()[0], weights[1])


def test_early_stopping_follows_rising_metrics():
    stop = callbacks.EarlyStopping(monitor="val_accuracy", patience=1)
    history = model().fit(X, Y, epochs=10, callbacks=[Script([0.1, 0.5, 0.4, 0.9] + [1] * 6, "val_accuracy"), stop], verbose=0)
    assert len(history.epoch) == 3


def test_early_stopping_warns_if_the_metric_is_missing():
    with pytest.warns(UserWarning, match="`val_loss` which is not available. Available metrics are: loss"):
        model().fit(X, Y, callbacks=[callbacks.EarlyStopping()], verbose=0)


def test_reduce_on_plateau():
    m = model()
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.02)
    history = m.fit(X, Y, epochs=9, callbacks=[Script([1.0] * 9), reduce], verbose=0)
    np.testing.assert_allclose(history.history["learning_rate"], [0.1] * 3 + [0.05] * 2 + [0.025] * 2 + [0.02] * 2, rtol=1e-6)


def test_learning_rate_scheduler():
    m = model()
    history = m.fit(X, Y, epochs=3, callbacks=[callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)], verbose=0)
    np.testing.assert_allclose(history.history["learning_rate"], [0.05, 0.025, 0.0125], rtol=1e-6)
    by_epoch = m.fit(X, Y, epochs=2, callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.1 * (epoch + 1))], verbose=0)
    np.testing.assert_allclose(by_epoch.history["learning_rate"], [0.1, 0.2], rtol=1e-6)


def test_a_changed_rate_takes_effect_without_tracing_again():
    m = model()
    m.fit(X, Y, verbose=0)
    m.optimizer.learning_rate = 0.0
    before = m.get_weights()
    m.fit(X, Y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, m.get_weights(), strict=True))


def test_checkpoints_by_epoch_and_best(tmp_path):
    m = model()
    every = callbacks.ModelCheckpoint(tmp_path / "m_{epoch:02d}_{val_loss:.1f}.keras")
    best = callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", save_best_only=True, save_weights_only=True)
    m.fit(X, Y, epochs=3, callbacks=[Script([3.0, 1.0, 2.0]), every, best], verbose=0)
    assert {p.name for p in tmp_path.iterdir()} == {"m_01_3.0.keras", "m_02_1.0.keras", "m_03_2.0.keras", "best.weights.h5"}
    second = keras.models.load_model(tmp_path / "m_02_1.0.keras")
    m.load_weights(tmp_path / "best.weights.h5")
    np.testing.assert_array_equal(m.get_weights()[0], second.get_weights()[0])


def test_checkpoint_every_few_batches(tmp_path):
    model().fit(X, Y, batch_size=8, callbacks=[callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.keras", save_freq=2)], verbose=0)
    assert {p.name for p in tmp_path.iterdir()} == {"1-2.keras", "1-4.keras"}


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    m = model()
    m.fit(X, Y, epochs=2, validation_data=(X, Y), callbacks=[callbacks.CSVLogger(path)], verbose=0)
    m.fit(X, Y, epochs=1, validation_data=(X, Y), callbacks=[callbacks.CSVLogger(path, append=True)], verbose=0)
    with open(path) as file:
        rows = list(csv.DictReader(file))
    assert [r["epoch"] for r in rows] == ["0", "1", "0"] and float(rows[0]["val_loss"]) > 0


def test_terminate_on_nan(capsys):
    x = X.copy()
    x[3, 2] = np.nan
    history = model().fit(x, Y, batch_size=8, epochs=3, shuffle=False, callbacks=[callbacks.TerminateOnNaN()], verbose=0)
    assert len(history.epoch) == 1
    assert "Batch 0: Invalid loss, terminating training" in capsys.readouterr().out


def test_lambda_callback_refuses_unknown_hooks():
    with pytest.raises(TypeError, match="unknown hook 'on_epoch_stop'"):
        callbacks.LambdaCallback(on_epoch_stop=lambda: None)


def test_progress_bar_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("tenfold.keras.training.progbar.is_dynamic", lambda: True)
    model().fit(X, Y, batch_size=16, epochs=2, validation_data=(X, Y))
    text = capsys.readouterr().out
    assert text.count("\r") >= 2 and "val_loss" in text and "\033[32m━" in text


class _Stop(callbacks.Callback):
    def __init__(self, batches):
        super().__init__()
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("interrupted")


@pytest.mark.parametrize("damaged", [False, True])
def test_an_interrupted_fit_goes_on(tmp_path, damaged):
    """The backup of an epoch holds the optimizer's state too: the loss of the other epochs is that of a fit without interruption."""
    keras.utils.set_random_seed(1)
    start = model(optimizer=keras.optimizers.Adam(0.1)).get_weights()

    def fit(made, *extra):
        return made.fit(X, Y, batch_size=8, epochs=4, shuffle=False, verbose=0, callbacks=list(extra))

    whole = model(optimizer=keras.optimizers.Adam(0.1))
    whole.set_weights(start)
    expected = fit(whole).history["loss"]
    backup = callbacks.BackupAndRestore(tmp_path / "backup", double_checkpoint=True)
    first = model(optimizer=keras.optimizers.Adam(0.1))
    first.set_weights(start)
    with pytest.raises(RuntimeError, match="interrupted"):
        fit(first, backup, _Stop(14))  # in the fourth epoch
    if damaged:
        (tmp_path / "backup" / "latest.weights.h5").write_bytes(b"half a fi")
    again = callbacks.BackupAndRestore(tmp_path / "backup")
    with warnings.catch_warnings(action="ignore" if damaged else "error"):
        found = fit(model(optimizer=keras.optimizers.Adam(0.1)), again)
    assert found.epoch == ([2, 3] if damaged else [3])
    assert found.history["loss"] == expected[found.epoch[0] :]
    assert not (tmp_path / "backup").exists()


def test_checks_of_backups_and_checkpoints(tmp_path):
    with pytest.raises(ValueError, match="must be built"):
        unbuilt = keras.Sequential([layers.Dense(1)])
        unbuilt.compile("sgd", "mse")
        unbuilt.fit(X, Y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path / "b")])
    with pytest.raises(NotImplementedError, match="ModelCheckpoint"):
        callbacks.OrbaxCheckpoint("folder")


def test_evaluation_with_moving_averages():
    made = model(optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    seen = []
    spy = callbacks.LambdaCallback(
        on_test_begin=lambda logs: seen.append(made.get_weights()[0]), on_epoch_end=lambda e, logs: seen.append(made.get_weights()[0])
    )
    made.fit(X, Y, batch_size=8, validation_data=(X, Y), verbose=0, callbacks=[callbacks.SwapEMAWeights(), spy])
    assert not np.array_equal(*seen)  # in evaluation, and after it
    np.testing.assert_array_equal(made.get_weights()[0], seen[0])  # at the end, the averages
    with pytest.raises(ValueError, match="use_ema=True"):
        model().fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[callbacks.SwapEMAWeights()])


def test_logs_are_posted(monkeypatch):
    sent = []

    class Answer:
        def close(self): ...

    monkeypatch.setitem(sys.modules, "requests", None)  # as if it were not installed
    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: sent.append(request) or Answer())
    callbacks.RemoteMonitor("http://host", send_as_json=True, headers={"a": "b"}).on_epoch_end(1, {"loss": np.float32(2.0)})
    (request,) = sent
    assert request.full_url == "http://host/publish/epoch/end/" and request.data == b'{"epoch": 1, "loss": 2.0}'
    assert request.headers == {"Content-type": "application/json", "A": "b"}
    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: (_ for _ in ()).throw(OSError("no server")))
    with pytest.warns(UserWarning, match="Could not reach"):
        callbacks.RemoteMonitor().on_epoch_end(0, {})
