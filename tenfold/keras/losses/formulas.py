"""Losses as formulas: `(y_true, y_pred) -> one value per example`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from tenfold.core.dtypes import float32, int64
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError
from tenfold.core.shapes import differ, show
from tenfold.keras.activations import logits_of
from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math, nn
from tenfold.primitives.arithmetic import cast, log, maximum, minimum, not_equal, select
from tenfold.primitives.elementwise import abs as abs_
from tenfold.primitives.movement import expand_dims, reshape
from tenfold.tensor.tensor import Tensor

MODULE = "keras.losses"
METRICS = "keras.metrics"
T = TypeVar("T", bound=Callable[..., Any])


def loss(*aliases: str, takes_labels: bool = False) -> Callable[[T], T]:
    """Registers a function as a loss, and as a metric of the same name; `takes_labels` says that its targets are class numbers."""

    def add(function: T) -> T:
        function.takes_labels = takes_labels  # type: ignore[attr-defined]
        register(METRICS, *aliases)(function)
        return register(MODULE, *aliases)(function)

    return add


def pair(name: str, y_true: Any, y_pred: Any, same: bool = True, exact: bool = False) -> tuple[Tensor, Tensor]:
    """Targets and predictions as float tensors of one type, their ranks made equal where one lacks a last axis of size 1.

    `same`: sizes must be equal, or 1 where that broadcasts. `exact`: equal in any case.

    Raises:
        ValueError: their shapes do not fit.
    """
    y_pred = as_tensor(y_pred)
    if not y_pred.dtype.is_floating:
        y_pred = cast(y_pred, defaults.floatx())
    y_true = cast(as_tensor(y_true, hint=y_pred.dtype), y_pred.dtype)
    y_true, y_pred = same_rank(y_true, y_pred)
    sizes = list(zip(y_true.sizes, y_pred.sizes, strict=False))
    if same and (y_true.ndim != y_pred.ndim or any(differ(a, b) and (exact or 1 not in (a, b)) for a, b in sizes)):
        raise ShapeError(f"[{name}] targets and predictions must have the same shape. Expected y_true of shape {show(y_pred.sizes)} as y_pred; "
                         f"received {show(y_true.sizes)}. {_remedy(y_true, y_pred)}")  # fmt: skip
    return y_true, y_pred


def _remedy(y_true: Tensor, y_pred: Tensor) -> str:
    classes = y_pred.sizes[-1] if y_pred.ndim else 1
    labels = y_true.ndim == y_pred.ndim - 1 or (y_true.ndim == y_pred.ndim and y_true.sizes[-1] == 1)
    if labels and y_pred.ndim > 1 and classes != 1:
        return f"If the targets are class numbers, try loss='sparse_categorical_crossentropy', or tf.one_hot(y, {classes})."
    return f"Try giving the model's last layer as many units as the targets have ({y_true.sizes[-1] if y_true.ndim > 1 else 1})."


def same_rank(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The two tensors with the same rank, if one has an additional last axis of size 1."""
    if a.ndim == b.ndim + 1 and a.sizes[-1] == 1:
        return (a, expand_dims(b, -1)) if b.ndim == 1 else (reshape(a, a.sizes[:-1]), b)
    if b.ndim == a.ndim + 1 and b.sizes[-1] == 1:
        return (expand_dims(a, -1), b) if a.ndim == 1 else (a, reshape(b, b.sizes[:-1]))
    return a, b


def _mean(x: Any) -> Any:
    return math.reduce_mean(x, axis=-1) if x.ndim else x


@loss("mse", "MSE")
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)²).

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[1.0, 1.0]]).numpy()
        array([0.5], dtype=float32)
    """
    y_true, y_pred = pair("mean_squared_error", y_true, y_pred)
    return _mean(math.square(y_true - y_pred))


@loss("mae", "MAE")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|)."""
    y_true, y_pred = pair("mean_absolute_error", y_true, y_pred)
    return _mean(abs_(y_true - y_pred))


@loss("mape", "MAPE")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_true - y_pred| / |y_true|)."""
    y_true, y_pred = pair("mean_absolute_percentage_error", y_true, y_pred)
    return 100.0 * _mean(abs_((y_true - y_pred) / maximum(abs_(y_true), defaults.epsilon())))


@loss("msle", "MSLE")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(y_true + 1) - log(y_pred + 1))²), in float32 at least: near zero, 16 bits cannot tell the logarithms apart."""
    y_true, y_pred = pair("mean_squared_logarithmic_error", y_true, y_pred)
    wide = y_pred.dtype if y_pred.dtype.size > 2 else float32
    a, b = (log(maximum(cast(y, wide), defaults.epsilon()) + 1.0) for y in (y_true, y_pred))
    return _mean(math.square(a - b))


