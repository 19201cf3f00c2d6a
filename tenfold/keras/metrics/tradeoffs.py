"""The best of one share of right answers where another one is good enough."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import math
from tenfold.keras.metrics.base import MODULE
from tenfold.keras.metrics.confusion import Counted
from tenfold.primitives.arithmetic import select


class _Tradeoff(Counted):
    """The largest of `wanted` over the thresholds where `given` reaches a value."""

    counts = Counted.order
    given: str
    wanted: str

    def __init__(self, value: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None) -> None:
        if not 0 <= value <= 1:
            raise ValueError(f"Argument `{self.given}` must be in the range [0, 1]. Received: {self.given}={value}")
        if num_thresholds <= 0:
            raise ValueError(f"Argument `num_thresholds` must be an integer > 0. Received: num_thresholds={num_thresholds}")
        inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        super().__init__([0.5] if num_thresholds == 1 else [0.0, *inner, 1.0], class_id=class_id, name=name, dtype=dtype)
        self.value, self.num_thresholds = value, num_thresholds
        setattr(self, self.given, value)

    def _share(self, name: str) -> Any:
        tp, fp, tn, fn = (getattr(self, n).value for n in self.order)
        part, rest = {"sensitivity": (tp, fn), "recall": (tp, fn), "specificity": (tn, fp), "precision": (tp, fp)}[name]
        return math.divide_no_nan(part, part + rest)

    def result(self) -> Any:
        return math.reduce_max(select(self._share(self.given) >= self.value, self._share(self.wanted), 0.0))

    def get_config(self) -> dict[str, Any]:
        config = {k: v for k, v in super().get_config().items() if k not in ("thresholds", "top_k")}
        return {**config, "num_thresholds": self.num_thresholds, self.given: self.value}


@register(MODULE)
class SensitivityAtSpecificity(_Tradeoff):
    """The best sensitivity tp / (tp + fn) where the specificity tn / (tn + fp) is at least this.

    Args:
        specificity: from 0 to 1.
        num_thresholds: how many thresholds are tried.
        class_id: only this class counts.
        name, dtype: as in Metric.

    Example:
        >>> m = SensitivityAtSpecificity(0.5); m.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]); float(m.result())
        0.5
    """

    given, wanted = "specificity", "sensitivity"

    def __init__(self, specificity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


@register(MODULE)
class SpecificityAtSensitivity(_Tradeoff):
    """The best specificity tn / (tn + fp) where the sensitivity tp / (tp + fn) is at least this; arguments as in SensitivityAtSpecificity."""

    given, wanted = "sensitivity", "specificity"

    def __init__(self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


@register(MODULE)
class PrecisionAtRecall(_Tradeoff):
    """The best precision tp / (tp + fp) where the recall tp / (tp + fn) is at least this; arguments as in SensitivityAtSpecificity."""

    given, wanted = "recall", "precision"

    def __init__(self, recall: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)


@register(MODULE)
class RecallAtPrecision(_Tradeoff):
    """The best recall tp / (tp + fn) where the precision tp / (tp + fp) is at least this; arguments as in SensitivityAtSpecificity."""

    given, wanted = "precision", "recall"

    def __init__(self, precision: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
