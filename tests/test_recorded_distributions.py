"""Random layers: mean and deviation of each element over many draws: as TensorFlow gave them."""

import pytest
from recorded.cases.distributions import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "distributions", name, CASES[name])