@loss()
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Half the squared error up to `delta`, linear beyond."""
    y_true, y_pred = pair("huber", y_true, y_pred)
    error = abs_(y_true - y_pred)
    return _mean(select(error <= delta, 0.5 * error * error, delta * error - 0.5 * delta * delta))


@loss("logcosh", "log_cosh_loss")
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true)))."""
    y_true, y_pred = pair("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    return _mean(error + math.softplus(-2.0 * error) - 0.6931471805599453)


@loss("kld", "KLD", "kullback_leibler_divergence")
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y_true * log(y_true / y_pred))."""
    y_true, y_pred = pair("kl_divergence", y_true, y_pred)
    y_true, y_pred = (minimum(maximum(y, defaults.epsilon()), 1.0) for y in (y_true, y_pred))
    return math.reduce_sum(y_true * log(y_true / y_pred), axis=-1)


@loss()
def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(y_pred - y_true * log(y_pred))."""
    y_true, y_pred = pair("poisson", y_true, y_pred)
    return _mean(y_pred - y_true * log(y_pred + defaults.epsilon()))


@register(MODULE)
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between y_true and y_pred: -1 where they point the same way."""
    y_true, y_pred = pair("cosine_similarity", y_true, y_pred)
    return -math.reduce_sum(nn.l2_normalize(y_true, axis=axis) * nn.l2_normalize(y_pred, axis=axis), axis=axis)


def _signed(y_true: Any) -> Any:
    """Labels 0 and 1 become -1 and 1; others stay."""
    binary = math.reduce_all(math.logical_or(math.equal(y_true, 0.0), math.equal(y_true, 1.0)))
    return select(binary, 2.0 * y_true - 1.0, y_true)


@loss()
def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)), y_true being -1 or 1 (0 counts as -1)."""
    y_true, y_pred = pair("hinge", y_true, y_pred)
    return _mean(maximum(1.0 - _signed(y_true) * y_pred, 0.0))


@loss()
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)²)."""
    y_true, y_pred = pair("squared_hinge", y_true, y_pred)
    return _mean(math.square(maximum(1.0 - _signed(y_true) * y_pred, 0.0)))


@loss()
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(largest wrong score - right score + 1, 0), y_true being one-hot."""
    y_true, y_pred = pair("categorical_hinge", y_true, y_pred)
    right = math.reduce_sum(y_true * y_pred, axis=-1)
    wrong = math.reduce_max((1.0 - y_true) * y_pred, axis=-1)
    return maximum(wrong - right + 1.0, 0.0)


def _clipped(p: Any) -> Any:
    return minimum(maximum(p, defaults.epsilon()), 1.0 - defaults.epsilon())


def _binary(y_true: Any, y_pred: Any, from_logits: bool) -> Any:
    """Binary cross-entropy, element by element. What went into a sigmoid is used instead of what came out: nothing is lost to rounding."""
    logits = y_pred if from_logits else logits_of(y_pred, "sigmoid")
    if logits is not None and logits.sizes == y_pred.sizes:
        return nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=logits)
    p = _clipped(y_pred)
    return -(y_true * log(p) + (1.0 - y_true) * log(1.0 - p))


