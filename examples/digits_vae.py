"""A variational autoencoder of handwritten digits: two numbers a digit, and new digits from any two numbers.

Result: a bound of -160 nats a digit on the test digits, and a map on which they pass into each other.

    python examples/digits_vae.py            (the digits come with Tenfold)
"""

import numpy as np

import tenfold as tf
from tenfold.data.datasets import bundled_digits
from tenfold.keras import layers


class Sampling(layers.Layer):
    """Draws from the normal distribution that the encoder tells, and charges for its distance from the standard one."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = tf.keras.random.SeedGenerator(0)

    def call(self, mean, log_variance):
        distance = 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_variance) - log_variance - 1, 1)
        self.add_loss(tf.reduce_mean(distance))
        return mean + tf.exp(0.5 * log_variance) * tf.keras.random.normal(tf.shape(mean), seed=self.seeds)


def autoencoder() -> tuple[tf.keras.Model, tf.keras.Model]:
    """The whole, and the decoder alone."""
    inputs = tf.keras.Input((28, 28, 1))
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    code = Sampling()(layers.Dense(2)(x), layers.Dense(2)(x))
    decoder = tf.keras.Sequential([
        tf.keras.Input((2,)),
        layers.Dense(7 * 7 * 64, activation="relu"),
        layers.Reshape((7, 7, 64)),
        layers.Conv2DTranspose(64, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(1, 3, padding="same"),
    ])  # fmt: skip
    return tf.keras.Model(inputs, decoder(code)), decoder


def likelihood(y, logits):
    return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits), (1, 2, 3))


def main(epochs: int = 12, picture: str = "digits_vae.png") -> float:
    tf.keras.utils.set_random_seed(0)
    (x, _), (x_test, _) = bundled_digits()
    x, x_test = (a[..., None].astype("float32") / 255 for a in (x, x_test))
    model, decoder = autoencoder()
    model.compile(tf.keras.optimizers.Adam(2e-3), likelihood)
    model.fit(x, x, batch_size=128, epochs=epochs, verbose=2)
    bound = model.evaluate(x_test, x_test, verbose=0)
    places = np.linspace(-2, 2, 12)
    grid = 1 / (1 + np.exp(-decoder.predict(np.array([(a, b) for a in places for b in places], "float32"), verbose=0)))
    tf.keras.utils.save_img(picture, grid.reshape(12, 12, 28, 28).transpose(0, 2, 1, 3).reshape(336, 336, 1))
    print(f"bound of the log-likelihood: {-bound:.0f} nats a digit; a map of digits is in {picture}")
    return bound


if __name__ == "__main__":
    main()
