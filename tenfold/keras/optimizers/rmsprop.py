"""Optimizers that divide by the gradient's recent or total size: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

from typing import Any

from tenfold.keras import initializers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import math
from tenfold.keras.optimizers.base import MODULE, Optimizer, with_options


@register(MODULE, "rmsprop")
class RMSprop(Optimizer):
    """w -= learning_rate * g / sqrt(v + epsilon), v being a running mean of g².

    Args:
        learning_rate: a number or a schedule.
        rho: how long the mean remembers.
        momentum: of the updates.
        epsilon: keeps the division finite.
        centered: whether the gradient's variance is taken instead of its square.
        name: its name. More arguments: as in Optimizer.
    """

    @with_options
    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7, centered: bool = False,
                 name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, name=name, **kwargs)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self._velocities = self.add_optimizer_variables(variables, "velocity")
            self._momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []
            self._average_gradients = self.add_optimizer_variables(variables, "average_gradient") if self.centered else []

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        rho = self.rho
        v = self.slot(self._velocities, variable)
        self.assign(v, rho * v + (1 - rho) * (gradient * gradient))
        size = v + self.epsilon
        if self.centered:
            mean = self.slot(self._average_gradients, variable)
            self.assign(mean, rho * mean + (1 - rho) * gradient)
            size = v - math.square(mean) + self.epsilon
        step = learning_rate * gradient / math.sqrt(size)
        if self.momentum:
            m = self.slot(self._momentums, variable)
            self.assign(m, self.momentum * m + step)
            step = m.value
        self.assign_sub(variable, step)

    def get_config(self) -> dict[str, Any]:
        names = ("rho", "momentum", "epsilon", "centered")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}


@register(MODULE, "adagrad")
class Adagrad(Optimizer):
    """w -= learning_rate * g / sqrt(a + epsilon), a being the sum of all g²."""

    @with_options
    def __init__(self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7, name: str | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, name=name, **kwargs)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            start = initializers.Constant(self.initial_accumulator_value)
            self._accumulators = self.add_optimizer_variables(variables, "accumulator", start)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        a = self.slot(self._accumulators, variable)
        self.assign_add(a, gradient * gradient)
        self.assign_sub(variable, learning_rate * gradient / math.sqrt(a + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}


@register(MODULE, "adadelta")
class Adadelta(Optimizer):
    """w -= learning_rate * sqrt(d + epsilon) / sqrt(a + epsilon) * g, a and d being running means of g² and of the squared updates."""

    @with_options
    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(learning_rate, name=name, **kwargs)
        self.rho, self.epsilon = rho, epsilon

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            names = ["accumulated_grad", "accumulated_delta_var"]
            self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(variables, names)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        a, d = self.slot(self._accumulated_grads, variable), self.slot(self._accumulated_delta_vars, variable)
        self.assign(a, self.rho * a + (1 - self.rho) * (gradient * gradient))
        step = -math.sqrt(d + self.epsilon) * gradient / math.sqrt(a + self.epsilon)
        self.assign(d, self.rho * d + (1 - self.rho) * (step * step))
        self.assign_add(variable, learning_rate * step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
