"""Rows copied by a kernel or by NumPy are the same rows."""

import weakref

import numpy as np
import pytest

from tenfold.keras.training.rows import LARGE, RowCopy, _plan


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64", "bool", "float16", "complex64"])
@pytest.mark.parametrize("width", [3, 5000])
def test_rows_are_those_asked_for(dtype, width):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 2 if dtype == "bool" else 100, (50, width, 2)).astype(dtype)
    rows = RowCopy(array, 32)
    for count in (32, 32, 7, 1):
        wanted = rng.integers(0, 50, count)
        np.testing.assert_array_equal(rows.copy(wanted), array[wanted])


def test_arrays_that_are_not_contiguous():
    array = np.arange(4 * LARGE, dtype="int32").reshape(64, -1)[:, ::2]
    np.testing.assert_array_equal(RowCopy(array, 8).copy(np.arange(8)[::-1]), array[7::-1])


@pytest.mark.parametrize("width", [16, 17, 63, 1000])
def test_rows_of_any_length_end_where_they_shall(width):
    """The last bytes of a row are copied with the line that ends there."""
    array = np.random.default_rng(0).integers(0, 255, (LARGE // 4, width), dtype="int32")[:2000]
    rows = RowCopy(array, 1500)
    assert rows._compiled
    for count in (1500, 1, 2, 999):
        wanted = np.random.default_rng(count).integers(0, 2000, count)
        rows._buffer[:] = -1
        np.testing.assert_array_equal(rows.copy(wanted), array[wanted])
        assert (rows._buffer[count:] == -1).all()


def test_the_kernel_is_kept_and_the_array_is_not():
    """A second `fit` on data of these sizes compiles nothing, and nobody keeps the data of the first."""
    for k in range(2):
        made = _plan.cache_info().misses
        array = np.full((50, LARGE // 8), k, "float32")
        rows = RowCopy(array, 32)
        assert (rows.copy(np.arange(32)) == k).all()
        alive = weakref.ref(array)
        del array, rows
        assert alive() is None
        assert k == 0 or _plan.cache_info().misses == made


def test_the_buffer_is_the_same_array_again_while_as_many_rows_are_asked_for():
    array = np.random.default_rng(0).random((50, LARGE // 32), dtype="float32")
    rows = RowCopy(array, 32)
    first = rows.copy(np.arange(32))
    assert rows.copy(np.arange(1, 33)) is first
    assert len(rows.copy(np.arange(5))) == 5
    np.testing.assert_array_equal(rows.copy(np.arange(18, 50)), array[18:])
