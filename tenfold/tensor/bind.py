"""The one door: every operation passes `bind`; there it runs at once or is recorded, by context."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, as_dtype, string
from tenfold.core.errors import DTypeError, InternalError, OpError, ResourceExhaustedError, ShapeError, TraceError
from tenfold.core.quiet import restore, silence
from tenfold.core.shapes import Sym
from tenfold.ir import reference
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind, Primitive, Spec
from tenfold.tensor.swift import swift
from tenfold.tensor.tensor import Tensor, wrap

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


class _Ours(dict[str, bool]):
    """Whether a file is one of this package's, or stands between two of them, asked once for each."""

    def __missing__(self, file: str) -> bool:
        ours = self[file] = file.startswith(_PACKAGE) or file == contextlib.__file__  # decorators made of contexts
        return ours


_OURS = _Ours()
SIMPLE = (Kind.ELEMENTWISE, Kind.INDEXED, Kind.REDUCTION, Kind.CONTRACTION)
TYPE_AND_SHAPE = attrgetter("dtype", "shape")
RECORDING = 3  # frames at least, of this package, between `caller` and who records an operation
FOLD_LIMIT = 1 << 14  # elements: a traced operation on constants is computed at once up to this size
KNOWN = frozenset("add sub mul floordiv floormod maximum minimum slice concat reshape broadcast_to cast prod gather neg stack".split())


class State(threading.local):
    """What the current thread does with an operation: `trace` records it, `tapes` remember it for differentiation."""

    def __init__(self) -> None:
        self.trace: Recorder | None = None
        self.tapes: list[Any] = []
        self.scope: list[str] = []  # names of the layers being called, for messages
        self.place: tuple[Any, int, list[str], str] = None, 0, [], ""  # the last one that `caller` found: code, instruction, scope; its text
        self.origin = ""  # where the operations of now come from, if not from the line being run: of gradients, what they are of


state = State()


def bind(primitive: Primitive, *inputs: Tensor, **attrs: Any) -> Any:
    """Applies `primitive`: a Tensor, or a tuple of them."""
    return apply(primitive, inputs, attrs)


