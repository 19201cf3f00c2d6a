"""Layers: output, gradients, weights and state: as TensorFlow gave them."""

import pytest
from recorded.cases.layers import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "layers", name, CASES[name])
