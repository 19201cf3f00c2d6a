"""A step of training, evaluation or prediction as one compiled function, for every batch size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.compiler.repeat import Repeat
from tenfold.core import nest
from tenfold.core.dtypes import BY_NUMPY
from tenfold.core.errors import TraceError
from tenfold.core.shapes import Sym
from tenfold.ir.primitive import Spec
from tenfold.keras.base.symbolic import BATCH
from tenfold.keras.training.batch_structure import packed
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, wrap
from tenfold.transform.function import ConcreteFunction, switches
from tenfold.transform.trace import trace


class Step:
    """Traces `function(data)` once per structure, types and inner shapes of a batch, and runs it.

    Args:
        function: takes the batch `(x,)`, `(x, y)` or `(x, y, sample_weight)` as tensors.
        name: for messages.
        eager: whether to run it operation by operation instead.
    """

    def __init__(self, function: Callable[[Any], Any], name: str, eager: bool = False) -> None:
        self._function, self._name, self._eager = function, name, eager
        self._made: dict[Any, ConcreteFunction] = {}
        self._open: set[Any] = set()  # (structure, types, ranks) whose inner sizes vary from batch to batch
        self._structure: Any = None
        self._concrete: ConcreteFunction | None = None
        self.most = 1  # batches that went together

    def prepare(self, arrays: list[Any], structure: Any) -> None:
        """Traces and compiles what this batch needs; runs nothing."""
        if not self.runs_eagerly():
            self._lookup(arrays, structure)

    def repeats(self, arrays: list[Any], structure: Any) -> bool:
        """Whether a Repeat may begin with such a batch: one like it was the last."""
        return structure is self._structure and self._concrete is not None and self._concrete.repeats(arrays)

    def __call__(self, arrays: list[Any], structure: Any, repeat: Repeat | None = None) -> Any:
        """What the function returns for this batch; with `repeat` for the last of many, or for all if it keeps them."""
        if structure is not self._structure or self._concrete is None:
            if self.runs_eagerly():
                return self._function(packed(structure, [wrap(a) for a in arrays]))
            self._lookup(arrays, structure)
        concrete = self._concrete
        assert concrete is not None
        found = concrete.execute(arrays, repeat)
        return concrete.traced.pack([wrap(a) for a in found]) if found else concrete.traced.structure

    def changes(self) -> list[Any]:
        """The variables that the compiled step for the last batch writes."""
        traced = None if self._concrete is None else self._concrete.traced
        return [] if traced is None else [traced.variables[k] for k in traced.written]

    def runs_eagerly(self) -> bool:
        """Whether it runs operation by operation."""
        return self._eager or switches.run_eagerly or state.trace is not None

    def _lookup(self, arrays: list[Any], structure: Any) -> None:
        form = form_of(structure)
        key = (form, tuple([(a.dtype, a.shape[1:]) for a in arrays]))
        concrete = self._made.get(key)
        if concrete is None:
            general = (form, tuple([(a.dtype, a.ndim) for a in arrays]))
            concrete = self._made[general] if general in self._open else self._made.get((key, arrays[0].shape[0] if arrays[0].ndim else 0))
            if concrete is None and any(k[0] == form and isinstance(k[1], tuple) and _varies(k[1], key[1]) for k in self._made):
                concrete = self._general(general, arrays, structure)
        self._concrete, self._structure = concrete or self._trace(key, arrays, structure), structure

    def _trace(self, key: Any, arrays: list[Any], structure: Any) -> ConcreteFunction:
        """A function for all batch sizes; for this one only if the Python code needs to know it."""
        count = arrays[0].shape[0] if arrays[0].ndim else 0
        specs = [Spec((BATCH, *a.shape[1:]) if a.ndim and a.shape[0] == count else a.shape, BY_NUMPY[a.dtype]) for a in arrays]
        try:
            return self._make(key, specs, structure)
        except TraceError as error:
            try:
                return self._make((key, count), [Spec(a.shape, BY_NUMPY[a.dtype]) for a in arrays], structure)
            except TraceError:
                raise error from None

    def _general(self, general: Any, arrays: list[Any], structure: Any) -> ConcreteFunction | None:
        """A function whose inner sizes are open too; None if the Python code needs to know them."""
        count = arrays[0].shape[0] if arrays[0].ndim else 0
        inner: dict[tuple[int, int], Sym] = {}

        def size(axis: int, n: int) -> Any:
            return BATCH if axis == 0 and n == count else inner.setdefault((axis, n), Sym.fresh("size"))

        earlier = [k[1] for k in self._made if k[0] == general[0] and isinstance(k[1], tuple) and len(k[1]) == len(arrays)]
        specs = []
        for i, a in enumerate(arrays):
            fixed = [axis for axis in range(1, a.ndim) if all(len(k[i][1]) == a.ndim - 1 and k[i][1][axis - 1] == a.shape[axis] for k in earlier)]
            specs.append(Spec(tuple(n if axis in fixed else size(axis, n) for axis, n in enumerate(a.shape)), BY_NUMPY[a.dtype]))
        try:
            made = self._make(general, specs, structure)
        except (TraceError, ValueError):
            return None
        self._open.add(general)
        return made

    def _make(self, key: Any, specs: list[Spec], structure: Any) -> ConcreteFunction:
        def call(*tensors: Tensor) -> Any:
            return self._function(packed(structure, list(tensors)))

        made = self._made[key] = ConcreteFunction(trace(call, specs, self._name), len(specs), self._name)
        return made


def form_of(structure: Any) -> Any:
    """The nesting of a structure, hashable."""
    for part in structure:
        if nest.is_nested(part):
            return repr(nest.map_structure(lambda leaf: leaf is not None, structure))
    return len(structure)


def _varies(a: Any, b: Any) -> bool:
    """Whether two batches have the same types and ranks, but other inner sizes."""
    try:
        return len(a) == len(b) and all(x[0] == y[0] and len(x[1]) == len(y[1]) for x, y in zip(a, b, strict=True)) and a != b
    except TypeError:
        return False
