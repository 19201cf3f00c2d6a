"""Losses of regions, of pairs, of sequences and of doubtful labels: Dice, Tversky, Circle, CTC, generalized cross-entropy."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import ShapeError
from tenfold.core.shapes import show
from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import array, as_tensor, math
from tenfold.keras.losses.base import MODULE, Known
from tenfold.keras.losses.formulas import labels, pair
from tenfold.keras.ops.ctc import ctc_loss
from tenfold.primitives.arithmetic import cast, logical_and, maximum, not_equal, select
from tenfold.primitives.contraction import matmul
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import expand_dims, reshape, transpose


# --- regions of images ---
@register(MODULE)
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """1 - 2 * overlap / total, over the axes `axis` (default: all).

    Example:
        >>> round(float(dice([[1.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]])), 4)
        0.3333
    """
    y_true, y_pred = pair("dice", y_true, y_pred)
    overlap = math.reduce_sum(y_true * y_pred, axis=axis)
    total = math.reduce_sum(y_true, axis=axis) + math.reduce_sum(y_pred, axis=axis)
    return 1.0 - 2.0 * overlap / (total + defaults.epsilon())


@register(MODULE)
def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """1 - overlap / (overlap + alpha * missed + beta * wrongly found), over the axes `axis` (default: all), as Keras computes it.

    With alpha = beta = 1/2 this is `dice`.
    """
    y_true, y_pred = pair("tversky", y_true, y_pred)
    overlap = math.reduce_sum(y_true * y_pred, axis=axis)
    missed = math.reduce_sum((1.0 - y_pred) * y_true, axis=axis)
    wrong = math.reduce_sum((1.0 - y_true) * y_pred, axis=axis)
    return 1.0 - overlap / (overlap + alpha * missed + beta * wrong + defaults.epsilon())


@register(MODULE)
class Dice(Known):
    """1 - 2 * overlap / total, for segmentation.

    Args:
        reduction, name, dtype: as in Loss.
        axis: over which axes the overlap is summed; default: all, which makes one number of the batch.
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "dice", axis: Any = None, dtype: Any = None) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


@register(MODULE)
class Tversky(Known):
    """1 - overlap / (overlap + alpha * missed + beta * wrongly found), for segmentation.

    Keras's text says that alpha belongs to what was wrongly found, but this is what Keras computes.

    Args:
        alpha: how much it counts what is true and was not predicted.
        beta: how much it counts what was predicted and is not true.
        reduction, name, dtype: as in Loss.
        axis: over which axes the overlap is summed; default: all.
    """

    def __init__(self, alpha: float = 0.5, beta: float = 0.5, reduction: Any = "sum_over_batch_size", name: str | None = "tversky", axis: Any = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


# --- pairs of embeddings ---
def _equal_labels(mine: Any, theirs: Any, remove_diagonal: bool) -> tuple[Any, Any]:
    """[n, m]: whether two examples have the same label, without those on the diagonal; and whether they have different ones."""
    mine, theirs = reshape(mine, (-1, 1)), reshape(theirs, (1, -1))
    same = math.equal(mine, theirs)
    different = math.logical_not(same)
    if remove_diagonal:
        n, m = mine.sizes[0], theirs.sizes[1]
        same = logical_and(same, not_equal(expand_dims(iota(n), 1), expand_dims(iota(m), 0)))
    return same, different


@register(MODULE)
def circle(y_true: Any, y_pred: Any, ref_labels: Any = None, ref_embeddings: Any = None, remove_diagonal: bool = True, gamma: float = 80,
           margin: float = 0.4) -> Any:  # fmt: skip
    """Draws embeddings of one class together and those of different classes apart (Sun et al., 2020).

    Args:
        y_true: class numbers.
        y_pred: embeddings of length 1.
        ref_labels, ref_embeddings: what they are compared with; default: each other.
        remove_diagonal: whether an embedding is not compared with itself.
        gamma: how steep; margin: how near is near enough.
    """
    y_pred = as_tensor(y_pred)
    y_true = cast(as_tensor(y_true), "int32")
    others = y_pred if ref_embeddings is None else as_tensor(ref_embeddings, hint=y_pred.dtype)
    distance = maximum(1.0 - matmul(y_pred, transpose(others)), 0.0)
    same, different = _equal_labels(y_true, y_true if ref_labels is None else cast(as_tensor(ref_labels), "int32"), remove_diagonal)
    none = float("-inf")
    near = select(same, -gamma * maximum(margin + distance, 0.0) * (margin - distance), none)
    far = select(different, gamma * maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance), none)
    values = math.softplus(math.reduce_logsumexp(near, axis=1) + math.reduce_logsumexp(far, axis=1))
    values._keras_mask = values > 0
    return values


