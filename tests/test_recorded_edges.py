"""Borders: ties, kinks, zeros, casts, integer division, NaN: as TensorFlow gave them."""

import pytest
from recorded.cases.edges import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "edges", name, CASES[name])
