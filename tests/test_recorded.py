"""Everything that was recorded from TensorFlow and Keras (tests/recorded/README.md), replayed."""

import pytest
from recorded.compare import check
from recorded.families import FAMILIES, cases_of

import tenfold as tf


@pytest.mark.parametrize(("family", "name"), [(family, name) for family in FAMILIES for name in cases_of(family)])
def test_equals_the_record(family, name):
    check(tf, family, name, cases_of(family)[name])
