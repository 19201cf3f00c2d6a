"""Scaled dot-product attention of many heads, in blocks, and its gradient.

scores  = q @ k.T * scale (+ mask)     highest = the greatest of each row
weights = exp(scores - highest) * share,   1 / share = the sum of exp(scores - highest)
out     = weights @ v
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import bool_, float32, float64
from tenfold.core.errors import ShapeError
from tenfold.core.shapes import differ, divide, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.kernel.attention import MASKED
from tenfold.primitives.arithmetic import constant_like, div, less_equal, mul, neg, select, sub
from tenfold.primitives.contraction import matmul
from tenfold.primitives.define import check_dtype, primitive, tensors
from tenfold.primitives.elementwise import exp
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import broadcast_to, expand_dims, reshape, transpose
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.bind import expect_same_dtype
from tenfold.tensor.tensor import Tensor

WIDE = (float32, float64)


def _check(name: str, q: Spec, k: Spec, v: Spec, mask: Spec | None) -> None:
    dtype = expect_same_dtype(name, (q, k, v), WIDE)
    a, b, c = q.shape, k.shape, v.shape
    if not len(a) == len(b) == len(c) == 4 or any(differ(m, n) for m, n in ((a[0], b[0]), (a[0], c[0]), (b[1], c[1]), (b[2], c[2]), (a[3], b[3]))):
        raise ShapeError(f"[{name}] expected query [batch, queries, heads, size], key [batch, keys, heads, size] and value "
                         f"[batch, keys, heads, size of value]; received {show(a)}, {show(b)} and {show(c)}.")  # fmt: skip
    if isinstance(a[2], int) and isinstance(b[2], int) and (b[2] == 0 or a[2] % b[2]):
        raise ShapeError(f"[{name}] the heads of the query must be a multiple of the key's. Received {a[2]} and {b[2]}.")
    if mask is not None:
        check_dtype(name, mask, (bool_, dtype))
        whole = (a[0], a[2], a[1], b[1])
        if len(mask.shape) != 4 or any(m != 1 and differ(m, n) for m, n in zip(mask.shape, whole, strict=True)):
            raise ShapeError(f"[{name}] expected a mask that broadcasts to {show(whole)}; received {show(mask.shape)}.")


def _spec(q: Spec, k: Spec, v: Spec, *mask: Spec, scale: float, causal: bool) -> tuple[Spec, Spec, Spec]:
    _check("attention", q, k, v, mask[0] if mask else None)
    row = Spec(q.shape[:3], q.dtype)
    return Spec((*q.shape[:3], v.shape[3]), q.dtype), row, row


def _heads_first(x: Any, heads: int) -> Any:
    """[batch, steps, key heads, size] as [batch, heads, steps, size], each once for every head of the query that it serves."""
    return np.repeat(np.swapaxes(x, 1, 2), heads // max(x.shape[2], 1), axis=1)


def _visible(rows: int, columns: int, causal: bool) -> Any:
    return np.tri(rows, columns, dtype=bool) if causal else np.ones((rows, columns), bool)


def _scores_oracle(q: Any, k: Any, mask: Any, scale: float, causal: bool) -> Any:
    scores = np.matmul(q, np.swapaxes(k, 2, 3)) * q.dtype.type(scale)
    if mask:
        scores = np.where(mask[0], scores, scores.dtype.type(MASKED)) if mask[0].dtype == bool else scores + mask[0]
    return np.where(_visible(q.shape[2], k.shape[2], causal), scores, -np.inf).astype(q.dtype)


def _oracle(q: Any, k: Any, v: Any, *mask: Any, scale: float, causal: bool) -> tuple[Any, Any, Any]:
    heads = q.shape[2]
    if not q.size or not k.size or not v.size:
        return np.zeros((*q.shape[:3], v.shape[3]), q.dtype), np.zeros(q.shape[:3], q.dtype), np.zeros(q.shape[:3], q.dtype)
    first, second, third = (_heads_first(x, heads) for x in (q, k, v))
    scores = _scores_oracle(first, second, mask, scale, causal)
    highest = np.max(scores, 3)
    with np.errstate(all="ignore"):
        weights = np.exp(scores - highest[..., None])
        share = (1 / np.sum(weights, 3)).astype(q.dtype)
    out = np.matmul(weights * share[..., None], third)
    return tuple(np.ascontiguousarray(np.swapaxes(x, 1, 2)) for x in (out, highest, share))  # type: ignore[return-value]


def _vjp(wanted: Sequence[bool], gs: Sequence[Tensor], ys: Sequence[Tensor], q: Tensor, k: Tensor, v: Tensor, *mask: Tensor,
         scale: float, causal: bool) -> list[Tensor | None]:  # fmt: skip
    """`highest` is a constant here: what depends on it does so through `share` too, the other way round."""
    out, highest, share = ys
    delta = sum_(mul(gs[0], out), -1) + mul(gs[2], share)
    found: list[Tensor | None] = [None] * 3
    if any(wanted[:3]):
        found = list(attention_gradient(q, k, v, highest, share, delta, gs[0], *mask, scale=scale, causal=causal))
    if mask and wanted[3]:
        parts = _Parts(q, k, v, highest, share, delta, gs[0], mask, scale, causal)
        found.append(parts.back_to_scores)
    return [g if want else None for g, want in zip([*found, None], wanted, strict=False)]


@primitive(Kind.ATTENTION, spec=_spec, oracle=_oracle, vjp=_vjp, dtypes=WIDE)
def attention(apply: Any, q: Any, k: Any, v: Any, mask: Any = None, scale: float | None = None, causal: bool = False) -> tuple[Tensor, ...]:
    """softmax(q @ k.T * scale + mask) @ v for each head, and what the gradient needs of each row: (result, greatest score, 1 / sum).

    Blocks of keys come one after the other, with a running maximum and sum of each row, so the scores are never in memory: see Rabe & Staats,
    "Self-attention does not need O(n^2) memory" (2021), and Dao et al., "FlashAttention" (2022).

    Args:
        q: [batch, queries, heads, size], float32 or float64. k: [batch, keys, key heads, size]. v: [batch, keys, key heads, size of value].
        mask: broadcasts to [batch, heads, queries, keys]; bool: keys are left out where it is false; a float is added to the scores.
        scale: default: 1 / sqrt(size). causal: whether a query sees only keys of its own number and earlier.
    """
    operands = tensors("attention", (q, k, v) if mask is None else (q, k, v, mask))
    scale = 1 / math.sqrt(max(int(operands[0].sizes[-1]), 1)) if scale is None else float(scale)
    made: tuple[Tensor, ...] = apply(*operands, scale=scale, causal=bool(causal))
    return made


# --- the gradient ---


def _gradient_spec(q: Spec, k: Spec, v: Spec, highest: Spec, share: Spec, delta: Spec, g: Spec, *mask: Spec, scale: float,
                   causal: bool) -> tuple[Spec, Spec, Spec]:  # fmt: skip
    _check("attention_gradient", q, k, v, mask[0] if mask else None)
    return q, k, v


def _gradient_oracle(q: Any, k: Any, v: Any, highest: Any, share: Any, delta: Any, g: Any, *mask: Any, scale: float,
                     causal: bool) -> tuple[Any, Any, Any]:  # fmt: skip
    heads, key_heads = q.shape[2], k.shape[2]
    if not all(x.size for x in (q, k, v)):
        return np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    first, second, third, back = (_heads_first(x, heads) for x in (q, k, v, g))
    rows = [np.swapaxes(x, 1, 2)[..., None] for x in (highest, share, delta)]
    with np.errstate(all="ignore"):
        weights = np.exp(_scores_oracle(first, second, mask, scale, causal) - rows[0]) * rows[1]
    scores = weights * (np.matmul(back, np.swapaxes(third, 2, 3)) - rows[2]) * q.dtype.type(scale)
    if mask and mask[0].dtype == bool:
        scores = np.where(mask[0], scores, q.dtype.type(0))

    def merged(x: Any) -> Any:
        shape = x.shape
        return np.swapaxes(x.reshape(shape[0], key_heads, -1, *shape[2:]).sum(2, dtype=x.dtype), 1, 2)

    dk, dv = (merged(np.matmul(np.swapaxes(a, 2, 3), b)) for a, b in ((scores, first), (weights, back)))
    dq = np.swapaxes(np.matmul(scores, second), 1, 2)
    return np.ascontiguousarray(dq), np.ascontiguousarray(dk), np.ascontiguousarray(dv)


def _first(x: Tensor, heads: Any) -> Tensor:
    """[batch, steps, key heads, size] as [batch, heads, steps, size]."""
    y = transpose(x, (0, 2, 1, 3))
    b, h, t, d = y.sizes
    if h is heads or h == heads:
        return y
    return reshape(broadcast_to(expand_dims(y, 2), (b, h, divide(heads, h), t, d)), (b, heads, t, d))


def _last(x: Tensor, key_heads: Any) -> Tensor:
    """The way back, with what comes from several heads added."""
    b, h, t, d = x.sizes
    if h is not key_heads and h != key_heads:
        x = sum_(reshape(x, (b, key_heads, divide(h, key_heads), t, d)), 2)
    return transpose(x, (0, 2, 1, 3))


class _Parts:
    """The gradient's parts [batch, heads, queries, keys] as plain tensors, for derivatives of higher order."""

    def __init__(self, q: Tensor, k: Tensor, v: Tensor, highest: Tensor, share: Tensor, delta: Tensor, g: Tensor, mask: Sequence[Tensor],
                 scale: float, causal: bool) -> None:  # fmt: skip
        heads = q.sizes[2]
        self.q, self.k, self.v, self.g = (_first(x, heads) for x in (q, k, v, g))
        self.highest, self.share, self.delta = (expand_dims(transpose(x, (0, 2, 1)), 3) for x in (highest, share, delta))
        self.scale = constant_like(scale, q)
        self.mask = mask
        scores = mul(matmul(self.q, self.k, transpose_b=True), self.scale)
        rows, columns = scores.sizes[2:]
        self.seen = less_equal(reshape(iota(columns), (1, columns)), reshape(iota(rows), (rows, 1))) if causal else None
        if mask:
            scores = select(mask[0], scores, constant_like(MASKED, q)) if mask[0].dtype is bool_ else scores + mask[0]
        self.weights = mul(self.hidden(exp(sub(scores, self.highest))), self.share)
        self.difference = sub(matmul(self.g, self.v, transpose_b=True), self.delta)
        self.back_to_scores = self.kept(mul(self.weights, self.difference))

    def hidden(self, x: Tensor) -> Tensor:
        """Zeros where causality forbids to look."""
        return x if self.seen is None else select(self.seen, x, constant_like(0, x))

    def kept(self, x: Tensor) -> Tensor:
        """Zeros where a score is constant."""
        x = self.hidden(x)
        return select(self.mask[0], x, constant_like(0, x)) if self.mask and self.mask[0].dtype is bool_ else x


