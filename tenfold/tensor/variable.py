"""Variable: a tensor that can be assigned to, and lives from step to step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from sys import getrefcount
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.core.errors import DTypeError, ShapeError
from tenfold.core.shapes import Sym, TensorShape, show
from tenfold.ir.primitive import Spec
from tenfold.runtime.locks import fork_safe_lock
from tenfold.tensor.bind import state
from tenfold.tensor.operand import Operand
from tenfold.tensor.tensor import CONVERTERS, Reference, Tensor, as_tensor, wrap


class Variable(Operand):
    """A mutable tensor, as `tf.Variable`.

    Compiled functions update it in place. Reading it in eager mode gives a snapshot that later assignments do not change.

    Args:
        initial_value: a tensor, array or number, or a function of no arguments that gives one.
        trainable: whether tapes watch it by themselves.
        name: for messages and files.
        dtype: the element type; default: that of the value.
        shape: may leave sizes open with None, so that values of other sizes can be assigned.

    Example:
        >>> v = Variable(2.0); _ = v.assign_add(1.0); float(v.numpy())
        3.0
    """

    _counter = 0
    __array_priority__ = 100

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        import_scope: Any = None,
        constraint: Any = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        if initial_value is None:
            raise ValueError("[Variable] an initial value is required. Try tf.Variable(tf.zeros(shape)).")
        if callable(initial_value):
            initial_value = initial_value()
        trace = state.trace
        while trace is not None:
            trace.memo["created"] = trace.memo.get("created", 0) + 1
            trace = trace.parent
        tensor = as_tensor(initial_value, dtype)
        if tensor._array is None:
            tensor = tensor._trace.evaluate(tensor)
        array = tensor._array
        assert array is not None
        self._tensor = wrap(np.array(array, order="C"))
        self._exported = False  # whether a reader may hold the elements, so that they must not be overwritten in place
        self._stamp = [0]  # the version: another number whenever elements were changed in place; assignments bring another array instead
        self._spec_shape: tuple[Any, ...] = array.shape
        if shape is not None and not TensorShape(shape).is_compatible_with(array.shape):
            raise ShapeError(f"[Variable] the initial value has shape {array.shape}; expected {show(tuple(shape))}.")
        if shape is not None and None in tuple(shape):
            self._spec_shape = tuple(Sym.fresh("variable") if n is None else n for n in shape)
        self.trainable = True if trainable is None else bool(trainable)
        self.constraint = constraint
        Variable._counter += 1
        self.name = name if name and ":" in name else f"{name or 'Variable'}:0"

    # --- what it is ---
    @property
    def dtype(self) -> DType:
        """The element type."""
        return self._tensor.dtype

    @property
    def shape(self) -> TensorShape:
        """The shape; None where it was left open."""
        return TensorShape(self._spec_shape)

    def get_shape(self) -> TensorShape:
        """The same as `.shape`."""
        return self.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._spec_shape)

    @property
    def sizes(self) -> tuple[Any, ...]:
        """The shape of the value at this point."""
        return self.read_value().sizes

    @property
    def spec(self) -> Spec:
        """Shape and element type of the value at this point."""
        return self.read_value().spec

    @property
    def device(self) -> str:
        """Where the elements are."""
        return self._tensor.device

    # --- reading ---
    def read_value(self) -> Tensor:
        """The value at this point."""
        trace = state.trace
        if trace is None:
            if not self._exported:
                self._export()
            tensor = self._tensor
        else:
            tensor = trace.read(self)
        if self.trainable:
            for tape in state.tapes:
                tape.saw(self, tensor)
        return tensor

    value = read_value
    _as_kept = read_value  # what graphs that use the variable take; subclasses may read it in another type than it is kept in

    def numpy(self) -> Any:
        """A copy of the elements."""
        return self._tensor.numpy() if state.trace is None else self.read_value().numpy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return (self._tensor if state.trace is None else self.read_value()).__array__(dtype, copy)

    # --- writing ---
    def assign(self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Variable:
        """Replaces the value.

        Raises:
            ValueError: another shape. TypeError: another element type.
        """
        kept = self._tensor.dtype
        tensor = as_tensor(value, hint=kept, name="assign")
        if tensor.dtype is not kept:
            raise DTypeError(f"[assign] {self.name} holds {kept.name}; received {tensor.dtype.name}. Try tf.cast(value, {self.name}.dtype).")
        if tensor.sizes != self._spec_shape and not self.shape.is_compatible_with(tensor.shape):
            raise ShapeError(f"[assign] {self.name} has shape {self.shape}; received a value of shape {tensor.shape}.")
        if state.trace is not None:
            state.trace.write(self, tensor)
        else:
            self._tensor = wrap(np.array(tensor._array, order="C"))
            self._exported = False
            replaced()
        return self

    def assign_add(self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Variable:
        """Adds `delta` to the value; of IndexedSlices only their rows are touched."""
        return self.assign(UPDATES["add"](self._silently(), delta))

    def assign_sub(self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Variable:
        """Subtracts `delta` from the value; of IndexedSlices only their rows are touched."""
        return self.assign(UPDATES["sub"](self._silently(), delta))

    def scatter_add(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Variable:
        """Adds IndexedSlices to the value."""
        return self.assign_add(sparse_delta)

    def scatter_sub(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Variable:
        """Subtracts IndexedSlices from the value."""
        return self.assign_sub(sparse_delta)

    def _zero(self) -> None:
        """Sets all elements to 0; in place, where nobody holds them."""
        array: Any = self._tensor._array
        if state.trace is not None or self._exported:
            self.assign(np.zeros_like(array))
        else:
            array.fill(0)
            stamp([self], [next(VERSIONS)])
            overwritten()

    def _export(self) -> None:
        """Tells that a reader may hold the elements from now on."""
        self._exported = True
        EXPORTED[0] = next(VERSIONS)

    def _move(self, left: dict[int, Any]) -> None:
        """Leaves the elements to whoever may hold them, and goes on with a copy.

        Args:
            left: arrays that variables left, by their ids. The copy is made in the last one that this one left, if nobody holds that any more:
                the system takes longer to give new pages than a copy takes.
        """
        array: Any = self._tensor._array
        spare = left.pop(id(self), None)
        if spare is not None and getrefcount(spare) <= UNHELD and spare.shape == array.shape:
            np.copyto(spare, array)
            stamp([self], [next(VERSIONS)])
        else:
            spare = np.array(array)
        self._tensor = wrap(spare)
        self._exported = False
        replaced()
        if FEW < array.nbytes <= MANY:
            left[id(self)] = array

    def _silently(self) -> Tensor:
        return self._tensor if state.trace is None else state.trace.read(self)

    # --- the rest ---
    def ref(self) -> Reference:
        """A hashable stand-in."""
        return Reference(self)

    def __hash__(self) -> int:
        raise TypeError("Variable is unhashable. Instead, use variable.ref() as the key.")

    def __bool__(self) -> bool:
        return bool(self.read_value())

    def __int__(self) -> int:
        return int(self.read_value())

    def __float__(self) -> float:
        return float(self.read_value())

    def __index__(self) -> int:
        return self.read_value().__index__()

    def __len__(self) -> int:
        return len(self.read_value())

    def __iter__(self) -> Any:
        return iter(self.read_value())

    def __format__(self, spec: str) -> str:
        return format(self.read_value(), spec)

    def __repr__(self) -> str:
        head = f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}"
        return f"{head}>" if state.trace is not None else f"{head}, numpy={repr(self._tensor).split('numpy=', 1)[1]}"

    def __deepcopy__(self, memo: Any) -> Variable:
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._tensor, copy._exported, copy._stamp = wrap(np.array(self._tensor._array)), False, [0]
        memo[id(self)] = copy
        return copy


UNHELD = 2  # references to what a local variable alone holds: this one, and the argument of the function that counts them
FEW, MANY = 1 << 12, 1 << 26  # bytes: of arrays that are worth keeping for the next copy
VERSIONS = count(1)  # no number twice, whatever threads do
LATEST = [0]  # another number after any variable has changed: while it is the same, nobody needs to look at them one by one
REPLACED = [0]  # another number after any has another array: training only changes elements
EXPORTED = [0]  # another number after a reader may hold elements that nobody held
STAMPS = [0]  # another number after any variable has another stamp
_stamping = fork_safe_lock()


def stamp(variables: Sequence[Variable], shared: list[int]) -> int:
    """Gives variables that change at the same time one stamp, so that one number tells that all of them did. Returns what STAMPS is then."""
    with _stamping:
        for variable in variables:
            variable._stamp = shared
        STAMPS[0] = number = next(VERSIONS)
    return number


def overwritten() -> None:
    """Tells that a variable has another version. To be called after that."""
    LATEST[0] = next(VERSIONS)


def replaced() -> None:
    """Tells that a variable has another array. To be called after that."""
    REPLACED[0] = LATEST[0] = next(VERSIONS)


class Readings:
    """The arrays of variables, and the versions of some: the same lists again as long as no array and no version changes."""

    def __init__(self, variables: Sequence[Variable], versioned: Sequence[Variable]) -> None:
        self._variables, self._versioned = variables, versioned
        self._seen: tuple[int, int, list[Any], list[int]] = (-1, -1, [], [])

    def __call__(self) -> tuple[list[Any], list[int]]:
        """Reads them; the numbers before the versions before the arrays: if one changes meanwhile, the next call sees that."""
        latest, places, arrays, versions = self._seen
        if latest != LATEST[0]:
            before, (latest, now) = places, (LATEST[0], REPLACED[0])
            versions = [v._stamp[0] for v in self._versioned]
            if before != now:
                arrays = [v._tensor._array for v in self._variables]
            self._seen = (latest, now, arrays, versions)
        return arrays, versions


UPDATES: dict[str, Callable[..., Tensor]] = {}  # "add" and "sub": (value, delta) -> value, given by the primitives
CONVERTERS.append((Variable, lambda variable, dtype: variable.read_value()))
