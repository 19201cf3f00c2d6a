"""Calls that come again. Where a layer of Keras's own gets what it got before, by type and shape, its `call` needs the same operations: these are
traced once, and from then on are one list of NumPy calls, with what surrounds `call` decided.

It is for layers whose `call` depends on nothing but types, shapes, `training`, attributes and variables, and which say so (`_repeats`). Plans are
forgotten when an attribute is set. Classes and functions of the user's own are called as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from tenfold.keras.base.variables import reads_as_kept
from tenfold.keras.dtype_policies.policy import DTypePolicy
from tenfold.keras.layers import input_spec
from tenfold.keras.layers.call import context, signature
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor
from tenfold.tensor.variable import Variable
from tenfold.transform.forward_plan import plan
from tenfold.transform.trace import TENSOR, trace
from tenfold.transform.whole import MANY

OURS = __name__.partition(".")[0] + "."
MOST_PLANS = 1 << 5
ONCE, NEVER = "once", "never"
Planned = Callable[[Tensor], Tensor]


class Plans(dict[Any, "Planned | str"]):
    """The plans of one layer, by what its call depends on. Copies begin with none."""

    def __deepcopy__(self, memo: Any) -> Plans:
        return Plans()

    def __reduce__(self) -> Any:
        return Plans, ()


def again(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """What the layer gives by a plan; None if it has none for this call."""
    if len(args) != 1 or type(args[0]) is not Tensor or args[0]._array is None or state.trace is not None:
        return None
    x = args[0]
    training = kwargs.get("training")
    if kwargs and (len(kwargs) > 1 or (training is not True and training is not False)):
        return None
    if training is None:
        training = context.training
        if training is not None and training is not True and training is not False:
            return None
    a = x._array
    plans = layer.__dict__.get("_plans")
    if plans is None:
        plans = layer.__dict__["_plans"] = Plans()
    key = a.dtype, a.shape, training, type(layer).call  # type: ignore[union-attr]
    planned = plans.get(key)
    if planned is None:
        if len(plans) >= MOST_PLANS:
            plans.clear()
        plans[key] = ONCE
        return None
    if planned is NEVER or not reads_as_kept() or context.losses or hasattr(x, "_keras_mask"):
        return None
    if planned is ONCE:
        planned = plans[key] = _planned(layer, x, training) or NEVER
        if planned is NEVER:
            return None
    try:
        return planned(x)  # type: ignore[no-any-return]
    except (ValueError, TypeError, MemoryError):  # which the call itself explains
        return None


def _planned(layer: Any, x: Tensor, training: Any) -> Planned | None:
    """The layer's call on tensors like `x` as a function; None where anything in it is not plain."""
    if not _is_plain(layer, x):
        return None
    options = {} if training is None or not signature(type(layer).call).has_training else {"training": training}
    try:
        if layer.input_spec is not None:
            input_spec.check(layer.input_spec, x, layer.name)
        made = trace(lambda given: layer._called((given,), options), [x.spec], layer.name)
    except (ValueError, TypeError, NotImplementedError):
        return None
    operations = plan(made.graph) if made.structure is TENSOR and not made.created else None
    if operations is None:
        return None
    variables, written = made.variables, [made.variables[k] for k in made.written]

    def planned(x: Tensor) -> Tensor:
        y, *new = operations(x, *[Variable.read_value(v) for v in variables])
        for v, value in zip(written, new, strict=True):
            Variable.assign(v, value)
        return y

    return planned


def _is_plain(layer: Any, x: Tensor) -> bool:
    """Whether nothing but the layer's class and attributes decides what it does with `x`, small and of the type that it computes in."""
    a: Any = x._array
    activation = layer.__dict__.get("activation")
    ours = type(layer).__module__.startswith(OURS) and type(layer).call.__module__.startswith(OURS) and "call" not in layer.__dict__
    return (
        ours
        and layer.built
        and a.size < MANY
        and type(layer._dtype_policy) is DTypePolicy
        and (activation is None or (type(activation) is FunctionType and activation.__module__.startswith(OURS)))
        and layer.activity_regularizer is None
        and layer._remat is None
        and layer._called_before
        and layer._converted(x) is x
    )
