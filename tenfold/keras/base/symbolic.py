"""Symbolic tensors: what a functional model is written with. Each call on them is remembered as a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tenfold.core import nest
from tenfold.core.dtypes import DType, as_dtype
from tenfold.core.errors import DTypeError, InvalidArgumentError, OpError
from tenfold.core.shapes import Sym, TensorShape
from tenfold.ir.primitive import Spec
from tenfold.keras.base.lazy import load_operation
from tenfold.keras.base.naming import auto_name
from tenfold.tensor.tensor import CONVERTERS, Tensor
from tenfold.transform.trace import output_specs

BATCH = Sym({("batch",): 1})  # every model input's unknown batch size: one unknown, so that outputs can be combined


class History(NamedTuple):
    """Where a KerasTensor comes from: the operation or layer, which of its calls, which of that call's outputs."""

    operation: Any
    node_index: int
    tensor_index: int


def _fixed(get: Callable[[Any], Any]) -> property:
    """A property that cannot be set."""

    def refuse(self: Any, value: Any) -> None:
        raise AttributeError(f"The `{get.__name__}` attribute of KerasTensor is immutable. One should create a new instance of KerasTensor for this.")

    return property(get, refuse)


class KerasTensor:
    """Stands for a tensor while a functional model is written: a shape and a data type, but no elements.

    Layers, Python's operators, indexing and `keras.ops` take it and give new ones.

    Args:
        shape: sizes; None where unknown.
        dtype: the element type.
        name: for messages and for the inputs of a model.

    Example:
        >>> x = KerasTensor((None, 3))
        >>> (x * 2.0 + 1.0)[:, 0].shape
        TensorShape([None])
    """

    _defers_operators = True
    __array_priority__ = 200
    __array_ufunc__ = None

    def __init__(self, shape: Any, dtype: Any = "float32", sparse: bool = False, ragged: bool = False, record_history: bool = True,
                 name: str | None = None) -> None:  # fmt: skip
        if sparse and ragged:
            raise ValueError("KerasTensor cannot have `sparse=True` and `ragged=True` at the same time.")
        if not isinstance(shape, Iterable):
            raise ValueError(f"Cannot convert '{shape}' to a shape. Expected sizes, such as (None, 3).")
        self._sparse, self._ragged = bool(sparse), bool(ragged)
        self._sizes = tuple(
            n if isinstance(n, Sym) else (BATCH if i == 0 else Sym.fresh("size")) if n is None else int(n) for i, n in enumerate(shape)
        )
        self._dtype = as_dtype(dtype)
        self.name = name or auto_name("keras_tensor")
        self.record_history = record_history
        self._keras_history: History | None = None
        self.mask_spec: Spec | None = None  # of the mask that the tensor will carry
        self._mask: KerasTensor | None = None

    @property
    def _keras_mask(self) -> Any:
        """A KerasTensor for the mask that the tensor will carry; None if it will carry none."""
        if self._mask is None and self.mask_spec is not None:
            self._mask = operation_named("MaskOf")(self)
        return self._mask

    @property
    def spec(self) -> Spec:
        """Shape (unknown sizes symbolic) and element type."""
        return Spec(self._sizes, self._dtype)

    @property
    def sizes(self) -> tuple[Any, ...]:
        """The shape with unknown sizes as symbols."""
        return self._sizes

    @_fixed
    def shape(self) -> TensorShape:
        """The shape; None where a size is unknown."""
        return TensorShape(self._sizes)

    def get_shape(self) -> TensorShape:
        """The same as `.shape`."""
        return TensorShape(self._sizes)

    @_fixed
    def dtype(self) -> DType:
        """The element type."""
        return self._dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._sizes)

    @_fixed
    def sparse(self) -> bool:
        """Whether it stands for a sparse tensor."""
        return self._sparse

    @_fixed
    def ragged(self) -> bool:
        """Whether it stands for rows of different lengths."""
        return self._ragged

    def ref(self) -> Any:
        """A hashable stand-in; a KerasTensor can also be hashed itself."""
        return _Ref(self)

    def __hash__(self) -> int:
        return id(self)

    def __len__(self) -> int:
        if not self._sizes:
            raise TypeError("[KerasTensor] a scalar has no length.")
        if not isinstance(self._sizes[0], int):
            raise TypeError("[KerasTensor] the first dimension is unknown, so it has no length. Try keras.ops.shape(x)[0] in a layer's call.")
        return int(self._sizes[0])

    def __bool__(self) -> bool:
        raise TypeError(
            "[KerasTensor] a symbolic tensor has no truth value, it cannot be used as a boolean. Try keras.ops.where or a layer with tf.cond in call."
        )

    def __array__(self, *unused: Any, **also_unused: Any) -> Any:
        raise ValueError(f"[KerasTensor] {self.name} is symbolic: it doesn't have any actual numerical value, and cannot become a NumPy array. "
                         "Try calling NumPy inside a layer's call, or keras.ops.")  # fmt: skip

    numpy = __array__

    def __float__(self) -> float:
        raise KerasTensorError(f"[KerasTensor] {self.name} is symbolic: it doesn't have any actual numerical value.")

    __int__ = __index__ = __float__

    def __getitem__(self, key: Any) -> Any:
        return operation_named("GetItem")(self, key)

    def __iter__(self) -> Any:
        raise NotImplementedError("Iterating over a symbolic KerasTensor is not supported. Try keras.ops.unstack(x).")

    def reshape(self, newshape: Any) -> Any:
        """The same elements in another shape."""
        return operation_named("Reshape")(self, newshape)

    def squeeze(self, axis: Any = None) -> Any:
        """Without axes of size 1."""
        return operation_named("Squeeze")(self, axis)

    def astype(self, dtype: Any) -> Any:
        """The same in another type."""
        return operation_named("Cast")(self, as_dtype(dtype).name)

    def __repr__(self) -> str:
        kind = f"sparse={self._sparse}, ragged={self._ragged}"
        return f"<KerasTensor shape={tuple(self.shape)}, dtype={self._dtype.name}, {kind}, name={self.name}>"


