"""`tf.*`: tensors made, reshaped, joined, taken apart and read at given places."""

from __future__ import annotations

from tenfold.ops.creation import (
    bitcast,
    cast,
    constant,
    convert_to_tensor,
    eye,
    fill,
    identity,
    is_tensor,
    linspace,
    meshgrid,
    one_hot,
    ones,
    ones_like,
    range,
    zeros,
    zeros_like,
)
from tenfold.ops.selecting import (
    boolean_mask,
    gather,
    gather_nd,
    reverse_sequence,
    scatter_nd,
    sequence_mask,
    tensor_scatter_nd_add,
    tensor_scatter_nd_sub,
    tensor_scatter_nd_update,
    unique,
    unique_with_counts,
    where,
)
from tenfold.ops.shaping import (
    broadcast_dynamic_shape,
    broadcast_static_shape,
    broadcast_to,
    concat,
    expand_dims,
    pad,
    rank,
    repeat,
    reshape,
    reverse,
    roll,
    shape,
    shape_n,
    size,
    slice,
    split,
    squeeze,
    stack,
    tile,
    transpose,
    unstack,
)
from tenfold.ops.sorting import argsort, searchsorted, sort
from tenfold.ops.strided import strided_slice

__all__ = [
    "argsort", "bitcast", "boolean_mask", "broadcast_dynamic_shape", "broadcast_static_shape", "broadcast_to", "cast", "concat", "constant",
    "convert_to_tensor", "expand_dims", "eye", "fill", "gather", "gather_nd", "identity", "is_tensor", "linspace", "meshgrid", "one_hot", "ones",
    "ones_like", "pad", "range", "rank", "repeat", "reshape", "reverse", "reverse_sequence", "roll", "scatter_nd", "searchsorted", "sequence_mask",
    "shape", "shape_n", "size", "slice", "sort", "split", "squeeze", "stack", "strided_slice", "tensor_scatter_nd_add", "tensor_scatter_nd_sub",
    "tensor_scatter_nd_update", "tile", "transpose", "unique", "unique_with_counts", "unstack", "where", "zeros", "zeros_like",
]  # fmt: skip
