"""Recurrent layers: outputs, gradients, masks, states and training: as Keras gave them."""

import pytest
from recorded.cases.recurrent import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_keras(name):
    check(tf, "recurrent", name, CASES[name])
