"""DType: the element types that tensors hold, how they promote, and what NumPy and LLVM call them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

from tenfold.core.errors import DTypeError


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """The type of a tensor's elements, as `tf.DType`.

    Compares equal to its name, to the NumPy dtype and to the NumPy scalar class that it stands for.

    Example:
        >>> from tenfold.core.dtypes import float32
        >>> float32.size, float32 == "float32", float32.is_floating
        (4, True, True)
    """

    name: str
    numpy: np.dtype[Any]
    kind: str  # "bool", "int", "uint", "float", "complex" or "string"
    llvm: str | None  # the LLVM type in memory; None where kernels do not handle it
    enum: int  # TensorFlow's DataType number, for files and protocols
    is_differentiable: bool = field(init=False, repr=False)  # whether gradients flow through values of this type

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_differentiable", self.kind in ("float", "complex"))

    @property
    def as_numpy_dtype(self) -> type:
        """The NumPy scalar class, e.g. `np.float32`."""
        return self.numpy.type

    @property
    def as_datatype_enum(self) -> int:
        """TensorFlow's `DataType` number."""
        return self.enum

    @property
    def size(self) -> int:
        """Bytes per element."""
        return self.numpy.itemsize

    @property
    def is_floating(self) -> bool:
        """Whether it is a real floating-point type (bfloat16 included)."""
        return self.kind == "float"

    @property
    def is_complex(self) -> bool:
        """Whether it is complex64 or complex128."""
        return self.kind == "complex"

    @property
    def is_integer(self) -> bool:
        """Whether it is a signed or unsigned integer type; bool is none."""
        return self.kind in ("int", "uint")

    @property
    def is_unsigned(self) -> bool:
        """Whether it is an unsigned integer type."""
        return self.kind == "uint"

    @property
    def is_bool(self) -> bool:
        """Whether it is bool."""
        return self.kind == "bool"

    @property
    def is_numeric(self) -> bool:
        """Whether arithmetic is defined on it."""
        return self.kind not in ("bool", "string")

    @property
    def zero(self) -> Any:
        """The element that stands where nothing is given: 0, False or the empty string."""
        return b"" if self.kind == "string" else False if self.kind == "bool" else 0

    @property
    def is_numpy_compatible(self) -> bool:
        """Always true: every DType has a NumPy dtype."""
        return True

    @property
    def real_dtype(self) -> DType:
        """The type of the real part: itself, or the float half of a complex type."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    @property
    def limits(self) -> tuple[Any, Any]:
        """(min, max) of the type."""
        return self.min, self.max

    @property
    def min(self) -> Any:
        """The smallest finite value."""
        return _limit(self, "min")

    @property
    def max(self) -> Any:
        """The largest finite value."""
        return _limit(self, "max")

    def is_compatible_with(self, other: Any) -> bool:
        """Whether `other` names the same type."""
        return bool(self == other)

    @property
    def base_dtype(self) -> DType:
        """Itself; TensorFlow's reference types do not exist here."""
        return self

    def __eq__(self, other: object) -> bool:
        if type(other) is DType:
            return self is other
        try:
            return as_dtype(other) is self
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)


def _limit(dtype: DType, which: str) -> Any:
    if dtype.kind == "bool":
        return which == "max"
    if dtype.is_integer:
        return int(getattr(np.iinfo(dtype.numpy), which))
    if dtype.is_complex or dtype.kind == "string":
        raise DTypeError(f"[dtype] {dtype.name} has no {which}: {'complex numbers' if dtype.is_complex else 'strings'} have no limits.")
    return dtype.as_numpy_dtype(getattr(ml_dtypes.finfo(dtype.numpy), which))  # type: ignore[no-untyped-call]


bool_ = DType("bool", np.dtype(np.bool_), "bool", "i8", 10)
int8 = DType("int8", np.dtype(np.int8), "int", "i8", 6)
int16 = DType("int16", np.dtype(np.int16), "int", "i16", 5)
int32 = DType("int32", np.dtype(np.int32), "int", "i32", 3)
int64 = DType("int64", np.dtype(np.int64), "int", "i64", 9)
uint8 = DType("uint8", np.dtype(np.uint8), "uint", "i8", 4)
uint16 = DType("uint16", np.dtype(np.uint16), "uint", "i16", 17)
uint32 = DType("uint32", np.dtype(np.uint32), "uint", "i32", 22)
uint64 = DType("uint64", np.dtype(np.uint64), "uint", "i64", 23)
float16 = DType("float16", np.dtype(np.float16), "float", "half", 19)
bfloat16 = DType("bfloat16", np.dtype(ml_dtypes.bfloat16), "float", "bfloat", 14)
float32 = DType("float32", np.dtype(np.float32), "float", "float", 1)
float64 = DType("float64", np.dtype(np.float64), "float", "double", 2)
complex64 = DType("complex64", np.dtype(np.complex64), "complex", None, 8)
complex128 = DType("complex128", np.dtype(np.complex128), "complex", None, 18)
string = DType("string", np.dtype(object), "string", None, 7)  # elements are Python's bytes; only host operations take them

ALL = (  # the types of numbers and truths; strings, which no kernel takes, are apart
    bool_,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float16,
    bfloat16,
    float32,
    float64,
    complex64,
    complex128,
)
BOOL = (bool_,)
SIGNED = (int8, int16, int32, int64)
INTEGERS = (*SIGNED, uint8, uint16, uint32, uint64)
FLOATS = (float16, bfloat16, float32, float64)
COMPLEXES = (complex64, complex128)
REALS = (*INTEGERS, *FLOATS)
NUMBERS = (*REALS, *COMPLEXES)
INEXACT = (*FLOATS, *COMPLEXES)

_BY_NAME = {d.name: d for d in (*ALL, string)} | {"str": string, "half": float16, "float": float32, "double": float64, "bool_": bool_}
BY_NUMPY = {d.numpy: d for d in (*ALL, string)}
DIFFERENTIABLE = frozenset(d.numpy for d in ALL if d.is_differentiable)
_BY_ENUM = {d.enum: d for d in (*ALL, string)}
_BY_PYTHON: dict[Any, DType] = {bool: bool_, int: int32, float: float32, complex: complex128, str: string, bytes: string}


def as_dtype(value: Any) -> DType:
    """The DType named by `value`: a DType, a name, a NumPy dtype or scalar class, a Python type.

    Raises:
        TypeError: nothing of that name exists.
    """
    if type(value) is DType:
        return value
    try:
        found = BY_NUMPY.get(value) or _BY_NAME.get(value) or _BY_PYTHON.get(value) or _BY_ENUM.get(value)
    except TypeError:
        found = None
    if found is None and not isinstance(value, (str, int)) and value is not None:
        try:
            given = np.dtype(getattr(value, "as_numpy_dtype", value))
            found = string if given.kind in "SU" else BY_NUMPY.get(given)
        except TypeError:
            found = None
    if found is None:
        raise DTypeError(f"[dtype] unknown data type. Expected one of {[d.name for d in (*ALL, string)]}; received {value!r}.")
    return found
