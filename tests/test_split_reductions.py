"""Large reductions with few results are cut in two kernels; what is fused behind them may also read variables."""

import numpy as np

import tenfold as tf


def test_a_split_reduction_joined_with_a_variable_of_its_results_shape():
    x = np.random.default_rng(0).normal(size=(32, 13, 13, 64)).astype("float32")
    average = tf.Variable(np.full(64, 2.0, "float32"))

    @tf.function
    def step(values):
        total = tf.reduce_sum(values, axis=[0, 1, 2])
        average.assign(0.9 * average + 0.1 * total * total)

    total = x.astype("float64").sum(axis=(0, 1, 2))
    expected = np.full(64, 2.0)
    for _ in range(3):
        step(tf.constant(x))
        expected = 0.9 * expected + 0.1 * total * total
    np.testing.assert_allclose(average.numpy(), expected, rtol=1e-4)
