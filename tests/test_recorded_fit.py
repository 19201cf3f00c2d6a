"""fit, evaluate, predict, train_on_batch, callbacks: as TensorFlow gave them."""

import pytest
from recorded.cases.fit import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "fit", name, CASES[name])
