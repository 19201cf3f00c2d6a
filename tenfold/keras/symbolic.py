"""Symbolic tensors: what a functional model is written with. Each call on them is remembered as a node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from tenfold.core import nest
from tenfold.core.dtypes import DType, as_dtype
from tenfold.core.errors import DTypeError, InvalidArgumentError, OpError
from tenfold.core.shapes import Sym, TensorShape
from tenfold.ir.primitive import Spec
from tenfold.keras.lazy import load_operation
from tenfold.keras.naming import auto_name
from tenfold.tensor.tensor import CONVERTERS, Tensor
from tenfold.transform.trace import output_specs

BATCH = Sym({("batch",): 1})  # every model input's unknown batch size: one unknown, so that outputs can be combined


class History(NamedTuple):
    """Where a KerasTensor comes from: the operation or layer, which of its calls, which of that call's outputs."""

    operation: Any
    node_index: int
    tensor_index: int


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
        self._sparse, self._ragged = bool(sparse), bool(ragged)
        self._sizes = tuple(
            n if isinstance(n, Sym) else (BATCH if i == 0 else Sym.fresh("size")) if n is None else int(n) for i, n in enumerate(shape)
        )
        self._dtype = as_dtype(dtype)
        self.name = name or auto_name("keras_tensor")
        self.record_history = record_history
        self._keras_history: History | None = None

    @property
    def spec(self) -> Spec:
        """Shape (unknown sizes symbolic) and element type."""
        return Spec(self._sizes, self._dtype)

    @property
    def sizes(self) -> tuple[Any, ...]:
        """The shape with unknown sizes as symbols."""
        return self._sizes

    @property
    def shape(self) -> TensorShape:
        """The shape; None where a size is unknown."""
        return TensorShape(self._sizes)

    def get_shape(self) -> TensorShape:
        """The same as `.shape`."""
        return self.shape

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self._dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._sizes)

    @property
    def sparse(self) -> bool:
        """Whether it stands for a sparse tensor; operations on it give dense ones."""
        return self._sparse

    @property
    def ragged(self) -> bool:
        """Whether it stands for a ragged tensor; operations on it give dense ones."""
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

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))  # type: ignore[index]

    def __bool__(self) -> bool:
        raise TypeError(
            "[KerasTensor] a symbolic tensor has no truth value: it has no elements yet. Try keras.ops.where or a layer with tf.cond in call."
        )

    def __array__(self, *unused: Any, **also_unused: Any) -> Any:
        raise ValueError(f"[KerasTensor] {self.name} cannot become a NumPy array: it has no elements yet. Try calling NumPy inside a layer's call, "
                         "or keras.ops.")  # fmt: skip

    numpy = __array__

    def __float__(self) -> float:
        raise TypeError(f"[KerasTensor] {self.name} has no value: it stands for a tensor that a model will receive.")

    __int__ = __index__ = __float__

    def __repr__(self) -> str:
        return f"<KerasTensor shape={tuple(self.shape)}, dtype={self._dtype.name}, sparse={self._sparse}, ragged={self._ragged}, name={self.name}>"


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
        args, kwargs = nest.map_structure(lambda leaf: values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf, [list(self.args), self.kwargs])
        return self.operation(*args, **kwargs)


def symbolic_leaves(structure: Any) -> list[KerasTensor]:
    """The KerasTensors in a nested structure."""
    return [leaf for leaf in nest.flatten(structure) if isinstance(leaf, KerasTensor)]


def is_symbolic(*structures: Any) -> bool:
    """Whether a KerasTensor is among the arguments."""
    return any(isinstance(leaf, KerasTensor) for s in structures for leaf in nest.flatten(s))


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


def call_symbolically(operation: Any, args: Sequence[Any], kwargs: dict[str, Any], function: Callable[..., Any] | None = None) -> Any:
    """Calls a layer or operation on KerasTensors: finds the shapes of what it returns, and remembers the call.

    Args:
        operation: what is called; remembered in the node.
        args: positional arguments; KerasTensors may be nested in them.
        kwargs: keyword arguments, likewise.
        function: what to trace for the shapes; default: `operation` itself.
    """
    structure = [list(args), dict(kwargs)]
    leaves = nest.flatten(structure)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]

    def run(*tensors: Tensor) -> Any:
        filled = list(leaves)
        for i, tensor in zip(places, tensors, strict=True):
            filled[i] = tensor
        new_args, new_kwargs = nest.pack(structure, filled)
        return (function or operation)(*new_args, **new_kwargs)

    known = SPECS.get(operation.kind) if isinstance(operation, Operation) else None
    specs = known(*args, **kwargs, **operation.options) if known else output_specs(run, [leaves[i].spec for i in places])
    prefix = getattr(operation, "name", None) or type(operation).__name__
    outputs = nest.map_structure(
        lambda s: KerasTensor(s.shape, s.dtype, name=auto_name(f"keras_tensor_{prefix}")) if isinstance(s, Spec) else s, specs
    )
    return record(operation, tuple(args), dict(kwargs), outputs)


class Operation:
    """A function in a functional model's graph: `x + y`, `x[:, 0]`, `keras.ops.mean(x)`.

    Args:
        kind: its class name in Keras's files, e.g. `Add`.
        name: default: made from `kind`.
        options: arguments of the function that are no tensors.
    """

    def __init__(self, kind: str, name: str | None = None, **options: Any) -> None:
        function = operation_named(kind)
        self.kind = kind
        self.name = name or auto_name(kind)
        self.options = options
        self.function = partial(function, **options) if options else function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs it on tensors, or remembers it on KerasTensors."""
        if is_symbolic(args, kwargs):
            return call_symbolically(self, args, kwargs, self.function)
        return self.function(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """What it is made from."""
        return {"name": self.name, **self.options}

    def __repr__(self) -> str:
        return f"<Operation {self.kind}, name={self.name}>"


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
    "abs": "Absolute", "invert": "LogicalNot", "getitem": "GetItem",
}  # fmt: skip


def _method(kind: str, reflected: bool = False) -> Callable[..., Any]:
    def method(self: Any, *others: Any) -> Any:
        if kind in ("Equal", "NotEqual") and (others[0] is None or isinstance(others[0], (str, bytes))):
            return kind == "NotEqual"
        return Operation(kind)(*others, self) if reflected else Operation(kind)(self, *others)

    return method


def _install() -> None:
    for name, kind in _BINARY.items():
        setattr(KerasTensor, f"__{name}__", _method(kind))
        setattr(KerasTensor, f"__r{name}__", _method(kind, reflected=True))
    for name, kind in _OTHERS.items():
        setattr(KerasTensor, f"__{name}__", _method(kind))
    KerasTensor.astype = lambda self, dtype: Operation("Cast", dtype=as_dtype(dtype).name)(self)  # type: ignore[attr-defined]


def _refuse(tensor: KerasTensor, dtype: Any) -> None:
    raise KerasTensorError(
        f"[KerasTensor] {tensor!r} cannot be used as input to a TensorFlow function. A KerasTensor stands for a tensor that the model will "
        "receive; only layers, operators and keras.ops take it. Try wrapping the call in a layer's call method: "
        "class MyLayer(keras.layers.Layer): def call(self, x): return tf.some_function(x)"
    )


class KerasTensorError(OpError, ValueError, TypeError):
    """A KerasTensor came where elements are needed."""


_install()
CONVERTERS.append((KerasTensor, _refuse))
__all__ = ["BATCH", "OPERATIONS", "DTypeError", "KerasTensor", "Node", "Operation", "call_symbolically", "is_symbolic", "node_of", "nodes_of",
           "operation_named"]  # fmt: skip
