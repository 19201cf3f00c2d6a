"""Intersection over union of classes, from a confusion matrix."""

from __future__ import annotations

import warnings
from typing import Any

from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.metrics.base import MODULE, Metric
from tenfold.primitives.arithmetic import cast, logical_and, not_equal, select
from tenfold.primitives.gather import gather, scatter_add
from tenfold.primitives.movement import broadcast_to, reshape


def _flat(x: Any) -> Any:
    return x if x.ndim <= 1 else reshape(x, (-1,))


class _Confusion(Metric):
    """A metric that keeps the confusion matrix: rows are the targets' classes, columns the predictions'."""

    _direction = "up"

    def __init__(self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None, sparse_y_true: bool = True,
                 sparse_y_pred: bool = True, axis: int = -1) -> None:  # fmt: skip
        super().__init__(name=name, dtype=dtype or "int64")
        self.num_classes, self.ignore_class, self.axis = num_classes, ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.total_cm = self.add_variable((num_classes, num_classes), "zeros", name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        y_true = y_true if self.sparse_y_true else math.argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else math.argmax(y_pred, axis=self.axis)
        y_true, y_pred = (_flat(cast(y, "int32")) for y in (y_true, y_pred))
        count = self.num_classes
        known = logical_and(logical_and(y_true >= 0, y_true < count), logical_and(y_pred >= 0, y_pred < count))
        if self.ignore_class is not None:
            known = logical_and(known, not_equal(y_true, self.ignore_class))
        weight = broadcast_to(_flat(self._weight(sample_weight)), y_true.sizes)
        places = select(known, y_true * count + y_pred, -1)  # rows out of range are dropped
        self.total_cm.assign_add(reshape(scatter_add(places, weight, count * count), (count, count)))

    def _weight(self, sample_weight: Any) -> Any:
        if sample_weight is None:
            return cast(as_tensor(1), self._dtype)
        if "float" in str(getattr(sample_weight, "dtype", "")) and "int" in self._dtype:
            warnings.warn("You are passing weight as `float`, but dtype is `int`. This may result in an incorrect weight due to type casting. "
                          "Consider using integer weights, or dtype='float32'.", stacklevel=3)  # fmt: skip
        return cast(as_tensor(sample_weight), self._dtype)


@register(MODULE)
class IoU(_Confusion):
    """The mean over some classes of the intersection over union of targets and predictions.

    Args:
        num_classes: how many classes there are.
        target_class_ids: those that count; the ones that occur nowhere do not.
        name, dtype: as in Metric; the default type is int64.
        ignore_class: targets of this class count nowhere.
        sparse_y_true, sparse_y_pred: whether they are class numbers; else scores of classes along `axis`.

    Example:
        >>> m = IoU(num_classes=2, target_class_ids=[0]); m.update_state([0, 0, 1, 1], [0, 1, 0, 1]); round(float(m.result()), 4)
        0.3333
    """

    def __init__(self, num_classes: int, target_class_ids: Any, name: str | None = None, dtype: Any = None, ignore_class: int | None = None,
                 sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1) -> None:  # fmt: skip
        if max(target_class_ids) >= num_classes:
            raise ValueError(f"Target class id {max(target_class_ids)} is out of range, which is [0, {num_classes}).")
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        self.target_class_ids = list(target_class_ids)

    def result(self) -> Any:
        matrix = self.total_cm.value
        both = _diagonal(matrix, self.num_classes)
        either = math.reduce_sum(matrix, axis=0) + math.reduce_sum(matrix, axis=1) - both
        chosen = as_tensor(self.target_class_ids, "int32")
        both, either = (cast(gather(x, chosen, axis=0), "float32") for x in (both, either))
        epsilon = defaults.epsilon()
        occurs = either > 1e-9
        return math.reduce_sum(select(occurs, both / (either + epsilon), 0.0)) / (math.reduce_sum(cast(occurs, "float32")) + epsilon)

    def get_config(self) -> dict[str, Any]:
        names = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}

    def _config_without(self, *left_out: str) -> dict[str, Any]:
        return {k: v for k, v in IoU.get_config(self).items() if k not in left_out}


def _diagonal(matrix: Any, count: int) -> Any:
    places = as_tensor([i * (count + 1) for i in range(count)], "int32")
    return gather(reshape(matrix, (count * count,)), places, axis=0)


@register(MODULE)
class BinaryIoU(IoU):
    """IoU of yes-or-no predictions.

    Args:
        target_class_ids: (0, 1), (0,) or (1,): which answers count.
        threshold: predictions from there on mean class 1.
        name, dtype: as in IoU.

    Example:
        >>> m = BinaryIoU(threshold=0.3); m.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]); round(float(m.result()), 4)
        0.3333
    """

    def __init__(self, target_class_ids: Any = (0, 1), threshold: float = 0.5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, cast(as_tensor(y_pred), "float32") >= self.threshold, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), "target_class_ids": self.target_class_ids, "threshold": self.threshold}


@register(MODULE)
class MeanIoU(IoU):
    """IoU, the mean over all classes; arguments as in IoU.

    Example:
        >>> m = MeanIoU(num_classes=2); m.update_state([0, 0, 1, 1], [0, 1, 0, 1]); round(float(m.result()), 4)
        0.3333
    """

    def __init__(self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None, sparse_y_true: bool = True,
                 sparse_y_pred: bool = True, axis: int = -1) -> None:  # fmt: skip
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids")


@register(MODULE)
class OneHotIoU(IoU):
    """IoU with one-hot targets; arguments as in IoU."""

    def __init__(self, num_classes: int, target_class_ids: Any, name: str | None = None, dtype: Any = None, ignore_class: int | None = None,
                 sparse_y_pred: bool = False, axis: int = -1) -> None:  # fmt: skip
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config_without("sparse_y_true")


@register(MODULE)
class OneHotMeanIoU(MeanIoU):
    """IoU with one-hot targets, the mean over all classes; arguments as in IoU."""

    def __init__(self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None, sparse_y_pred: bool = False,
                 axis: int = -1) -> None:  # fmt: skip
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids", "sparse_y_true")
