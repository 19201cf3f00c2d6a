"""Matrix products and sums of products: matmul, tensordot, einsum."""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype, int32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Size, differ, normalize_axis, product
from tenfold.primitives import arithmetic as a
from tenfold.primitives import reduction as r
from tenfold.primitives.contraction import BYTES, integer_matmul
from tenfold.primitives.contraction import matmul as matmul_
from tenfold.primitives.define import tensors
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import expand_dims, reshape, transpose
from tenfold.tensor.tensor import Tensor, as_tensor


def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, adjoint_a: bool = False, adjoint_b: bool = False,
           a_is_sparse: bool = False, b_is_sparse: bool = False, output_type: Any = None, grad_a: bool = False, grad_b: bool = False,
           name: str | None = None) -> Tensor:  # fmt: skip
    """The matrix product of the last two dimensions; those before are a batch and broadcast.

    Example:
        >>> import tenfold as tf
        >>> tf.matmul([[1, 2], [3, 4]], [[1, 0], [0, 2]]).numpy()
        array([[1, 4],
               [3, 8]], dtype=int32)

    Raises:
        ValueError: the inner dimensions differ, or an argument is no matrix.
    """
    x, y = tensors("matmul", (a, b))
    if x.ndim < 2 or y.ndim < 2:
        raise ShapeError(f"[matmul] expected matrices; received {x.shape} @ {y.shape}. Try tf.linalg.matvec, tf.tensordot or x @ y.")
    if (transpose_a and adjoint_a) or (transpose_b and adjoint_b):
        raise InvalidArgumentError("[matmul] transpose and adjoint of one argument cannot both be asked for.")
    x, y = (_conj(x) if adjoint_a else x), (_conj(y) if adjoint_b else y)
    wanted = None if output_type is None else as_dtype(output_type)
    exact = wanted is int32 and x.dtype in BYTES and y.dtype in BYTES
    product_ = (integer_matmul if exact else matmul_)(x, y, transpose_a or adjoint_a, transpose_b or adjoint_b)
    return product_ if wanted is None else _cast(product_, wanted)


_conj, _cast = a.conj, a.cast


def matvec(a: Any, b: Any, transpose_a: bool = False, adjoint_a: bool = False, a_is_sparse: bool = False, b_is_sparse: bool = False,
           name: str | None = None) -> Tensor:  # fmt: skip
    """The product of matrices with vectors, which stand in the last dimension of `b`.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.matvec([[1, 2], [3, 4]], [1, 1]).numpy()
        array([3, 7], dtype=int32)
    """
    x, y = tensors("matvec", (a, b))
    column = matmul(x, expand_dims(y, -1), transpose_a=transpose_a, adjoint_a=adjoint_a)
    return reshape(column, column.sizes[:-1])


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """The sum of products over the given axes of `a` and `b`: the last n and the first n if `axes` is a number.

    Example:
        >>> import tenfold as tf
        >>> float(tf.tensordot([1.0, 2.0], [3.0, 4.0], axes=1))
        11.0
    """
    x, y = tensors("tensordot", (a, b))
    first, second = _tensordot_axes(x, y, axes)
    if len(first) != len(second) or any(differ(x.sizes[i], y.sizes[j]) for i, j in zip(first, second, strict=False)):
        raise ShapeError(f"[tensordot] expected equal sizes along the axes {axes}; received shapes {x.shape} and {y.shape}.")
    rows = [i for i in range(x.ndim) if i not in first]
    columns = [i for i in range(y.ndim) if i not in second]
    inner = product(x.sizes[i] for i in first)
    left = reshape(transpose(x, [*rows, *first]), (product(x.sizes[i] for i in rows), inner))
    right = reshape(transpose(y, [*second, *columns]), (inner, product(y.sizes[i] for i in columns)))
    return reshape(matmul_(left, right), (*(x.sizes[i] for i in rows), *(y.sizes[i] for i in columns)))


def _tensordot_axes(x: Tensor, y: Tensor, axes: Any) -> tuple[list[int], list[int]]:
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(x.ndim, y.ndim):
            most = min(x.ndim, y.ndim)
            raise InvalidArgumentError(f"[tensordot] expected 0 <= axes <= {most} for shapes {x.shape} and {y.shape}; received {axes}.")
        return list(range(x.ndim - axes, x.ndim)), list(range(axes))
    first, second = (np.asarray(v).reshape(-1).tolist() for v in axes)
    return [normalize_axis("tensordot", i, x.ndim) for i in first], [normalize_axis("tensordot", i, y.ndim) for i in second]


