"""Floating-point warnings off: infinities and NaN are results here, as in TensorFlow, and say nothing on stderr.

before = silence()
try:
    ...
finally:
    restore(before)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

silence: Callable[[], Any]
restore: Callable[[Any], object]

try:  # what `np.errstate` sets, without making an object for it: an eager operation costs a few microseconds in all
    from numpy._core.umath import _extobj_contextvar, _make_extobj

    silence = partial(_extobj_contextvar.set, _make_extobj(all="ignore"))
    restore = _extobj_contextvar.reset
except ImportError:  # another NumPy: the public way

    def silence() -> Any:
        """No warnings from here on; gives what `restore` needs."""
        return np.seterr(all="ignore")

    def restore(before: Any) -> object:
        """Warnings as they were before `silence`."""
        return np.seterr(**before)
