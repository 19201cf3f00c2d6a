"""Shapes whose dimensions may be unknown until run time, and the arithmetic on them.

A *size* is an int or a `Sym`: a polynomial in named unknowns such as `batch`, kept in a normal form so that equal sizes compare
equal. Users see an unknown size as None (`TensorShape`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Union

import numpy as np

from tenfold.core.errors import InvalidArgumentError, ShapeError, TraceError

Size = Union[int, "Sym"]
Shape = tuple[Size, ...]
Atom = Any  # a name, or (function name, Size, Size)
_FUNCTIONS: dict[str, Callable[[int, int], int]] = {
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "max": max,
    "min": min,
    "common": lambda a, b: b if a == 1 else a,
}
_counter = itertools.count()


class Sym:
    """A size known only at run time: a sum of products of unknowns with integer coefficients."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: Mapping[tuple[Atom, ...], int]) -> None:
        self.terms = tuple(sorted(((m, c) for m, c in terms.items() if c), key=repr))
        self._hash = hash(self.terms)

    @staticmethod
    def fresh(name: str = "n") -> Sym:
        """A new unknown, different from all others."""
        return Sym({(f"{name}{next(_counter)}",): 1})

    def _combine(self, other: Any, sign: int) -> Size:
        terms = dict(self.terms)
        for monomial, c in _terms(other):
            terms[monomial] = terms.get(monomial, 0) + sign * c
        return _normal(terms)

    def __add__(self, other: Any) -> Any:
        return self._combine(other, 1) if _is_size(other) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return self._combine(other, -1) if _is_size(other) else NotImplemented

    def __neg__(self) -> Any:
        return self * -1

    def __rsub__(self, other: Any) -> Any:
        return self * -1 + other if _is_size(other) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        if not _is_size(other):
            return NotImplemented
        terms: dict[tuple[Atom, ...], int] = {}
        for (m, c), (n, d) in itertools.product(self.terms, _terms(other)):
            key = tuple(sorted((*m, *n), key=repr))
            terms[key] = terms.get(key, 0) + c * d
        return _normal(terms)

    __radd__, __rmul__ = __add__, __mul__

    def __floordiv__(self, other: Any) -> Any:
        return divide(self, other) if _is_size(other) else NotImplemented

    def __rfloordiv__(self, other: Any) -> Any:
        return divide(other, self) if _is_size(other) else NotImplemented

    def __mod__(self, other: Any) -> Any:
        return self - divide(self, other) * other if _is_size(other) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sym) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return "+".join("*".join(([str(c)] if c != 1 or not m else []) + [_atom_text(a) for a in m]) for m, c in self.terms)

    def __bool__(self) -> bool:
        raise TraceError(f"The size {self!r} is unknown while the function is traced. Try tf.cond, or a fixed size in the signature.")

    __index__ = __int__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__


def _is_size(x: Any) -> bool:
    return isinstance(x, (int, np.integer, Sym))


def _atom_text(atom: Atom) -> str:
    return atom if isinstance(atom, str) else f"{atom[0]}({atom[1]}, {atom[2]})"


def _terms(size: Size) -> tuple[tuple[tuple[Atom, ...], int], ...]:
    return size.terms if isinstance(size, Sym) else (((), int(size)),)


def _normal(terms: Mapping[tuple[Atom, ...], int]) -> Size:
    terms = {m: c for m, c in terms.items() if c}
    if not terms:
        return 0
    if len(terms) == 1 and () in terms:
        return terms[()]
    return Sym(terms)


