"""Updates outside of compiled functions. They are compiled too, from the first on: a loop in Python makes the steps that `fit` makes, to the bit,
however often it has made them before.

What may change from call to call is an argument (gradients, the rate that a schedule gives) or a variable (the learning rate, the step count). After
any other attribute of the optimizer was set, they are compiled anew; if that happens again and again, the operations run one by one. Code of the
user's own, which may do anything, is never compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tenfold.core.shapes import Sym
from tenfold.ir.primitive import Spec
from tenfold.keras.base.variables import reads_as_kept
from tenfold.primitives.indexed_slices import IndexedSlices
from tenfold.tensor.bind import TYPE_AND_SHAPE, state
from tenfold.tensor.tensor import Tensor
from tenfold.transform.function import ConcreteFunction, switches
from tenfold.transform.trace import trace

OURS = __name__.partition(".")[0] + "."
MOST_UPDATES, MOST_CHANGES = 1 << 6, 1 << 3
RATE = "learning rate"
Update = Callable[[list[Any], list[Any]], None]


class CompiledUpdates:
    """The updates of one optimizer, each for one set of variables, and for one type and shape of each gradient. Copies begin with none."""

    def __init__(self) -> None:
        self._made: dict[Any, ConcreteFunction] = {}
        self._changes = 0  # how often what was compiled was of no more use

    def forget(self) -> None:
        """To be called when the optimizer is another."""
        self._changes += bool(self._made)
        self._made = {}

    def serve(self, optimizer: Any, variables: list[Any]) -> bool:
        """Whether an update of now is to be compiled: one inside of a traced function is anyway."""
        if state.trace is not None or switches.run_eagerly or self._changes > MOST_CHANGES or not reads_as_kept():
            return False
        return all([kind.__module__.startswith(OURS) for kind in {type(optimizer), *map(type, variables)}])

    def __call__(self, owner: Any, update: Update, gradients: list[Any], variables: list[Any], rate: Tensor | None) -> None:
        """Does what `update(gradients, variables)`, a method of `owner`, does.

        Args:
            rate: what `given_rate(owner)` is meanwhile.
        """
        parts = [part for g in gradients for part in ((g.values, g.indices) if isinstance(g, IndexedSlices) else (g,))]
        arrays = [t._array for t in (parts if rate is None else [*parts, rate])]
        key = (*map(id, variables), *map(_form, gradients), rate is None or TYPE_AND_SHAPE(arrays[-1]))
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= MOST_UPDATES:
                self._made.clear()
            made = self._made[key] = _compiled(owner, update, gradients, variables, rate)
        made.execute(arrays)

    def __deepcopy__(self, memo: Any) -> CompiledUpdates:
        return CompiledUpdates()

    def __reduce__(self) -> Any:
        return CompiledUpdates, ()


def given_rate(optimizer: Any) -> Tensor | None:
    """The learning rate that the update being traced has as its argument."""
    recorder = state.trace
    while recorder is not None:
        if (RATE, id(optimizer)) in recorder.memo:
            return recorder.memo[RATE, id(optimizer)]  # type: ignore[no-any-return]
        recorder = recorder.parent
    return None


def _form(gradient: Any) -> Any:
    """What of a gradient an update depends on. How many rows there are is left open."""
    if not isinstance(gradient, IndexedSlices):
        return TYPE_AND_SHAPE(gradient._array)
    values, indices = gradient.values._array, gradient.indices._array
    assert values is not None and indices is not None
    return values.dtype, values.shape[1:], indices.dtype, gradient._shape


def _compiled(owner: Any, update: Update, gradients: list[Any], variables: Sequence[Any], rate: Tensor | None) -> ConcreteFunction:
    specs: list[Spec] = []
    for g in gradients:
        if isinstance(g, IndexedSlices):
            rows = Sym.fresh("rows")
            specs += [Spec((rows, *g.values.sizes[1:]), g.values.dtype), Spec((rows,), g.indices.dtype)]
        else:
            specs.append(g.spec)

    def step(*tensors: Tensor) -> None:
        given = iter(tensors)
        taken = [IndexedSlices(next(given), next(given), g._shape) if isinstance(g, IndexedSlices) else next(given) for g in gradients]
        for last in given:
            state.trace.memo[RATE, id(owner)] = last  # type: ignore[union-attr]
        update(taken, list(variables))

    specs += [] if rate is None else [rate.spec]
    return ConcreteFunction(trace(step, specs, f"update of {owner.name}"), len(specs), owner.name)
