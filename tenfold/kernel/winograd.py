"""Convolutions of 3x3 with stride 1 in a quarter of the products, after Winograd.

    out tile (4x4) = A' [sum over channels of (G w G') * (B' x B)] A          x tile: 6x6, overlapping its neighbours by 2

Both gradients are the same products the other way round. The polynomials are evaluated at 0, ±5/8, ±3/2 and infinity: in float32 the
error is then about twice that of plain sums (with the usual points 0, ±1, ±2 it is five times). Each matrix is a product of two
sparse ones, the outer of which is the same *butterfly* of sums and differences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, prod

import numpy as np

from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import (
    BLOCKS_ARGS,
    COLLECT_ARGS,
    FILTER_ARGS,
    SPREAD_ARGS,
    TILE_ARGS,
    Blocks,
    Collect,
    Epilogue,
    Filter,
    Operand,
    Spread,
    Steps,
    Table,
    Tile,
    Vectors,
    accumulator,
)
from tenfold.kernel.convolution import ConvSpec, Shape, normalize
from tenfold.kernel.packing import MOST_TASKS, Builder, convert, pack
from tenfold.kernel.schedule import MODEL, Schedule
from tenfold.kernel.tiling import Batch, Columns, Problem, Rows, affine_inner, affine_rows, block_size, choose_tile, tile

P, Q = 0.625, 1.5  # the points
PP, QQ = P * P, Q * Q
AT_P, AT_Q = 1 / (2 * PP * (PP - QQ)), 1 / (2 * QQ * (QQ - PP))

Matrix = tuple[tuple[float, ...], ...]
BUTTERFLY: Matrix = ((1, 0, 0, 0, 0, 0), (0, 1, 1, 0, 0, 0), (0, 1, -1, 0, 0, 0), (0, 0, 0, 1, 1, 0), (0, 0, 0, 1, -1, 0), (0, 0, 0, 0, 0, 1))
_INPUT: Matrix = (
    (PP * QQ, 0, -PP - QQ, 0, 1, 0), (0, 0, -QQ, 0, 1, 0), (0, -P * QQ, 0, P, 0, 0),
    (0, 0, -PP, 0, 1, 0), (0, -Q * PP, 0, Q, 0, 0), (0, PP * QQ, 0, -PP - QQ, 0, 1),
)  # fmt: skip
_FILTER: Matrix = (
    (1 / (PP * QQ), 0, 0), (AT_P, 0, PP * AT_P), (0, P * AT_P, 0), (AT_Q, 0, QQ * AT_Q), (0, Q * AT_Q, 0), (0, 0, 1),
)  # fmt: skip
_OUTPUT: Matrix = ((1, 1, 0, 1, 0, 0), (0, 0, P, 0, Q, 0), (0, PP, 0, QQ, 0, 0), (0, 0, P * PP, 0, Q * QQ, 1))


def transposed(m: Matrix) -> Matrix:
    """The transpose."""
    return tuple(zip(*m, strict=True))


INPUT = (_INPUT, BUTTERFLY)  # B': 6 -> 6
FILTER = (_FILTER, BUTTERFLY)  # G: 3 -> 6
OUTPUT = (BUTTERFLY, _OUTPUT)  # A': 6 -> 4
OUTPUT_BACK = (transposed(_OUTPUT), BUTTERFLY)  # A: 4 -> 6
FILTER_BACK = (BUTTERFLY, transposed(_FILTER))  # G': 6 -> 3

WIDE = dtypes.float32  # in which all is computed
PLANES = 36
CHUNK = 8 << 20  # bytes of transformed images, or weights, worked on at a time, so that they stay in the last cache
SKEW = 320  # bytes added between planes, so that these do not fall upon each other in the cache
MANY = 60  # bytes of the first-level cache that a product in panels may take: blocks are short enough for a task to have many panels
TASK = 1 << 17  # bytes that a task of a transformation writes, about
FAR = 1 << 20  # bytes of images that do not stay near, so that their lines are asked for early
WEIGHTS = 64  # as many of each transformed pixel's channels, in and out, as make it pay to read them for each block
EACH = 12  # tiles of images that a task transforms, multiplies and transforms back, about: more meet the weights at once, fewer stay nearer
BLOCKS = 10  # times it does so, at least, for the threads to have equal parts
TASKS = (8, 16)  # that do so, at least and at most: each has memory of its own, which is far away at first


@dataclass(frozen=True, slots=True)
class Weights:
    """Plain weights: where, the places of the taps, bytes from k to k and from panel to panel, and the columns of a panel.

    What is made of `settled` ones is kept.
    """

    plain: Operand
    taps: Table
    row: int
    panel: int
    columns: int
    settled: bool


def worth(machine: Vectors, s: Shape, once: bool) -> bool:
    """Whether this takes clearly less time than plain sums: cycles of products, transformations and memory traffic are counted.

    `once`: all images are transformed before any product, because the sum is over them.
    """
    lanes = machine.lanes(s.dtype)
    plain = s.kernel == (1, 3, 3) and s.stride == (1, 1, 1) and s.dilation == (1, 1, 1) and s.groups == 1 and s.input[0] == s.output[0] == 1
    if not plain or not _single(machine, s.dtype) or s.ci % lanes or s.co % lanes or not s.n * s.pixels or machine.bytes < 32:
        return False
    tiles = s.n * _tiles(s)
    direct = s.n * s.pixels * 9 * s.ci * s.co / lanes
    products = 36 * tiles * s.ci * s.co / lanes
    images = tiles * (s.ci + s.co) / lanes * (700 if once else 400)
    return 1.1 * products + images + 300 * s.ci * s.co / lanes < 0.8 * direct


def _single(machine: Vectors, dtype: DType) -> bool:
    """Whether products of `dtype` are best made in float32: it is that, or half as wide and has no instructions of its own."""
    return accumulator(dtype) is WIDE and not (machine.pairs and dtype is dtypes.bfloat16)


def in_blocks(machine: Vectors, s: Shape) -> bool:
    """Whether tasks take some tiles at a time through all three steps. All weights come to each block from the last cache then, and no longer
    all transformed images; so there may not be too many, nor so many channels that the second-level cache does not hold a block."""
    few = s.ci * s.co <= WEIGHTS * (s.ci + s.co) and 37 * EACH * _row(max(s.ci, s.co)) <= 2 * machine.cache
    return few and s.n * _tiles(s) > (BLOCKS - 1) * EACH and machine.count == 16


def pools(window: tuple[int, int]) -> bool:
    """Whether a convolution can end with maxima over such windows: they fill its tiles."""
    return all(4 % size == 0 for size in window)


def convolution(
    machine: Vectors, spec: ConvSpec, epilogue: Epilogue | None = None, settled: bool = False, schedule: Schedule = MODEL
) -> Steps | None:  # fmt: skip
    """(a = x, b = w) -> out; None where it is not worth it."""
    s = normalize(spec)
    if not worth(machine, s, False):
        return None
    to, shape = Builder(machine, schedule), _shape(machine, s, s.co, schedule)
    columns = shape[1] * machine.lanes(s.dtype)
    taps = np.arange(9, dtype=np.int64) * (s.ci * s.co * 4)
    plain = convert(to, Operand("b"), s.dtype, 9 * s.ci * s.co)
    _images(to, s, Weights(plain, taps, s.co * 4, columns * 4, columns, settled), shape, epilogue)
    return to.finish()


def convolution_input_gradient(machine: Vectors, spec: ConvSpec, schedule: Schedule = MODEL) -> Steps | None:
    """(a = gradient of out, b = w) -> gradient of x: the convolution with the weights turned about and transposed."""
    s = normalize(spec)
    low = (0, 2 - s.low[1], 2 - s.low[2])
    s = replace(s, input=s.output, output=s.input, ci=s.co, co=s.ci, low=low)
    if not worth(machine, s, False):
        return None
    to, shape = Builder(machine, schedule), _shape(machine, s, s.co, schedule)
    columns = shape[1] * machine.lanes(s.dtype)
    size = s.dtype.size
    turned = np.arange(8, -1, -1, dtype=np.int64) * (s.ci * s.co * size)
    packed = pack(to, Operand("b"), s.dtype, s.co, s.ci, s.ci * size, size, columns, columns, turned)  # [panel][tap][k][columns]
    one = s.ci * columns * 4
    _images(to, s, Weights(packed, np.arange(9, dtype=np.int64) * one, columns * 4, 9 * one, columns, False), shape, None)
    return to.finish()


def convolution_weight_gradient(machine: Vectors, spec: ConvSpec, schedule: Schedule = MODEL) -> Steps | None:
    """(a = x, b = gradient of out) -> gradient of w"""
    s = normalize(spec)
    if not worth(machine, s, True):
        return None
    to, lanes = Builder(machine, schedule), machine.lanes(s.dtype)
    shape = choose_tile(s.ci, s.co, lanes, machine, schedule=schedule, across=True)
    columns, tall = shape[1] * lanes, lanes if machine.count == 16 else 0
    images = _at_once(s, max(CHUNK // 2, 36 * s.ci * s.co * 4))
    block = s.ci if images < s.n else _block(s.ci, 36 * s.co * 4, shape[0])
    plane, row = block * s.co * 4 + SKEW, s.co * s.dtype.size
    planes, taps = np.arange(36, dtype=np.int64) * plane, np.arange(9, dtype=np.int64) * (s.ci * row)
    targets = {first: to.buffer(36 * plane) for first in range(0, s.ci, block)}
    x = g = None
    for begin in range(0, s.n, images):
        count = min(images, s.n - begin)
        x, x_row, x_plane = _spread(to, s, Operand("a", begin * prod(s.input) * s.ci * s.dtype.size), count, False, x, tall)
        g, g_row, g_plane = _spread(to, s, Operand("b", begin * s.pixels * row), count, True, g, columns if tall else 0)
        tiles = count * _tiles(s)
        b = Columns(g, g_row, (tiles if tall else 1) * columns * 4, tall > 0)
        inner = affine_inner(tiles, x_row, block_size(tiles, MANY if tall else shape[0] * 4))
        for first, target in targets.items():
            rows = _channels(first, min(block, s.ci - first), s.co * 4, tall, tiles)
            batch = Batch(36, x_plane, g_plane, plane)
            tile(to, Problem(WIDE, s.co, shape, rows, inner, x, b, batch, target=target, out_elements=rows.count * s.co, resumed=begin > 0))
            if begin + count == s.n:
                out, kernel = Operand("out", first * row), Filter(WIDE, s.dtype, lanes, FILTER_BACK)
                _filter(to, kernel, (target, planes, s.co * 4, 0), (out, taps, row, 0), rows.count, s.co // lanes, s.co // lanes)
    return to.finish()


def _channels(first: int, count: int, out: int, columns: int, tiles: int) -> Rows:
    """Channels from `first` on as rows, `out` bytes apart in the result: side by side, or in panels of `columns`."""
    numbers = np.arange(first, first + count, dtype=np.int64)
    places = numbers // columns * (tiles * columns * 4) + numbers % columns * 4 if columns else numbers * 4
    return Rows(count, np.stack([places, (numbers - first) * out], axis=1), 0, 0)


def _tiles(s: Shape) -> int:
    """Tiles of one image."""
    return ceil(s.output[1] / 4) * ceil(s.output[2] / 4)


def _at_once(s: Shape, most: int) -> int:
    """How many images are transformed at a time, in equal shares of about `most` bytes."""
    each = 36 * _tiles(s) * (_row(s.ci) + _row(s.co))
    return ceil(s.n / ceil(s.n / min(max(most // each, 1), s.n)))


def _block(count: int, each: int, unit: int) -> int:
    """How many of `count` things of `each` bytes are made at a time, in equal shares of whole units, so as not to fill much memory."""
    shares = ceil(count * each / CHUNK)
    return min(ceil(ceil(count / shares) / unit) * unit, count)


def _shape(machine: Vectors, s: Shape, n: int, schedule: Schedule) -> tuple[int, int]:
    return choose_tile(s.n * _tiles(s), n, machine.lanes(s.dtype), machine, schedule=schedule)


def _filters(to: Builder, w: Weights, first: int, k: int, n: int) -> Columns:
    """`n` columns of the transformed weights from panel `first` on, in panels [36][panel][k][columns]."""
    lanes, row = to.machine.lanes(WIDE), w.columns * 4
    plane = ceil(n / w.columns) * k * row + SKEW
    target = to.buffer(36 * plane)
    planes = np.arange(36, dtype=np.int64) * plane
    source = Operand(w.plain.name, w.plain.offset + first * w.panel), w.taps, w.row, w.panel
    _filter(to, Filter(WIDE, WIDE, lanes, FILTER), source, (target, planes, row, k * row), k, n // lanes, w.columns // lanes)
    return Columns(target, row, k * row, True)


def _filter(
    to: Builder, kernel: Filter, source: tuple[Operand, Table, int, int], target: tuple[Operand, Table, int, int],
    k: int, across: int, panel: int,
) -> None:  # fmt: skip
    """The weights transformed: operand, places of the taps, bytes from k to k and from panel to panel, of source and target."""
    total = k * across
    grain = max(ceil(total / MOST_TASKS), 16)
    values: dict[str, Operand | int] = {
        "source": source[0], "target": target[0], "from": to.table(source[1]), "to": to.table(target[1]), "total": total, "grain": grain,
        "across": across, "panel": panel, "source_k": source[2], "source_panel": source[3], "target_k": target[2], "target_panel": target[3],
    }  # fmt: skip
    to.launch(kernel, ceil(total / grain), FILTER_ARGS, values)


def _grid(s: Shape, back: bool, images: int) -> dict[str, Operand | int]:
    """The arguments that say where tiles lie in an image of x, or of the output (`back`)."""
    extent, low = (s.output, (0, 0, 0)) if back else (s.input, s.low)
    return {
        "tiles": images * _tiles(s), "tall": ceil(s.output[1] / 4), "across": ceil(s.output[2] / 4),
        "height": extent[1], "width": extent[2], "low_height": low[1], "low_width": low[2], "channels": s.co if back else s.ci,
    }  # fmt: skip


def _row(channels: int) -> int:
    """Bytes from tile to tile: not a multiple of what makes rows fall upon each other in the cache."""
    return channels * 4 + (64 if channels * 4 % 1024 == 0 else 0)


def _launch(to: Builder, kernel: Spread | Collect, names: tuple[str, ...], values: dict[str, Operand | int], row: int) -> None:
    tiles = values["tiles"]
    assert isinstance(tiles, int)
    grain = max(ceil(tiles / MOST_TASKS), min(TASK // (36 * row), ceil(tiles / 4)), 1)
    to.launch(kernel, ceil(tiles / grain), names, {**values, "grain": grain})


def _spread(
    to: Builder, s: Shape, source: Operand, images: int, back: bool, target: Operand | None = None, columns: int = 0
) -> tuple[Operand, int, int]:  # fmt: skip
    """Planes [36][tile][channels], or [36][panel][tile][columns], of transformed images: where, bytes from tile to tile, bytes from plane
    to plane."""
    values = _grid(s, back, images)
    tiles, channels = values["tiles"], values["channels"]
    assert isinstance(tiles, int) and isinstance(channels, int)
    row = columns * 4 or _row(channels)
    panel = tiles * row
    plane = (ceil(channels / columns) if columns else 1) * panel + SKEW
    target = target or to.buffer(36 * plane)
    zeros = to.table(np.zeros(ceil(channels / 2), np.int64))
    values.update({"source": source, "target": target, "zeros": zeros, "row": row, "plane": plane, "panel": panel})
    kernel = Spread(s.dtype, WIDE, to.machine.lanes(WIDE), OUTPUT_BACK if back else INPUT, columns, _far(s, back))
    _launch(to, kernel, SPREAD_ARGS, values, _row(channels))
    return target, row, plane


def _far(s: Shape, back: bool) -> bool:
    """Whether the images, or those of the output (`back`), are too large to come from the second-level cache."""
    return s.n * (s.pixels * s.co if back else prod(s.input) * s.ci) * s.dtype.size >= FAR


def _images(to: Builder, s: Shape, w: Weights, shape: tuple[int, int], epilogue: Epilogue | None) -> None:
    """Transforms images, multiplies, transforms back: as many images at a time as leave all that in the cache; if that is all of them, by
    as many transformed weights at a time as do not fill much memory."""
    if in_blocks(to.machine, s):
        return _blocks(to, s, w, shape, epilogue)
    lanes, out = to.machine.lanes(WIDE), s.dtype if epilogue is None else epilogue.value.dtype
    chunk = _at_once(s, CHUNK + 36 * s.ci * s.co * 4)
    scratch, sums = (to.buffer(36 * (chunk * _tiles(s) * _row(channels) + SKEW)) for channels in (s.ci, s.co))
    panels = ceil(s.co / w.columns)
    block = panels if w.settled or chunk < s.n else _block(panels, 36 * s.ci * w.columns * 4, 1)
    weights = {0: _filters(to, w, 0, s.ci, s.co)} if block == panels else {}
    for first in range(0, s.n, chunk):
        images = min(chunk, s.n - first)
        size = s.input[1] * s.input[2] * s.ci * s.dtype.size
        x, row, plane = _spread(to, s, Operand("a", first * size), images, False, scratch)
        values = _grid(s, True, images)
        tiles = values["tiles"]
        assert isinstance(tiles, int)
        out_row, out_plane = _row(s.co), tiles * _row(s.co) + SKEW
        inner = affine_inner(s.ci, 4, block_size(s.ci, shape[0] * 4))
        for panel in range(0, panels, block):
            begin = panel * w.columns
            n = min(block * w.columns, s.co - begin)
            b = weights.get(panel) or _filters(to, w, panel, s.ci, n)
            problem = Problem(
                WIDE, n, shape, affine_rows(tiles, row, out_row), inner, x, b,
                Batch(36, plane, ceil(n / w.columns) * b.panel_stride + SKEW, out_plane), target=Operand(sums.name, begin * 4),
                out_elements=tiles * n, out_columns=s.co,
            )  # fmt: skip
            tile(to, problem)
        values.update({"source": sums, "out": Operand("out"), "row": out_row, "plane": out_plane, "first": first * s.pixels})
        _launch(to, Collect(WIDE, out, lanes, OUTPUT, epilogue), COLLECT_ARGS, values, out_row)


def _blocks(to: Builder, s: Shape, w: Weights, shape: tuple[int, int], epilogue: Epilogue | None) -> None:
    """The same by a task that takes a block of tiles at a time through all of it."""
    lanes, out = to.machine.lanes(WIDE), s.dtype if epilogue is None else epilogue.value.dtype
    b, images, sums = _filters(to, w, 0, s.ci, s.co), _grid(s, False, s.n), _grid(s, True, s.n)
    each = ceil(EACH / shape[0]) * shape[0]
    blocks = ceil(s.n * _tiles(s) / each)
    tasks, row, out_row = min(max(blocks // 8, TASKS[0]), TASKS[1], blocks), _row(s.ci), _row(s.co)
    plane = each * max(row, out_row) + SKEW
    size = (PLANES + 1) * plane
    work, zeros = to.buffer(tasks * size), to.table(np.zeros(ceil(s.ci / 2), np.int64))
    product = Builder(to.machine, to.schedule, constants=to.constants)
    batch = Batch(PLANES, plane, ceil(s.co / w.columns) * b.panel_stride + SKEW, plane)
    tile(product, Problem(WIDE, s.co, shape, affine_rows(each, row, out_row), affine_inner(s.ci, 4, s.ci), work, b, batch, target=work))
    one = product.launches[0]
    assert isinstance(one.kernel, Tile)
    images |= {"source": Operand("a"), "zeros": zeros, "row": row, "plane": plane, "target": 0, "grain": 0, "panel": 0}
    sums |= {"source": 0, "out": Operand("out"), "row": out_row, "plane": plane, "first": 0, "grain": 0}
    values: dict[str, Operand | int] = {"work": work, "work_size": size, "each": each, "blocks": blocks, "tasks": tasks}
    for part, arguments in (("spread", images), ("product", dict(zip(TILE_ARGS, one.args, strict=True))), ("collect", sums)):
        values |= {f"{part}_{name}": value for name, value in arguments.items()}
    kernel = Blocks(
        Spread(s.dtype, WIDE, lanes, INPUT, ahead=_far(s, False)), replace(one.kernel, passing=True), Collect(WIDE, out, lanes, OUTPUT), epilogue
    )  # fmt: skip
    to.launch(kernel, tasks, BLOCKS_ARGS, values, ("work", "collect_out"))
