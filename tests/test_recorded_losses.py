"""Losses: every reduction, weights, logits, smoothing: as TensorFlow gave them."""

import pytest
from recorded.cases.losses import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "losses", name, CASES[name])
