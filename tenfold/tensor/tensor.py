"""Tensor and its conversion from and to NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tenfold.core.dtypes import BY_NUMPY, DType, as_dtype, complex128, float32, int32, string
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError, TraceError
from tenfold.core.shapes import TensorShape
from tenfold.core.strings import array_of, encoded, is_text
from tenfold.ir.graph import Value
from tenfold.ir.primitive import Spec
from tenfold.tensor.operand import Operand

_new = object.__new__
CERTAINLY_FINITE = 1e38  # as float32, too
SMALL = 1 << 7  # integers below it are exact in all types but floats of a byte


class Tensor(Operand):
    """An immutable array: with elements (eager), or standing for a value of a function being traced.

    Made by `tf.constant`, `tf.convert_to_tensor` and every operation.
    """

    __slots__ = ("__weakref__", "_array", "_keras_history", "_keras_mask", "_known", "_trace", "_value", "assign")

    _array: np.ndarray[Any, Any] | None  # None: it is traced, and then it has
    _value: Value
    _trace: Any  # the Recorder of the function that it belongs to
    _known: Any  # elements in terms of unknown sizes, for computing with shapes; or None
    assign: Any  # of a part of a variable: replaces that part

    __array_priority__ = 100

    @classmethod
    def _traced(cls, value: Value, trace: Any) -> Tensor:
        self = _new(cls)
        self._array, self._value, self._trace, self._known = None, value, trace, None
        return self

    # --- what it is ---
    @property
    def spec(self) -> Spec:
        """Shape (unknown sizes symbolic) and element type."""
        a = self._array
        return Spec(a.shape, BY_NUMPY[a.dtype]) if a is not None else self._value.spec

    @property
    def sizes(self) -> tuple[Any, ...]:
        """The shape with unknown sizes as symbols; `.shape` shows them as None."""
        return self._array.shape if self._array is not None else self._value.spec.shape

    @property
    def shape(self) -> TensorShape:
        """The shape; None where a size is unknown while tracing."""
        return TensorShape(self.sizes)

    def get_shape(self) -> TensorShape:
        """The same as `.shape`."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Checks that `shape` is compatible.

        Raises:
            ValueError: it is not.
        """
        self.shape.assert_is_compatible_with(shape)

    @property
    def dtype(self) -> DType:
        """The element type."""
        return BY_NUMPY[self._array.dtype] if self._array is not None else self._value.spec.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        a = self._array
        return a.ndim if a is not None else len(self._value.spec.shape)

    @property
    def device(self) -> str:
        """Where the elements are."""
        return "/job:localhost/replica:0/task:0/device:CPU:0"

    @property
    def name(self) -> str:
        """A name for printing."""
        return "tensor"

    # --- its elements ---
    def _elements(self) -> np.ndarray[Any, Any]:
        if self._array is None:
            raise TraceError(
                f"The value of {self!r} is unknown while the function is traced. "
                "Try tf.cond, tf.where or tf.while_loop instead of Python's control flow, tf.print instead of print, "
                "or call the function outside tf.function (tf.config.run_functions_eagerly(True))."
            )
        return self._array

    def numpy(self) -> Any:
        """A copy of the elements, as a NumPy array (a NumPy scalar for rank 0).

        Raises:
            TraceError: the tensor belongs to a function being traced.
        """
        a = self._elements()
        return a[()] if a.ndim == 0 else a.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        a = self._elements()
        return np.array(a, dtype) if copy or dtype is not None else a.copy()

    def __bool__(self) -> bool:
        a = self._elements()
        if a.size != 1:
            raise InvalidArgumentError(f"[bool] the truth of a tensor of shape {self.shape} is ambiguous. Try tf.reduce_any or tf.reduce_all.")
        return bool(a.reshape(()))

    def __int__(self) -> int:
        return int(self._scalar("int"))

    def __float__(self) -> float:
        return float(self._scalar("float"))

    def __complex__(self) -> complex:
        return complex(self._scalar("complex"))

    def __index__(self) -> int:
        if not self.dtype.is_integer:
            raise DTypeError(f"[index] only integer tensors of one element can be an index; received {self.spec}.")
        return int(self._scalar("index"))

    def _scalar(self, kind: str) -> Any:
        a = self._elements()
        if a.size != 1:
            raise InvalidArgumentError(f"[{kind}] only a tensor of one element can become a Python {kind}; received shape {self.shape}.")
        return a.reshape(())[()]

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("[setitem] a tensor does not change. Try tf.tensor_scatter_nd_update or tf.where for a changed copy, or a NumPy array.")

    def __len__(self) -> int:
        if not self.sizes:
            raise InvalidArgumentError("[len] a scalar tensor has no length.")
        n = self.sizes[0]
        if not isinstance(n, int):
            raise TraceError("[len] the first dimension is unknown while the function is traced. Try tf.shape(x)[0].")
        return n

    def __iter__(self) -> Iterator[Any]:
        if not self.sizes:
            raise InvalidArgumentError("[iter] cannot iterate over a scalar tensor.")
        return (self[i] for i in range(len(self)))

    def __format__(self, spec: str) -> str:
        return format(self._array[()], spec) if self._array is not None and self._array.ndim == 0 else format(str(self), spec)

    def __repr__(self) -> str:
        if self._array is None:
            return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, traced>"
        return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, numpy={_text(self._array)}>"

    def __str__(self) -> str:
        if self._array is None:
            return repr(self)
        return f"tf.Tensor({_text(self._array)}, shape={self.shape}, dtype={self.dtype.name})"

    def ref(self) -> Reference:
        """A hashable stand-in, since `==` compares elements."""
        return Reference(self)

    def __hash__(self) -> int:
        raise TypeError("Tensor is unhashable. Instead, use tensor.ref() as the key.")

    def __reduce__(self) -> tuple[Any, ...]:
        return wrap, (self._elements(),)

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self

    def __copy__(self) -> Tensor:
        return self


class Reference:
    """Identifies a tensor or variable by identity; `.deref()` gives it back."""

    __slots__ = ("_object",)

    def __init__(self, obj: Any) -> None:
        self._object = obj

    def deref(self) -> Any:
        """The tensor or variable."""
        return self._object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and other._object is self._object

    def __hash__(self) -> int:
        return id(self._object)

    def __repr__(self) -> str:
        return f"<Reference wrapping {self._object!r}>"


def _text(a: np.ndarray[Any, Any]) -> str:
    return str(a[()]) if a.ndim == 0 else str(a) if a.ndim == 1 else "\n" + str(a)


def wrap(array: Any) -> Tensor:
    """The eager Tensor of a NumPy array (not copied) or scalar."""
    self = _new(Tensor)
    self._array = array if type(array) is np.ndarray else array_of([array], ()) if type(array) is bytes else np.asarray(array)
    return self


Converter = Callable[[Any, DType | None], "Tensor | None"]
CONVERTERS: list[tuple[type, Converter]] = []  # for classes that stand for tensors (Variable, ...)
STACK: list[Callable[[list[Any]], Tensor]] = []  # joins a list with traced tensors in it; given by the primitives


def as_tensor(value: Any, dtype: Any = None, hint: DType | None = None, name: str = "convert_to_tensor") -> Tensor:
    """`value` as a Tensor: of `dtype` if given, else of `hint` if that loses nothing, else of its natural type.

    Raises:
        TypeError, ValueError: there is no tensor for it, or not of this dtype.
    """
    kind = type(value)
    if kind is Tensor and dtype is None:
        return value  # type: ignore[no-any-return]
    want = None if dtype is None else as_dtype(dtype)
    if kind is Tensor:
        return _checked(value, want, name)
    for cls, convert in CONVERTERS:
        if isinstance(value, cls):
            made = convert(value, want)
            if made is not None:
                return made if want is None else _checked(made, want, name)
    if kind in (list, tuple) and _holds_tensors(value):
        return _checked(_stacked(value, want or hint), want, name)
    return wrap(_array(value, want, hint, name))


def common_dtype(values: Iterable[Any]) -> DType | None:
    """The element type that the numbers and arrays among an operation's arguments take, where they fit: that of the first tensor, else of the
    first array or float. None if all are Python integers, which take any type.
    """
    found: DType | None = None
    for v in values:
        dtype = getattr(v, "dtype", None)
        if type(dtype) is DType:
            return dtype
        found = found or _PYTHON.get(type(v)) or (BY_NUMPY.get(dtype) if dtype else common_dtype(v) if isinstance(v, (list, tuple)) else None)
    return found


_PYTHON: dict[type, DType] = {float: float32, complex: complex128}


def _checked(tensor: Tensor, want: DType | None, name: str) -> Tensor:
    if want is not None and tensor.dtype is not want:
        raise DTypeError(f"[{name}] expected a tensor of {want.name}; received one of {tensor.dtype.name}. Try tf.cast(x, tf.{want.name}).")
    return tensor


def _holds_tensors(value: Any) -> bool:
    return any(
        not isinstance(v, (int, float, str, bytes, np.ndarray))
        and (type(v) is Tensor or any(isinstance(v, c) for c, _ in CONVERTERS) or (isinstance(v, (list, tuple)) and _holds_tensors(v)))
        for v in value
    )


def _stacked(values: Any, want: DType | None) -> Tensor:
    like = next((as_tensor(v).dtype for v in values if not isinstance(v, (int, float))), None) or want
    return STACK[0]([as_tensor(v, hint=like) for v in values])


def _array(value: Any, want: DType | None, hint: DType | None, name: str) -> np.ndarray[Any, Any]:
    """A fresh array of the value's elements."""
    if type(value) is float and (want or hint or float32) is float32 and -CERTAINLY_FINITE < value < CERTAINLY_FINITE:
        return np.array(value, np.float32)
    if type(value) is int and -SMALL <= value < SMALL:
        taking = want or hint or int32
        if taking.kind == "int" or (taking.kind == "uint" and value >= 0) or (taking.kind == "float" and taking.size > 1):
            return np.array(value, taking.numpy)
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
        array = np.array(value, order="C")
        if array.dtype in BY_NUMPY and array.dtype != object:
            target = want or (hint if hint is not None and _fits(BY_NUMPY[array.dtype], hint) else None)
            return array if target is None or array.dtype == target.numpy else _convert(array, target, name)
    elif value is None:
        raise InvalidArgumentError(f"[{name}] None cannot become a tensor. Expected a number, a list, an array or a tensor.")
    else:
        array = _from_python(value, name)
    if is_text(array):
        return _strings(value if isinstance(value, (list, tuple, str, bytes)) else array, want, name)
    if array.dtype.kind in "OVMm":
        raise InvalidArgumentError(f"[{name}] cannot become a tensor: {type(value).__name__}. Expected numbers or strings; received {_short(value)}.")
    natural = _natural(array, value)
    target = want or (hint if hint is not None and _fits(natural, hint) else natural)
    return _convert(array, target, name, exact=True)


