"""Optimizers and schedules: twenty updates with fixed gradients: as TensorFlow gave them."""

import pytest
from recorded.cases.optimizers import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "optimizers", name, CASES[name])