@dataclass(frozen=True, slots=True)
class Equation:
    """A parsed einsum equation: one letter per dimension; dimensions under `...` have capital Greek letters."""

    inputs: tuple[str, ...]
    output: str


HIDDEN = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"


@functools.lru_cache(512)
def parse(equation: str, ranks: tuple[int, ...]) -> Equation:
    """The equation for operands of these ranks.

    Raises:
        InvalidArgumentError: it does not make sense, or does not fit them.
    """
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise InvalidArgumentError(f"[einsum] the equation {equation!r} names {len(parts)} operands; received {len(ranks)}.")
    inputs = tuple(_spelled(equation, part, rank) for part, rank in zip(parts, ranks, strict=True))
    seen = "".join(inputs)
    hidden = max((part[: sum(c in HIDDEN for c in part)] for part in (_hidden(p) for p in inputs)), key=len, default="")
    if arrow:
        output = right.replace("...", hidden)
    else:
        output = hidden + "".join(sorted(c for c in set(seen) if seen.count(c) == 1 and c not in HIDDEN))
    if any(c not in seen for c in output) or len(set(output)) != len(output) or any(c not in string.ascii_letters + HIDDEN for c in output):
        raise InvalidArgumentError(f"[einsum] the output of {equation!r} must name dimensions of the operands, each once.")
    return Equation(inputs, output)


def _hidden(part: str) -> str:
    return "".join(c for c in part if c in HIDDEN)


def _spelled(equation: str, part: str, rank: int) -> str:
    """One operand's letters with `...` replaced by hidden ones, aligned at the right."""
    named = part.replace("...", "", 1)
    if any(c not in string.ascii_letters for c in named):
        raise InvalidArgumentError(f"[einsum] expected letters, commas, '...' and '->'; received {equation!r}.")
    extra = rank - len(named)
    if extra < 0 or (extra > 0 and "..." not in part):
        raise ShapeError(f"[einsum] {part!r} in {equation!r} names {len(named)} dimensions; received a tensor of rank {rank}.")
    return part.replace("...", HIDDEN[len(HIDDEN) - extra :])


def einsum(equation: str, *inputs: Any, optimize: str = "greedy", name: str | None = None) -> Tensor:
    """Sums of products over named dimensions: letters that are not in the output are summed over.

    Carried out as a chain of batched matrix products, the smallest intermediate result first.

    Example:
        >>> import tenfold as tf
        >>> tf.einsum("ij,j->i", [[1, 2], [3, 4]], [1, 10]).numpy()
        array([21, 43], dtype=int32)

    Raises:
        ValueError: the equation does not make sense, or sizes differ.
    """
    xs = tensors("einsum", inputs)
    parsed = parse(equation, tuple(x.ndim for x in xs))
    _check_sizes(equation, parsed, xs)
    terms = [_diagonal(x, letters) for x, letters in zip(xs, parsed.inputs, strict=True)]
    while len(terms) > 1:
        i, j = _cheapest(terms, parsed.output)
        (x, p), (y, q) = terms[i], terms[j]
        rest = [t for k, t in enumerate(terms) if k not in (i, j)]
        keep = set(parsed.output).union(*(letters for _, letters in rest))
        terms = [_product(x, p, y, q, keep), *rest]
    return _finish(*terms[0], parsed.output)


def integer_einsum(equation: str, a: Any, b: Any) -> Tensor:
    """`einsum` of two tensors of int8 or uint8, added up in int32."""
    x, y = as_tensor(a), as_tensor(b)
    parsed = parse(equation, (x.ndim, y.ndim))
    (p, q), keep = parsed.inputs, set(parsed.output)
    _check_sizes(equation, parsed, (x, y))
    both = set(p) & set(q)
    alike = all(x.sizes[p.index(c)] == y.sizes[q.index(c)] for c in both)
    if both - keep and alike and len(set(p)) == len(p) and len(set(q)) == len(q) and set(p) ^ set(q) <= keep:
        return _finish(*_product(x, p, y, q, keep, integer_matmul), parsed.output)
    return einsum(equation, _cast(x, int32), _cast(y, int32))


