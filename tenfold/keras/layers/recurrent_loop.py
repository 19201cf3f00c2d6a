"""The loop of recurrent layers: inputs projected for all steps at once, then one step after the other; masks; dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.keras.base.untyped import array
from tenfold.keras.layers.recurrent_cells import Cell, StackedRNNCells, call_cell
from tenfold.primitives.arithmetic import cast, select
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import expand_dims, reverse, stack, transpose
from tenfold.tensor.tensor import wrap
from tenfold.transform.loops import loop_over

Step = Callable[[Any, list[Any]], tuple[Any, list[Any]]]


def run(layer: Any, sequences: Any, states: list[Any], mask: Any, training: Any, zeros: bool) -> tuple[Any, list[Any]]:
    """(outputs, last states) of a recurrent layer; the outputs of all steps if it returns sequences, else of the last one.

    `zeros` says that the states start at 0.
    """
    rows, step = _prepare(layer, by_step(sequences), states, training)
    plain = isinstance(layer.cell, Cell)  # the output is the first state
    if mask is None:
        outputs, states = loop(layer, rows, states, step, plain)
    else:
        if plain and zeros and not layer.zero_output_for_mask:
            outputs, states = loop(layer, (rows, mask_by_step(mask)), states, _keeping(step), True)
        else:
            outputs, states = masked(layer, rows, states, step, mask_by_step(mask))
    _forget_dropout(layer.cell)
    if not layer.return_sequences:
        return outputs, states
    outputs = by_step(outputs)
    return nest.map_structure(lambda y: reverse(y, (1,)), outputs) if layer.go_backwards else outputs, states


def by_step(x: Any) -> Any:
    """[batch, steps, ...] -> [steps, batch, ...], and back."""
    return nest.map_structure(lambda t: transpose(t, (1, 0, *range(2, t.ndim))), x)


def mask_by_step(mask: Any) -> Any:
    """[batch, steps] -> booleans [steps, batch, 1]."""
    mask = cast(mask, "bool")
    return by_step(expand_dims(mask, -1) if mask.ndim == 2 else mask)


def _prepare(layer: Any, rows: Any, states: list[Any], training: Any) -> tuple[Any, Step]:
    """What the loop reads at each step, and its step."""
    cell = layer.cell
    if isinstance(cell, Cell) and type(cell).call is Cell.call:
        first = array.ones_like(rows[0]) if training and 0 < cell.dropout < 1 else None
        weights, masks = cell.recurrent_weights(), cell.recurrent_masks(states[0], training)
        projected = cell.project(rows if rows.dtype.is_floating else cast(rows, cell.compute_dtype), training, first)
        return projected, lambda x, old: _first_and_all(cell.advance(x, old, weights, masks))
    if training:
        _draw_dropout(cell, nest.map_structure(lambda t: t[0], rows), states)

    def step(x: Any, old: list[Any]) -> tuple[Any, list[Any]]:
        output, new = call_cell(cell, x, list(old), training)
        return output, list(new) if nest.is_nested(new) else [new]

    return rows, step


def _first_and_all(new: list[Any]) -> tuple[Any, list[Any]]:
    return new[0], new


def loop(layer: Any, rows: Any, states: list[Any], step: Step, plain: bool) -> tuple[Any, list[Any]]:
    """The loop without output masks. If `plain`, the last output is the first state and need not be carried."""
    if layer.return_sequences:

        def collect(i: Any, old: Any, x: Any) -> Any:
            output, new = step(x, old)
            return _as(new, old), output

        states, outputs = _over(layer, collect, states, rows)
        return outputs, states
    if plain:
        states, _ = _over(layer, lambda i, old, x: (_as(step(x, old)[1], old), ()), states, rows)
        return states[0], states
    start = nest.map_structure(array.zeros_like, _first_output(step, rows, states))
    (output, states), _ = _over(layer, lambda i, old, x: (_as(list(step(x, old[1])), [old[0], old[1]]), ()), [start, states], rows)
    return output, states


def _first_output(step: Step, rows: Any, states: list[Any]) -> Any:
    """An output, for its shape and type; nobody reads its elements, so nothing computes it in compiled code."""
    return step(nest.map_structure(lambda t: t[0], rows), states)[0]


def _keeping(step: Step) -> Step:
    """The step that leaves the states as they are where its mask is false; the cell's output is the first of them."""

    def kept(x: Any, old: list[Any]) -> tuple[Any, list[Any]]:
        row, valid = x
        return _first_and_all([_where(valid, a, b) for a, b in zip(step(row, old)[1], old, strict=True)])

    return kept


def masked(layer: Any, rows: Any, states: list[Any], step: Step, mask: Any) -> tuple[Any, list[Any]]:
    """At masked steps the states stay as they are, and the output is that of the step before, or 0."""
    zero = nest.map_structure(array.zeros_like, _first_output(step, rows, states))

    def body(i: Any, old: Any, x: Any) -> Any:
        before, kept = old
        row, valid = x
        output, new = step(row, kept)
        output = nest.map_structure(lambda a, b: _where(valid, a, b), output, zero if layer.zero_output_for_mask else before)
        new = nest.map_structure(lambda a, b: _where(valid, cast(a, b.dtype), b), _like(new, kept), kept)
        return [output, new], output if layer.return_sequences else ()

    (last, states), outputs = _over(layer, body, [zero, states], (rows, mask))
    return outputs if layer.return_sequences else last, states


def _where(valid: Any, a: Any, b: Any) -> Any:
    while valid.ndim < a.ndim:
        valid = expand_dims(valid, -1)
    return select(valid, a, b)


def _like(new: Any, old: Any) -> Any:
    return nest.pack(old, nest.flatten(new))


def _as(new: Any, old: Any) -> Any:
    """The new states in the structure and types of the old."""
    return nest.map_structure(lambda a, b: cast(a, b.dtype), _like(new, old), old)


def _over(layer: Any, body: Any, carry: Any, rows: Any) -> tuple[Any, Any]:
    if not layer.unroll:
        return loop_over(body, carry, rows, reverse=layer.go_backwards)
    results: list[Any] = []
    count = nest.flatten(rows)[0].sizes[0]
    for i in reversed(range(count)) if layer.go_backwards else range(count):
        at = wrap(np.int32(i))
        carry, y = body(at, carry, nest.map_structure(lambda t, at=at: gather(t, at, axis=0), rows))
        results.append(y)
    return carry, nest.map_structure(lambda *parts: stack(list(parts)), *(results[::-1] if layer.go_backwards else results))


def _draw_dropout(cell: Any, inputs: Any, states: Any) -> None:
    """Draws the masks before the loop: they are the same at all steps."""
    if isinstance(cell, Cell):
        cell.get_dropout_mask(inputs)
        cell.get_recurrent_dropout_mask(nest.flatten(states)[0])
    elif isinstance(cell, StackedRNNCells):
        for each, old in zip(cell.cells, states, strict=True):
            _draw_dropout(each, inputs, old)
            inputs, _ = call_cell(each, inputs, list(old) if nest.is_nested(old) else [old], False)


def _forget_dropout(cell: Any) -> None:
    if isinstance(cell, Cell):
        cell.reset_dropout_mask()
        cell.reset_recurrent_dropout_mask()
    elif isinstance(cell, StackedRNNCells):
        for each in cell.cells:
            _forget_dropout(each)
