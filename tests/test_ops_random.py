"""tf.random: seeds, generators, moments, use inside compiled functions."""

import numpy as np
import pytest
from ops_checks import same

import tenfold as tf

DRAWS = {
    "uniform": lambda: tf.random.uniform([4]),
    "normal": lambda: tf.random.normal([4]),
    "truncated_normal": lambda: tf.random.truncated_normal([4]),
    "integers": lambda: tf.random.uniform([4], 0, 1000, tf.int32),
    "categorical": lambda: tf.random.categorical(tf.zeros([2, 100]), 4),
    "shuffle": lambda: tf.random.shuffle(tf.range(20)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_repeats_the_sequence(name):
    draw = DRAWS[name]
    tf.random.set_seed(3)
    first, second = draw().numpy(), draw().numpy()
    assert not np.array_equal(first, second)
    tf.random.set_seed(3)
    same(draw(), first)
    same(draw(), second)
    tf.random.set_seed(4)
    assert not np.array_equal(draw().numpy(), first)


@pytest.mark.parametrize("name", DRAWS)
def test_compiled_functions_draw_anew_and_the_same_as_eager_ones(name):
    draw = DRAWS[name]
    compiled = tf.function(lambda: draw())
    tf.random.set_seed(5)
    eager = [draw().numpy() for _ in range(3)]
    tf.random.set_seed(5)
    for expected in eager:
        same(compiled(), expected, 1e-5)


def test_seeds_of_operations():
    tf.random.set_seed(1)
    a = [tf.random.uniform([3], seed=7).numpy() for _ in range(2)]
    b = tf.random.uniform([3], seed=8).numpy()
    tf.random.set_seed(1)
    same(tf.random.uniform([3], seed=7), a[0])
    same(tf.random.uniform([3], seed=7), a[1])
    assert not np.array_equal(a[0], a[1]) and not np.array_equal(a[0], b)


def test_moments():
    tf.random.set_seed(0)
    n = 200_000
    x = tf.random.normal([n], 2.0, 3.0).numpy()
    assert abs(x.mean() - 2) < 0.03 and abs(x.std() - 3) < 0.03
    t = tf.random.truncated_normal([n]).numpy()
    assert abs(t).max() <= 2 and abs(t.std() - 0.8796) < 0.01
    u = tf.random.uniform([n], -1.0, 3.0).numpy()
    assert u.min() >= -1 and u.max() < 3 and abs(u.mean() - 1) < 0.02
    i = tf.random.uniform([n], 2, 5, tf.int64).numpy()
    assert set(i) == {2, 3, 4} and abs((i == 2).mean() - 1 / 3) < 0.01
    c = tf.random.categorical(np.log([[0.2, 0.8]]).astype("float32"), n).numpy()
    assert c.dtype == np.int64 and abs(c.mean() - 0.8) < 0.01


def test_types_and_shapes():
    assert tf.random.normal([2, 3], dtype=tf.float16).dtype == tf.float16
    assert tf.random.uniform((), dtype=tf.float64).dtype == tf.float64
    assert tf.random.categorical(tf.zeros([2, 3]), 5, tf.int32).dtype == tf.int32
    assert tf.random.normal(tf.constant([2, 3])).shape == [2, 3]
    f = tf.function(lambda x: tf.random.normal(tf.shape(x)), input_signature=[tf.TensorSpec([None, 2])])
    assert f(tf.zeros([5, 2])).shape == [5, 2]


def test_stateless():
    seed = [1, 2]
    same(tf.random.stateless_uniform([3], seed), tf.random.stateless_uniform([3], seed).numpy())
    assert not np.array_equal(tf.random.stateless_normal([3], seed), tf.random.stateless_normal([3], [1, 3]))
    assert tf.random.split(seed, 3).shape == [3, 2]
    assert tf.random.fold_in(seed, 4).shape == [2]
    assert sorted(tf.random.stateless_shuffle([1, 2, 3], seed).numpy()) == [1, 2, 3]
    assert tf.random.stateless_categorical(tf.zeros([1, 5]), 3, seed).shape == [1, 3]
    same(tf.random.stateless_truncated_normal([2], seed), tf.random.stateless_truncated_normal([2], seed).numpy())


def test_shuffle_keeps_rows_together():
    x = np.arange(12).reshape(6, 2)
    y = tf.random.shuffle(x).numpy()
    assert sorted(map(tuple, y)) == sorted(map(tuple, x))


def test_generators():
    g, h = tf.random.Generator.from_seed(1), tf.random.Generator.from_seed(1)
    first = g.normal([3]).numpy()
    same(h.normal([3]), first)
    assert not np.array_equal(g.normal([3]), first)
    copy = tf.random.Generator.from_state(g.state)
    same(copy.uniform([3]), g.uniform([3]).numpy())
    g.reset_from_seed(1)
    same(g.normal([3]), first)
    g.skip(1)
    h.normal([1])
    same(g.uniform([2]), h.uniform([2]).numpy())
    a, b = g.split(2)
    assert not np.array_equal(a.normal([3]), b.normal([3]))
    assert g.make_seeds(3).shape == [2, 3]
    assert g.uniform_full_int([2], tf.int64).dtype == tf.int64
    f = tf.function(lambda: h.normal([3]))
    assert not np.array_equal(f(), f())


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="maxval must be given"):
        tf.random.uniform([2], dtype=tf.int32)
    with pytest.raises(TypeError, match="floating-point"):
        tf.random.normal([2], dtype=tf.int32)
    with pytest.raises(TypeError, match="logits"):
        tf.random.categorical([0.0, 1.0], 2)
    with pytest.raises(ValueError, match="seed"):
        tf.random.stateless_uniform([2], seed=[1, 2, 3])
    with pytest.raises(ValueError, match="scalar"):
        tf.random.shuffle(1)
