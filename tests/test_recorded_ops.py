"""TensorFlow's operations where NumPy has no equal: as TensorFlow gave them."""

import pytest
from recorded.cases.ops import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "ops", name, CASES[name])
