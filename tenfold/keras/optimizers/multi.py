"""Several optimizers, each for some of a model's variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.base.variables import Variable, path_of
from tenfold.keras.optimizers.base import MODULE, Optimizer
from tenfold.keras.optimizers.loss_scale import LossScaleOptimizer
from tenfold.keras.saving.serialization import deserialize_keras_object, serialize_keras_object


@register(MODULE)
class OptimizerMap(MutableMapping[str, Any]):
    """From paths of variables to optimizers: keys are paths, or patterns of whole paths.

    Args:
        default_optimizer: for all other variables.
        optimizer_map: pattern -> optimizer.

    Example:
        >>> from tenfold.keras.optimizers import SGD, Adam
        >>> chosen = OptimizerMap(Adam(), {".*/embeddings": SGD(0.1)})
        >>> [type(chosen[path]).__name__ for path in ("encoder/embeddings", "encoder/kernel")]
        ['SGD', 'Adam']
    """

    def __init__(self, default_optimizer: Any, optimizer_map: dict[str, Any] | None = None) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"default_optimizer must be a Keras Optimizer instance. Received: {default_optimizer}")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dictionary. Received: {optimizer_map}")
        self.default_optimizer = default_optimizer
        self._optimizer_map: dict[str, Any] = optimizer_map or {}

    def __getitem__(self, key: str) -> Any:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"Multiple optimizers assigned to variable {key}. The patterns {found} all match it.")
        return self._optimizer_map[found[0]] if found else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Any) -> None:
        if key in self._optimizer_map:
            raise ValueError(f"'{key}' already exists in the OptimizerMap with value {self._optimizer_map[key]}. Please make sure to not use "
                             "duplicated keys.")  # fmt: skip
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: {key}")
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"optimizer must be a Keras Optimizer instance. Received: {optimizer}")
        for kind in (LossScaleOptimizer, MultiOptimizer):
            if isinstance(optimizer, kind):
                raise ValueError(f"optimizer cannot be {kind.__name__}.")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Any) -> Any:
        """The optimizer of a variable."""
        return self[path_of(variable)]

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {"default_optimizer": serialize_keras_object(self.default_optimizer), "optimizer_map": serialize_keras_object(self._optimizer_map)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A map from its config."""
        return cls(*(deserialize_keras_object(config[k], custom_objects=custom_objects) for k in ("default_optimizer", "optimizer_map")))


@register(MODULE)
class MultiOptimizer(Optimizer):
    """Updates each variable by the optimizer that `optimizer_map` has for it.

    Args:
        optimizer_map: an OptimizerMap, or a function from a variable to its optimizer.
        loss_scale_factor: as in Optimizer; it holds for all.
        name: its name.
    """

    def __init__(self, optimizer_map: Any, loss_scale_factor: float | None = None, name: str | None = None) -> None:
        self._inner_optimizers: list[Any] = []
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        known = list(optimizer_map.values()) if hasattr(optimizer_map, "values") else []
        for optimizer in [*known, getattr(optimizer_map, "default_optimizer", None)]:
            if optimizer is not None:
                self._number(optimizer)

    def _number(self, optimizer: Any) -> int:
        """Its place among the inner optimizers."""
        for i, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return i
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        self._var_to_optimizer_idx: dict[int, int] = {}
        for v in variables:
            optimizer = self._optimizer_map(v)
            if not isinstance(optimizer, Optimizer):
                raise ValueError(f"Optimizer for variable {v} is not an Optimizer instance.")
            for kind in (LossScaleOptimizer, MultiOptimizer):
                if isinstance(optimizer, kind):
                    raise ValueError(f"{kind.__name__} cannot be used inside an MultiOptimizer.")
            self._var_to_optimizer_idx[id(v)] = self._number(optimizer)
        for optimizer, own in zip(self._inner_optimizers, self._split(variables), strict=True):
            if own:
                optimizer.build(own)
        super().build(variables)

    def _split(self, variables: Sequence[Any], what: Sequence[Any] | None = None) -> list[list[Any]]:
        """The variables of each inner optimizer; or what belongs to them."""
        parts: list[list[Any]] = [[] for _ in self._inner_optimizers]
        for v, item in zip(variables, variables if what is None else what, strict=True):
            parts[self._var_to_optimizer_idx[id(v)]].append(item)
        return parts

    @property
    def optimizers(self) -> list[Any]:
        """The inner optimizers."""
        return self._inner_optimizers

    @property
    def variables(self) -> list[Variable]:
        """Its step count, and the inner optimizers' state."""
        return [*self._variables, *(v for optimizer in self._inner_optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self) -> Any:
        """There is none.

        Raises:
            AttributeError: always.
        """
        raise AttributeError("Learning rate cannot be accessed on a MultiOptimizer. Access the learning rate on the individual sub-optimizers "
                             "instead.")  # fmt: skip

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError("Learning rate cannot be set on a MultiOptimizer. Set the learning rate on the individual sub-optimizers instead.")

    @property
    def loss_scale_factor(self) -> float | None:
        """The loss is multiplied, and the gradients divided, by this."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self._inner_optimizers:
            optimizer.loss_scale_factor = value

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        if not len(grads):
            return
        variables = self._known(trainable_variables)
        if len(grads) != len(variables):
            raise ValueError(f"Gradients must match trainable variables one-to-one. Received {len(grads)} gradients and {len(variables)} variables.")
        for optimizer, gs, vs in zip(self._inner_optimizers, self._split(variables, grads), self._split(variables), strict=True):
            if vs:
                optimizer.apply(gs, vs)
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        for optimizer, own in zip(self._inner_optimizers, self._split(var_list), strict=True):
            if own:
                optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        return {"optimizer_map": serialize_keras_object(self._optimizer_map), "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        return cls(deserialize_keras_object(config.pop("optimizer_map"), custom_objects=custom_objects), **config)
