"""The layers that are used less: as TensorFlow gave them."""

import pytest
from recorded.cases.wide import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "wide", name, CASES[name])
