"""Attention in blocks: softmax(q @ k.T) @ v and its gradient, of which no more than a block of scores exists at a time.

With a running maximum and sum of each row (Milakov & Gimelshein 2018) blocks of keys come one after the other (Rabe & Staats 2021; Dao et al.
2022), and what the gradient needs of a row are these two numbers. Both kernels read [batch, steps, heads, size] where it lies, and keep their
blocks the other way round, so that every product is one of the same kind: a tile of sums, each row of which takes one number of the one operand
times a vector of the other.

    forward     vectors run along queries   scores'[key, query] = k[key, :] * q'[:, query]     sums'[:, query] += v[key, :] * weights'[key, query]
    gradient    vectors run along keys      scores, dweights [query, key];  dv'[:, key] += g[query, :] * weights[query, key];  dk' likewise;
                                            dq[query, :] += dscores[query, key] * k[key, :]

A task is a head, or a part of it, so nothing is added from two sides; causal attention never looks at blocks above the diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import ATTEND_ARGS, ATTEND_BACK_ARGS, SUM_ARGS, Attend, AttendBack, Operand, Steps, Sum, Vectors
from tenfold.kernel.packing import Builder

MASKED = -0.7 * 3.4028234663852886e38  # the score of a key that a mask leaves out, as in Keras: finite, so that a row without any key gives numbers
SHORT = 64  # rows of a block
LONG = 128  # columns, along which vectors run
VECTORS = 2  # of a panel
LEAST_TASKS = 8
MOST_TASKS = 32  # each has memory of its own


@dataclass(frozen=True, slots=True)
class AttentionSpec:
    """The sizes of an attention.

    Attributes:
        dtype: float32 or float64.
        batch, queries, keys: how many of each. heads: of the query. key_heads: of key and value, each serving heads / key_heads.
        size: of a head's query and key. value_size: of its value.
        scale: what scores are multiplied by.
        causal: whether a query sees only keys of its own number and earlier.
        mask: the type of a mask: bool (keys left out where false) or the operands' (added to the scores).
        mask_shape: [batch, heads, queries, keys], 1 where it broadcasts.
    """

    dtype: DType
    batch: int
    queries: int
    keys: int
    heads: int
    key_heads: int
    size: int
    value_size: int
    scale: float
    causal: bool = False
    mask: DType | None = None
    mask_shape: tuple[int, int, int, int] = (1, 1, 1, 1)


def rows_of_tile(machine: Vectors) -> int:
    """Rows of a tile."""
    return 8 if machine.count >= 32 else 6


def _launch(to: Builder, s: AttentionSpec, kernel: Attend, names: tuple[str, ...], steps: int, least: int, work: int,
            values: dict[str, Operand | int]) -> int:  # fmt: skip
    """One kernel over all heads, cut into pieces of their `steps` where there are few; gives the number of pieces. `work`: elements of a task."""
    heads = s.batch * (s.key_heads if isinstance(kernel, AttendBack) else s.heads)
    columns = ceil(LONG / kernel.width) * kernel.width
    blocks = ceil(steps / columns)
    piece = ceil(blocks / min(blocks, ceil(least / heads))) * columns
    pieces = ceil(steps / piece)
    grain = ceil(heads * pieces / MOST_TASKS)
    tasks = ceil(heads * pieces / grain)
    work = ceil(work * s.dtype.size / 64) * 64 + 64  # not a multiple of what makes tasks' memories fall upon each other in the cache
    values |= {
        "queries": s.queries, "keys": s.keys, "size": s.size, "value_size": s.value_size, "heads": s.heads, "key_heads": s.key_heads,
        "group": s.heads // s.key_heads, "block": SHORT, "panels": columns // kernel.width, "pieces": pieces, "piece": piece,
        "units": heads * pieces, "grain": grain, "work": to.buffer(tasks * work), "work_size": work,
    }  # fmt: skip
    stride = s.mask.size if s.mask else 0
    for name, n in zip(("mask_key", "mask_row", "mask_head", "mask_batch"), s.mask_shape[::-1], strict=True):
        values[name] = stride if n > 1 else 0
        stride *= n
    for name in names:
        values.setdefault(name, Operand("q" if name == "mask" and s.mask is None else name))
    writes = ("dq", "dk", "dv", "work") if isinstance(kernel, AttendBack) else ("out", "highest", "share", "work")
    to.launch(kernel, tasks, names, values, writes)
    return pieces


def attention(machine: Vectors, s: AttentionSpec) -> Steps:
    """(q, k, v, mask) -> out, highest, share"""
    to = Builder(machine)
    kernel = Attend(s.dtype, machine.lanes(s.dtype), VECTORS, rows_of_tile(machine), s.scale, s.causal, s.mask)
    work = (LONG + kernel.width) * (s.size + kernel.whole(s.value_size) + SHORT + 3) + SHORT * max(s.size, s.value_size)
    _launch(to, s, kernel, ATTEND_ARGS, s.queries, 2 * LEAST_TASKS, work, {})
    return to.finish()


def attention_gradient(machine: Vectors, s: AttentionSpec) -> Steps:
    """(q, k, v, highest, share, delta, g, mask) -> dq, dk, dv; pieces of the keys make a dq each, added at the end."""
    to, lanes = Builder(machine), machine.lanes(s.dtype)
    ragged = s.size % (lanes * VECTORS) != 0
    kernel = AttendBack(s.dtype, lanes, VECTORS, rows_of_tile(machine), s.scale, s.causal, s.mask, ragged)
    sums = kernel.whole(s.size) + kernel.whole(s.value_size)
    work = (LONG + kernel.width) * (2 * s.size + s.value_size + sums + 2 * SHORT) + SHORT * (s.size + s.value_size)
    rows, row = s.batch * s.queries, s.heads * s.size
    most = min(ceil(s.keys / LONG), ceil(LEAST_TASKS / (s.batch * s.key_heads)))  # pieces
    dq = to.buffer(most * rows * row * s.dtype.size) if most > 1 else Operand("dq")
    size = rows * row * s.dtype.size
    pieces = _launch(to, s, kernel, ATTEND_BACK_ARGS, s.keys, LEAST_TASKS, work, {"dq": dq, "dq_piece": size})
    if most > 1:
        grain = ceil(rows / MOST_TASKS)
        fold: dict[str, Operand | int] = {
            "source": dq, "out": Operand("dq"), "m": rows, "n": row, "pieces": pieces, "piece": size, "grain": grain,
        }  # fmt: skip
        to.launch(Sum(s.dtype, s.dtype, lanes), ceil(rows / grain), SUM_ARGS, fold)
    return to.finish()
