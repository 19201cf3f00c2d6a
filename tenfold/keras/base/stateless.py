"""StatelessScope: variables keep their values inside; what is assigned to them is noted instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.variables import Variable, set_stateless
from tenfold.tensor.tensor import as_tensor


class StatelessScope:
    """Inside, variables have the values that are given here; assignments are noted, and the variables stay as they are.

    Args:
        state_mapping: pairs of a variable and the value that it has inside.
        collect_losses: accepted; losses are those of the layers.
        initialize_variables: accepted; variables made inside have their values at once.

    Example:
        >>> v = Variable(1.0)
        >>> with StatelessScope([(v, 5.0)]) as scope:
        ...     _ = v.assign_add(1.0)
        >>> float(scope.get_current_value(v)), float(v)
        (6.0, 1.0)
    """

    def __init__(self, state_mapping: Sequence[tuple[Any, Any]] | None = None, collect_losses: bool = False,
                 initialize_variables: bool = True) -> None:  # fmt: skip
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.losses: list[Any] = []
        self.state_mapping: dict[int, Any] = {}
        self._outer: Any = None
        for variable, value in state_mapping or ():
            if not isinstance(variable, Variable):
                raise InvalidArgumentError("Invalid reference variable in StatelessScope: all keys in argument `mapping` must be Variable "
                                           f"instances. Received instead: {variable}")  # fmt: skip
            tensor = as_tensor(value, hint=variable.dtype)
            if not variable.shape.is_compatible_with(tensor.shape):
                raise InvalidArgumentError("Invalid variable value in StatelessScope: all values in argument `mapping` must be tensors with a shape "
                                           f"that matches the corresponding variable shape. For variable {variable}, received invalid value "
                                           f"{value} with shape {tensor.shape}.")  # fmt: skip
            self.state_mapping[id(variable)] = tensor

    def __enter__(self) -> StatelessScope:
        self._outer = set_stateless(self)
        return self

    def __exit__(self, *error: Any) -> None:
        set_stateless(self._outer)

    def add_loss(self, loss: Any) -> None:
        """Notes a loss."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Notes the new value of a variable: (variable, value)."""
        variable, value = update
        self.state_mapping[id(variable)] = as_tensor(value)

    def get_current_value(self, variable: Any, otherwise: Callable[[], Any] = lambda: None) -> Any:
        """What a variable was given last, here or in an outer scope; else what `otherwise` says."""
        if id(variable) in self.state_mapping:
            return self.state_mapping[id(variable)]
        return otherwise() if self._outer is None else self._outer.get_current_value(variable, otherwise)
