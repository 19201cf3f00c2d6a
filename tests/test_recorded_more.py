"""Further layers and activations: as TensorFlow gave them."""

import pytest
from recorded.cases.more import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "more", name, CASES[name])
