"""Adam and its relatives."""

from __future__ import annotations

from typing import Any, ClassVar

from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.optimizers.base import MODULE, Optimizer, with_options
from tenfold.keras.optimizers.shared import shared
from tenfold.primitives.arithmetic import cast, logical_and, maximum, pow, select
from tenfold.primitives.elementwise import sign


class Moments(Optimizer):
    """An optimizer that keeps running means of the gradients and of their squares."""

    def __init__(self, learning_rate: Any, beta_1: float, beta_2: float, epsilon: float, name: str | None, **kwargs: Any) -> None:
        super().__init__(learning_rate, name=name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def _step(self, variable: Any) -> Any:
        return cast(as_tensor(self.iterations) + 1, variable.dtype)

    def _powers(self, variable: Any) -> tuple[Any, Any]:
        t = self._step(variable)
        return tuple(pow(cast(as_tensor(float(b)), t.dtype), t) for b in (self.beta_1, self.beta_2))  # rounded to float32 first, as in Keras

    def _alpha(self, variable: Any, learning_rate: Any) -> Any:
        """The rate, corrected for both means' start at 0."""
        power_1, power_2 = self._powers(variable)
        return learning_rate * math.sqrt(1 - power_2) / (1 - power_1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


@register(MODULE, "adam")
class Adam(Moments):
    """w -= learning_rate * m / (sqrt(v) + epsilon), m and v being running means of g and g², corrected for their start at 0.

    Args:
        learning_rate: a number or a schedule.
        beta_1, beta_2: how long the running means remember.
        epsilon: keeps the division finite.
        amsgrad: whether v never falls.
        name: its name. More arguments: as in Optimizer.

    Example:
        >>> Adam(0.01).learning_rate.numpy()
        np.float32(0.01)
    """

    @with_options
    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False,
                 name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name, **kwargs)
        self.amsgrad = amsgrad

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
            if self.amsgrad:
                self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        what = ("alpha", self.beta_1, self.beta_2, variable.dtype)
        alpha = shared(what, lambda: self._alpha(variable, learning_rate), as_tensor(self._iterations), learning_rate)
        m, v = self.slot(self._momentums, variable), self.slot(self._velocities, variable)
        self.assign(m, m + (gradient - m) * (1 - self.beta_1))
        self.assign(v, v + (gradient * gradient - v) * (1 - self.beta_2))
        if self.amsgrad:
            top = self.slot(self._velocity_hats, variable)
            self.assign(top, maximum(top, v))
            v = top
        self.assign(variable, variable - m * alpha / (math.sqrt(v) + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amsgrad": self.amsgrad}


@register(MODULE, "adamw")
class AdamW(Adam):
    """Adam with weight decay: weights also shrink by learning_rate * weight_decay in each step."""

    @with_options
    def __init__(self, learning_rate: Any = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 amsgrad: bool = False, name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, name=name, **kwargs)


@register(MODULE, "adamax")
class Adamax(Moments):
    """Adam with the largest |g| seen (slowly forgotten) instead of the root of the mean of g²."""

    @with_options
    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, name: str | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name, **kwargs)

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self._m, self._u = self.add_optimizer_variables(variables, ["momentum", "norm"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        m, u = self.slot(self._m, variable), self.slot(self._u, variable)
        self.assign(m, m + (gradient - m) * (1 - self.beta_1))
        self.assign(u, maximum(self.beta_2 * u, as_tensor(abs(gradient))))
        self.assign(variable, variable - learning_rate * m / ((1 - self._powers(variable)[0]) * (u + self.epsilon)))


@register(MODULE, "nadam")
class Nadam(Moments):
    """Adam with Nesterov momentum."""

    @with_options
    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, name: str | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name, **kwargs)

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            dtype = variables[0].dtype if len(variables) else None
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
            self._u_product = self.add_variable((), "ones", dtype, name="u_product")

    def _share(self, t: Any) -> Any:
        return self.beta_1 * (1.0 - 0.5 * pow(as_tensor(0.96, hint=t.dtype), t))

    def _update(self, gradients: list[Any], variables: list[Any]) -> None:
        t = self._step(self._u_product)
        self.assign(self._u_product, self._u_product * self._share(t))
        super()._update(gradients, variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        t = self._step(variable)
        now, later = self._share(t), self._share(t + 1)
        product = cast(self._u_product.value, variable.dtype)
        m, v = self.slot(self._momentums, variable), self.slot(self._velocities, variable)
        self.assign(m, m + (gradient - m) * (1 - self.beta_1))
        self.assign(v, v + (gradient * gradient - v) * (1 - self.beta_2))
        mean = later * m / (1 - product * later) + (1 - now) * gradient / (1 - product)
        square = v / (1 - self._powers(variable)[1])
        self.assign(variable, variable - learning_rate * mean / (math.sqrt(square) + self.epsilon))


@register(MODULE, "lion")
class Lion(Optimizer):
    """w -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g)."""

    _other_names: ClassVar[dict[str, tuple[str, ...]]] = {"_momentums": ("momentums",)}

    @with_options
    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(learning_rate, name=name, **kwargs)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer degenerates to SignSGD. "
                             f"Received: beta_1={beta_1}.")  # fmt: skip
        self.beta_1, self.beta_2 = beta_1, beta_2

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        m = self.slot(self._momentums, variable)
        self.assign_sub(variable, learning_rate * sign(m * self.beta_1 + gradient * (1 - self.beta_1)))
        self.assign(m, m * self.beta_2 + gradient * (1 - self.beta_2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}


@register(MODULE, "lamb")
class Lamb(Moments):
    """Adam whose step is scaled to each variable's norm, for large batches (You et al., 2019); arguments as in Adam."""

    @with_options
    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, name: str | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name, **kwargs)

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        power_1, power_2 = self._powers(variable)
        m, v = self.slot(self._momentums, variable), self.slot(self._velocities, variable)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (gradient * gradient - v) * (1 - self.beta_2))
        update = m / (1 - power_1) / (math.sqrt(v / (1 - power_2)) + self.epsilon)
        size, step = (math.sqrt(math.reduce_sum(x * x)) for x in (as_tensor(variable), update))
        ratio = select(logical_and(size > 0, step > 0), math.divide_no_nan(size, step), 1.0)
        self.assign_sub(variable, ratio * learning_rate * update)
