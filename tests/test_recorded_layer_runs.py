"""Each layer: values, gradients and twenty steps of training, in float32 and under both mixed policies: as Keras gave them."""

import pytest
from recorded.cases import vectors, windows
from recorded.compare import check

import tenfold as tf

FAMILIES = {"vectors": vectors.CASES, "windows": windows.CASES}


@pytest.mark.parametrize(("family", "name"), [(family, name) for family, cases in FAMILIES.items() for name in cases])
def test_equals_keras(family, name):
    check(tf, family, name, FAMILIES[family][name])
