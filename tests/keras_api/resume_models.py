"""Models that test_resume.py trains in one process and goes on to train in another."""

import sys

import numpy as np

import tenfold as tf

keras = tf.keras
layers = keras.layers
RNG = np.random.default_rng(5)
TOKENS = RNG.integers(1, 20, (24, 7)) * (np.arange(7) < RNG.integers(3, 8, (24, 1)))  # rows padded with 0
SERIES = RNG.random((24, 5, 3), dtype=np.float32)
ROWS = RNG.random((24, 4), dtype=np.float32)
LABELS = RNG.integers(0, 2, (24, 1)).astype("float32")


@keras.saving.register_keras_serializable("resume")
class Subclassed(keras.Model):
    """Two layers in a list, one of them used twice, and dropout."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.stack = [layers.Dense(units, activation="relu") for _ in range(2)]
        self.drop = layers.Dropout(0.3, seed=3)
        self.head = layers.Dense(1, activation="sigmoid")

    def call(self, x, training=None):
        x = self.stack[1](self.stack[1](self.stack[0](x)))
        return self.head(self.drop(x, training=training))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def masked_lstm():
    lstm = layers.LSTM(5, dropout=0.2, recurrent_dropout=0.2)  # without seeds: where their random numbers are is in the file
    return keras.Sequential([keras.Input((7,), dtype="int32"), layers.Embedding(20, 6, mask_zero=True), lstm, layers.Dense(1, "sigmoid")])


def transformer():
    x = keras.Input((7,), dtype="int32")
    h = layers.Embedding(20, 8, mask_zero=True)(x)
    h = layers.LayerNormalization()(h + layers.MultiHeadAttention(2, 4, dropout=0.1, seed=1)(h, h))
    return keras.Model(x, layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling1D()(h)))


def stateful_rnn():
    return keras.Sequential([keras.Input((5, 3), batch_size=8), layers.GRU(4, stateful=True), layers.Dense(1, "sigmoid")])


def nested_shared():
    a = keras.Input((4,))
    inner = keras.Model(a, layers.BatchNormalization()(layers.Dense(4, "tanh")(a)), name="inner")
    x = keras.Input((4,))
    shared = layers.Dense(4, "tanh", name="shared")
    return keras.Model(x, layers.Dense(1, "sigmoid")(layers.add([shared(inner(x)), shared(x)])))


MODELS = {
    "masked_lstm": (masked_lstm, TOKENS, "rmsprop"),
    "transformer": (transformer, TOKENS, "adamw"),
    "stateful_rnn": (stateful_rnn, SERIES, "adam"),
    "nested_shared": (nested_shared, ROWS, "nadam"),
    "subclassed": (Subclassed, ROWS, "adam"),
}


def train(model, name):
    """One epoch; what it leaves: weights, the optimizer's state, the states of layers and random generators. No file holds how rows are shuffled."""
    keras.utils.set_random_seed(11)
    history = model.fit(MODELS[name][1], LABELS, batch_size=8, verbose=0).history
    state = {f"v{i}": v.numpy() for i, v in enumerate([*model.variables, *model.optimizer.variables])}
    return {**state, "loss": history["loss"], "outputs": model.predict(MODELS[name][1], batch_size=8, verbose=0)}


if __name__ == "__main__":
    for file in sys.argv[1:]:
        name = file.rsplit("/", 1)[-1].partition(".")[0]
        np.savez(file + ".npz", **train(keras.models.load_model(file), name))
