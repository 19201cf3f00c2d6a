"""The switches of keras.config do what they say."""

import logging

import numpy as np
import pytest

import tenfold as tf

config = tf.keras.config


def model():
    made = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


DATA = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


def test_runs_are_capped():
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    try:
        with pytest.warns(UserWarning, match="Limiting"):
            made = model()
            history = made.fit(*DATA, batch_size=1, epochs=5, verbose=0)
            assert len(history.epoch) == 2 and int(made.optimizer.iterations.numpy()) == 6
            assert made.predict(DATA[0], batch_size=2, verbose=0).shape == (6, 1)
    finally:
        config.set_max_epochs(None)
        config.set_max_steps_per_epoch(None)
    assert config.max_epochs() is None and len(model().fit(*DATA, epochs=3, verbose=0).epoch) == 3


def test_progress_goes_to_the_log(capsys, caplog):
    config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "tenfold.keras"):
            model().fit(*DATA, epochs=2)
    finally:
        config.enable_interactive_logging()
    assert capsys.readouterr().out == "" and "Epoch 2/2" in caplog.text and "loss" in caplog.text


def test_other_backends_are_refused():
    config.set_backend("tensorflow")
    with pytest.raises(ValueError, match=r"'tensorflow'.*'jax'"):
        config.set_backend("jax")
