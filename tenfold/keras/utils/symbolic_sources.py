"""What a symbolic tensor comes from."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.symbolic import KerasTensor, node_of


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is symbolic."""
    return isinstance(x, KerasTensor)


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The inputs of a model that `tensor` is computed from, in the order in which they are met.

    Example:
        >>> import tenfold as tf
        >>> x = tf.keras.Input((3,))
        >>> get_source_inputs(tf.keras.layers.Dense(2)(x)) == [x]
        True
    """
    if tensor._keras_history is None or node_of(tensor).is_input:
        return [tensor]
    return list({id(source): source for parent in node_of(tensor).inputs for source in get_source_inputs(parent)}.values())
