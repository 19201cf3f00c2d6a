"""Floating-point warnings off: infinities and NaN are results here, as in TensorFlow, and say nothing on stderr."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np

try:  # what `np.errstate` sets, without making an object for it: an eager operation costs a few microseconds in all
    from numpy._core.umath import _extobj_contextvar, _make_extobj

    _settings: ContextVar[Any] = _extobj_contextvar
    _ignore: Any = _make_extobj(all="ignore")
except ImportError:  # another NumPy: the public way
    _ignore = None


def quietly(function: Any, arrays: Any, attrs: Any) -> Any:
    """`function(*arrays, **attrs)` without floating-point warnings."""
    if _ignore is None:
        with np.errstate(all="ignore"):
            return function(*arrays, **attrs)
    before = _settings.set(_ignore)
    try:
        return function(*arrays, **attrs)
    finally:
        _settings.reset(before)
