"""Muon: orthogonal updates of matrices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.base.variables import path_of
from tenfold.keras.optimizers.arguments import overwritten
from tenfold.keras.optimizers.base import MODULE, Optimizer, with_options
from tenfold.primitives.arithmetic import cast, pow
from tenfold.primitives.contraction import matmul
from tenfold.primitives.movement import transpose


@register(MODULE, "muon")
class Muon(Optimizer):
    """Momentum of a matrix, made orthogonal by a few steps of Newton and Schulz, is its update; everything else is updated by Adam.

    Args:
        learning_rate: a number or a schedule.
        adam_beta_1, adam_beta_2, epsilon: of Adam. adam_weight_decay: of the variables that Adam updates.
        weight_decay: of the matrices.
        name: its name. More arguments: as in Optimizer.
        exclude_layers: patterns of the paths of matrices that Adam updates.
        exclude_embeddings: whether Adam updates embeddings.
        muon_a, muon_b, muon_c: the coefficients a x + b x³ + c x⁵ of a step of the iteration.
        adam_lr_ratio: Adam's rate, as a multiple of the learning rate.
        momentum, nesterov: of the matrices' gradients.
        ns_steps: how many steps of the iteration.
        rms_rate: updates are scaled by this times the root of the larger size; None: not at all.
    """

    updates_are_dear = True

    _known_by_order = True

    @with_options
    def __init__(self, learning_rate: Any = 0.001, adam_beta_1: float = 0.9, adam_beta_2: float = 0.999, adam_weight_decay: float | None = 0.004,
                 epsilon: float = 1e-7, weight_decay: float | None = 0.004, name: str | None = None, exclude_layers: Any = None,
                 exclude_embeddings: bool = True, muon_a: float = 3.4445, muon_b: float = -4.7750, muon_c: float = 2.0315, adam_lr_ratio: float = 1,
                 momentum: float = 0.95, ns_steps: int = 5, nesterov: bool = True, rms_rate: float | None = 0.2, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.adam_beta_1, self.adam_beta_2, self.adam_weight_decay, self.epsilon = adam_beta_1, adam_beta_2, adam_weight_decay, epsilon
        self.exclude_layers, self.exclude_embeddings, self.adam_lr_ratio = exclude_layers or [], exclude_embeddings, adam_lr_ratio
        self.muon_a, self.muon_b, self.muon_c, self.ns_steps = muon_a, muon_b, muon_c, ns_steps
        self.momentum, self.nesterov, self.rms_rate = momentum, nesterov, rms_rate

    def _should_use_adamw(self, variable: Any) -> bool:
        path = path_of(variable)
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return True
        return any(re.search(pattern, path) for pattern in self.exclude_layers)

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        momentums: list[Any] = []
        velocities: list[Any] = []
        for v in variables:
            momentums.append(None if overwritten(v) else self.add_variable_from_reference(v, "momentum"))
            by_adam = not overwritten(v) and self._should_use_adamw(v)
            velocities.append(self.add_variable_from_reference(v, "velocity") if by_adam else None)
        self.momentums, self.adam_velocities = momentums, velocities

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        m, v = self.slot(self.momentums, variable), self.slot(self.adam_velocities, variable)
        rate = cast(as_tensor(learning_rate), variable.dtype)
        if v is not None:
            self._adam_step(gradient, variable, rate * self.adam_lr_ratio, m, v)
            return
        self.assign_add(m, gradient + m * (self.momentum - 1))
        update = rate * self.zeropower_via_newtonschulz5(gradient + self.momentum * m if self.nesterov else m.value, self.ns_steps)
        self.assign_sub(variable, self.lr_adjust(update))

    def _adam_step(self, gradient: Any, variable: Any, rate: Any, m: Any, v: Any) -> None:
        t = cast(as_tensor(self.iterations) + 1, variable.dtype)
        power_1, power_2 = (pow(cast(as_tensor(float(b)), t.dtype), t) for b in (self.adam_beta_1, self.adam_beta_2))
        self.assign_add(m, (gradient - m) * (1 - self.adam_beta_1))
        self.assign_add(v, (gradient * gradient - v) * (1 - self.adam_beta_2))
        self.assign_sub(variable, m * (rate * math.sqrt(1 - power_2) / (1 - power_1)) / (math.sqrt(v.value) + self.epsilon))

    def lr_adjust(self, x: Any) -> Any:
        """The update, scaled by the matrix's larger size, so that its elements are as large as Adam's."""
        return x if self.rms_rate is None else x * float(max(x.shape) ** 0.5) * self.rms_rate

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """A matrix with the same singular vectors as x and singular values near 1."""
        x = as_tensor(x)
        if x.ndim != 2:
            raise ValueError(f"Expected gradient or momentum to have at least 2 dimensions. Received: shape={x.shape}")
        tall = x.shape[0] > x.shape[1]
        x = transpose(x) if tall else x
        x = x / (math.sqrt(math.reduce_sum(x * x)) + 1e-7)
        for _ in range(steps):
            square = matmul(x, transpose(x))
            x = self.muon_a * x + matmul(self.muon_b * square + self.muon_c * matmul(square, square), x)
        return transpose(x) if tall else x

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        rate = self._rate()
        for v in variables:
            decay = self.adam_weight_decay if self._should_use_adamw(v) else self.weight_decay
            if decay is not None and self._use_weight_decay(v):
                v.assign(v - v * (cast(rate, v.dtype) * decay))

    def get_config(self) -> dict[str, Any]:
        names = ("adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum", "ns_steps",
                 "nesterov", "exclude_embeddings", "adam_weight_decay", "rms_rate")  # fmt: skip
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}
