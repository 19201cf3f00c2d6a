"""A program run for one batch after another in one native run, checked against single runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold as tf
from tenfold.codegen.contraction import vectors
from tenfold.codegen.cpu import host
from tenfold.compiler.repeat import Gather, Repeat


def running_sum():
    """v += x * w; returns the sum of v and x, rows kept."""
    v = tf.Variable(np.zeros((2, 16), np.float32))

    @tf.function
    def add(x):
        v.assign_add(x * 2.0)
        return v + x, tf.reduce_sum(x)

    return v, add.get_concrete_function(tf.TensorSpec((2, 16)))


def expected(batches):
    """The variable at the end, and what each run returns."""
    v, outputs = np.zeros((2, 16)), []
    for x in batches.astype(np.float64):
        v = v + x * 2
        outputs.append((v + x, x.sum()))
    return v, outputs


@settings(max_examples=30, deadline=None)
@given(times=st.sampled_from([1, 2, 3, 255, 256, 257]), keep=st.booleans(), shuffled=st.booleans(), seed=st.integers(0, 9))
def test_equals_single_runs(times, keep, shuffled, seed):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((2 * times, 16)).astype(np.float32)
    order = random.permutation(2 * times)
    v, concrete = running_sum()
    concrete.execute([np.zeros((2, 16), np.float32)])
    buffer = np.empty((2, 16), np.float32)
    repeat = Repeat(times, (), (Gather(0, rows, order, buffer),), keep) if shuffled else Repeat(times, ((0, 2 * 16 * 4),), (), keep)
    found, total = concrete.execute([buffer if shuffled else rows[:2]], repeat)
    value, outputs = expected((rows[order] if shuffled else rows).reshape(times, 2, 16))
    np.testing.assert_allclose(v.numpy(), value, rtol=1e-4, atol=1e-4)
    assert found.shape == ((times, 2, 16) if keep else (2, 16)) and total.shape == ((times,) if keep else ())
    wanted = [np.stack(o) for o in zip(*outputs, strict=True)] if keep else outputs[-1]
    np.testing.assert_allclose(found, wanted[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(total, wanted[1], rtol=1e-4, atol=1e-3)


def test_arguments_that_moved_are_found_anew():
    v, concrete = running_sum()
    x = np.ones((6, 16), np.float32)
    x[4:] = 5
    first = x[:2]
    concrete.execute([first])
    concrete.execute([first], Repeat(3, ((0, 2 * 16 * 4),)))
    before = v.numpy()
    concrete.execute([first])
    np.testing.assert_array_equal(v.numpy() - before, np.full((2, 16), 2.0))


def test_programs_that_call_python_run_one_by_one():
    @tf.function
    def host(x):
        return tf.numpy_function(np.sort, [x], tf.float32, shapes=(3,))

    @tf.function
    def plain(x):
        return x + 1.0

    x = np.ones(3, np.float32)
    for function, repeats in ((host, False), (plain, True)):
        concrete = function.get_concrete_function(tf.TensorSpec((3,)))
        assert not concrete.repeats([x]), "it has not run yet"
        concrete.execute([x])
        assert concrete.repeats([x]) is repeats


def test_a_failed_check_ends_the_run_there():
    ends = []
    for together in (True, False):
        v = tf.Variable(0)

        @tf.function
        def count(x, v=v):
            tf.debugging.assert_less(x, 3, message="too much")
            v.assign_add(1)

        concrete = count.get_concrete_function(tf.TensorSpec((), tf.int32))
        numbers = [n.reshape(()) for n in np.split(np.arange(6, dtype=np.int32), 6)]
        concrete.execute(numbers[:1])
        with pytest.raises(tf.errors.InvalidArgumentError, match="too much"):
            if together:
                concrete.execute(numbers[:1], Repeat(6, ((0, 4),)))
            else:
                [concrete.execute([n]) for n in numbers]
        ends.append(int(v))
        concrete.execute(numbers[:1])
        assert int(v) == ends[-1] + 1
    assert ends[0] == ends[1] < 6


SIZE, TIMES = 60, 7


def descent(width, count=1, more=None):
    """A step of plain descent of `count` linear models of as many batches; `more` is another reader of the first batch."""
    start = np.random.default_rng(1).standard_normal((width, 128)).astype(np.float32)
    weights = [tf.Variable(start * (i + 1)) for i in range(count)]

    @tf.function
    def step(*batches):
        with tf.GradientTape() as tape:
            loss = sum(tf.reduce_mean((x @ w - 1.0) ** 2) for x, w in zip(batches, weights, strict=True))
        for w, g in zip(weights, tape.gradient(loss, weights), strict=True):
            w.assign_sub(0.01 * g)
        return loss if more is None else loss + more(batches[0])

    return weights, step.get_concrete_function(*[tf.TensorSpec((SIZE, width)) for _ in weights])


def shuffled_runs(width, count=1, more=None, seed=0):
    """The weights and losses after several runs on chosen rows: in one native run, and one by one; the rows; and whether they were copied."""
    random = np.random.default_rng(seed)
    data = [random.standard_normal((3 * SIZE, width)).astype(np.float32) / width**0.5 for _ in range(count)]
    orders = [random.integers(0, 3 * SIZE, TIMES * SIZE) for _ in data]
    batches = [[d[o[SIZE * i : SIZE * i + SIZE]] for d, o in zip(data, orders, strict=True)] for i in range(TIMES)]
    found = []
    for together in (True, False):
        weights, concrete = descent(width, count, more)
        losses = [float(concrete.execute(batches[0])[0])]
        if together:
            targets = [np.full((SIZE, width), np.nan, np.float32) for _ in data]
            gathers = [Gather(i, d, o, t) for i, (d, o, t) in enumerate(zip(data, orders, targets, strict=True))]
            losses += concrete.execute(targets, Repeat(TIMES, (), tuple(gathers), True))[0].tolist()
            copied = [not np.isnan(t).all() for t in targets]
        else:
            losses += [float(concrete.execute(b)[0]) for b in batches]
        losses.append(float(concrete.execute(batches[0])[0]))  # rows that lie one after the other are found again
        found.append([*(w.numpy() for w in weights), np.array(losses)])
    return *found, batches, copied


@pytest.mark.parametrize("width", [300, 401, 784, 1024])
def test_products_read_chosen_rows_where_they_lie(width):
    together, single, batches, copied = shuffled_runs(width)
    for a, b in zip(together, single, strict=True):
        np.testing.assert_array_equal(a, b)
    w = np.random.default_rng(1).standard_normal((width, 128)).astype(np.float32).astype(np.float64)
    for (x,) in [batches[0], *batches, batches[0]]:
        error = x.astype(np.float64) @ w - 1
        w -= 0.01 * 2 / error.size * x.T.astype(np.float64) @ error
    np.testing.assert_allclose(together[0], w, rtol=1e-4, atol=1e-5)
    assert copied == [vectors(host()).count > 16]


@pytest.mark.parametrize("count", [2, 3])
def test_several_batches_have_rows_of_their_own(count):
    together, single, _, _ = shuffled_runs(500, count)
    for a, b in zip(together, single, strict=True):
        np.testing.assert_array_equal(a, b)


READERS = (tf.reduce_sum, lambda x: tf.reduce_sum(x @ tf.transpose(x)), lambda x: tf.reduce_sum(tf.reshape(x, (30, 1000)) @ tf.ones((1000, 2))))


@pytest.mark.parametrize("more", READERS)
def test_rows_are_copied_for_whoever_else_reads_them(more):
    together, single, _, copied = shuffled_runs(500, 1, more)
    for a, b in zip(together, single, strict=True):
        np.testing.assert_array_equal(a, b)
    assert copied == [True]