@loss("bce", "BCE")
def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)).

    Example:
        >>> binary_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().round(4)
        array([0.6931], dtype=float32)
    """
    y_true, y_pred = pair("binary_crossentropy", y_true, y_pred, exact=True)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    values = _binary(y_true, y_pred, from_logits)
    return math.reduce_mean(values, axis=axis) if values.ndim else values


@loss()
def binary_focal_crossentropy(y_true: Any, y_pred: Any, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
                              from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:  # fmt: skip
    """Binary cross-entropy times (1 - p)^gamma, p the probability given to the true class."""
    y_true, y_pred = pair("binary_focal_crossentropy", y_true, y_pred, exact=True)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = math.sigmoid(y_pred)
    values = _binary(y_true, y_pred, False)
    p = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    values = (1.0 - p) ** gamma * values
    if apply_class_balancing:
        values = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * values
    return math.reduce_mean(values, axis=axis)


def _one_hot(name: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Any, Any, Any]:
    """One-hot targets, predictions, and the number of classes; warns where there is but one."""
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}")
    y_true, y_pred = pair(name, y_true, y_pred)
    if y_pred.ndim == 0 or differ(y_true.sizes[axis], y_pred.sizes[axis]):
        raise ShapeError(f"[{name}] one-hot targets and predictions must have the same shape. Expected {show(y_pred.sizes)} as the predictions; "
                         f"received {show(y_true.sizes)}. {_remedy(y_true, y_pred)}")  # fmt: skip
    if y_pred.sizes[axis] == 1:
        text = (f"In loss {name}, expected y_pred.shape to be (batch_size, num_classes) with num_classes > 1. Received: y_pred.shape="
                f"{show(y_pred.sizes)}. Consider using 'binary_crossentropy' if you only have 2 classes.")  # fmt: skip
        warnings.warn(text, SyntaxWarning, stacklevel=3)
    return y_true, y_pred, y_pred.sizes[axis]


@loss("cce", "CCE")
def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """-sum(y_true * log(y_pred)), y_true being one-hot or probabilities.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().round(4)
        array([0.6931], dtype=float32)
    """
    y_true, y_pred, classes = _one_hot("categorical_crossentropy", y_true, y_pred, axis)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / classes
    logits = y_pred if from_logits else logits_of(y_pred, "softmax") if axis in (-1, y_pred.ndim - 1) else None
    if logits is not None and logits.sizes == y_pred.sizes:
        return nn.softmax_cross_entropy_with_logits(labels=y_true, logits=logits, axis=axis)
    p = _clipped(y_pred / math.reduce_sum(y_pred, axis=axis, keepdims=True))
    return -math.reduce_sum(y_true * log(p), axis=axis)


@loss()
def categorical_focal_crossentropy(y_true: Any, y_pred: Any, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False,
                                   label_smoothing: float = 0.0, axis: int = -1) -> Any:  # fmt: skip
    """-sum(alpha * (1 - y_pred)^gamma * y_true * log(y_pred))."""
    y_true, y_pred, classes = _one_hot("categorical_focal_crossentropy", y_true, y_pred, axis)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / classes
    if from_logits:
        y_pred = nn.softmax(y_pred, axis=axis)
    p = _clipped(y_pred / math.reduce_sum(y_pred, axis=axis, keepdims=True))
    weight = alpha if isinstance(alpha, (int, float)) else as_tensor(alpha, hint=p.dtype)
    return math.reduce_sum((1.0 - p) ** gamma * weight * -y_true * log(p), axis=axis)


def labels(name: str, y_true: Any, y_pred: Tensor) -> Tensor:
    """Class numbers as int64, in the shape of the predictions without the classes.

    Raises:
        ValueError: they are one-hot, of another shape, not whole, or out of range.
    """
    y_true = as_tensor(y_true)
    if y_true.dtype.is_complex:
        raise DTypeError(f"[{name}] targets must be class numbers; received {y_true.dtype.name}.")
    classes = y_pred.sizes[-1]
    if y_true.ndim == y_pred.ndim and y_true.sizes[-1] == 1:
        y_true = reshape(y_true, y_true.sizes[:-1])
    if y_true.ndim != y_pred.ndim - 1 or any(differ(a, b) for a, b in zip(y_true.sizes, y_pred.sizes, strict=False)):
        hot = y_true.ndim == y_pred.ndim and not differ(y_true.sizes[-1], classes)
        remedy = "Try one class number per prediction."
        if hot:
            remedy = "The targets look one-hot: try loss='categorical_crossentropy', or tf.argmax(y, axis=-1)."
        raise ShapeError(f"[{name}] expected class numbers of shape {show(y_pred.sizes[:-1])} for predictions of shape {show(y_pred.sizes)}; "
                         f"received {show(y_true.sizes)}. {remedy}")  # fmt: skip
    known = y_true._array
    if known is not None and known.size and y_true.dtype.is_floating and not (known == known.round()).all():
        broken = known[known != known.round()][0]
        raise DTypeError(f"[{name}] targets must be class numbers (whole); received {y_true.dtype.name} values such as {broken}. "
                         "Try loss='mse' for numbers, 'categorical_crossentropy' for probabilities.")  # fmt: skip
    return y_true if y_true.dtype.is_integer else cast(y_true, int64)  # type: ignore[no-any-return]


def _check_range(name: str, y_true: Tensor, classes: Any) -> None:
    known = y_true._array
    if known is not None and known.size and isinstance(classes, int) and (known.min() < 0 or known.max() >= classes):
        bad = known.min() if known.min() < 0 else known.max()
        raise InvalidArgumentError(f"[{name}] a label is out of range. Expected 0 <= label < {classes} (the predictions have {classes} classes); "
                                   f"received {bad}. Try more units in the last layer, or labels that start at 0.")  # fmt: skip


@loss(takes_labels=True)
def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1) -> Any:
    """-log(y_pred[label]), y_true being class numbers.

    Args:
        y_true: class numbers, integers (or whole floats).
        y_pred: probabilities, or logits.
        from_logits: whether y_pred are logits.
        ignore_class: a label whose examples count for nothing.
        axis: where the classes are; only the last one.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy().round(4)
        array([0.6931], dtype=float32)
    """
    name = "sparse_categorical_crossentropy"
    y_pred = as_tensor(y_pred)
    if axis not in (-1, y_pred.ndim - 1):
        raise ValueError(f"Only axis=-1 is currently supported. Received: axis={axis}")
    if y_pred.ndim == 0 or y_pred.sizes[-1] == 1:
        raise ShapeError(f"[{name}] expected predictions with a class axis of at least 2; received shape {show(y_pred.sizes)}. "
                         "Try loss='binary_crossentropy' for one unit.")  # fmt: skip
    target = labels(name, y_true, y_pred)
    valid = None
    if ignore_class is not None:
        valid = not_equal(target, ignore_class)
        target = select(valid, target, 0)
    _check_range(name, target, y_pred.sizes[-1])
    logits = y_pred if from_logits else logits_of(y_pred, "softmax")
    if logits is None or logits.sizes != y_pred.sizes:
        logits = log(_clipped(y_pred))
    values = nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)
    if valid is not None:
        values = select(valid, values, 0.0)
        values._keras_mask = valid
    return values
