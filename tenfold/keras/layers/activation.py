"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

from tenfold.keras import activations, constraints, initializers, regularizers
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.primitives.arithmetic import minimum, select


class _Plain(Layer):
    _repeats = True
    _stateless = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True


def _number(what: str, value: Any, low: float | None = None, why: str = "") -> float:
    """A checked argument; `what` names it and its layer."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or (low is not None and value < low):
        raise ValueError(f"{what} cannot be {why or 'None'}. Expected a float{'' if low is None else f' >= {low:g}'}. Received: {value}")
    return float(value)


@register(MODULE)
class Activation(_Plain):
    """Any activation function.

    Args:
        activation: a name or a function.

    Example:
        >>> import numpy as np
        >>> Activation("relu")(np.array([-1.0, 2.0], "float32")).numpy()
        array([0., 2.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


@register(MODULE)
class ReLU(_Plain):
    """max(x, 0), cut at `max_value`; the slope below `threshold` is `negative_slope`."""

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else _number("max_value of a ReLU layer", max_value, 0, "a negative value")
        self.negative_slope = _number("negative_slope of a ReLU layer", negative_slope, 0, "None or a negative value")
        self.threshold = _number("threshold of a ReLU layer", threshold, 0, "None or a negative value")

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}


@register(MODULE)
class LeakyReLU(_Plain):
    """x where positive, else `negative_slope * x`."""

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = _number("The negative_slope value of a Leaky ReLU layer", negative_slope)

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative_slope": self.negative_slope}


@register(MODULE)
class ELU(_Plain):
    """x where positive, else alpha * (exp(x) - 1)."""

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = _number("alpha of an ELU layer", alpha)

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


@register(MODULE)
class PReLU(Layer):
    """x where positive, else alpha * x with a trained alpha for each feature.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of alpha.
        shared_axes: axes, counted from 1, along which alpha is the same.
    """

    _repeats = True

    def __init__(self, alpha_initializer: Any = "Zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None, shared_axes: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = None if shared_axes is None else list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]

    def build(self, input_shape: Any) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or []:
            shape[axis - 1] = 1
        self.alpha = self.add_weight(tuple(shape), self.alpha_initializer, regularizer=self.alpha_regularizer, constraint=self.alpha_constraint,
                                     name="alpha")  # fmt: skip
        self.input_spec = InputSpec(ndim=len(input_shape))

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs) + self.alpha * minimum(inputs, 0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }


@register(MODULE)
class Softmax(_Plain):
    """exp(x) / sum(exp(x)) along `axis`; where `mask` is false the result is 0.

    Args:
        axis: one axis or several.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return activations.softmax(inputs, self.axis)
        _check_mask(mask, inputs)
        keep = mask if mask.dtype.kind == "bool" else mask > 0.5
        return select(keep, activations.softmax(select(keep, inputs, -3e4 if inputs.dtype.name == "float16" else -1e9), self.axis), 0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def _check_mask(mask: Any, inputs: Any) -> None:
    received = f"Received: inputs.shape={tuple(inputs.shape)}, mask.shape={tuple(mask.shape)}"
    if mask.ndim > inputs.ndim:
        raise ValueError(f"The `mask` must be broadcastable to `inputs` and must not have more dimensions. {received}")
    for m, n in zip(reversed(mask.shape), reversed(inputs.shape), strict=False):
        if m not in (None, 1) and n is not None and m != n:
            raise ValueError(f"The `mask` must be broadcastable to `inputs`. Each mask dimension must be 1 or match the corresponding input "
                             f"dimension. {received}")  # fmt: skip
