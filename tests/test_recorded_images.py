"""Layers for images and sound, and bounding boxes: as Keras gave them."""

import pytest
from recorded.cases.images import CASES
from recorded.compare import check

import tenfold as tf


@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow(name):
    check(tf, "images", name, CASES[name])
