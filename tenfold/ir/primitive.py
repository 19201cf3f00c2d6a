"""What an operation is: `Primitive`, its `Kind`, and the `Spec` of a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tenfold.core.dtypes import DType
from tenfold.core.shapes import Shape, show


class Kind(Enum):
    """How passes treat a primitive; they look at this, never at names."""

    ELEMENTWISE = "elementwise"  # one output element from the elements at the same (broadcast) position
    INDEXED = "indexed"  # one output element from elements found by index arithmetic: movement, gather, windows, sources
    REDUCTION = "reduction"  # combines elements along axes
    CONTRACTION = "contraction"  # matrix products and convolutions
    ATTENTION = "attention"  # two products with a softmax between them, in blocks
    SCATTER = "scatter"  # adds elements at computed places
    HOST = "host"  # runs its NumPy oracle
    CONTROL = "control"  # contains graphs
    EFFECT = "effect"  # must run, in order: prints, assertions


@dataclass(frozen=True, slots=True)
class Spec:
    """Shape and element type of a value."""

    shape: Shape
    dtype: DType

    def __str__(self) -> str:
        return f"{self.dtype.name}{show(self.shape)}"


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """An operation that has rules.

    Attributes:
        name: its public or internal name.
        kind: how passes treat it.
        spec: `spec(*specs, **attrs)` -> Spec, or a tuple of Specs; raises the errors that users see.
        oracle: `oracle(*arrays, **attrs)` -> array or tuple of arrays: the slow truth, in NumPy.
        vjp: `vjp(wanted, g, y, *xs, **attrs)` -> one cotangent (or None) per input; None: not differentiable. `wanted` says which.
        lower: what the compiler is told, by kind: ELEMENTWISE `(*Expr, **attrs) -> Expr`; INDEXED `(read, index, specs, **attrs) -> Expr`;
            REDUCTION the name of the combining instruction.
        dtypes: the element types that its (first) input takes.
        uniform: whether all inputs must have one element type (bind checks it in eager mode without calling `spec`).
        samples: input ranges for the tests.
        algebra: its own simplifications, `(node inputs, attrs) -> replacement or None`.
        apart: whether it runs outside of kernels always, because the sizes of its results depend on elements.
        pure: False if two equal calls may differ or act (randomness comes in as a seed operand and is pure).
    """

    name: str
    kind: Kind
    spec: Callable[..., Any]
    oracle: Callable[..., Any]
    vjp: Callable[..., Any] | None = None
    lower: Any = None
    dtypes: tuple[DType, ...] = ()
    uniform: bool = False
    samples: Any = None
    algebra: Callable[..., Any] | None = None
    pure: bool = True
    doc: str = ""
    apart: bool = False
    numpy_dtypes: frozenset[Any] = field(default=frozenset())

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


PRIMITIVES: dict[str, Primitive] = {}


def register(primitive: Primitive) -> Primitive:
    """Makes `primitive` known by its name (to the text form, the tests and the docs)."""
    assert primitive.name not in PRIMITIVES, primitive.name
    PRIMITIVES[primitive.name] = primitive
    return primitive
