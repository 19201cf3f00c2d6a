"""Calls that come again. Where a layer or model of Keras's own gets what it got before, by types and shapes, it needs the same operations: these are
traced once, and from then on are one list of NumPy calls, with all that surrounds a layer's `call` decided.

It is for layers whose `call` depends on nothing but types, shapes, `training`, attributes and variables, and that say so (`_repeats`), as are those
inside them. Plans are forgotten when an attribute of any of these is set. Code of the user's own is called as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from tenfold.keras.base.operation import Function
from tenfold.keras.base.variables import reads_as_kept
from tenfold.keras.dtype_policies.policy import DTypePolicy
from tenfold.keras.layers.call import context, mask_of
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor
from tenfold.tensor.variable import Variable
from tenfold.transform.forward_plan import FEW, plan
from tenfold.transform.trace import TENSOR, trace

OURS = __name__.partition(".")[0] + "."
MOST_PLANS, MOST_LOST = 1 << 5, 1 << 4
NEVER = "never"
ALONE, INSIDE = 1, 4  # calls as they are written that come before a plan: the model that a layer is in may have one before
ARITHMETIC = frozenset({"Add", "Subtract", "Multiply", "Negative", "TrueDivide"})  # of functional models: these look at no elements
OPTION = frozenset({bool, type(None)})
Planned = Callable[[Sequence[Tensor]], "Tensor | None"]


class Plans(dict[Any, "Planned | int | str"]):
    """The plans of one layer, or how often there was none, by what its call depends on. Copies begin with none.

    Attributes:
        owner: the layer's id: a shallow copy of it has another.
        version: is raised when an attribute of the layer is set.
        lost: how many plans were of no more use.
    """

    version = 0
    lost = 0

    def __init__(self, owner: int = 0) -> None:
        super().__init__()
        self.owner = owner

    def forget(self) -> None:
        """To be called when the layer is another."""
        self.version += 1
        self.lost += any(map(callable, self.values()))
        self.clear()

    def __deepcopy__(self, memo: Any) -> Plans:
        return Plans()

    def __reduce__(self) -> Any:
        return Plans, ()


def again(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """What the layer gives by a plan; None if it has none for this call."""
    if state.trace is not None or not args:
        return None
    listed = type(args[0]) is list and len(args) == 1
    given = args[0] if listed else args
    training = kwargs.get("training")
    if training is None:
        training = context.training
    parts: list[Any] = [type(layer).call, listed, training if type(training) in OPTION else NEVER]
    for x in given:
        if type(x) is not Tensor or x._array is None or getattr(x, "_keras_mask", None) is not None:
            return None
        parts.append(x._array.dtype)
        parts.append(x._array.shape)
    for option in kwargs.items():
        if type(option[1]) not in OPTION:
            return None
        parts.append(option)
    key = tuple(parts)
    plans = _plans_of(layer)
    planned: Any = plans.get(key, 0)
    if type(planned) is int and planned < (INSIDE if context.depth else ALONE):
        if len(plans) >= MOST_PLANS:
            plans.clear()
        plans[key] = planned + 1 if plans.lost < MOST_LOST else NEVER
        return None
    if planned is NEVER or not reads_as_kept() or (layer._refuses and layer._refuses(*given)):
        return None
    if type(planned) is int:
        planned = plans[key] = _planned(layer, given, listed, kwargs) or NEVER
        if planned is NEVER:
            return None
    if context.losses and context.depth == 0:
        layer._clear_losses()
    try:
        result = planned(given)
    except (ValueError, TypeError, MemoryError):  # which the call itself explains
        return None
    if result is None:
        plans.forget()
    return result  # type: ignore[no-any-return]


def _plans_of(layer: Any) -> Plans:
    plans: Plans | None = layer.__dict__.get("_plans")
    if plans is None or plans.owner != id(layer):
        plans = layer.__dict__["_plans"] = Plans(id(layer))
    return plans


def _planned(layer: Any, given: Sequence[Tensor], listed: bool, kwargs: dict[str, Any]) -> Planned | None:
    """The layer's call on tensors like `given` as a function, which gives None once it holds no longer; None where anything in it is not plain."""
    inside = [each for each in layer._flatten_layers() if not _only_passes(each)]
    if not all([x._array.size < FEW for x in given]) or not all([_is_plain(each, layer) for each in inside]) or not _takes(layer, given):  # type: ignore[union-attr]
        return None
    masked: list[bool] = []

    def call(*tensors: Tensor) -> Any:
        y = layer(list(tensors), **kwargs) if listed else layer(*tensors, **kwargs)
        masked.append(mask_of(y) is not None)
        return y

    try:
        made = trace(call, [x.spec for x in given], layer.name)
    except Exception:  # the call itself tells
        return None
    operations = plan(made.graph, 1) if made.structure is TENSOR and not made.created and not masked[0] else None
    if operations is None:
        return None
    variables, written = made.variables, [made.variables[k] for k in made.written]
    versions = [(p, p.version) for p in [_plans_of(each) for each in inside if each is not layer]]

    def planned(given: Sequence[Tensor]) -> Tensor | None:
        for plans, version in versions:
            if plans.version != version:
                return None
        y, *new = operations(*given, *[Variable.read_value(v) for v in variables])
        for v, value in zip(written, new, strict=True):
            Variable.assign(v, value)
        return y

    return planned


def _only_passes(layer: Any) -> bool:
    return type(layer).__name__ == "InputLayer" and type(layer).__module__.startswith(OURS)


def _is_plain(layer: Any, outer: Any) -> bool:
    """Whether nothing but the layer's class and attributes decides what it does; inside of `outer`, for tensors that nobody has looked at."""
    cls, activation, graph = type(layer), layer.__dict__.get("activation"), layer.__dict__.get("_graph")
    return (
        layer._repeats
        and layer.built
        and cls.__module__.startswith(OURS)
        and cls.call.__module__.startswith(OURS)
        and (not layer._refuses or layer is outer)
        and not any([callable(value) and hasattr(cls, name) for name, value in vars(layer).items()])  # a method of its own
        and type(layer._dtype_policy) is DTypePolicy
        and (activation is None or (type(activation) is FunctionType and activation.__module__.startswith(OURS)))
        and layer.activity_regularizer is None
        and layer._remat is None
        and (graph is None or not any([type(o) is not Function or o.kind not in ARITHMETIC for o in graph.operations if not hasattr(o, "_repeats")]))
    )


def _takes(layer: Any, given: Sequence[Tensor]) -> bool:
    """Whether the layer has been called, and takes these tensors as they are."""
    return layer._called_before and not (layer._convert_input_args and any([layer._converted(x) is not x for x in given]))
