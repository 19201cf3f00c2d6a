"""Metrics: results update by update: as TensorFlow gave them."""

import pytest
from recorded.cases.metrics import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "metrics", name, CASES[name])
