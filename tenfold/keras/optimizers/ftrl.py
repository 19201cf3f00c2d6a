"""Follow the regularized leader."""

from __future__ import annotations

from typing import Any

from tenfold.keras import initializers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor
from tenfold.keras.optimizers.base import MODULE, Optimizer, with_options
from tenfold.primitives.arithmetic import maximum, minimum, pow


@register(MODULE, "ftrl")
class Ftrl(Optimizer):
    """For wide, sparse models: weights that are exactly 0 where `l1` says so (McMahan et al., 2013).

    Args:
        learning_rate: a number or a schedule.
        learning_rate_power: how the rate falls with the sum of squared gradients, to this power; at most 0.
        initial_accumulator_value: that sum at the start.
        l1_regularization_strength, l2_regularization_strength: penalties of the weights.
        l2_shrinkage_regularization_strength: a penalty that is added to the gradient, not to the sums.
        beta: added to the rate's denominator.
        name: its name. More arguments: as in Optimizer.
    """

    @with_options
    def __init__(self, learning_rate: Any = 0.001, learning_rate_power: float = -0.5, initial_accumulator_value: float = 0.1,
                 l1_regularization_strength: float = 0.0, l2_regularization_strength: float = 0.0,
                 l2_shrinkage_regularization_strength: float = 0.0, beta: float = 0.0, name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, name=name, **kwargs)
        if learning_rate_power > 0:
            raise ValueError(f"`learning_rate_power` needs to be negative or zero. Received: learning_rate_power={learning_rate_power}.")
        self.learning_rate_power, self.initial_accumulator_value, self.beta = learning_rate_power, initial_accumulator_value, beta
        self.l1_regularization_strength, self.l2_regularization_strength = l1_regularization_strength, l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        for argument in self.options[1:-1]:
            if getattr(self, argument) < 0:
                raise ValueError(f"`{argument}` needs to be positive or zero. Received: {argument}={getattr(self, argument)}.")

    options = ("learning_rate_power", "initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength",
               "l2_shrinkage_regularization_strength", "beta")  # fmt: skip

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            start = initializers.Constant(self.initial_accumulator_value)
            self._accumulators, self._linears = self.add_optimizer_variables(variables, ["accumulator", "linear"], [start, "zeros"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        a, z = self.slot(self._accumulators, variable), self.slot(self._linears, variable)
        l1, power = self.l1_regularization_strength, -float(self.learning_rate_power)
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        shrunk = gradient + 2.0 * self.l2_shrinkage_regularization_strength * variable
        total = a + as_tensor(gradient * gradient)
        risen = pow(total, power)
        self.assign_add(z, shrunk - (risen - pow(a.value, power)) / learning_rate * variable)
        self.assign(variable, (minimum(maximum(z.value, -l1), l1) - z) / (risen / learning_rate + 2.0 * l2))
        self.assign(a, total)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{n: getattr(self, n) for n in self.options}}
