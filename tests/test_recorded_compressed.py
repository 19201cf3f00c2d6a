"""Layers in few bits and with low-rank adaptation: as TensorFlow gave them."""

import pytest
from recorded.cases.compressed import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "compressed", name, CASES[name])
