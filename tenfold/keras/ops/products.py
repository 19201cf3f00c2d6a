"""Products of matrices and tensors, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.keras.ops.define import Array, operation
from tenfold.keras.promotion import result_type
from tenfold.ops import products as p


@operation(dtype=result_type)
def matmul(x1: Array, x2: Array) -> Array:
    """The matrix product."""
    return p.matmul(x1, x2)


@operation(dtype=result_type)
def einsum(subscripts: str, *operands: Array, **kwargs: Any) -> Array:
    """Sums of products, by Einstein's notation.

    Example:
        >>> tf.keras.ops.einsum("ij,kj->ik", np.ones((2, 3)), np.ones((4, 3))).shape
        TensorShape([2, 4])
    """
    return p.einsum(subscripts, *operands)
