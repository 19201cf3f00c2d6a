"""What an optimizer keeps: variables of its own, some of them one for each of the model's."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.resuming import Resuming
from tenfold.keras import initializers
from tenfold.keras.base import defaults
from tenfold.keras.base.trackable import TrackableOptimizer
from tenfold.keras.base.variables import Variable, name_scope, path_of
from tenfold.keras.optimizers.arguments import overwritten
from tenfold.keras.optimizers.compiled import CompiledUpdates
from tenfold.keras.saving.budget import loading


class OptimizerState(Resuming, TrackableOptimizer):
    """The variables of an optimizer, and how they get into files."""

    name: str
    built: bool
    _compiled: CompiledUpdates
    _variables: list[Variable]
    _trainable_variables_indices: dict[int, int]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not isinstance(getattr(type(self), name, None), property):
            self.__dict__.setdefault("_compiled", CompiledUpdates()).forget()

    def _track(self, variable: Variable) -> Variable:
        self._variables.append(variable)
        return variable

    @property
    def variables(self) -> list[Variable]:
        """Its state: the step count, the learning rate, and what the method keeps for each variable."""
        return list(self._variables)

    def add_variable(self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: str = "none", layout: Any = None,
                     name: str | None = None) -> Variable:  # fmt: skip
        """Makes a variable of its state."""
        with name_scope(self.name):
            return self._track(Variable(initializers.get(initializer), tuple(shape), dtype or defaults.floatx(), trainable=False, name=name))

    def add_variable_from_reference(self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros") -> Variable:
        """Makes a variable of its state in the shape and type of a model's variable."""
        base = path_of(reference_variable).replace("/", "_").replace(":", "_")
        with loading(None):  # a file of a model that was never trained has no room for it, and the reference's size was checked
            return self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, name=f"{base}_{name or 'var'}")

    def add_optimizer_variables(self, trainable_variables: Sequence[Any], name: Any, initializer: Any = "zeros") -> Any:
        """One variable per model variable and name: a list, or with several names a tuple of lists."""
        names = [name] if isinstance(name, str) else list(name)
        starts = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(starts) != len(names):
            raise ValueError(f"The number of provided names must match the number of provided initializers. Received name='{name}', "
                             f"initializer='{initializer}'")  # fmt: skip
        made: tuple[list[Any], ...] = tuple([] for _ in names)
        for v in trainable_variables:
            for column, what, start in zip(made, names, starts, strict=True):
                column.append(None if overwritten(v) else self.add_variable_from_reference(v, what, start))
        return made[0] if isinstance(name, str) else made

    def _var_key(self, variable: Any) -> int:
        """What stands for a model's variable in dictionaries."""
        return id(variable)

    def _get_variable_index(self, variable: Any) -> int:
        return self._trainable_variables_indices[id(variable)]

    def slot(self, variables: list[Any], variable: Any) -> Any:
        """The entry of `variables` that belongs to a model's variable."""
        return variables[self._trainable_variables_indices[id(variable)]]

    def get_weights(self) -> list[Any]:
        """The values of its state."""
        return [v.numpy() for v in self._variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets its state.

        Raises:
            ValueError: the optimizer is not built, or shapes differ.
        """
        if not self.built:
            raise ValueError("You are calling `set_weights()` on an optimizer that has not yet been built. Please call "
                             "`optimizer.build(trainable_variables)` to create the optimizer weights before calling `set_weights()`.")  # fmt: skip
        for v, value in zip(self._variables, weights, strict=True):
            if tuple(v.shape) != tuple(np.shape(value)):
                raise ValueError(f"Optimizer variable {v.path} has shape {tuple(v.shape)} not compatible with provided weight shape "
                                 f"{tuple(np.shape(value))}.")  # fmt: skip
            v.assign(np.asarray(value).astype(v.dtype.numpy))

    def save_own_variables(self, store: Any) -> None:
        """Writes its state into `store`, under "0", "1", ..."""
        for i, v in enumerate(self.variables):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads its state from `store`; one of another number of variables is left out, with a warning."""
        if len(store.keys()) != len(self.variables):
            warnings.warn(f"Skipping variable loading for optimizer '{self.name}', because it has {len(self.variables)} variables whereas the saved "
                          f"optimizer has {len(store.keys())} variables.", stacklevel=2)  # fmt: skip
            return
        for i, v in enumerate(self.variables):
            v.assign(np.asarray(store[str(i)]).astype(v.dtype.numpy))
