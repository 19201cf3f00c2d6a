"""Optimizers under mixed policies, names and configs: as TensorFlow gave them."""

import pytest
from recorded.cases.methods import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "methods", name, CASES[name])
