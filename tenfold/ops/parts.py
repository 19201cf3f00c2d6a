"""Parts of variables that can be assigned to: `v[1, :].assign(x)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.ops.selecting import tensor_scatter_nd_update
from tenfold.primitives import operators as operators  # whose reading of variables is replaced here
from tenfold.primitives.indexing import getitem
from tenfold.primitives.movement import broadcast_to, expand_dims, reshape
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.tensor.variable import Variable


def part_of(variable: Variable, key: Any) -> Tensor:
    """The part of a variable that `key` names; its `assign` replaces that part of the variable.

    Example:
        >>> v = Variable([[1.0, 2.0], [3.0, 4.0]])
        >>> _ = v[1, :].assign([0.0, 5.0]); v.numpy().tolist()
        [[1.0, 2.0], [0.0, 5.0]]
    """
    value = variable.read_value()
    part = getitem(value, key)
    if part is not value:
        part.assign = lambda value, name=None: _assign_part(variable, key, value)
    return part


def _assign_part(variable: Variable, key: Any, value: Any) -> Variable:
    before = variable.read_value()
    flat = reshape(before, (-1,))
    places = getitem(wrap(np.arange(np.prod(variable.shape, dtype=np.int64), dtype=np.int32).reshape(tuple(variable.shape))), key)
    new = reshape(broadcast_to(as_tensor(value, hint=variable.dtype, name="assign"), places.sizes), (-1,))
    return variable.assign(reshape(tensor_scatter_nd_update(flat, expand_dims(reshape(places, (-1,)), -1), new), before.sizes))


Variable.__getitem__ = part_of  # type: ignore[method-assign, assignment]
