"""Rows added to a tensor at computed places."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import NUMBERS, float32
from tenfold.core.errors import ShapeError
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.define import each, primitive
from tenfold.primitives.gather import gather, scatter_add
from tenfold.tensor.tensor import Tensor, as_tensor


def _into_spec(x: Spec, indices: Spec, updates: Spec) -> Spec:
    if not x.shape:
        raise ShapeError("[scatter_into] expected at least one dimension to scatter into; received a scalar.")
    if scatter_add.primitive.spec(indices, updates, x.shape[0]) != x:
        raise ShapeError(f"[scatter_into] expected rows of {x}; received updates {updates}.")
    return x


def _into_oracle(x: Any, indices: Any, updates: Any) -> Any:
    valid = (indices >= 0) & (indices < len(x))
    result = x.copy()
    np.add.at(result, indices[valid], updates[valid])
    return result


@primitive(Kind.SCATTER, spec=_into_spec, oracle=_into_oracle, lower="sum", dtypes=NUMBERS,
           vjp=each(lambda g, y, x, indices, updates: g, None,
                    lambda g, y, x, indices, updates: gather.bare(g, indices, axis=0, batch_dims=0)))  # fmt: skip
def scatter_into(apply: Any, x: Any, indices: Any, updates: Any) -> Tensor:
    """`x` with `updates[i]` added to row `indices[i]`, one after the other; rows out of range are dropped.

    A variable's new value is made in place where nobody needs the old one, so that only these rows are touched. Half precision is
    accumulated in float32.
    """
    x, indices, updates = as_tensor(x), as_tensor(indices), as_tensor(updates)
    if x.dtype.is_floating and x.dtype.size == 2 and updates.dtype is x.dtype:
        return cast(apply(cast(x, float32), indices, cast(updates, float32)), x.dtype)
    result: Tensor = apply(x, indices, updates)
    return result
