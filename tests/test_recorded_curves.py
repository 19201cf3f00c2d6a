"""Loss curves over fifty training steps: as TensorFlow gave them."""

import pytest
from recorded.cases.curves import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "curves", name, CASES[name])