def _check_sizes(equation: str, parsed: Equation, xs: Sequence[Tensor]) -> None:
    found: dict[str, Size] = {}
    for x, letters in zip(xs, parsed.inputs, strict=True):
        for letter, n in zip(letters, x.sizes, strict=True):
            known = found.setdefault(letter, n)
            if known == 1 and letter in HIDDEN:
                found[letter] = n
            elif differ(known, n) and not (n == 1 and letter in HIDDEN):
                shapes = ", ".join(str(t.shape) for t in xs)
                raise ShapeError(f"[einsum] sizes differ for {letter!r} in {equation!r}: {known} and {n}. Received shapes {shapes}.")


def _diagonal(x: Tensor, letters: str) -> tuple[Tensor, str]:
    """Repeated letters merged: only the elements where their indices agree."""
    if len(set(letters)) == len(letters):
        return x, letters
    for letter in sorted(set(letters), key=letters.index):
        while letters.count(letter) > 1:
            i = letters.index(letter)
            j = letters.index(letter, i + 1)
            n = x.sizes[i]
            shapes = ([n if k == i else 1 for k in range(x.ndim)], [n if k == j else 1 for k in range(x.ndim)])
            same = a.equal(reshape(iota(n), shapes[0]), reshape(iota(n), shapes[1]))
            x, letters = r.sum(a.select(same, x, 0), j), letters[:j] + letters[j + 1 :]
    return x, letters


def _cheapest(terms: list[tuple[Tensor, str]], output: str) -> tuple[int, int]:
    """The pair of operands whose product is smallest (unknown sizes count as 64)."""
    if len(terms) == 2:
        return 0, 1
    sizes = {c: n if isinstance(n, int) else 64 for x, letters in terms for c, n in zip(letters, x.sizes, strict=True)}

    def cost(pair: tuple[int, int]) -> int:
        rest = set(output).union(*(letters for k, (_, letters) in enumerate(terms) if k not in pair))
        return math.prod(sizes[c] for c in set(terms[pair[0]][1] + terms[pair[1]][1]) & rest)

    return min(((i, j) for i in range(len(terms)) for j in range(i + 1, len(terms))), key=cost)


def _product(x: Tensor, p: str, y: Tensor, q: str, keep: set[str], multiply: Callable[..., Any] = matmul_) -> tuple[Tensor, str]:
    """Two operands as one: batch letters stay in both, inner ones are summed, the rest are rows and columns."""
    x, p = _summed(x, p, keep | set(q))
    y, q = _summed(y, q, keep | set(p))
    ones = [c for c in p if c in q and (x.sizes[p.index(c)] == 1) != (y.sizes[q.index(c)] == 1)]  # `...` dimensions that broadcast
    if ones:
        return _broadcast_product(x, p, y, q, keep)
    batch = [c for c in p if c in q and c in keep]
    inner = [c for c in p if c in q and c not in keep]
    rows, columns = [c for c in p if c not in q], [c for c in q if c not in p]
    size = dict(zip(q, y.sizes, strict=True)) | dict(zip(p, x.sizes, strict=True))
    if not inner and not (rows and columns):
        return _broadcast_product(x, p, y, q, keep)

    def arranged(t: Tensor, letters: str, order: list[list[str]]) -> Tensor:
        t = transpose(t, [letters.index(c) for group in order for c in group])
        return reshape(t, [*(size[c] for c in order[0]), *(product(size[c] for c in group) for group in order[1:])])

    z = multiply(arranged(x, p, [batch, rows, inner]), arranged(y, q, [batch, inner, columns]))
    letters = "".join([*batch, *rows, *columns])
    return reshape(z, [size[c] for c in letters]), letters


def _broadcast_product(x: Tensor, p: str, y: Tensor, q: str, keep: set[str]) -> tuple[Tensor, str]:
    """The product element by element, then the sum over what is not kept."""
    letters = p + "".join(c for c in q if c not in p)
    return _summed(_aligned(x, p, letters) * _aligned(y, q, letters), letters, keep)


def _aligned(x: Tensor, own: str, letters: str) -> Tensor:
    x = transpose(x, [own.index(c) for c in letters if c in own])
    sizes = iter(x.sizes)
    return reshape(x, [next(sizes) if c in own else 1 for c in letters])


def _summed(x: Tensor, letters: str, keep: set[str]) -> tuple[Tensor, str]:
    axes = [i for i, c in enumerate(letters) if c not in keep]
    return (r.sum(x, axes), "".join(c for c in letters if c in keep)) if axes else (x, letters)


def _finish(x: Tensor, letters: str, output: str) -> Tensor:
    x, letters = _summed(x, letters, set(output))
    return transpose(as_tensor(x), [letters.index(c) for c in output])
