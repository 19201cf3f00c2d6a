"""A small GPT that writes like Shakespeare, letter by letter: 4 layers, 128 wide, 64 letters of context, 2,000 steps.

Result: loss 1.86 nats a letter on the last tenth of the text.

    TENFOLD_DATA_DIR=... python examples/shakespeare_gpt.py
"""

import os
from pathlib import Path

import numpy as np

import tenfold as tf
from tenfold.keras import layers

CONTEXT, WIDTH, HEADS, DEPTH, BATCH = 64, 128, 4, 4, 12


class Positions(layers.Layer):
    """Adds a vector of its own to each place."""

    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer=tf.keras.initializers.RandomNormal(stddev=0.02))

    def call(self, x):
        return x + self.table


def gpt(letters: int) -> tf.keras.Model:
    inputs = tf.keras.Input((CONTEXT,), dtype="int32")
    normal, small = (tf.keras.initializers.RandomNormal(stddev=s) for s in (0.02, 0.02 / (2 * DEPTH) ** 0.5))
    x = Positions()(layers.Embedding(letters, WIDTH, embeddings_initializer=normal)(inputs))
    for _ in range(DEPTH):
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS, kernel_initializer=normal)(h, h, use_causal_mask=True)
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.Dense(WIDTH, kernel_initializer=small)(layers.Dense(4 * WIDTH, activation="gelu", kernel_initializer=normal)(h))
    return tf.keras.Model(inputs, layers.Dense(letters, kernel_initializer=normal)(layers.LayerNormalization(epsilon=1e-5)(x)))


def windows(text: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Letters at random places, and the letters that follow each of them."""
    rows = rng.integers(0, len(text) - CONTEXT - 1, count)[:, None] + np.arange(CONTEXT + 1)
    return text[rows][:, :-1], text[rows][:, 1:]


def write(model: tf.keras.Model, start: np.ndarray, count: int, rng: np.random.Generator) -> list[int]:
    """Draws `count` letters, each from the model's probabilities after the ones before it."""
    written = list(start)
    for _ in range(count):
        recent = written[-CONTEXT:]
        logits = model.predict_on_batch(np.array([recent + [0] * (CONTEXT - len(recent))], "int32"))[0, len(recent) - 1]
        chances = np.exp(logits - logits.max()) / 1.0
        written.append(int(rng.choice(len(chances), p=chances / chances.sum())))
    return written


def main(steps: int = 2000) -> float:
    tf.keras.utils.set_random_seed(0)
    text = (Path(os.environ["TENFOLD_DATA_DIR"]) / "tinyshakespeare" / "shakespeare.txt").read_text()
    letters = sorted(set(text))
    codes = np.array([letters.index(c) for c in letters], "int32")[[letters.index(c) for c in text]]
    train, test = np.split(codes, [int(0.9 * len(codes))])
    rng = np.random.default_rng(0)
    model = gpt(len(letters))
    rate = tf.keras.optimizers.schedules.CosineDecay(1e-4, steps - 100, alpha=0.1, warmup_target=1e-3, warmup_steps=100)
    optimizer = tf.keras.optimizers.AdamW(rate, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer, tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(*windows(train, BATCH * steps, rng), batch_size=BATCH, epochs=1)
    loss = model.evaluate(*windows(test, 2000, rng), batch_size=100, verbose=0)
    print(f"loss on the last tenth of the text: {loss:.3f} nats a letter")
    print("".join(letters[i] for i in write(model, [0], 300, rng)))
    return loss


if __name__ == "__main__":
    main()
