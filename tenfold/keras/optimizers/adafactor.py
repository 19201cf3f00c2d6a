"""Adafactor: second moments of matrices as the product of a row and a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.base.variables import Variable, path_of
from tenfold.keras.optimizers.arguments import overwritten
from tenfold.keras.optimizers.base import MODULE, Optimizer, with_options
from tenfold.primitives.arithmetic import cast, maximum, minimum, pow
from tenfold.primitives.movement import expand_dims


def _rms(x: Any) -> Any:
    return math.sqrt(math.reduce_mean(x * x))


@register(MODULE, "adafactor")
class Adafactor(Optimizer):
    """Adaptive steps with little memory: of a matrix's squared gradients only means of rows and columns are kept (Shazeer and Stern, 2018).

    Args:
        learning_rate: a number or a schedule.
        beta_2_decay: the means forget by 1 - step^beta_2_decay.
        epsilon_1: added to squared gradients. epsilon_2: how small a variable's size may get in the step's scale.
        clip_threshold: the root mean square of an update is at most this.
        relative_step: whether the rate, if it is a number, is at most 1 / sqrt(step).
        name: its name. More arguments: as in Optimizer.
    """

    @with_options
    def __init__(self, learning_rate: Any = 0.001, beta_2_decay: float = -0.8, epsilon_1: float = 1e-30, epsilon_2: float = 1e-3,
                 clip_threshold: float = 1.0, relative_step: bool = True, name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, name=name, **kwargs)
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        rows: list[Any] = []
        columns: list[Any] = []
        velocities: list[Any] = []
        for v in variables:
            shape, whole = tuple(v.shape), not overwritten(v)
            name = path_of(v).rpartition("/")[2].split(":")[0]
            for means, rest in ((rows, shape[:-1]), (columns, (*shape[:-2], *shape[-1:]))):
                if len(shape) < 2:
                    means.append(self._placeholder(name))
                else:
                    means.append(self.add_variable(rest, dtype=v.dtype, name=name) if whole else None)
            velocities.append(self.add_variable_from_reference(v, "velocity") if whole else None)
        self._r, self._c, self._v = rows, columns, velocities

    def _placeholder(self, name: str) -> Variable:
        """Of no use, but Keras's files count it."""
        variable = Variable(np.int32(0), dtype="int32", trainable=False, name=name)
        self.placeholders.append(variable)
        return self._track(variable)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        step = cast(as_tensor(self.iterations) + 1, variable.dtype)
        slow = 1 / math.sqrt(step)
        rate = minimum(learning_rate, slow) if isinstance(self._learning_rate, Variable) and self.relative_step else learning_rate
        alpha = maximum(_rms(as_tensor(variable)), self.epsilon_2) * minimum(rate, slow)
        square = as_tensor(gradient * gradient) + self.epsilon_1
        keep = 1 - pow(step, float(self.beta_2_decay))
        v = self.slot(self._v, variable)
        if len(variable.shape) >= 2:
            r, c = self.slot(self._r, variable), self.slot(self._c, variable)
            self.assign(r, keep * r + (1 - keep) * math.reduce_mean(square, axis=-1))
            self.assign(c, keep * c + (1 - keep) * math.reduce_mean(square, axis=-2))
            self.assign(v, expand_dims(r / math.reduce_mean(r.value, axis=-1, keepdims=True), -1) * expand_dims(c.value, -2))
        else:
            self.assign(v, keep * v + (1 - keep) * square)
        update = gradient / math.sqrt(v.value)
        size = math.sqrt(math.reduce_sum(math.square(as_tensor(update))) / float(max(1, v.shape.num_elements())))
        self.assign_sub(variable, update * (alpha / maximum(size / self.clip_threshold, 1.0)))

    def get_config(self) -> dict[str, Any]:
        names = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}
