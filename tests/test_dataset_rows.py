"""Data sets whose elements are rows of arrays take their batches at once: the same as element by element."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold as tf

STEPS = {
    "shuffle": lambda d, k: d.shuffle(k + 1, seed=k),
    "shuffle once": lambda d, k: d.shuffle(100, seed=k, reshuffle_each_iteration=False),
    "take": lambda d, k: d.take(k),
    "skip": lambda d, k: d.skip(k // 3),
    "repeat": lambda d, k: d.repeat(1 + k % 3),
    "prefetch": lambda d, k: d.prefetch(k),
}


def source(n, by_rows):
    data = {"x": np.arange(3 * n, dtype=np.float32).reshape(n, 3), "names": np.array([f"row {i}" for i in range(n)])}
    rows = tf.data.Dataset.from_tensor_slices((data, np.arange(n)))
    return rows if by_rows else tf.data.Dataset.from_generator(lambda: iter(rows), output_signature=rows.element_spec)


def batches(n, by_rows, steps, size, drop):
    dataset = source(n, by_rows)
    for name, k in steps:
        dataset = STEPS[name](dataset, k)
    dataset = dataset.batch(size, drop_remainder=drop)
    return [[leaf.numpy().tolist() for leaf in tf.nest.flatten(b)] for _ in range(2) for b in dataset]  # two passes


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 12)), max_size=4), st.integers(1, 7), st.booleans())
def test_batches_are_those_of_single_elements(n, steps, size, drop):
    assert batches(n, True, steps, size, drop) == batches(n, False, steps, size, drop)


def test_how_many_there_are_and_what_is_in_them():
    dataset = source(10, True).shuffle(10).repeat(2).take(17).skip(2)
    assert len(dataset) == 15 and len(dataset.batch(4)) == 4 and len(dataset.batch(4, drop_remainder=True)) == 3
    assert dataset.batch(4).element_spec[0]["x"].shape == (None, 3)
    assert source(10, True).repeat().cardinality() == -1
    with pytest.raises(TypeError, match="infinite"):
        len(source(10, True).shuffle(3).repeat())
    assert [len(b[1]) for b in source(10, True).repeat().batch(4).take(6)] == [4] * 6


def test_a_batch_is_not_part_of_the_array_once_rows_were_moved():
    array = np.arange(8, dtype=np.float32)
    (first, *_) = tf.data.Dataset.from_tensor_slices(array).shuffle(8, seed=0).batch(8)
    assert sorted(first.numpy()) == array.tolist() and not np.shares_memory(first.numpy(), array)