circle.takes_labels = True  # type: ignore[attr-defined]


@register(MODULE)
class Circle(Known):
    """Draws embeddings of one class together and those of different classes apart (Sun et al., 2020).

    Args:
        gamma: how steep.
        margin: how near is near enough.
        remove_diagonal: whether an embedding is not compared with itself.
        reduction, name, dtype: as in Loss.

    Targets are class numbers [batch], predictions embeddings of length 1 [batch, size] (a UnitNormalization layer makes them so).
    """

    def __init__(self, gamma: float = 80.0, margin: float = 0.4, remove_diagonal: bool = True, reduction: Any = "sum_over_batch_size",
                 name: str | None = "circle", dtype: Any = None) -> None:  # fmt: skip
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)


# --- sequences ---
@register(MODULE)
def ctc(y_true: Any, y_pred: Any) -> Any:
    """Connectionist temporal classification: -log of the probability of all alignments of a labelling with the steps (Graves et al., 2006).

    Args:
        y_true: labels [batch, length]; 0 stands for "blank" and fills up.
        y_pred: logits [batch, steps, classes].
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.ndim != 2:
        raise ShapeError(f"Targets `y_true` are expected to be a tensor of shape `(batch_size, max_length)` in integer format. "
                         f"Received: y_true.shape={show(y_true.sizes)}")  # fmt: skip
    if y_pred.ndim != 3:
        raise ShapeError(f"Logits `y_pred` are expected to be a tensor of shape `(batch_size, max_length, num_classes)`. "
                         f"Received: y_pred.shape={show(y_pred.sizes)}")  # fmt: skip
    y_true = cast(y_true, "int32")
    count = math.reduce_sum(cast(not_equal(y_true, 0), "int32"), axis=-1)
    steps = array.zeros_like(count) + y_pred.sizes[1]
    return ctc_loss(y_true, y_pred, count, steps, mask_index=0)


ctc.takes_labels = True  # type: ignore[attr-defined]


@register(MODULE)
class CTC(Known):
    """Connectionist temporal classification: for sequences whose labels are not aligned with the steps.

    Args:
        reduction, name, dtype: as in Loss.

    Targets are labels [batch, length], 0 standing for "blank" and filling up; predictions are logits [batch, steps, classes].
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None) -> None:
        super().__init__(ctc, reduction, name, dtype)


# --- labels that may be wrong ---
@register(MODULE)
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p^q) / q, p being the probability given to the label (Zhang and Sabuncu, 2018).

    Args:
        y_true: class numbers.
        y_pred: probabilities.
        q: between 0 (cross-entropy) and 1 (mean absolute error).

    Example:
        >>> categorical_generalized_cross_entropy([0], [[0.25, 0.75]], q=0.5).numpy()
        array([1.], dtype=float32)
    """
    y_pred = as_tensor(y_pred)
    target = labels("categorical_generalized_cross_entropy", y_true, y_pred)
    hit = cast(math.equal(expand_dims(cast(target, "int32"), -1), iota(y_pred.sizes[-1])), y_pred.dtype)
    return (1.0 - math.reduce_sum(y_pred * hit, axis=-1) ** q) / q


categorical_generalized_cross_entropy.takes_labels = True  # type: ignore[attr-defined]


@register(MODULE)
class CategoricalGeneralizedCrossEntropy(Known):
    """(1 - p^q) / q, p being the probability given to the label: labels that are wrong count less than in cross-entropy.

    Args:
        q: between 0 (as cross-entropy) and 1 (as mean absolute error).
        reduction, name, dtype: as in Loss.
    """

    def __init__(self, q: float = 0.5, reduction: Any = "sum_over_batch_size", name: str | None = "categorical_generalized_cross_entropy",
                 dtype: Any = None) -> None:  # fmt: skip
        if not 0 < q < 1:
            raise ValueError(f"q must be in the interval (0, 1). Received: q={q}")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
