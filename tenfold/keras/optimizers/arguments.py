"""What every optimizer's arguments mean: checks, older spellings, clipping, updates that may be left out."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from tenfold.keras.base.untyped import as_tensor, math
from tenfold.primitives.arithmetic import cast, maximum, minimum, select
from tenfold.primitives.indexed_slices import by_rows, values_of
from tenfold.transform.control import cond


def older_spellings(learning_rate: Any, kwargs: dict[str, Any]) -> Any:
    """The learning rate, after the arguments of Keras 2 were taken out of `kwargs`: `lr` is one, `decay` is ignored, as in Keras 3.

    Raises:
        ValueError: something else is left.
    """
    if "lr" in kwargs:
        warnings.warn("Argument `lr` is deprecated; use `learning_rate`.", DeprecationWarning, stacklevel=4)
        learning_rate = kwargs.pop("lr")
    decay = kwargs.pop("decay", None)
    if decay is not None:
        warnings.warn(f"Argument `decay` is no longer supported and will be ignored. The same is learning_rate="
                      f"keras.optimizers.schedules.InverseTimeDecay({learning_rate!r}, 1, {decay!r}).", stacklevel=4)  # fmt: skip
    if kwargs:
        raise ValueError(f"Argument(s) not recognized: {kwargs}")
    return learning_rate


def check_clipping(clipnorm: Any, clipvalue: Any, global_clipnorm: Any) -> None:
    """Raises ValueError unless at most one is given, and it is positive."""
    clips = [c for c in (clipnorm, clipvalue, global_clipnorm) if c is not None]
    if len(clips) > 1:
        raise ValueError(f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: clipnorm={clipnorm}, "
                         f"clipvalue={clipvalue}, global_clipnorm={global_clipnorm}.")  # fmt: skip
    if any(c <= 0 for c in clips):
        raise ValueError(f"Clipping thresholds must be positive. Received: {clips[0]}")


def check_counts(use_ema: bool, ema_momentum: float, ema_overwrite_frequency: Any, gradient_accumulation_steps: Any) -> None:
    """Raises ValueError for averages and accumulations that make no sense."""
    if use_ema and not 0 <= ema_momentum <= 1:
        raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={ema_momentum}")
    for what, count in (("ema_overwrite_frequency", ema_overwrite_frequency), ("gradient_accumulation_steps", gradient_accumulation_steps)):
        least = 2 if what.startswith("grad") else 1
        if count is not None and (not isinstance(count, int) or count < least):
            raise ValueError(f"`{what}` must be an integer >= {least} or None. Received: {what}={count}")


def clipped(gradients: list[Any], clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None) -> list[Any]:
    """The gradients, none longer than `clipnorm`, or no element larger than `clipvalue`, or all together not longer than `global_clipnorm`."""
    gradients = [by_rows(as_tensor, g) for g in gradients]
    if clipnorm:
        return [g * clipnorm / maximum(norm([g]), clipnorm) for g in gradients]
    if global_clipnorm:
        size = norm(gradients)
        scale = global_clipnorm / maximum(size, global_clipnorm) + (size - size)  # a norm that is not finite makes all NaN
        return [g * cast(scale, g.dtype) for g in gradients]
    if clipvalue:
        return [by_rows(lambda x: minimum(maximum(x, -clipvalue), clipvalue), g) for g in gradients]
    return gradients


def norm(gradients: list[Any]) -> Any:
    """The Euclidean norm of all together."""
    total: Any = 0.0
    for g in gradients:
        x = values_of(g)
        total = total + math.reduce_sum(x * x)
    return math.sqrt(total)


def overwritten(variable: Any) -> bool:
    """Whether what is given as this variable's gradient is its new value."""
    return bool(getattr(variable, "overwrite_with_gradient", False))


def change_if(pred: Any, variables: Sequence[Any], change: Callable[[], None], dear: bool = False) -> None:
    """Runs `change`, which writes these variables, if `pred` is true.

    In a compiled step it runs in any case and the old values are taken where `pred` is false: that fuses with an update, element by element. A branch
    would copy what the other branch leaves alone; it pays only if the change is `dear`.
    """
    pred = as_tensor(pred)
    if pred._array is not None or dear:
        cond(pred, change, lambda: None)
        return
    before = [v.read_value() for v in variables]
    change()
    for v, old in zip(variables, before, strict=True):
        v.assign(select(pred, v.read_value(), old))


def joined(init: Callable[..., None], common: Callable[..., None]) -> Callable[..., None]:
    """`init` of an optimizer, which also takes by position what `common` takes and it does not: before `name`, where Keras has them."""
    own = list(inspect.signature(init).parameters.values())
    place = [p.name for p in own].index("name")
    more = [p for p in inspect.signature(common).parameters.values() if p.name not in [o.name for o in own]]
    whole = inspect.Signature([*own[:place], *more, *own[place:]])

    @wraps(init)
    def run(*args: Any, **kwargs: Any) -> None:
        given = whole.bind(*args, **kwargs).arguments
        others = given.pop("kwargs", {})
        init(**given, **others)

    run.__signature__ = whole  # type: ignore[attr-defined]
    return run