class _Ref:
    __slots__ = ("_tensor",)

    def __init__(self, tensor: KerasTensor) -> None:
        self._tensor = tensor

    def deref(self) -> KerasTensor:
        return self._tensor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ref) and other._tensor is self._tensor

    def __hash__(self) -> int:
        return id(self._tensor)


@dataclass(eq=False, slots=True)
class Node:
    """One call of a layer or operation on KerasTensors: `operation(*args, **kwargs) == outputs`."""

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: Any  # nested KerasTensors
    index: int

    @property
    def inputs(self) -> list[KerasTensor]:
        """The KerasTensors among the arguments."""
        return symbolic_leaves((self.args, self.kwargs))

    @property
    def output_tensors(self) -> list[KerasTensor]:
        """The outputs, flat."""
        return symbolic_leaves(self.outputs)

    @property
    def parents(self) -> list[Node]:
        """The nodes that made the inputs."""
        return [node_of(x) for x in self.inputs]

    @property
    def is_input(self) -> bool:
        """Whether this is where a model's input enters."""
        return not self.inputs

    def call(self, values: dict[int, Any]) -> Any:
        """Runs it: `values` gives the tensor for each KerasTensor's id."""
        filled = partial(_filled, values)
        return self.operation(*map(filled, self.args), **{name: filled(x) for name, x in self.kwargs.items()})


def _filled(values: dict[int, Any], x: Any) -> Any:
    """An argument with the tensors that `values` gives for the KerasTensors in it."""
    return values[id(x)] if isinstance(x, KerasTensor) else nest.map_structure(partial(_filled, values), x) if nest.is_nested(x) else x


def symbolic_leaves(structure: Any) -> list[KerasTensor]:
    """The KerasTensors in a nested structure."""
    return [leaf for leaf in nest.flatten(structure) if isinstance(leaf, KerasTensor)]


_PLAIN = frozenset({Tensor, int, float, bool, str, type(None), np.ndarray})  # what is asked about most often, and holds no tensors


def is_symbolic(*structures: Any) -> bool:
    """Whether a KerasTensor is among the arguments."""
    for x in structures:
        if isinstance(x, KerasTensor):
            return True
        if type(x) in _PLAIN:
            continue
        if is_symbolic(*x.values()) if isinstance(x, dict) else is_symbolic(*x) if type(x) in (tuple, list) else _among_leaves(x):
            return True
    return False


def _among_leaves(x: Any) -> bool:
    return any(isinstance(leaf, KerasTensor) for leaf in nest.flatten(x))


def nodes_of(operation: Any) -> list[Node]:
    """All calls of a layer or operation, in order."""
    return operation.__dict__.setdefault("_inbound_nodes", [])  # type: ignore[no-any-return]


def node_of(tensor: KerasTensor) -> Node:
    """The call that made `tensor`.

    Raises:
        ValueError: none did: it was made by hand.
    """
    if tensor._keras_history is None:
        raise ValueError(f"[Model] {tensor!r} does not come from an Input. Try keras.Input(shape) as the start of the model.")
    operation, index, _ = tensor._keras_history
    return nodes_of(operation)[index]


