"""Gradient descent."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.optimizers.base import MODULE, Optimizer, with_options
from tenfold.keras.optimizers.shared import shared


@register(MODULE, "sgd")
class SGD(Optimizer):
    """w -= learning_rate * g; with momentum v = momentum * v - learning_rate * g, w += v."""

    @with_options
    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(learning_rate, name=name, **kwargs)
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be a float between [0, 1]. Received: momentum={momentum}")
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self.momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        step = shared(("down",), lambda: -learning_rate, learning_rate) * gradient
        if self.momentum:
            v = self.slot(self.momentums, variable)
            self.assign(v, v.value * self.momentum + step)
            step = v.value * self.momentum + step if self.nesterov else v.value
        self.assign_add(variable, step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
