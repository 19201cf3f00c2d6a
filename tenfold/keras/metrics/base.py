"""Metric, and those that are sums and means of values."""

from __future__ import annotations

import warnings
from typing import Any

from tenfold.core import nest
from tenfold.core.dtypes import as_dtype
from tenfold.keras import dtype_policies, initializers
from tenfold.keras.base import defaults
from tenfold.keras.base.naming import auto_name
from tenfold.keras.base.registry import public_module, register
from tenfold.keras.base.trackable import Trackable
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.base.variables import Variable, name_scope, with_state
from tenfold.keras.losses import reductions
from tenfold.primitives.arithmetic import cast

MODULE = "keras.metrics"


class Metric(Trackable):
    """A figure accumulated over batches: `update_state`, `result`, `reset_state`. Its state is Variables, so updates compile into the step.

    Subclasses make their state with `add_variable` in `__init__`.

    Args:
        dtype: the type it computes in.
        name: its key in logs.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest", **kwargs):
        ...         super().__init__(name=name, **kwargs)
        ...         self.top = self.add_variable((), "zeros", name="top")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.top.assign(math.maximum(self.top, math.reduce_max(y_pred)))
        ...     def result(self):
        ...         return self.top.value
        >>> m = Largest(); m.update_state(None, [1.0, 3.0]); float(m.result())
        3.0
    """

    _direction: str | None = None  # "up" or "down": which way is better, for callbacks that watch it

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or auto_name(type(self).__name__)
        self._dtype_policy = dtype_policies.get(dtype or defaults.floatx())
        self._dtype = self._dtype_policy.compute_dtype
        self._metrics: list[Metric] = []
        self._variables: list[Variable] = []

    def __setattr__(self, name: str, value: Any) -> None:
        if "_variables" in self.__dict__:
            for part in nest.flatten(value) if isinstance(value, (list, tuple, dict)) else [value]:
                if isinstance(part, Metric) and all(m is not part for m in self._metrics):
                    self._metrics.append(part)
                if isinstance(part, Variable) and all(v is not part for v in self._variables):
                    self._variables.append(part)
        object.__setattr__(self, name, value)

    @property
    def dtype(self) -> str:
        """The type it computes in."""
        return str(self._dtype)

    @property
    def dtype_policy(self) -> Any:
        """Its dtype policy."""
        return self._dtype_policy

    @property
    def variables(self) -> list[Variable]:
        """Its state."""
        return [*self._variables, *(v for m in self._metrics for v in m.variables)]

    weights = variables

    def add_variable(self, shape: Any, initializer: Any, dtype: Any = None, aggregation: str = "sum", name: str | None = None) -> Variable:
        """Makes a part of the state."""
        with name_scope(self.name.replace("/", ">")):
            made = Variable(initializers.get(initializer), tuple(shape), dtype or self._dtype, trainable=False, name=name)
        self._variables.append(made)
        return made

    def add_weight(self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None) -> Variable:
        """The same as `add_variable`."""
        return self.add_variable(shape, initializer or "zeros", dtype, name=name)

    def reset_state(self) -> None:
        """Sets the state to zero."""
        for v in self.variables:
            v._zero()

    def reset_states(self) -> None:
        """Keras 2's name of `reset_state`."""
        warnings.warn("Metric.reset_states is of Keras 2. Try reset_state.", DeprecationWarning, stacklevel=2)
        self.reset_state()

    # --- the state as an argument and a result ---
    def stateless_update_state(self, metric_variables: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """What the state becomes of `metric_variables` by a batch; its own state stays."""
        return with_state(self.variables, metric_variables, lambda: self.update_state(*args, **kwargs), type(self).__name__)[1]

    def stateless_result(self, metric_variables: Any) -> Any:
        """The figure of this state."""
        return with_state(self.variables, metric_variables, self.result, type(self).__name__)[0]

    def stateless_reset_state(self) -> list[Any]:
        """The state at the start."""
        return with_state(self.variables, self.variables, self.reset_state, type(self).__name__)[1]

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Takes a batch into account."""
        raise NotImplementedError(f"{type(self).__name__} does not implement update_state().")

    def result(self) -> Any:
        """The figure: a scalar tensor, or a dict of them."""
        raise NotImplementedError(f"{type(self).__name__} does not implement result().")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {"name": self.name, "dtype": self._dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def weighted(values: Any, sample_weight: Any, dtype: Any, reduce: Any = math.reduce_mean) -> tuple[Any, Any]:
    """`values` and weights that fit them (None stays None), in `dtype`; a mask on the values changes weights, where there are any, as in Keras.

    `reduce` makes of the values that share a weight one.
    """
    mask = getattr(values, "_keras_mask", None)
    values = cast(as_tensor(values, hint=as_dtype(dtype)), dtype)
    if sample_weight is None:
        return values, None
    weight: Any = cast(as_tensor(sample_weight, hint=as_dtype(dtype)), dtype)
    if mask is not None:
        weight = reductions.with_mask(weight, mask, as_dtype(dtype))
    values, weight = reductions.squeeze_to_same_rank(values, weight)
    if weight.ndim > values.ndim:
        raise ValueError(f"[metric] sample_weight has more dimensions than the values. Expected a shape that fits {tuple(values.shape)}; "
                         f"received {tuple(weight.shape)}.")  # fmt: skip
    if weight.ndim < values.ndim and weight.ndim:
        values = reduce(values, axis=list(range(weight.ndim, values.ndim)))
    return values, weight


@register(MODULE)
class Sum(Metric):
    """The (weighted) sum of the values.

    Example:
        >>> m = Sum(); m.update_state([1.0, 3.0, 5.0]); float(m.result())
        9.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = weighted(values, sample_weight, self._dtype, math.reduce_sum)
        self.total.assign_add(math.reduce_sum(values if weight is None else values * weight))

    def result(self) -> Any:
        return self.total.value


@register(MODULE)
class Mean(Metric):
    """The (weighted) mean of the values.

    Example:
        >>> m = Mean(); m.update_state([1.0, 3.0], sample_weight=[3.0, 1.0]); float(m.result())
        1.5
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = weighted(values, sample_weight, self._dtype)
        if weight is None:
            total, count = math.reduce_sum(values), cast(reductions.count(values), values.dtype)
        else:
            total = math.reduce_sum(values * weight)
            count = math.reduce_sum(weight) if weight.sizes == values.sizes else math.reduce_sum(weight + 0 * values)
        self.total.assign_add(total)
        self.count.assign_add(count)

    def result(self) -> Any:
        return math.divide_no_nan(self.total.value, self.count.value)


@register(MODULE)
class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)` over all examples.

    Args:
        fn: gives one value per example.
        name, dtype: as in Metric.
        kwargs: more arguments of `fn`.
    """

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=str(name or getattr(fn, "__name__", "mean_metric_wrapper")), dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        if public_module(fn) == "keras.losses":
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        mask = getattr(y_pred, "_keras_mask", None)
        dtype = as_dtype(self._dtype)
        y_true, y_pred = (reductions.each_tensor(lambda v: _float(v, dtype), v) for v in (y_true, y_pred))
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if mask is not None and sample_weight is not None:
            weight = cast(as_tensor(sample_weight, hint=dtype), dtype)
            sample_weight = reductions.with_mask(weight, mask, dtype)
        elif mask is not None:
            sample_weight = cast(mask, dtype)
        super().update_state(values, sample_weight=sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self._dtype, "fn": self._fn, **self._fn_kwargs}


def _float(value: Any, dtype: Any) -> Any:
    return cast(as_tensor(value), dtype)
