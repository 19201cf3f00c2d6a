"""A model's variables by their paths: as a table, and as nested dictionaries of values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.variables import path_of
from tenfold.keras.layers.weights import Weights
from tenfold.keras.saving.weights_tree import variables_of, walk

GROUPS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")


def variable_map(model: Any) -> dict[str, Any]:
    """{path: variable} of all variables that files hold.

    Raises:
        ValueError: two have the same path.
    """
    found: dict[str, Any] = {}
    for _, thing in walk(model):
        for variable in thing._own_variables() if isinstance(thing, Weights) else variables_of(thing):
            path = path_of(variable)
            if found.setdefault(path, variable) is not variable:
                raise InvalidArgumentError(f"[Model] The model contains two variables with a duplicate path: {path!r} appears at least twice. Try "
                                           "unique names for its layers and weights.")  # fmt: skip
    return found


def _of(model: Any, group: str) -> list[Any]:
    if group != "optimizer_variables":
        return list(getattr(model, group))
    return list(model.optimizer.variables) if model.optimizer is not None else []


def state_tree(model: Any, value_format: str) -> dict[str, Any]:
    """See `Model.get_state_tree`."""
    if value_format not in ("backend_tensor", "numpy_array"):
        raise InvalidArgumentError(f"[get_state_tree] value_format must be 'backend_tensor' or 'numpy_array'. Received: {value_format!r}")
    return {group: _nested(_of(model, group), value_format) for group in GROUPS}


def _nested(variables: Iterable[Any], value_format: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for variable in variables:
        *folders, name = path_of(variable).split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        if name in place:
            raise InvalidArgumentError(f"[get_state_tree] The following variable path is found twice in the model: {path_of(variable)!r}. Try unique "
                                       "names for its layers and weights.")  # fmt: skip
        place[name] = variable.value if value_format == "backend_tensor" else variable.numpy()
    return tree


def set_state_tree(model: Any, tree: Mapping[str, Any]) -> None:
    """See `Model.set_state_tree`."""
    for group, values in tree.items():
        if group not in GROUPS:
            raise InvalidArgumentError(f"[set_state_tree] Unknown variable name: {group}. Expected some of {list(GROUPS)}.")
        if group == "optimizer_variables" and model.optimizer is not None:
            model.optimizer.build(model.trainable_variables)
        by_path = {path_of(v): v for v in _of(model, group)}
        for path, value in _flat(values, ""):
            if path in by_path:
                by_path[path].assign(value)


def _flat(tree: Mapping[str, Any], path: str) -> Iterable[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}/")
        else:
            yield f"{path}{name}", value
