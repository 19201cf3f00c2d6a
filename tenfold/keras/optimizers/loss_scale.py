"""LossScaleOptimizer: keeps the gradients of float16 from vanishing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenfold.keras import initializers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.base.variables import Variable
from tenfold.keras.optimizers.arguments import change_if
from tenfold.keras.optimizers.base import MODULE, Optimizer
from tenfold.keras.saving.serialization import deserialize_keras_object, serialize_keras_object
from tenfold.primitives.arithmetic import cast, logical_and, select
from tenfold.primitives.indexed_slices import by_rows, values_of

DEFAULTS = {"weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None, "use_ema": False, "ema_momentum": 0.99,
            "ema_overwrite_frequency": None, "loss_scale_factor": None, "gradient_accumulation_steps": None}  # fmt: skip


@register(MODULE)
class LossScaleOptimizer(Optimizer):
    """Multiplies the loss, divides the gradients, and leaves out steps whose gradients are not finite.

    After such a step the factor is halved; after `dynamic_growth_steps` good ones it is doubled. `compile` wraps the optimizer of a model with
    the policy "mixed_float16" by itself.

    Args:
        inner_optimizer: the optimizer that makes the updates.
        initial_scale: the factor to begin with.
        dynamic_growth_steps: after how many good steps the factor grows.

    Example:
        >>> from tenfold.keras.optimizers import SGD
        >>> LossScaleOptimizer(SGD(0.1)).initial_scale
        32768.0
    """

    def __init__(self, inner_optimizer: Any, initial_scale: float = 2.0**15, dynamic_growth_steps: int = 2000, name: str | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        if not kwargs.pop("dynamic", True):
            raise ValueError("LossScaleOptimizer no longer supports `dynamic=False`. Instead, simply set `loss_scale_factor` directly on the "
                             "`inner_optimizer`.")  # fmt: skip
        for argument, default in DEFAULTS.items():
            if kwargs.pop(argument, default) != default:
                raise ValueError(f"LossScaleOptimizer does not support `{argument}`. Instead, set `{argument}` on the `inner_optimizer`.")
        if kwargs:
            raise ValueError(f"LossScaleOptimizer does not support arguments: `{'`, `'.join(kwargs)}`.")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None  # else gradients would be scaled twice

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        self.step_counter = self.add_variable((), "zeros", "int", name="step_counter")
        self.dynamic_scale = self.add_variable((), initializers.Constant(self.initial_scale), "float32", name="dynamic_scale")
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        """Its own state and the inner optimizer's."""
        empty = {id(v) for v in self.inner_optimizer.placeholders}
        return [*self._variables, *(v for v in self.inner_optimizer.variables if id(v) not in empty)]

    @property
    def iterations(self) -> Any:
        """How many updates were made."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the factor."""
        loss = as_tensor(loss)
        return loss * (cast(self.dynamic_scale.value, loss.dtype) if self.built else self.initial_scale)

    def get_scaled_loss(self, loss: Any) -> Any:
        """Of Keras 2, where gradients had to be divided by the scale before they were applied; here `apply` does it."""
        raise AttributeError("LossScaleOptimizer.get_scaled_loss and get_unscaled_gradients are of Keras 2. Try scale_loss(loss) for the loss, and "
                             "apply_gradients with its gradients as they are: it divides them by the scale.")  # fmt: skip

    get_unscaled_gradients = get_scaled_loss

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Updates the variables, if all gradients are finite."""
        if not self.built and trainable_variables is not None:
            self.build(trainable_variables)
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        finite: Any = as_tensor(True)
        for g in grads:
            if g is not None:
                finite = logical_and(finite, math.reduce_all(math.is_finite(as_tensor(values_of(g)))))
        scale = self.dynamic_scale.value
        unscaled = [g if g is None or getattr(v, "overwrite_with_gradient", False) else by_rows(lambda x: x / cast(scale, x.dtype), g)
                    for g, v in zip(grads, variables, strict=True)]  # fmt: skip
        state = [*variables, *self.inner_optimizer.variables]
        change_if(finite, state, lambda: self.inner_optimizer.apply(unscaled, variables), self.inner_optimizer.updates_are_dear)
        self._change_scale(finite, scale)

    def _change_scale(self, finite: Any, scale: Any) -> None:
        count = self.step_counter.value
        grows = math.equal(count, self.dynamic_growth_steps - 1)
        self.dynamic_scale.assign(select(finite, select(grows, scale * 2.0, scale), scale * 0.5))
        self.step_counter.assign(select(logical_and(finite, math.logical_not(grows)), count + 1, 0))

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_weights(self) -> list[Any]:
        """The values of its state."""
        return [v.numpy() for v in self.variables]

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "inner_optimizer": serialize_keras_object(self.inner_optimizer), "initial_scale": self.initial_scale,
                "dynamic_growth_steps": self.dynamic_growth_steps}  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        return cls(deserialize_keras_object(config.pop("inner_optimizer"), custom_objects=custom_objects), **config)
