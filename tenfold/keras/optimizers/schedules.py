"""Learning rates that depend on the step."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import float32
from tenfold.keras.base import identifiers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor
from tenfold.primitives.arithmetic import cast, maximum, minimum, pow, select
from tenfold.primitives.elementwise import ceil, cos, floor, log

MODULE = "keras.optimizers.schedules"


class LearningRateSchedule:
    """A function of the step: `__call__(step) -> rate`. It is part of the compiled training step."""

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`.")

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in order to be serializable.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A schedule from its config."""
        return cls(**config)


class _Known(LearningRateSchedule):
    """A schedule whose config is its attributes."""

    fields: tuple[str, ...]

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.fields}


def _float(step: Any) -> Any:
    return cast(as_tensor(step), float32)


def _positive(name: str, value: Any) -> Any:
    if value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")
    return value


@register(MODULE)
class ExponentialDecay(_Known):
    """initial_learning_rate * decay_rate^(step / decay_steps); with `staircase` the exponent is rounded down.

    Example:
        >>> round(float(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(10)), 4)
        0.05
    """

    fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 name: str = "ExponentialDecay") -> None:  # fmt: skip
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, _positive("decay_steps", decay_steps), decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: Any) -> Any:
        p = _float(step) / float(self.decay_steps)
        return self.initial_learning_rate * pow(as_tensor(float(self.decay_rate)), floor(p) if self.staircase else p)


@register(MODULE)
class InverseTimeDecay(_Known):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps)."""

    fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 name: str = "InverseTimeDecay") -> None:  # fmt: skip
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, _positive("decay_steps", decay_steps), decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: Any) -> Any:
        p = _float(step) / float(self.decay_steps)
        return self.initial_learning_rate / (1.0 + self.decay_rate * (floor(p) if self.staircase else p))


@register(MODULE)
class PiecewiseConstantDecay(_Known):
    """values[i] up to boundaries[i]; the last value after the last boundary.

    Args:
        boundaries: steps, ascending.
        values: rates, one more than boundaries.
    """

    fields = ("boundaries", "values", "name")

    def __init__(self, boundaries: Any, values: Any, name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(f"The length of boundaries should be 1 less than the length of values. Received: boundaries={boundaries} of length "
                             f"{len(boundaries)}, and values={values} of length {len(values)}.")  # fmt: skip
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> Any:
        step = _float(step)
        rate: Any = as_tensor(float(self.values[-1]))
        for boundary, value in reversed(list(zip(self.boundaries, self.values, strict=False))):
            rate = select(step <= float(boundary), float(value), rate)
        return rate


@register(MODULE)
class PolynomialDecay(_Known):
    """From initial to end learning rate over `decay_steps`, as (1 - step / decay_steps)^power; with `cycle` again and again."""

    fields = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")

    def __init__(self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 0.0001, power: float = 1.0, cycle: bool = False,
                 name: str = "PolynomialDecay") -> None:  # fmt: skip
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, _positive("decay_steps", decay_steps)
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step: Any) -> Any:
        step, total = _float(step), float(self.decay_steps)
        if self.cycle:
            p = step / (total * maximum(ceil(step / total), 1.0))
        else:
            p = minimum(step, total) / total
        span = self.initial_learning_rate - self.end_learning_rate
        return span * pow(1.0 - p, float(self.power)) + self.end_learning_rate


def _cosine(p: Any, alpha: float) -> Any:
    return (1.0 - alpha) * 0.5 * (1.0 + cos(np.float32(np.pi) * p)) + alpha


@register(MODULE)
class CosineDecay(_Known):
    """Half a cosine from the initial rate to alpha times it, over `decay_steps`.

    Args:
        initial_learning_rate: where it starts.
        decay_steps: how long it falls.
        alpha: what share of the rate remains.
        warmup_target: if given, first a line from the initial rate to this one, over `warmup_steps`, and then the cosine from there.
        warmup_steps: how long the line is.
    """

    fields = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")

    def __init__(self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, name: str = "CosineDecay",
                 warmup_target: float | None = None, warmup_steps: int = 0) -> None:  # fmt: skip
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, _positive("decay_steps", decay_steps), alpha
        self.name, self.warmup_target, self.warmup_steps = name, warmup_target, warmup_steps

    def __call__(self, step: Any) -> Any:
        step, total = _float(step), float(self.decay_steps)
        if self.warmup_target is None:
            return self.initial_learning_rate * _cosine(minimum(step, total) / total, self.alpha)
        warm = float(self.warmup_steps)
        rising = (self.warmup_target - self.initial_learning_rate) * (step / max(warm, 1.0)) + self.initial_learning_rate
        falling = self.warmup_target * _cosine(minimum(maximum(step - warm, 0.0), total) / total, self.alpha)
        return select(step < warm, rising, falling)


@register(MODULE)
class CosineDecayRestarts(_Known):
    """Cosine decay that starts again, each time `t_mul` times longer and `m_mul` times lower."""

    fields = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(self, initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0, m_mul: float = 1.0, alpha: float = 0.0,
                 name: str = "SGDRDecay") -> None:  # fmt: skip
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, _positive("first_decay_steps", first_decay_steps)
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step: Any) -> Any:
        p = _float(step) / float(self.first_decay_steps)
        if self.t_mul == 1.0:
            restart = floor(p)
            p = p - restart
        else:
            t = self.t_mul
            restart = floor(log(1.0 - p * (1.0 - t)) / float(np.log(np.float32(t))))
            powered = pow(as_tensor(float(t)), restart)
            p = (p - (1.0 - powered) / (1.0 - t)) / powered
        height = pow(as_tensor(float(self.m_mul)), restart)
        return self.initial_learning_rate * (height * 0.5 * (1.0 - self.alpha) * (1.0 + cos(np.float32(np.pi) * p)) + self.alpha)


def serialize(learning_rate_schedule: Any) -> Any:
    """The config of a schedule."""
    return identifiers.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The schedule of a config."""
    return identifiers.deserialize(MODULE, "learning rate schedule", config, custom_objects)


__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule", "PiecewiseConstantDecay",
    "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip
