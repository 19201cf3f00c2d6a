"""A program run for one batch after another in one native run, checked against single runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold as tf
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
    repeat = Repeat(times, (), (Gather(rows, order, buffer),), keep) if shuffled else Repeat(times, ((0, 2 * 16 * 4),), (), keep)
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
