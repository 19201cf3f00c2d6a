"""The functions for sequences of Keras 2's `keras.backend`: recurrent loops, and connectionist temporal classification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.keras import ops
from tenfold.keras.base.defaults import epsilon
from tenfold.keras.layers.recurrent_loop import by_step, loop, mask_by_step, masked
from tenfold.ops.sparse import SparseTensor


@dataclass(frozen=True, slots=True)
class Steps:
    """How a loop goes, as recurrent layers say it."""

    return_sequences: bool
    go_backwards: bool
    unroll: bool
    zero_output_for_mask: bool


def rnn(step_function: Callable[[Any, Any], tuple[Any, Any]], inputs: Any, initial_states: Any, go_backwards: bool = False, mask: Any = None,
        constants: Any = None, unroll: bool = False, input_length: Any = None, time_major: bool = False, zero_output_for_mask: bool = False,
        return_all_outputs: bool = True) -> tuple[Any, Any, Any]:  # fmt: skip
    """A recurrent loop over the steps of its inputs.

    Args:
        step_function: (the inputs of a step, the states and the constants) -> (outputs, new states).
        inputs: [batch, steps, ...], or a structure of such.
        initial_states: a list of tensors.
        go_backwards: from the last step to the first; the outputs too come in this order.
        mask: [batch, steps]: where it is false, the states stay, and the output is that of the step before.
        constants: a list of tensors that each step receives after the states.
        unroll: whether the program holds each step by itself.
        input_length: without `mask`: how many steps of each example count, a number or [batch]; the others give zeros.
        time_major: whether the steps come first, in `mask` and in the outputs too.
        zero_output_for_mask: whether masked steps give zeros.
        return_all_outputs: whether `outputs` holds all steps, or the last alone.

    Returns:
        (last output, outputs, states after the last step)
    """
    rows = nest.map_structure(ops.convert_to_tensor, inputs)
    rows = rows if time_major else by_step(rows)
    extra = list(constants or [])
    states = [ops.convert_to_tensor(s) for s in initial_states]
    lengths = mask is None and input_length is not None
    if lengths:
        mask = ops.less(ops.arange(nest.flatten(rows)[0].shape[0])[:, None], ops.cast(input_length, "int32"))[..., None]
        mask = ops.broadcast_to(mask, (mask.shape[0], nest.flatten(rows)[0].shape[1], 1))
    elif mask is not None:
        valid = ops.cast(mask, "bool")
        mask = (ops.expand_dims(valid, -1) if valid.ndim == 2 else valid) if time_major else mask_by_step(valid)
    how = Steps(return_all_outputs, go_backwards, unroll, zero_output_for_mask or lengths)

    def step(x: Any, old: list[Any]) -> tuple[Any, list[Any]]:
        output, new = step_function(x, [*old, *extra])
        return output, list(new)

    outputs, states = loop(how, rows, states, step, False) if mask is None else masked(how, rows, states, step, mask)
    if not return_all_outputs:
        return outputs, nest.map_structure(lambda y: ops.expand_dims(y, 0 if time_major else 1), outputs), states
    outputs = nest.map_structure(lambda y: ops.flip(y, 0), outputs) if go_backwards else outputs
    return nest.map_structure(lambda y: y[-1], outputs), outputs if time_major else by_step(outputs), states


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """-log of the probability that predictions spell labels, for each example (connectionist temporal classification, Graves 2006).

    Args:
        y_true: class numbers [batch, length].
        y_pred: probabilities [batch, steps, classes]; the last class is the blank.
        input_length, label_length: how many steps, and how many classes, count: [batch, 1].

    Returns:
        [batch, 1]
    """
    labels, logits = ops.cast(y_true, "int32"), ops.log(ops.convert_to_tensor(y_pred) + epsilon())
    steps, length = (ops.cast(ops.squeeze(n, -1), "int32") for n in (input_length, label_length))
    return ops.expand_dims(ops.ctc_loss(labels, logits, length, steps, mask_index=y_pred.shape[-1] - 1), 1)


def ctc_decode(y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1) -> tuple[list[Any], Any]:
    """The labels that probabilities [batch, steps, classes] stand for; the last class is the blank.

    Args:
        y_pred: the probabilities.
        input_length: how many steps of each example count: [batch].
        greedy: take the likeliest class of each step; else search.
        beam_width, top_paths: how many label sequences the search keeps, and how many it returns.

    Returns:
        (a list of `top_paths` tensors [batch, steps], filled with -1; their scores [batch, top_paths]: of the search, log-probabilities)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    logits, blank = ops.log(y_pred + epsilon()), y_pred.shape[-1] - 1
    strategy = "greedy" if greedy else "beam_search"
    labels, scores = ops.ctc_decode(logits, input_length, strategy, beam_width, 1 if greedy else top_paths, mask_index=blank)
    return ops.unstack(ops.cast(labels, "int64")), scores


def ctc_label_dense_to_sparse(labels: Any, label_lengths: Any) -> SparseTensor:
    """The first `label_lengths` [batch] elements of the rows of `labels` [batch, length], as a sparse tensor."""
    dense, lengths = np.asarray(labels), np.asarray(label_lengths).reshape(-1, 1)
    places = np.argwhere(np.arange(dense.shape[1]) < lengths)
    return SparseTensor(places.astype("int64"), dense[tuple(places.T)], dense.shape)
