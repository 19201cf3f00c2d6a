"""Accuracies: how often the prediction is right."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import ShapeError
from tenfold.core.shapes import differ, show
from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.losses import formulas as loss_functions
from tenfold.keras.metrics.base import MODULE, MeanMetricWrapper
from tenfold.primitives.arithmetic import cast, equal, logical_and, select
from tenfold.primitives.elementwise import is_finite
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import expand_dims, reshape, slice_


def _right(a: Any, b: Any) -> Any:
    return cast(equal(a, b), defaults.floatx())


def _classes(name: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Class numbers and predictions, checked: one number per prediction."""
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.sizes[-1] == 1:
        y_true = reshape(y_true, y_true.sizes[:-1])
    if y_true.ndim != y_pred.ndim - 1 or any(differ(a, b) for a, b in zip(y_true.sizes, y_pred.sizes, strict=False)):
        raise ShapeError(f"[{name}] expected class numbers of shape {show(y_pred.sizes[:-1])} for predictions of shape {show(y_pred.sizes)}; "
                         f"received {show(y_true.sizes)}. If the targets are one-hot, try categorical_accuracy.")  # fmt: skip
    return y_true, y_pred


def _one_hot(name: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.ndim != y_pred.ndim or differ(y_true.sizes[-1], y_pred.sizes[-1]):
        raise ShapeError(f"[{name}] expected one-hot targets of shape {show(y_pred.sizes)} as the predictions; received {show(y_true.sizes)}. "
                         "If the targets are class numbers, try sparse_categorical_accuracy.")  # fmt: skip
    return y_true, y_pred


@register(MODULE)
def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where y_pred equals y_true, else 0."""
    y_pred = as_tensor(y_pred)
    y_true = cast(as_tensor(y_true), y_pred.dtype)
    return _right(*loss_functions.same_rank(y_true, y_pred))


@register(MODULE)
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where (y_pred > threshold) equals y_true, else 0."""
    y_true, y_pred = loss_functions.same_rank(as_tensor(y_true), as_tensor(y_pred))
    return _right(y_true, cast(y_pred > threshold, y_true.dtype))


@register(MODULE)
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction is that of the one-hot target's class."""
    y_true, y_pred = _one_hot("categorical_accuracy", y_true, y_pred)
    return _right(math.argmax(y_true, axis=-1), math.argmax(y_pred, axis=-1))


@register(MODULE)
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction is that of the class y_true."""
    y_true, y_pred = _classes("sparse_categorical_accuracy", y_true, y_pred)
    return _right(y_true, cast(math.argmax(y_pred, axis=-1), y_true.dtype))


def _in_top_k(labels: Any, y_pred: Any, k: int) -> Any:
    """1 where fewer than k predictions are larger than that of the label."""
    hit = equal(expand_dims(cast(labels, "int32"), -1), iota(y_pred.sizes[-1]))
    own = math.reduce_sum(select(hit, y_pred, 0), axis=-1, keepdims=True)
    larger = math.reduce_sum(cast(y_pred > own, "float32"), axis=-1)
    finite = is_finite(reshape(own, own.sizes[:-1]))
    return cast(logical_and(larger < float(k), finite), defaults.floatx())


@register(MODULE)
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the one-hot target's class is among the k largest predictions."""
    y_true, y_pred = _one_hot("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(math.argmax(y_true, axis=-1), y_pred, k)


@register(MODULE)
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where the class y_true is among the k largest predictions; with `from_sorted_ids` y_pred are class numbers, the best ones first."""
    if from_sorted_ids:
        y_pred = as_tensor(y_pred)
        best = slice_(y_pred, [0] * y_pred.ndim, [*y_pred.sizes[:-1], min(k, y_pred.sizes[-1])])
        y_true = cast(as_tensor(y_true), y_pred.dtype)
        return cast(math.reduce_any(equal(expand_dims(y_true, -1), best), axis=-1), defaults.floatx())
    y_true, y_pred = _classes("sparse_top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(y_true, y_pred, k)


class Known(MeanMetricWrapper):
    """A mean of one of Keras's own functions: its options are the config."""

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self._dtype, **self._fn_kwargs}


class _Accuracy(Known):
    _direction = "up"


@register(MODULE)
class Accuracy(_Accuracy):
    """How often y_pred equals y_true.

    Example:
        >>> m = Accuracy(); m.update_state([1, 2, 3], [1, 2, 0]); round(float(m.result()), 2)
        0.67
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


@register(MODULE)
class BinaryAccuracy(_Accuracy):
    """How often (y_pred > threshold) equals y_true."""

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        if threshold is not None and not 0 < threshold < 1:
            raise ValueError(f"Invalid value for argument `threshold`. Expected a value in interval (0, 1). Received: threshold={threshold}")
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


@register(MODULE)
class CategoricalAccuracy(_Accuracy):
    """How often the largest prediction is that of the one-hot target's class."""

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


@register(MODULE)
class SparseCategoricalAccuracy(_Accuracy):
    """How often the largest prediction is that of the target's class number."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


@register(MODULE)
class TopKCategoricalAccuracy(_Accuracy):
    """How often the one-hot target's class is among the k largest predictions."""

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


@register(MODULE)
class SparseTopKCategoricalAccuracy(_Accuracy):
    """How often the target's class number is among the k largest predictions."""

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: Any = None, from_sorted_ids: bool = False) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.k, self.from_sorted_ids = k, from_sorted_ids

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return config if self.from_sorted_ids else {k: v for k, v in config.items() if k != "from_sorted_ids"}
