"""Training is the same to the last bit with one thread and with two: whole networks, every kind of kernel."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import tenfold as tf
from tenfold.runtime import threads

L = tf.keras.layers
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.standard_normal((6, 24, 24, 3)).astype(np.float32)
WORDS = RANDOM.integers(0, 500, (6, 24)).astype(np.int32)


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    before = threads.num_threads()
    yield
    tf.keras.mixed_precision.set_global_policy("float32")
    threads.set_num_threads(before)


def residual() -> tf.keras.Model:
    """3x3 (by Winograd where it wins), strided, 1x1 and depthwise convolutions, batch normalization, pooling."""
    x = tf.keras.Input((24, 24, 3))
    y = L.MaxPooling2D()(L.ReLU()(L.BatchNormalization()(L.Conv2D(32, 3, padding="same", use_bias=False)(x))))
    z = L.Conv2D(32, 3, padding="same")(L.ReLU()(L.BatchNormalization()(L.Conv2D(32, 3, padding="same")(y))))
    y = L.DepthwiseConv2D(3, padding="same")(L.Add()([y, z]))
    y = L.Conv2D(48, 3, 2, padding="same", activation="relu")(L.Conv2D(64, 1)(y))
    return tf.keras.Model(x, L.Dense(7)(L.GlobalAveragePooling2D()(y)))


def recurrent() -> tf.keras.Model:
    return tf.keras.Sequential([L.Input((24,), dtype="int32"), L.Embedding(500, 40), L.LSTM(48, return_sequences=True), L.GRU(33), L.Dense(7)])


def transformer() -> tf.keras.Model:
    x = tf.keras.Input((24,), dtype="int32")
    y = L.Embedding(500, 64)(x)
    z = L.LayerNormalization()(y)
    y = L.Add()([y, L.MultiHeadAttention(4, 16, dropout=0.1)(z, z, use_causal_mask=True)])
    y = L.Add()([y, L.Dense(64)(L.Dense(256, activation="gelu")(L.LayerNormalization()(y)))])
    return tf.keras.Model(x, L.Dense(7, dtype="float32")(L.GlobalAveragePooling1D()(y)))


def trained(network: Callable[[], tf.keras.Model], count: int) -> list[bytes]:
    """The weights after three steps, and what the network says then."""
    threads.set_num_threads(count)
    tf.keras.utils.set_random_seed(1)
    model = network()
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = IMAGES if network is residual else WORDS
    model.fit(x, np.arange(len(x)), batch_size=len(x), epochs=3, verbose=0)
    return [np.asarray(w).tobytes() for w in (*model.get_weights(), model.predict(x, verbose=0))]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("network", [residual, recurrent, transformer])
def test_one_thread_and_two_give_the_same_bits(network: Callable[[], tf.keras.Model], policy: str) -> None:
    tf.keras.mixed_precision.set_global_policy(policy)
    assert trained(network, 1) == trained(network, 2)
