"""A layer called as a pure function: with given values of its variables, which it leaves as they are."""

from __future__ import annotations

from typing import Any

from tenfold.tensor.tensor import as_tensor
from tenfold.tensor.variable import Variable


def stateless_call(layer: Any, trainable: Any, non_trainable: Any, args: tuple[Any, ...], kwargs: dict[str, Any], return_losses: bool) -> Any:
    """(outputs, new values of the non-trainable variables), and the losses if they are wanted.

    Raises:
        ValueError: the layer is not built, or there are more or fewer values than variables.
    """
    if not layer.built:
        raise ValueError(f"To call stateless_call, {type(layer).__name__} must be built (i.e. its variables must have been already created). "
                         "You can build it by calling it on some data.")  # fmt: skip
    groups = (("trainable_variables", trainable), ("non_trainable_variables", non_trainable))
    variables: list[Any] = []
    values: list[Any] = []
    for name, given in groups:
        mine = getattr(layer, name)
        if len(given) != len(mine):
            raise ValueError(f"Argument `{name}` must be a list of tensors corresponding 1:1 to {type(layer).__name__}().{name}. "
                             f"Received list with length {len(given)}, but expected {len(mine)} variables.")  # fmt: skip
        variables += mine
        values += [Variable.read_value(v) if isinstance(v, Variable) else as_tensor(v) for v in given]
    before = [Variable.read_value(v) for v in variables]
    try:
        for v, value in zip(variables, values, strict=True):
            v.assign(value)
        outputs = layer(*args, **kwargs)
        after = [Variable.read_value(v) for v in layer.non_trainable_variables]
        losses = layer.losses
    finally:
        for v, value in zip(variables, before, strict=True):
            v.assign(value)
    return (outputs, after, losses) if return_losses else (outputs, after)
