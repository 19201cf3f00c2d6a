"""Is a review of a meal positive? A convolutional network over the characters of 11,987 Chinese reviews.

Result: 89 % of the test reviews are judged rightly.

    TENFOLD_DATA_DIR=... python examples/chinese_reviews.py
"""

import csv
import os
from pathlib import Path

import numpy as np

import tenfold as tf
from tenfold.keras import layers


def reviews() -> tuple[np.ndarray, np.ndarray]:
    path = Path(os.environ["TENFOLD_DATA_DIR"]) / "chinese_sentiment" / "waimai_10k.csv"
    with open(path, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    order = np.random.default_rng(0).permutation(len(rows))
    return np.array([rows[i]["review"] for i in order]), np.array([int(rows[i]["label"]) for i in order])


def main(epochs: int = 6) -> float:
    tf.keras.utils.set_random_seed(0)
    texts, labels = reviews()
    cut = int(0.8 * len(texts))
    vectorize = layers.TextVectorization(3000, split="character", output_sequence_length=100)
    vectorize.adapt(texts[:cut])
    x = vectorize(texts)
    inputs = tf.keras.Input((100,), dtype="int32")
    embedded = layers.Dropout(0.3)(layers.Embedding(3000, 64)(inputs))
    pooled = [layers.GlobalMaxPooling1D()(layers.Conv1D(64, width, activation="relu")(embedded)) for width in (2, 3, 4)]
    outputs = layers.Dense(1, activation="sigmoid")(layers.Dropout(0.5)(layers.Concatenate()(pooled)))
    model = tf.keras.Model(inputs, outputs)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x[:cut], labels[:cut], batch_size=64, epochs=epochs)
    accuracy = model.evaluate(x[cut:], labels[cut:])[1]
    print(f"{100 * accuracy:.1f} % of the test reviews are judged rightly")
    return accuracy


if __name__ == "__main__":
    main()
