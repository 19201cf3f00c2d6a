"""Accuracy on real data sets. Slow; run with `TENFOLD_DATA_DIR=... python -m pytest -m slow`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.core.config import config
from tenfold.keras import Sequential
from tenfold.keras.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, Rescaling

pytestmark = [pytest.mark.slow, pytest.mark.skipif(config.data_dir is None, reason="TENFOLD_DATA_DIR does not say where real data lies")]


def accuracy(model: Any, train: Any, test: Any, epochs: int) -> float:
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train[0][..., None], train[1], batch_size=128, epochs=epochs, verbose=2)
    return float(model.evaluate(test[0][..., None], test[1], verbose=0)[1])


@pytest.fixture(autouse=True)
def seed() -> None:
    tf.keras.utils.set_random_seed(0)


def test_mnist() -> None:
    """The demo's network, on all digits."""
    model = Sequential([
        Input((28, 28, 1)), Rescaling(1 / 255),
        Conv2D(32, 3, activation="relu"), MaxPooling2D(), Conv2D(64, 3, activation="relu"), MaxPooling2D(),
        Flatten(), Dropout(0.5), Dense(10, activation="softmax"),
    ])  # fmt: skip
    assert accuracy(model, *tf.keras.datasets.mnist.load_data(), epochs=12) >= 0.99


def test_fashion_mnist() -> None:
    model = Sequential([
        Input((28, 28, 1)), Rescaling(1 / 255),
        Conv2D(32, 3, padding="same", activation="relu"), MaxPooling2D(), Conv2D(64, 3, padding="same", activation="relu"), MaxPooling2D(),
        Flatten(), Dropout(0.25), Dense(128, activation="relu"), Dropout(0.25), Dense(10, activation="softmax"),
    ])  # fmt: skip
    assert accuracy(model, *tf.keras.datasets.fashion_mnist.load_data(), epochs=10) >= 0.91


@pytest.mark.parametrize("variant", [0, 1])
def test_cifar10_programs(variant: int) -> None:
    """Two programs as their authors wrote them; they learn, and read more than half of the test pictures right."""
    try:
        (x, y), (x_test, y_test) = tf.keras.datasets.cifar10.load_data()
    except Exception as error:
        pytest.skip(f"CIFAR-10 is not there: {error}")
    x, x_test = x / 255.0, x_test / 255.0
    if variant == 0:
        model = Sequential([
            Conv2D(32, (3, 3), activation="relu", input_shape=(32, 32, 3)), MaxPooling2D((2, 2)), Conv2D(64, (3, 3), activation="relu"),
            MaxPooling2D((2, 2)), Flatten(), Dense(128, activation="relu"), Dense(10, activation="softmax"),
        ])  # fmt: skip
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
        y, y_test = (tf.keras.utils.to_categorical(labels, 10) for labels in (y, y_test))
    else:
        model = Sequential([
            Conv2D(32, (3, 3), activation="relu", input_shape=(32, 32, 3)), MaxPooling2D((2, 2)), Conv2D(64, (3, 3), activation="relu"),
            MaxPooling2D((2, 2)), Flatten(), Dense(64, activation="relu"), Dropout(0.2), Dense(10, activation="softmax"),
        ])  # fmt: skip
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=10, batch_size=32, verbose=2)
    assert np.all(np.diff(history.history["loss"]) < 0)
    assert model.evaluate(x_test, y_test, verbose=0)[1] > 0.5