def _from_python(value: Any, name: str) -> np.ndarray[Any, Any]:
    try:
        return np.array(value)
    except ValueError:
        raise ShapeError(
            f"[{name}] the rows have different lengths, so they do not form a tensor. Received {_short(value)}. "
            "Try padding them to one length (tf.keras.utils.pad_sequences)."
        ) from None


def _strings(value: Any, want: DType | None, name: str) -> np.ndarray[Any, Any]:
    if want is not None and want is not string:
        raise DTypeError(f"[{name}] strings are no numbers. Expected values for {want.name}; received {_short(value)}. "
                         "Try tf.strings.to_number(x).")  # fmt: skip
    return encoded(value, name)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."


def _natural(array: np.ndarray[Any, Any], value: Any) -> DType:
    kind = array.dtype.kind
    if kind == "f" and array.dtype == np.float64:
        return float32
    if kind == "c":
        return complex128
    if kind in "iu" and array.dtype.itemsize == 8 and (array.size == 0 or (array.min() >= -(2**31) and array.max() < 2**31)):
        return int32
    return BY_NUMPY.get(array.dtype, float32) if array.size or kind != "f" else float32


def _fits(given: DType, wanted: DType) -> bool:
    order = {"bool": 0, "int": 1, "uint": 1, "float": 2, "complex": 3, "string": 4}
    return order[given.kind] <= order[wanted.kind] and all((given.kind == k) == (wanted.kind == k) for k in ("bool", "string"))


def _convert(array: np.ndarray[Any, Any], want: DType, name: str, exact: bool = False) -> np.ndarray[Any, Any]:
    given = BY_NUMPY.get(array.dtype)
    if given is not None and given is not want and not _fits(given, want):
        raise DTypeError(f"[{name}] cannot convert {given.name} values to {want.name} without losing information. Try tf.cast(x, tf.{want.name}).")
    if exact and want.is_integer and array.size and (array.min() < want.min or array.max() > want.max):
        raise InvalidArgumentError(f"[{name}] a value is out of range for {want.name}. Received values from {array.min()} to {array.max()}.")
    with np.errstate(all="ignore"):
        return array.astype(want.numpy)
