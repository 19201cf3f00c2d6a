"""Connectionist temporal classification (Graves et al., 2006) in `keras.ops`: its loss, and the decoding of its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import float32, int32
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import activation, sorting
from tenfold.ops.reducing import argmax
from tenfold.primitives.arithmetic import cast, equal, less, log, logical_and, logical_not, maximum, not_equal, select
from tenfold.primitives.elementwise import exp
from tenfold.primitives.gather import gather, iota
from tenfold.primitives.movement import broadcast_to, concat, expand_dims, reshape, slice_, stack, transpose
from tenfold.primitives.reduction import all as all_
from tenfold.primitives.reduction import any as any_
from tenfold.primitives.reduction import max as max_
from tenfold.primitives.reduction import sum as sum_
from tenfold.primitives.sorting import along_last
from tenfold.tensor.tensor import wrap
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


def _single(x: Any) -> Any:
    return cast(x, float32) if x.dtype.size == 2 else x


def _check_first_sizes(**shapes: Any) -> None:
    (name, first), *others = shapes.items()
    for other, shape in others:
        if isinstance(first[0], int) and isinstance(shape[0], int) and first[0] != shape[0]:
            raise ValueError(f"Arguments `{name}` and `{other}` must have the same first dimension. Received shapes: {first} and {shape}.")


@operation("nn", kind="CTCLoss")
def ctc_loss(target: Array, output: Array, target_length: Array, output_length: Array, mask_index: int = 0) -> Array:
    """-log of the probability that the outputs spell the targets, when repetitions and then blanks are left out.

    Args:
        target: class numbers [batch, length].
        output: logits [batch, steps, classes].
        target_length, output_length: how much of each example counts.
        mask_index: the class number of the blank.

    Example:
        >>> ctc_loss([[1]], [[[0.0, 0.0], [0.0, 0.0]]], [1], [2]).numpy().round(3)
        array([0.288], dtype=float32)
    """
    _check_first_sizes(output=output.sizes, target=target.sizes, target_length=target_length.sizes, output_length=output_length.sizes)
    x, labels = _single(output), cast(target, int32)
    n, length = labels.sizes
    blank, wide = wrap(np.int32(mask_index % x.sizes[-1])), 2 * length + 1
    places = reshape(stack([broadcast_to(blank, labels.sizes), labels], 2), (n, wide - 1))
    spelled = concat([places, broadcast_to(blank, (n, 1))], 1)  # blank, a, blank, b, blank
    two_before = concat([broadcast_to(blank, (n, 2)), slice_(spelled, (0, 0), (n, wide - 2))], 1)
    labelled: Any = iota(wide)  # the odd places hold labels, whatever they are: TensorFlow takes a blank among them for a label of its own
    skips = logical_and(not_equal(labelled % 2, 0), not_equal(spelled, two_before))  # between different labels the blank may be missing
    steps = expand_dims(cast(output_length, int32), 1)

    def step(i: Any, alpha: Any, scores: Any) -> tuple[Any, Any]:
        came = _log_add(alpha, _shifted(alpha, 1), select(skips, _shifted(alpha, 2), NEVER))
        return select(less(i, steps), maximum(came + along_last(scores, spelled), NEVER), alpha), i

    start = select(equal(iota(wide), 0), _filled(0, x.dtype, n, wide), NEVER)  # as if it had stood at the first blank before
    alpha, _ = loop_over(step, start, transpose(activation.log_softmax(x), (1, 0, 2)))
    end = 2 * expand_dims(cast(target_length, int32), 1)
    total = _log_add(along_last(alpha, end), select(equal(end, 0), NEVER, along_last(alpha, maximum(end - 1, 0))))
    loss = -reshape(total, (n,))
    return select(loss > -NEVER / 2, float("inf"), loss)


def _greedy(x: Any, lengths: Any, blank: int, merge: bool) -> tuple[Any, Any]:
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


def _beam_search(x: Any, lengths: Any, blank: int, width: int, top_paths: int) -> tuple[Any, Any]:
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


@operation("nn", kind="CTCDecode")
def ctc_decode(inputs: Array, sequence_lengths: Array, strategy: str = "greedy", beam_width: int = 100, top_paths: int = 1,
               merge_repeated: bool = True, mask_index: int | None = 0) -> tuple[Array, Array]:  # fmt: skip
    """The label sequences that CTC outputs stand for.

    Args:
        inputs: logits [batch, steps, classes].
        sequence_lengths: how many steps of each example count.
        strategy: "greedy" (the likeliest class of each step) or "beam_search".
        beam_width: how many label sequences the search keeps.
        top_paths: how many it returns.
        merge_repeated: whether "greedy" leaves out repetitions.
        mask_index: the class number of the blank; None: the last.

    Returns:
        (labels [paths, batch, steps], filled with -1; scores [batch, paths]).

    Example:
        >>> labels, scores = ctc_decode([[[0.0, 9.0], [0.0, 9.0], [9.0, 0.0]]], [3])
        >>> labels.numpy().tolist()
        [[[1, -1, -1]]]
    """
    x, lengths = _single(inputs), cast(sequence_lengths, int32)
    classes = x.sizes[-1]
    blank = (classes - 1 if mask_index is None else mask_index) % classes
    if strategy == "greedy":
        return _greedy(x, lengths, blank, merge_repeated)
    if strategy == "beam_search":
        if top_paths > beam_width:
            raise ValueError(f"[ctc_decode] `top_paths` must not exceed `beam_width`. Received: top_paths={top_paths}, beam_width={beam_width}")
        return _beam_search(x, lengths, blank, beam_width, top_paths)
    raise ValueError(f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'.")