def divide(a: Size, b: Size) -> Size:
    """`a // b`; exact division of a polynomial by a monomial is carried out, anything else stays a function."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    if a == b:
        return 1
    if len(_terms(b)) == 1:
        (divisor, d) = _terms(b)[0]
        quotient: dict[tuple[Atom, ...], int] = {}
        for monomial, c in _terms(a):
            rest = list(monomial)
            if c % d or any(divisor.count(x) > rest.count(x) for x in divisor):
                break
            for x in divisor:
                rest.remove(x)
            quotient[tuple(rest)] = c // d
        else:
            return _normal(quotient)
    return Sym({(("floordiv", a, b),): 1})


def function(name: str, a: Size, b: Size) -> Size:
    """`max`, `min` or `common` (what they broadcast to) of two sizes."""
    if isinstance(a, Sym) or isinstance(b, Sym):
        return a if a == b else Sym({((name, a, b),): 1})
    return _FUNCTIONS[name](a, b)


def unknown(size: Size) -> str | None:
    """The name of a size that is one unknown, and nothing else."""
    if isinstance(size, Sym) and len(size.terms) == 1:
        (monomial, c) = size.terms[0]
        if c == 1 and len(monomial) == 1 and isinstance(monomial[0], str):
            return monomial[0]
    return None


def evaluate(size: Size, known: Mapping[str, Size]) -> Size:
    """`size` with the unknowns in `known` replaced."""
    if not isinstance(size, Sym):
        return size
    total: Size = 0
    for monomial, c in size.terms:
        product: Size = c
        for atom in monomial:
            product = product * _evaluate_atom(atom, known)
        total = total + product
    return total


def _evaluate_atom(atom: Atom, known: Mapping[str, Size]) -> Size:
    if isinstance(atom, str):
        return known[atom] if atom in known else Sym({(atom,): 1})
    name, a, b = atom
    a, b = evaluate(a, known), evaluate(b, known)
    return divide(a, b) if name == "floordiv" else function(name, a, b)


def match(pattern: Sequence[Size], shape: Sequence[int], known: dict[str, int]) -> bool:
    """Whether `shape` is an instance of `pattern`; adds what its plain unknowns stand for to `known`."""
    if len(pattern) != len(shape):
        return False
    for p, n in zip(pattern, shape, strict=True):
        name = unknown(p)
        if name is not None:
            if known.setdefault(name, n) != n:
                return False
        elif evaluate(p, known) != n:
            return False
    return True


def differ(a: Size, b: Size) -> bool:
    """Whether two sizes certainly differ (unknown ones may still turn out equal)."""
    return isinstance(a - b, int) and a != b


def product(shape: Iterable[Size]) -> Size:
    """The number of elements."""
    total: Size = 1
    for n in shape:
        total = total * n
    return total


def show(shape: Iterable[Size | None]) -> str:
    """The shape as users read it: `(None, 28, 28)`."""
    sizes = [str(n) if isinstance(n, (int, np.integer)) else "None" for n in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def broadcast(name: str, *shapes: Shape) -> Shape:
    """The common shape of `shapes` after NumPy's rules.

    Raises:
        ShapeError: they do not broadcast.
    """
    like: Shape = ()
    for s in shapes:
        if s and s is not like:
            if not like:
                like = s
            elif s != like:
                break
    else:
        return like
    rank = max(len(s) for s in shapes)
    result: list[Size] = []
    for column in zip(*((1,) * (rank - len(s)) + tuple(s) for s in shapes), strict=True):
        size: Size = 1
        for n in column:
            if n == 1 or n == size:
                continue
            if size == 1 or (isinstance(size, Sym) and isinstance(n, int)):
                size = n
            elif isinstance(size, Sym) and isinstance(n, Sym):
                size = _common(size, n)
            elif differ(n, size) and isinstance(n, int) and isinstance(size, int):
                raise ShapeError(
                    f"[{name}] shapes do not broadcast. Expected sizes that are equal or 1 in each dimension, aligned at the right; "
                    f"received {' and '.join(show(s) for s in shapes)}. Try tf.reshape or tf.expand_dims."
                )
        result.append(size)
    return tuple(result)


def _common(a: Sym, b: Sym) -> Size:
    """What two unknown sizes broadcast to; one that the other was broadcast from says nothing new."""
    return a if b in _parts(a) else b if a in _parts(b) else function("common", a, b)


def _parts(size: Any) -> list[Any]:
    """The sizes that `size` is the common one of."""
    match size:
        case Sym(terms=((((("common", a, b),)), 1),)):
            return [size, *_parts(a), *_parts(b)]
    return [size]


def normalize_axis(name: str, axis: int, rank: int) -> int:
    """A non-negative axis.

    Raises:
        InvalidArgumentError: there is no such axis.
    """
    if not -rank <= axis < rank:
        raise InvalidArgumentError(
            f"[{name}] axis {axis} is out of bounds. Expected {-rank} <= axis < {rank} for a tensor of rank {rank}; received axis={axis}."
        )
    return int(axis) % rank if rank else 0


def normalize_axes(name: str, axes: Any, rank: int) -> tuple[int, ...]:
    """Sorted non-negative axes; None means all.

    Raises:
        InvalidArgumentError: one is out of range or named twice.
    """
    if axes is None:
        return tuple(range(rank))
    listed = [axes] if type(axes) is int else axes if type(axes) in (list, tuple) else None
    if listed is None or any([type(a) is not int for a in listed]):
        given = np.asarray(axes).reshape(-1)
        if given.size and given.dtype.kind not in "iu":
            raise InvalidArgumentError(f"[{name}] an axis must be an integer; received axis={axes!r}.")
        listed = [int(a) for a in given]
    result = tuple(sorted([normalize_axis(name, a, rank) for a in listed]))
    if len(set(result)) != len(result):
        raise InvalidArgumentError(f"[{name}] an axis is named twice. Received axis={list(listed)}.")
    return result


class TensorShape(tuple[Any, ...]):
    """A shape as users see it: a tuple of ints, None where a size is unknown, with TensorFlow's methods.

    Example:
        >>> TensorShape([None, 3]).rank, TensorShape([2, 3]).num_elements()
        (2, 6)
    """

    _unknown_rank = False

    def __new__(cls, dims: Any = ()) -> TensorShape:
        if isinstance(dims, (int, np.integer)):
            dims = (dims,)
        sizes = () if dims is None else [d if type(d) is int else int(d) if isinstance(d, (int, np.integer)) else None for d in dims]
        self = super().__new__(cls, sizes)
        if dims is None or getattr(dims, "_unknown_rank", False):
            self._unknown_rank = True
        return self

    @property
    def rank(self) -> int | None:
        """Number of dimensions; None if unknown."""
        return None if self._unknown_rank else len(self)

    ndims = rank

    @property
    def dims(self) -> list[Any] | None:
        """The sizes as a list."""
        return None if self._unknown_rank else list(self)

    def as_list(self) -> list[int | None]:
        """The sizes as a list.

        Raises:
            ValueError: the rank is unknown.
        """
        if self._unknown_rank:
            raise ShapeError("[as_list] the shape has no known rank.")
        return list(self)

    def is_fully_defined(self) -> bool:
        """Whether every size is known."""
        return not self._unknown_rank and None not in self

    def num_elements(self) -> int | None:
        """The number of elements; None if unknown."""
        return int(np.prod(self, dtype=np.int64)) if self.is_fully_defined() else None

    def is_compatible_with(self, other: Any) -> bool:
        """Whether some concrete shape fits both."""
        other = TensorShape(other)
        if self._unknown_rank or other._unknown_rank:
            return True
        return len(self) == len(other) and all(a is None or b is None or a == b for a, b in zip(self, other, strict=True))

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raises ValueError unless `is_compatible_with(other)`."""
        if not self.is_compatible_with(other):
            raise ShapeError(f"Shapes {self} and {TensorShape(other)} are incompatible")

    def with_rank(self, rank: int) -> TensorShape:
        """Itself if it has `rank` dimensions.

        Raises:
            ValueError: it has not.
        """
        if self.rank not in (None, rank):
            raise ShapeError(f"Shape {self} must have rank {rank}")
        return TensorShape([None] * rank) if self.rank is None else self

    def merge_with(self, other: Any) -> TensorShape:
        """The shape that knows what either knows."""
        self.assert_is_compatible_with(other)
        known = TensorShape(other)
        if self._unknown_rank:
            return known
        return self if known._unknown_rank else TensorShape([b if a is None else a for a, b in zip(self, known, strict=True)])

    def concatenate(self, other: Any) -> TensorShape:
        """`self` followed by `other`."""
        return TensorShape((*self, *TensorShape(other)))

    def __getitem__(self, key: Any) -> Any:
        got = super().__getitem__(key)
        return TensorShape(got) if isinstance(key, slice) else got

    def __add__(self, other: Any) -> TensorShape:
        return TensorShape((*self, *other))

    def __radd__(self, other: Any) -> TensorShape:
        return TensorShape((*other, *self))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, (tuple, list)) else False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return "TensorShape(None)" if self._unknown_rank else f"TensorShape({list(self)})"

    def __str__(self) -> str:
        return "<unknown>" if self._unknown_rank else show(self)