def apply(primitive: Primitive, inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Any:
    """The same."""
    if state.trace is not None:
        outputs = state.trace.record(primitive, inputs, attrs)
    else:
        for x in inputs:
            if x._array is None:
                raise kept(primitive.name, x)
        primitive.spec(*[x.spec for x in inputs], **attrs)
        outputs = _run(primitive, inputs, attrs)
    tapes = state.tapes
    if tapes:
        made = outputs if type(outputs) is tuple else (outputs,)
        for tape in tapes:
            tape.record(primitive, inputs, made, attrs)
    return outputs


def _run(primitive: Primitive, inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Any:
    """Runs one primitive now, on the elements of its inputs, which its shape rule accepts."""
    before = silence()
    try:
        result = swift(primitive)(*[x._array for x in inputs], **attrs)
    except (OpError, TraceError):
        raise
    except (ValueError, TypeError, MemoryError) as error:
        raise _explained(error, primitive, inputs, attrs) from error
    finally:
        restore(before)
    return tuple([wrap(a) for a in result]) if type(result) is tuple else wrap(result)


def kept(where: str, tensor: Tensor) -> TraceError:
    """The error for a tensor that is used where it has no value."""
    return TraceError(f"[{where}] a tensor was kept from another traced function ({tensor!r}). Such tensors have no value outside the "
                      "function that made them. Try returning it from that function, or a tf.Variable.")  # fmt: skip


def _explained(error: Exception, primitive: Primitive, inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Exception:
    """What to raise where an oracle raised `error`."""
    found = primitive.spec(*(x.spec for x in inputs), **attrs)  # raises the error that explains
    if isinstance(error, MemoryError):
        size = " and ".join(str(s) for s in (found if isinstance(found, tuple) else (found,)))
        return ResourceExhaustedError(f"[{primitive.name}] not enough memory for {size}. Try smaller batches, or a smaller type.")
    return InternalError(f"[{primitive.name}] failed on {[str(x.spec) for x in inputs]}: {error}")


class Recorder:
    """Collects the nodes of one function while it is traced. A traced Tensor carries its Value and its Recorder."""

    def __init__(self, name: str, parent: Recorder | None = None) -> None:
        self.name = name
        self.parent = parent
        self.nodes: list[Node] = []
        self.captured: dict[int, tuple[Tensor, Value]] = {}  # tensors of enclosing traces that this one uses
        self.constants: dict[int, tuple[Tensor, Value]] = {}
        self.variables: dict[int, Any] = {}  # id -> Variable that was read or written
        self.initial: dict[int, Tensor] = {}  # its value at the start of the function
        self.current: dict[int, Tensor] = {}  # its value now
        self.memo: dict[Any, Any] = {}  # for whatever wants to do a thing once per function

    def tensor(self, value: Value) -> Tensor:
        """The traced Tensor that stands for `value`."""
        return Tensor._traced(value, self)

    def lift(self, tensor: Tensor) -> Value:
        """The Value of `tensor` in this function: its own, a constant, or a capture from an enclosing function."""
        if tensor._array is not None:
            if id(tensor) not in self.constants:
                self.constants[id(tensor)] = (tensor, Value(tensor.spec, tensor._array))
            return self.constants[id(tensor)][1]
        if tensor._trace is self:
            return tensor._value
        if not any(tensor._trace is r for r in self.ancestors()):
            raise kept(self.name, tensor)
        if id(tensor) not in self.captured:
            self.captured[id(tensor)] = (tensor, Value(tensor.spec))
        return self.captured[id(tensor)][1]

    def ancestors(self) -> list[Recorder]:
        """The enclosing functions' recorders, innermost first."""
        return [] if self.parent is None else [self.parent, *self.parent.ancestors()]

    def record(self, primitive: Primitive, inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Any:
        """Adds a node; computes it at once instead if everything is known and small."""
        known, sized = 0, False
        values: list[Value] = []
        try:
            for x in inputs:
                if x._array is not None:
                    known += 1
                    values.append(self.lift(x))
                else:
                    sized = sized or x._known is not None
                    values.append(x._value if x._trace is self else self.lift(x))
            made = primitive.spec(*[v.spec for v in values], **attrs)
        except OpError as error:
            raise _located(error) from None
        single = type(made) is Spec
        if known and known == len(inputs) and primitive.pure and _small((made,) if single else made):
            return _run(primitive, inputs, attrs)
        results = (Value(made),) if single else tuple([Value(s) for s in made])
        self.nodes.append(Node(primitive, tuple(values), results, attrs, caller()))
        if not single:
            return tuple([self.tensor(v) for v in results])
        output = Tensor._traced(results[0], self)
        if sized and primitive.name in KNOWN:
            output._known = _known(primitive, inputs, attrs)
        return output

    def read(self, variable: Any) -> Tensor:
        """The variable's value at this point of the function."""
        key = id(variable)
        if key not in self.current:
            shape = variable._spec_shape if self.parent is None else self.parent.read(variable).sizes
            self.variables[key] = variable
            self.current[key] = self.initial[key] = self.tensor(Value(Spec(shape, variable._tensor.dtype)))
        return self.current[key]

    def write(self, variable: Any, tensor: Tensor) -> None:
        """The variable's value from this point on: a new tensor, for no gradient flows from what is read later into what was assigned."""
        if tensor is not self.read(variable):
            fresh = self.tensor(self.lift(tensor))
            fresh._known = None if tensor._array is not None else tensor._known
            self.current[id(variable)] = fresh

    def evaluate(self, tensor: Tensor) -> Tensor:
        """The elements of a tensor that depends on constants alone, for variables that are created in a function.

        Raises:
            TraceError: it depends on the function's arguments.
        """
        value, needed = self.lift(tensor), []
        wanted = {id(value)}
        for node in reversed(self.nodes):
            if any(id(v) in wanted for v in node.outputs):
                needed.append(node)
                wanted.update(id(v) for v in node.inputs)
        made = {id(v) for node in needed for v in node.outputs}
        if any(id(v) not in made and v.constant is None for node in needed for v in node.inputs):
            raise TraceError(
                "[Variable] the initial value depends on the arguments of the function being traced. Try creating the variable outside it."
            )
        graph = Graph((), (value,), tuple(reversed(needed)))
        return wrap(reference.run(graph, ())[0])

    def close(self) -> None:
        """Lets go of all tensors, which know their recorder: what was recorded is then freed without a search for cycles."""
        for tensors in (self.captured, self.constants, self.initial, self.current, self.memo):
            tensors.clear()

    def written(self) -> list[int]:
        """Keys of the variables whose value changes."""
        return [k for k, t in self.current.items() if t is not self.initial[k]]


def _small(specs: tuple[Spec, ...]) -> bool:
    total = 0
    for spec in specs:
        count = 1
        for n in spec.shape:
            if isinstance(n, Sym):
                return False
            count *= n
        total += count
    return total <= FOLD_LIMIT


def _known(primitive: Primitive, inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Any:
    """The elements in terms of unknown sizes, if the inputs are known in these terms: so shapes can be computed with."""
    known = [x._known if x._array is None else x._array for x in inputs]
    if any(k is None or k.size > 64 for k in known):
        return None
    try:
        result = known[0] if primitive.name == "cast" else primitive.oracle(*(np.asarray(k, object) for k in known), **attrs)
        return np.asarray(result, object)
    except (AttributeError, TypeError, ValueError, TraceError):
        return None


def caller() -> str:
    """`file:line in function` of the user's innermost frame, and the layers that are being called."""
    if state.origin:
        return state.origin
    frame: Any = sys._getframe(RECORDING)
    code = frame.f_code
    while _OURS[code.co_filename] and (back := frame.f_back) is not None:
        frame, code = back, back.f_code
    last = state.place
    if last[0] is not code or last[1] != frame.f_lasti or last[2] != state.scope:
        text = f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
        if state.scope:
            text = f"{text}, layer {'/'.join(state.scope)}"
        last = state.place = code, frame.f_lasti, state.scope.copy(), text
    return last[3]


def _located(error: OpError) -> OpError:
    """The error with the user's line added."""
    text = f"{error.message}\n  at {caller()}"
    return type(error)(text) if "\n  at " not in error.message else error


def expect_same_dtype(name: str, specs: tuple[Spec, ...], allowed: tuple[DType, ...]) -> DType:
    """The element type that all `specs` share.

    Raises:
        DTypeError: they differ, or the operation does not take the type.
    """
    dtype = specs[0].dtype
    for s in specs:
        if s.dtype is not dtype:
            break
    else:
        if dtype is not string and _takes(allowed, dtype):
            return dtype
    if any(s.dtype is string for s in specs) and (string not in allowed or any(s.dtype is not string for s in specs)):
        raise DTypeError(f"[{name}] takes no strings here. Expected numbers; received {' and '.join(s.dtype.name for s in specs)}. "
                         "Try tf.strings.to_number(x), or tf.strings.as_string of the numbers to have strings alone.")  # fmt: skip
    if any(other.dtype is not dtype for other in specs):
        best = max((s.dtype for s in specs), key=lambda d: (d.is_complex, d.is_floating, d.size))
        raise DTypeError(
            f"[{name}] data types differ. Expected one type for all arguments; received {' and '.join(s.dtype.name for s in specs)}. "
            f"Try tf.cast(x, tf.{best.name})."
        )
    if not _takes(allowed, dtype):
        raise DTypeError(
            f"[{name}] does not take this data type. Expected one of {', '.join(d.name for d in allowed)}; received {dtype.name}. Try tf.cast."
        )
    return dtype


def _takes(allowed: tuple[DType, ...], dtype: DType) -> bool:
    """Whether a type is among those that are allowed; if none is named, all are."""
    for d in allowed:  # by identity: comparing types with names takes longer
        if d is dtype:
            return True
    return not allowed


__all__ = ["Recorder", "ShapeError", "as_dtype", "bind", "caller", "expect_same_dtype", "state"]
