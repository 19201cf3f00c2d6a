"""Layers whose output is sparse where their inputs are: they compute with whole tensors and keep what is not zero."""

from __future__ import annotations

from typing import Any

from tenfold.core import nest
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.layers.base import Layer
from tenfold.ops.sparse import SparseTensor, from_dense
from tenfold.tensor.tensor import Tensor


class KeepsSparse(Layer):
    """A layer that leaves zeros zero: its output is sparse if all of its inputs are."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and (type(args[0]) is Tensor or (type(args[0]) is list and all([type(x) is Tensor for x in args[0]]))):
            return super().__call__(*args, **kwargs)
        inputs = [x for x in nest.flatten((args, kwargs)) if hasattr(x, "shape")]
        sparse = bool(inputs) and all(isinstance(x, SparseTensor) or getattr(x, "sparse", False) is True for x in inputs)
        outputs = super().__call__(*args, **kwargs)
        return nest.map_structure(_as_sparse, outputs) if sparse else outputs


def _as_sparse(x: Any) -> Any:
    if isinstance(x, KerasTensor):
        x._sparse = True
        return x
    return from_dense(x)
