"""Is a review of a film positive? A bidirectional LSTM and a convolutional network on IMDB.

Result: 86.7 % of the test reviews are judged rightly by the LSTM, 88.2 % by the convolutional network.

    TENFOLD_DATA_DIR=... python examples/imdb_sentiment.py [bilstm|cnn]
"""

import sys

import tenfold as tf
from tenfold.keras import layers

WORDS, LENGTH = 20_000, 250


def bilstm() -> tf.keras.Model:
    return tf.keras.Sequential([
        layers.Input((LENGTH,), dtype="int32"),
        layers.Embedding(WORDS, 64, mask_zero=True),
        layers.SpatialDropout1D(0.3),
        layers.Bidirectional(layers.LSTM(48)),
        layers.Dropout(0.4),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def cnn() -> tf.keras.Model:
    return tf.keras.Sequential([
        layers.Input((LENGTH,), dtype="int32"),
        layers.Embedding(WORDS, 64),
        layers.Dropout(0.4),
        layers.Conv1D(128, 5, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def main(name: str = "cnn", epochs: int = 4) -> float:
    tf.keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = tf.keras.datasets.imdb.load_data(num_words=WORDS)
    x_train, x_test = (tf.keras.utils.pad_sequences(x, LENGTH) for x in (x_train, x_test))
    model = {"bilstm": bilstm, "cnn": cnn}[name]()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=128, epochs=epochs, validation_split=0.1)
    accuracy = model.evaluate(x_test, y_test, batch_size=256)[1]
    print(f"{name}: {100 * accuracy:.1f} % of the test reviews are judged rightly")
    return accuracy


if __name__ == "__main__":
    main(*sys.argv[1:2])
