"""Adam that needs no schedule, because what it gives is an average of where it went."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import math
from tenfold.keras.optimizers.adam import Moments
from tenfold.keras.optimizers.base import MODULE, with_options
from tenfold.primitives.arithmetic import minimum


@register(MODULE, "schedulefreeadamw")
class ScheduleFreeAdamW(Moments):
    """z -= rate * g / (sqrt(v) + epsilon), and the variables are the mean of all z (after Defazio et al., 2024).

    There they are (1 - beta_1) z + beta_1 x, x the mean. Keras finds x again from the variables and z, and on TensorFlow reads z after its update:
    what is left is the mean, whatever beta_1 is. Its steps are followed here.

    Args:
        learning_rate: a number; it need not fall.
        beta_1: how near the variables are to the mean; see above.
        beta_2: how long the mean of squared gradients remembers.
        epsilon: keeps the division finite.
        warmup_steps: over so many steps the rate rises to its value.
        name: its name. More arguments: as in Optimizer.
    """

    @with_options
    def __init__(self, learning_rate: Any = 0.0025, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, warmup_steps: int = 0,
                 name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name, **kwargs)
        self.warmup_steps = warmup_steps

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
            for z, variable in zip(self._momentums, variables, strict=True):
                if z is not None:
                    z.assign(variable.read_value())

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        t, power_2 = self._step(variable), self._powers(variable)[1]
        rate = learning_rate * minimum(t / float(self.warmup_steps), 1.0) if self.warmup_steps > 0 else learning_rate
        z, v = self.slot(self._momentums, variable), self.slot(self._velocities, variable)
        self.assign_add(v, (gradient * gradient - v) * (1 - self.beta_2))
        self.assign_sub(z, rate * gradient / (math.sqrt(v / (1 - power_2)) + self.epsilon))
        self.assign_add(variable, (z - variable) / t)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "warmup_steps": self.warmup_steps}
