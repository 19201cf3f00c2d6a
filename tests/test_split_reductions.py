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


def test_pieces_that_do_not_divide_the_reduced_axes():
    x = np.random.default_rng(1).normal(size=(7, 7, 32, 64)).astype("float32")
    for extent in (7, 5, 3):
        part = x[:extent]
        found = tf.function(lambda v: tf.reduce_sum(tf.tanh(v), axis=[0, 1, 2]))(tf.constant(part))
        np.testing.assert_allclose(found.numpy(), np.tanh(part.astype("float64")).sum((0, 1, 2)), rtol=1e-4, atol=1e-3)
    tall = np.random.default_rng(2).normal(size=(1021, 65)).astype("float32")
    np.testing.assert_allclose(tf.function(lambda v: tf.reduce_max(v, axis=0))(tf.constant(tall)).numpy(), tall.max(0))
