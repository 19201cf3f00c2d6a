"""Attention and recurrent layers, trained for twenty steps and in mixed precision: as Keras gave them."""

import pytest
from recorded.cases.sequences import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_keras(name):
    check(tf, "sequences", name, CASES[name])
