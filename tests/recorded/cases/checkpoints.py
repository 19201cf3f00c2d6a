"""Objects that go into checkpoints. Their variables hold numbers that are known without any file."""

import numpy as np


def numbered(variables, start=0.0):
    """Sets the variables to 0.0, 0.1, 0.2, ... one after the other."""
    for v in variables:
        size = int(np.prod(v.shape))
        v.assign(((start + np.arange(size)) / 10).reshape(v.shape).astype("float32"))
        start += size


def module(tf):
    """A module with variables in lists, tuples and dicts, of several types."""
    made = tf.Module()
    made.weight = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    made.list = [tf.Variable(3, dtype=tf.int64), tf.Variable(4.0, dtype=tf.float64)]
    made.dict = {"a.b/c": tf.Variable(True), "inner": [tf.Variable("word"), tf.Variable(["", "été"])]}
    made.tuple = (tf.Variable([0.5, -0.5], dtype=tf.bfloat16),)
    made.number = 7
    return made


def functional(tf, optimizer="adam"):
    """A graph of layers, some without weights, trained a step so that the optimizer has slots."""
    keras = tf.keras
    inputs = keras.Input((3,))
    x = keras.layers.Dense(4, name="first")(inputs)
    x = keras.layers.Dropout(0.0)(keras.layers.BatchNormalization()(x))
    model = keras.Model(inputs, keras.layers.Dense(2, name="last")(x))
    model.compile(optimizer, "mse")
    model.fit(np.linspace(0, 1, 12).reshape(4, 3), np.linspace(0, 1, 8).reshape(4, 2), batch_size=4, verbose=0)
    numbered(model.weights)
    return model


def stack(tf, built=True):
    """A stack of recurrent, embedding and wrapped layers."""
    keras = tf.keras
    layers = [keras.layers.Embedding(5, 3), keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True)),
              keras.layers.TimeDistributed(keras.layers.Dense(3)), keras.layers.Conv1D(2, 2), keras.layers.GRU(2)]  # fmt: skip
    model = keras.Sequential(([keras.Input((4,))] if built else []) + layers)
    if built:
        numbered(model.weights)
    return model


def subclass(tf, built=True):
    """A model with layers in attributes, a list and a dict."""
    keras = tf.keras

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Dense(2)
            self.blocks = [keras.layers.Dense(2), keras.layers.Dense(2)]
            self.heads = {"out": keras.layers.Dense(1)}

        def call(self, x):
            return self.heads["out"](self.blocks[1](self.blocks[0](self.first(x))))

    model = Net()
    if built:
        model(np.ones((1, 3), "float32"))
        numbered(model.weights)
    return model
