"""Initializers: distributions and bounds: as TensorFlow gave them."""

import pytest
from recorded.cases.initializers import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "initializers", name, CASES[name])