def record(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> Any:
    """Remembers a call and gives its outputs their history."""
    node = Node(operation, args, kwargs, outputs, len(nodes_of(operation)))
    nodes_of(operation).append(node)
    for i, tensor in enumerate(node.output_tensors):
        tensor._keras_history = History(operation, node.index, i)
    return outputs


def specs_of(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What `function` returns for KerasTensors, nested as it is, with Specs in the place of tensors; found by tracing it."""
    structure = [list(args), dict(kwargs)]
    leaves = nest.flatten(structure)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
    masked = [i for i in places if leaves[i].mask_spec is not None]

    def run(*tensors: Any) -> Any:
        filled = list(leaves)
        for i, tensor in zip(places, tensors[: len(places)], strict=True):
            filled[i] = tensor
        for i, mask in zip(masked, tensors[len(places) :], strict=True):
            filled[i]._keras_mask = mask
        new_args, new_kwargs = nest.pack(structure, filled)
        return function(*new_args, **new_kwargs)

    return output_specs(run, [leaves[i].spec for i in places] + [leaves[i].mask_spec for i in masked])


def symbols(specs: Any, prefix: str, sparse: bool = False) -> Any:
    """The structure with KerasTensors in the place of Specs."""
    name = f"keras_tensor_{prefix}"
    return nest.map_structure(lambda s: KerasTensor(s.shape, s.dtype, sparse, name=auto_name(name)) if isinstance(s, Spec) else s, specs)


def call_symbolically(layer: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Calls a layer on KerasTensors: finds the shapes of what it returns, and remembers the call."""

    def called(*args: Any, **kwargs: Any) -> Any:
        outputs = layer(*args, **kwargs)
        return outputs, [getattr(y, "_keras_mask", None) for y in nest.flatten(outputs)]

    specs, masks = specs_of(called, args, kwargs)
    outputs = symbols(specs, layer.name)
    for y, mask in zip(nest.flatten(outputs), masks, strict=True):
        if isinstance(y, KerasTensor):
            y.mask_spec = mask
    return record(layer, tuple(args), dict(kwargs), outputs)


OPERATIONS: dict[str, Callable[..., Any]] = {}  # Keras's class name -> function; `keras.ops` fills it as its files are loaded
SPECS: dict[str, Callable[..., Any]] = {}  # class name -> what the result is, where tracing cannot tell
MODULES: dict[str, str] = {}  # where Keras defines the class


def operation_named(kind: str) -> Callable[..., Any]:
    """The function of `keras.ops` for a class name of Keras.

    Raises:
        ValueError: there is none.
    """
    if kind not in OPERATIONS:
        load_operation(kind)
    if kind not in OPERATIONS:
        raise UnknownOperationError(f"[Operation] unknown operation {kind!r}. Expected the class name of a function of keras.ops, such as 'Add'.")
    return OPERATIONS[kind]


class UnknownOperationError(InvalidArgumentError, TypeError):
    """Nothing in `keras.ops` has this class name."""


_BINARY = {
    "add": "Add", "sub": "Subtract", "mul": "Multiply", "truediv": "TrueDivide", "floordiv": "FloorDivide", "mod": "Mod", "pow": "Power",
    "matmul": "Matmul", "and": "LogicalAnd", "or": "LogicalOr", "xor": "LogicalXor",
}  # fmt: skip
_OTHERS = {
    "lt": "Less", "le": "LessEqual", "gt": "Greater", "ge": "GreaterEqual", "eq": "Equal", "ne": "NotEqual", "neg": "Negative",
    "abs": "Absolute", "invert": "LogicalNot",
}  # fmt: skip


def _method(kind: str, reflected: bool = False) -> Callable[..., Any]:
    def method(self: Any, *others: Any) -> Any:
        if kind in ("Equal", "NotEqual") and (others[0] is None or isinstance(others[0], (str, bytes))):
            return kind == "NotEqual"
        if kind == "Equal" and others[0] is self:  # Keras compares KerasTensors by identity
            return True
        return operation_named(kind)(*others, self) if reflected else operation_named(kind)(self, *others)

    return method


def install_operators(cls: type) -> None:
    """Gives a class Python's operators, with the meaning that `keras.ops` gives them."""
    for name, kind in _BINARY.items():
        setattr(cls, f"__{name}__", _method(kind))
        setattr(cls, f"__r{name}__", _method(kind, reflected=True))
    for name, kind in _OTHERS.items():
        setattr(cls, f"__{name}__", _method(kind))
    cls.__round__ = lambda self, digits=None: operation_named("Round")(self, decimals=digits or 0)  # type: ignore[attr-defined]


def _refuse(tensor: KerasTensor, dtype: Any) -> None:
    raise KerasTensorError(
        f"[KerasTensor] {tensor!r} cannot be used as input to a TensorFlow function. A KerasTensor stands for a tensor that the model will "
        "receive; only layers, operators and keras.ops take it. Try wrapping the call in a layer's call method: "
        "class MyLayer(keras.layers.Layer): def call(self, x): return tf.some_function(x)"
    )


class KerasTensorError(OpError, ValueError, TypeError):
    """A KerasTensor came where elements are needed."""


install_operators(KerasTensor)
CONVERTERS.append((KerasTensor, _refuse))
__all__ = ["BATCH", "MODULES", "OPERATIONS", "SPECS", "DTypeError", "KerasTensor", "Node", "call_symbolically", "install_operators", "is_symbolic",
           "node_of", "nodes_of", "operation_named", "record", "specs_of", "symbols"]  # fmt: skip
