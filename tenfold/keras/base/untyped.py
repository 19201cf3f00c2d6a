"""The operations that Keras is written with, typed as Any: Tensor gets its operators at run time, so type checkers do not know `x + y`."""

from __future__ import annotations

from typing import Any

from tenfold.ops import array as _array
from tenfold.ops import math as _math
from tenfold.ops import nn as _nn
from tenfold.tensor.tensor import as_tensor as _as_tensor

array: Any = _array
math: Any = _math
nn: Any = _nn
as_tensor: Any = _as_tensor
