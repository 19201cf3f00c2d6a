"""A cheap reader of a product may be computed in several kernels; only one of them can be the end of the product."""

import numpy as np

import tenfold as tf


def test_a_product_that_two_kernels_read_is_in_memory():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(1, 33)).astype("float32"), random.normal(size=(33, 5)).astype("float32")

    def clamp(x, w, low):
        with tf.GradientTape() as tape:
            tape.watch([x, low])
            y = x @ w
            kept = tf.where(y < low, low, y * 0.5)
            loss = tf.reduce_mean(tf.sin(kept))
        return kept, *tape.gradient(loss, [x, low])

    arguments = [tf.constant(a), tf.constant(b), tf.constant(-0.3)]
    for traced, eager in zip(tf.function(clamp)(*arguments), clamp(*arguments), strict=True):
        np.testing.assert_allclose(traced.numpy(), eager.numpy(), rtol=1e-5, atol=1e-6)
