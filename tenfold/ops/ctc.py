"""Connectionist temporal classification (Graves et al., 2006): its loss, and the decoding of its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import float32, int32
from tenfold.ops import activation, sorting
from tenfold.ops.reducing import argmax
from tenfold.ops.sparse import SparseTensor, to_dense
from tenfold.primitives.arithmetic import cast, equal, less, log, logical_and, logical_not, maximum, not_equal, select
from tenfold.primitives.elementwise import exp
from tenfold.primitives.gather import gather, iota
from tenfold.primitives.movement import broadcast_to, concat, expand_dims, reshape, slice_, stack, transpose
from tenfold.primitives.reduction import all as all_
from tenfold.primitives.reduction import any as any_
from tenfold.primitives.reduction import max as max_
from tenfold.primitives.reduction import sum as sum_
from tenfold.primitives.sorting import along_last
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.transform.loops import loop_over

NEVER = -1e30  # the logarithm of a probability of 0: finite, so that differences of two have a gradient


def _filled(value: Any, dtype: Any, *shape: Any) -> Any:
    return broadcast_to(cast(wrap(np.float32(value)), dtype), shape)


def _log_add(*terms: Any) -> Any:
    """log(sum(exp(terms)))."""
    top = terms[0]
    for t in terms[1:]:
        top = maximum(top, t)
    total: Any = 0
    for t in terms:
        total = exp(t - top) + total
    return top + log(total)


def _shifted(x: Any, by: int) -> Any:
    """The last axis moved to the right, with `NEVER` coming in."""
    n, width = x.sizes
    return concat([_filled(NEVER, x.dtype, n, by), slice_(x, (0, 0), (n, width - by))], 1)


def single(x: Any) -> Any:
    """16-bit floats as float32: probabilities are added up over many steps."""
    return cast(x, float32) if x.dtype.size == 2 else x


def spelling_loss(logits: Any, labels: Any, label_length: Any, logit_length: Any, blank: int) -> Any:
    """-log of the probability that logits [steps, batch, classes] spell `labels`, when repetitions and then blanks are left out."""
    x = single(logits)
    n, length = labels.sizes
    labels = select(less(iota(length), expand_dims(cast(label_length, int32), 1)), labels, 0)  # whatever fills them up
    between, wide = wrap(np.int32(blank % x.sizes[-1])), 2 * length + 1
    places = reshape(stack([broadcast_to(between, labels.sizes), labels], 2), (n, wide - 1))
    spelled = concat([places, broadcast_to(between, (n, 1))], 1)  # blank, a, blank, b, blank
    two_before = concat([broadcast_to(between, (n, 2)), slice_(spelled, (0, 0), (n, wide - 2))], 1)
    labelled: Any = iota(wide)  # the odd places hold labels, whatever they are: TensorFlow takes a blank among them for a label of its own
    skips = logical_and(not_equal(labelled % 2, 0), not_equal(spelled, two_before))  # between different labels the blank may be missing
    steps = expand_dims(cast(logit_length, int32), 1)

    def step(i: Any, alpha: Any, scores: Any) -> tuple[Any, Any]:
        came = _log_add(alpha, _shifted(alpha, 1), select(skips, _shifted(alpha, 2), NEVER))
        return select(less(i, steps), maximum(came + along_last(scores, spelled), NEVER), alpha), i

    start = select(equal(iota(wide), 0), _filled(0, x.dtype, n, wide), NEVER)  # as if it had stood at the first blank before
    alpha, _ = loop_over(step, start, activation.log_softmax(x))
    end = 2 * expand_dims(cast(label_length, int32), 1)
    total = _log_add(along_last(alpha, end), select(equal(end, 0), NEVER, along_last(alpha, maximum(end - 1, 0))))
    loss = -reshape(total, (n,))
    return select(loss > -NEVER / 2, float("inf"), loss)


def greedy(x: Any, lengths: Any, blank: int, merge: bool) -> tuple[Any, Any]:
    """The likeliest class of each step, without repetitions and blanks; the score is the sum of the logits."""
    n, steps, _ = x.sizes
    best = argmax(x, 2, int32)
    inside = less(iota(steps), expand_dims(lengths, 1))
    kept = logical_and(inside, not_equal(best, blank))
    if merge:
        before = concat([broadcast_to(wrap(np.int32(-1)), (n, 1)), slice_(best, (0, 0), (n, steps - 1))], 1)
        kept = logical_and(kept, not_equal(best, before))
    order = sorting.argsort(cast(logical_not(kept), int32), 1, stable=True)
    count = sum_(cast(kept, int32), 1, True)
    decoded = select(less(iota(steps), count), along_last(best, order), -1)
    return expand_dims(decoded, 0), -sum_(select(inside, max_(x, 2), 0), 1, True)


def _beam_step(i: Any, state: Any, scores: Any, blank: int, width: int) -> Any:
    """One step of the search: each beam stays (by a blank or a repetition), or takes one class more."""
    prefixes, length, with_blank, with_label = state
    n, classes = scores.sizes
    steps = prefixes.sizes[-1]
    total = _log_add(with_blank, with_label)
    last = reshape(along_last(prefixes, expand_dims(maximum(length - 1, 0), 2)), (n, width))
    last = select(equal(length, 0), -1, last)
    of_last = select(less(last, 0), NEVER, along_last(scores, maximum(last, 0)))
    # extended[n, w, c]: after a repeated class only what ended in a blank goes on
    repeated = equal(expand_dims(last, 2), iota(classes))
    extended = select(repeated, expand_dims(with_blank, 2), expand_dims(total, 2)) + expand_dims(scores, 1)
    extended = select(equal(iota(classes), blank), NEVER, extended)
    # a beam that is another one with its own last class more gets what this extension brings; parent[n, w, v]: w is v without its last class
    cut = equal(iota(steps), expand_dims(length - 1, 2))
    shortened = select(cut, -1, prefixes)
    parent = all_(equal(expand_dims(prefixes, 2), expand_dims(shortened, 1)), 3)
    parent = logical_and(parent, logical_and(less(0, expand_dims(length, 1)), less(NEVER / 2, expand_dims(total, 2))))
    class_of = broadcast_to(expand_dims(maximum(last, 0), 1), (n, width, width))
    gained = max_(select(parent, along_last(extended, class_of), NEVER), 1)
    taken = any_(logical_and(expand_dims(parent, 3), equal(expand_dims(class_of, 3), iota(classes))), 2)
    extended = select(taken, NEVER, extended)
    stay_blank = total + slice_(scores, (0, blank), (n, 1))
    stay_label = _log_add(with_label + of_last, gained)
    candidates = concat([_log_add(stay_blank, stay_label), reshape(extended, (n, width * classes))], 1)
    chosen = sorting.top_k(maximum(candidates, NEVER), width).indices
    grown = logical_not(less(chosen, width))
    source = select(grown, (chosen - width) // classes, chosen)
    added = select(grown, (chosen - width) % classes, -1)
    old, size = gather(prefixes, source, 1, 1), along_last(length, source)
    at_end = logical_and(equal(iota(steps), expand_dims(size, 2)), expand_dims(grown, 2))
    new_blank = select(grown, NEVER, along_last(stay_blank, source))
    new_label = select(grown, along_last(candidates, chosen), along_last(stay_label, source))
    return select(at_end, expand_dims(added, 2), old), select(grown, size + 1, size), maximum(new_blank, NEVER), maximum(new_label, NEVER)


def beam_search(x: Any, lengths: Any, blank: int, width: int, top_paths: int) -> tuple[Any, Any]:
    """The `top_paths` likeliest label sequences, of all their spellings together, and the logarithms of their probabilities."""
    n, steps, _ = x.sizes
    start = (broadcast_to(wrap(np.int32(-1)), (n, width, steps)), broadcast_to(wrap(np.int32(0)), (n, width)),
             select(equal(iota(width), 0), _filled(0, x.dtype, n, width), NEVER), _filled(NEVER, x.dtype, n, width))  # fmt: skip

    def step(i: Any, state: Any, scores: Any) -> tuple[Any, Any]:
        after = _beam_step(i, state, scores, blank, width)
        on = less(i, lengths)
        kept = [select(reshape(on, (n, *(1,) * (a.ndim - 1))), a, b) for a, b in zip(after, state, strict=True)]
        return tuple(kept), i

    (prefixes, _, with_blank, with_label), _ = loop_over(step, start, transpose(activation.log_softmax(x), (1, 0, 2)))
    scores, best = sorting.top_k(_log_add(with_blank, with_label), top_paths)
    return transpose(gather(prefixes, best, 1, 1), (1, 0, 2)), scores


def ctc_loss(
    labels: Any,
    logits: Any,
    label_length: Any,
    logit_length: Any,
    logits_time_major: bool = True,
    unique: Any = None,
    blank_index: int | None = None,
    name: str | None = None,
) -> Tensor:
    """-log of the probability that the outputs of each example spell its labels, when repetitions and then blanks are left out.

    Args:
        labels: class numbers [batch, length], or a SparseTensor of them.
        logits: [steps, batch, classes], or [batch, steps, classes] with `logits_time_major=False`.
        label_length: how many labels of each example count; None with a SparseTensor.
        logit_length: how many steps of each example count.
        logits_time_major: see `logits`.
        unique: not needed.
        blank_index: the class number of the blank; negative ones count from the last class. Default: 0.
        name: not needed.

    Returns:
        A number for each example; infinite where the labels do not fit into the steps.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.ctc_loss([[1]], [[[0.0, 0.0]], [[0.0, 0.0]]], [1], [2]).numpy().round(3)
        array([0.288], dtype=float32)
    """
    if isinstance(labels, SparseTensor):
        if blank_index is None:
            raise ValueError("[ctc_loss] labels in a SparseTensor need `blank_index`. Try blank_index=-1 for the last class, or 0.")
        rows = labels.indices._elements()[:, 0]
        label_length, labels = np.bincount(rows, minlength=int(labels.shape[0])).astype(np.int32), to_dense(labels)
    x = as_tensor(logits)
    x = x if logits_time_major else transpose(x, (1, 0, 2))
    result: Tensor = spelling_loss(x, cast(as_tensor(labels), int32), as_tensor(label_length), as_tensor(logit_length), blank_index or 0)
    return result


def _sparse(paths: Tensor) -> list[SparseTensor]:
    found = []
    for labels in paths._elements():  # filled with -1
        places = np.argwhere(labels >= 0)
        longest = int(places[:, 1].max()) + 1 if len(places) else 0
        found.append(SparseTensor(places, wrap(labels[labels >= 0].astype(np.int64)), (len(labels), longest)))
    return found


def ctc_greedy_decoder(
    inputs: Any, sequence_length: Any, merge_repeated: bool = True, blank_index: int | None = None
) -> tuple[list[SparseTensor], Tensor]:
    """The likeliest class of each step, without blanks and, if `merge_repeated`, without repetitions. Not in compiled functions.

    Args:
        inputs: logits [steps, batch, classes].
        sequence_length: how many steps of each example count.
        merge_repeated: whether a class that comes several times in a row counts once.
        blank_index: the class number of the blank; default: the last.

    Returns:
        ([labels], the sum of the chosen logits with its sign changed, [batch, 1]).

    Example:
        >>> import tenfold as tf
        >>> (labels,), _ = tf.nn.ctc_greedy_decoder([[[9.0, 0.0]], [[9.0, 0.0]], [[0.0, 9.0]]], [3])
        >>> labels.values.numpy().tolist()
        [0]
    """
    x = single(transpose(as_tensor(inputs), (1, 0, 2)))
    classes = int(x.sizes[-1])
    blank = (classes - 1 if blank_index is None else blank_index) % classes
    paths, scores = greedy(x, cast(as_tensor(sequence_length), int32), blank, merge_repeated)
    return _sparse(paths), scores


def ctc_beam_search_decoder(inputs: Any, sequence_length: Any, beam_width: int = 100, top_paths: int = 1) -> tuple[list[SparseTensor], Tensor]:
    """The `top_paths` likeliest label sequences that a search with `beam_width` beams finds; the last class is the blank. Not in compiled functions.

    Args:
        inputs: logits [steps, batch, classes].
        sequence_length: how many steps of each example count.
        beam_width: how many label sequences the search keeps.
        top_paths: how many it returns.

    Returns:
        (the labels of each path, the logarithms of their probabilities [batch, top_paths]).

    Example:
        >>> import tenfold as tf
        >>> (labels,), _ = tf.nn.ctc_beam_search_decoder([[[9.0, 0.0]], [[0.0, 9.0]], [[9.0, 0.0]]], [3])
        >>> labels.values.numpy().tolist()
        [0, 0]
    """
    if top_paths > beam_width:
        raise ValueError(f"[ctc_beam_search_decoder] expected top_paths <= beam_width; received {top_paths} and {beam_width}.")
    x = single(transpose(as_tensor(inputs), (1, 0, 2)))
    paths, scores = beam_search(x, cast(as_tensor(sequence_length), int32), int(x.sizes[-1]) - 1, beam_width, top_paths)
    return _sparse(paths), scores
