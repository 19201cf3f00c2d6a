"""English to Spanish: a Transformer with an encoder and a decoder, on short sentences of Tatoeba.

Result: 63 % of the next words of sentences that it was not trained on are foreseen after 2 epochs, 55 % after one.

TENFOLD_DATA_DIR=... python examples/spanish_translation.py
"""

import os
import re
import zipfile
from pathlib import Path

import numpy as np

import tenfold as tf
from tenfold.keras import layers

WORDS, LENGTH, WIDTH, HEADS = 8000, 10, 128, 4


def pairs(limit: int) -> list[tuple[str, str]]:
    """Sentences of at most nine words; the Spanish ones between [start] and [end]."""
    with zipfile.ZipFile(Path(os.environ["TENFOLD_DATA_DIR"]) / "spa-eng" / "spa-eng.zip") as archive:
        lines = archive.read("spa-eng/spa.txt").decode().splitlines()
    both = [(clean(a), f"[start] {clean(b)} [end]") for a, b in (line.split("\t")[:2] for line in lines)]
    short = [(a, b) for a, b in both if len(a.split()) < LENGTH and len(b.split()) <= LENGTH + 1]
    return [short[i] for i in np.random.default_rng(0).permutation(len(short))[:limit]]


def clean(text: str) -> str:
    return re.sub(r"[^a-záéíóúüñ' ]", "", text.lower())


class Positions(layers.Layer):
    """Word vectors plus a vector for each place; zeros are padding."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.words = layers.Embedding(WORDS, WIDTH, mask_zero=True)
        self.places = layers.Embedding(LENGTH, WIDTH)

    def call(self, x):
        return self.words(x) + self.places(tf.range(x.shape[1]))

    def compute_mask(self, x, mask=None):
        return self.words.compute_mask(x)


def feed_forward(x):
    h = layers.Dense(WIDTH)(layers.Dense(4 * WIDTH, activation="relu")(x))
    return layers.LayerNormalization()(x + layers.Dropout(0.1)(h))


def transformer() -> tf.keras.Model:
    english, spanish = tf.keras.Input((LENGTH,), dtype="int32"), tf.keras.Input((LENGTH,), dtype="int32")
    x = Positions()(english)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(x, x))
    x = feed_forward(x)
    y = Positions()(spanish)
    y = layers.LayerNormalization()(y + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, y, use_causal_mask=True))
    y = layers.LayerNormalization()(y + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, x))
    return tf.keras.Model([english, spanish], layers.Dense(WORDS)(feed_forward(y)))


def vectorizer(texts: list[str], length: int) -> layers.TextVectorization:
    layer = layers.TextVectorization(WORDS, standardize=None, output_sequence_length=length)
    layer.adapt(np.array(texts))
    return layer


def translate(model: tf.keras.Model, english: np.ndarray, names: list[str]) -> list[str]:
    """Word by word, the most likely each time."""
    spanish = np.zeros((len(english), LENGTH), "int32")
    spanish[:, 0] = names.index("[start]")
    for i in range(LENGTH - 1):
        spanish[:, i + 1] = model.predict([english, spanish], verbose=0)[:, i].argmax(-1)
    return [" ".join(names[n] for n in row[1:]).partition(" [end]")[0] for row in spanish]


def main(sentences: int = 40_000, epochs: int = 2) -> float:
    tf.keras.utils.set_random_seed(0)
    data = pairs(sentences)
    source, target = vectorizer([a for a, _ in data], LENGTH), vectorizer([b for _, b in data], LENGTH + 1)
    x, y = source(np.array([a for a, _ in data])).numpy(), target(np.array([b for _, b in data])).numpy()
    known = (y[:, 1:] != 0).astype("float32")  # padding does not count
    model = transformer()
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf.keras.optimizers.Adam(1e-3), loss, weighted_metrics=["accuracy"])
    history = model.fit([x, y[:, :-1]], y[:, 1:], sample_weight=known, batch_size=64, epochs=epochs, validation_split=0.05)
    for (a, b), found in zip(data[-5:], translate(model, x[-5:], target.get_vocabulary()), strict=True):
        print(f"{a}\n  = {b[8:-6]}\n  ~ {found}")
    return history.history["val_accuracy"][-1]


if __name__ == "__main__":
    print(f"{100 * main():.1f} % of the next words are foreseen")
