"""Correlations of targets and predictions along an axis."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import math
from tenfold.keras.losses import formulas as f
from tenfold.keras.metrics.accuracy import Known
from tenfold.keras.metrics.base import MODULE


def _centred(x: Any, axis: int) -> tuple[Any, Any, Any]:
    """The mean along `axis`, what differs from it, and the variance."""
    mean = math.reduce_mean(x, axis=axis, keepdims=True)
    rest = x - mean
    return mean, rest, math.reduce_mean(rest * rest, axis=axis, keepdims=True)


@register(MODULE)
def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """covariance / (deviation of y_true * deviation of y_pred).

    Example:
        >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).numpy().round(4)
        array([1.], dtype=float32)
    """
    y_true, y_pred = f.pair("pearson_correlation", y_true, y_pred)
    (_, a, square_a), (_, b, square_b) = _centred(y_true, axis), _centred(y_pred, axis)
    return math.reduce_mean(a / math.sqrt(square_a) * (b / math.sqrt(square_b)), axis=axis)


@register(MODULE)
def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """2 * covariance / (both variances + the squared difference of the means): how near the pairs are to y_true = y_pred.

    Example:
        >>> concordance_correlation([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]]).numpy().round(4)
        array([0.5714], dtype=float32)
    """
    y_true, y_pred = f.pair("concordance_correlation", y_true, y_pred)
    (mean_a, a, square_a), (mean_b, b, square_b) = _centred(y_true, axis), _centred(y_pred, axis)
    return math.reduce_mean(2.0 * a * b / (square_a + square_b + math.square(mean_a - mean_b) + defaults.epsilon()), axis=axis)


@register(MODULE)
class PearsonCorrelation(Known):
    """The mean of the correlations along `axis`."""

    _direction = "up"

    def __init__(self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


@register(MODULE)
class ConcordanceCorrelation(Known):
    """The mean of the concordance correlations along `axis`."""

    _direction = "up"

    def __init__(self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis
