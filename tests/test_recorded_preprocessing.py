"""Layers for text, categories and tables: as Keras gave them."""

import pytest
from recorded.cases.preprocessing import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_keras(name):
    check(tf, "preprocessing", name, CASES[name])
