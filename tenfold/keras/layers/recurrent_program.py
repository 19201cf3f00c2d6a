"""Loops of recurrent layers outside of compiled functions. They are compiled too, from the first on, where the cells are Keras's own: one operation
on the tape instead of dozens for each step. Batches and sequences of any length are served by one trace.

What the loop depends on is known by identity: the attributes of the cells. Code of the user's own, which may do anything, is never compiled.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from tenfold.core import nest
from tenfold.core.config import config
from tenfold.core.shapes import Sym
from tenfold.ir.primitive import Spec
from tenfold.keras.base.variables import autocast_dtype, is_stateless
from tenfold.keras.layers import recurrent_loop
from tenfold.keras.layers.recurrent_cells import Cell, StackedRNNCells
from tenfold.keras.layers.tracking import SKIPPED
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor
from tenfold.transform.function import ConcreteFunction, switches
from tenfold.transform.signature import form_of
from tenfold.transform.trace import trace

OURS = __name__.partition(".")[0] + "."
MOST_LOOPS = 1 << 5


class CompiledLoops:
    """The loops of one layer, each for one state of its attributes, and for types and inner sizes of the arguments. Copies begin with none."""

    def __init__(self) -> None:
        self._made: dict[Any, tuple[list[Any], ConcreteFunction]] = {}  # with the attributes, so that no others get their ids

    def __call__(self, layer: Any, sequences: Any, states: Any, mask: Any, training: Any) -> tuple[Any, list[Any]]:
        """What `recurrent_loop.run` gives. `states`: None for zeros."""
        tensors = _arguments(layer, sequences, states, mask, training)
        if tensors is None:
            return _run(layer, sequences, states, mask, training)
        read = _read(layer)
        left_open = [2, *[1] * (len(tensors) - 1)]  # how many axes: the batch, and the steps
        if mask is not None:
            left_open[-1] = 2
        forms = [(t._array.dtype, t._array.shape[n:]) for t, n in zip(tensors, left_open, strict=True)]  # type: ignore[union-attr]
        key = (*map(id, read), bool(training), autocast_dtype(), form_of(states), mask is None, *forms)
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= MOST_LOOPS:
                self._made.clear()
            made = self._made[key] = read, _compiled(layer, tensors, left_open, states, mask is not None, training)
        return made[1].run(tensors)  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: Any) -> CompiledLoops:
        return CompiledLoops()

    def __reduce__(self) -> Any:
        return CompiledLoops, ()


def _run(layer: Any, sequences: Any, states: Any, mask: Any, training: Any) -> tuple[Any, list[Any]]:
    start = layer.start(sequences, None) if states is None else states
    return recurrent_loop.run(layer, sequences, start, mask, training, states is None)


def _arguments(layer: Any, sequences: Any, states: Any, mask: Any, training: Any) -> list[Tensor] | None:
    """The tensors that a compiled loop takes: sequences, states, mask. None where the loop is to run as it is written."""
    if state.trace is not None or switches.run_eagerly or not config.compile or is_stateless() or layer.unroll:
        return None
    if not (training is None or type(training) in (bool, int)) or not _is_ours(layer.cell):
        return None
    if states is None and not type(layer).get_initial_state.__module__.startswith(OURS):
        return None
    tensors = [sequences, *(() if states is None else nest.flatten(states)), *(() if mask is None else (mask,))]
    for t in tensors:
        if type(t) is not Tensor or t._array is None or t._array.shape[:1] != sequences._array.shape[:1]:
            return None
    steps = sequences._array.shape[1]
    return None if steps == 0 or (mask is not None and mask._array.shape[1:2] != (steps,)) else tensors


def _is_ours(cell: Any) -> bool:
    """Whether a cell, and all in it, is as Keras has it."""
    if type(cell) is StackedRNNCells:
        return all([_is_ours(c) and c.activity_regularizer is None for c in cell.cells])
    if not isinstance(cell, Cell) or not type(cell).__module__.startswith(OURS) or cell._remat is not None:
        return False
    functions = [cell.activation, getattr(cell, "recurrent_activation", cell.activation)]
    return all([type(f) is FunctionType and f.__module__.startswith(OURS) for f in functions])


def _read(layer: Any) -> list[Any]:
    """What the loop reads."""
    cells = layer.cell.cells if type(layer.cell) is StackedRNNCells else [layer.cell]
    own = [layer.return_sequences, layer.go_backwards, layer.zero_output_for_mask, layer.compute_dtype, layer.cell]
    return own + [value for cell in cells for name, value in vars(cell).items() if name not in SKIPPED]


def _compiled(layer: Any, tensors: list[Tensor], left_open: list[int], states: Any, masked: bool, training: Any) -> ConcreteFunction:
    sizes = Sym.fresh("batch"), Sym.fresh("steps")
    specs = [Spec((*sizes[:n], *t.sizes[n:]), t.dtype) for t, n in zip(tensors, left_open, strict=True)]

    def loop(sequences: Tensor, *rest: Tensor) -> Any:
        given, mask = (rest[:-1], rest[-1]) if masked else (rest, None)
        return _run(layer, sequences, None if states is None else nest.pack(states, list(given)), mask, training)

    return ConcreteFunction(trace(loop, specs, layer.name), len(specs), layer.name)