def _gradient_vjp(wanted: Sequence[bool], gs: Sequence[Tensor], ys: Sequence[Tensor], q: Tensor, k: Tensor, v: Tensor, highest: Tensor,
                  share: Tensor, delta: Tensor, g: Tensor, *mask: Tensor, scale: float, causal: bool) -> list[Tensor | None]:  # fmt: skip
    p = _Parts(q, k, v, highest, share, delta, g, mask, scale, causal)
    heads, key_heads = q.sizes[2], k.sizes[2]
    a, b, c = (_first(x, heads) for x in gs)
    x = mul(p.kept(matmul(a, p.k, transpose_b=True) + matmul(p.q, b, transpose_b=True)), p.scale)
    y = mul(x, p.difference) + matmul(p.g, c, transpose_b=True)
    z = mul(x, p.weights)
    both = mul(p.weights, y)
    back = p.kept(both)
    dq = mul(matmul(back, p.k) + matmul(p.back_to_scores, b), p.scale)
    dk = mul(matmul(back, p.q, transpose_a=True) + matmul(p.back_to_scores, a, transpose_a=True), p.scale)
    dv = matmul(z, p.g, transpose_a=True)
    dg = matmul(z, p.v) + matmul(p.weights, c)
    d_share = div(sum_(both, 3, keepdims=True), p.share)
    d_delta = neg(sum_(z, 3, keepdims=True))
    rows = [transpose(reshape(r, r.sizes[:3]), (0, 2, 1)) for r in (d_share, d_delta)]
    found = [_last(dq, heads), _last(dk, key_heads), _last(dv, key_heads), None, *rows, _last(dg, heads), back]
    return [f if want else None for f, want in zip(found, wanted, strict=False)]


@primitive(Kind.ATTENTION, spec=_gradient_spec, oracle=_gradient_oracle, vjp=_gradient_vjp, dtypes=WIDE)
def attention_gradient(apply: Any, *operands: Tensor, scale: float, causal: bool) -> tuple[Tensor, ...]:
    """The cotangents of attention's q, k and v, from (q, k, v, highest, share, delta, g) and its mask, if there is one.

    g is the cotangent of the result, `delta` the sum of each row of g * result. The weights of a block are computed again.
    """
    made: tuple[Tensor, ...] = apply(*operands, scale=scale, causal=causal)
    return made


__all__ = ["MASKED", "attention", "attention_gradient"]
