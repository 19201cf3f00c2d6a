"""Gradients of convolutions' weights: sums over all positions of all images."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, prod

import numpy as np

from tenfold.core import dtypes
from tenfold.kernel.contraction import COPY, Operand, Steps, Table, Vectors, accumulator
from tenfold.kernel.convolution import ConvSpec, Image, Shape, by_windows, channels_of, grid, needed, normalize, padded_input, scaled
from tenfold.kernel.packing import Builder, convert, couple, pack
from tenfold.kernel.tiling import Batch, Columns, Inner, Problem, Rows, choose_tile, row_bytes, tile, whole

ROWS, COLUMNS = 48, 64  # that are multiplied with what is copied and packed, at least, for it to pay
MANY = 96  # rows, at least, for which a copy of each panel of the gradient pays
BLOCK, SHORT = 384, 256  # products at a time; where a panel's copy and the rows of a tile share the first-level cache
PAGE = 4096  # bytes: positions so far from each other fall upon each other in the first-level cache
MOST = 1.06  # times the rows there may be, if those of a tile stand side by side


def convolution_weight_gradient(machine: Vectors, spec: ConvSpec) -> Steps:
    """(a = x, b = gradient of out) -> gradient of w"""
    s, to = normalize(spec), Builder(machine)
    m, n = s.taps * (1 if s.depthwise else s.ci_group), s.co if s.depthwise else s.co_group
    if not (m and n):
        return to.finish()
    wide = accumulator(s.dtype)
    size = wide.size
    if machine.pairs and s.dtype is dtypes.bfloat16 and not s.depthwise and s.n * s.pixels * prod(s.input):
        s, x, g = _coupled(to, s)
    else:
        x, g = padded_input(to, s), Operand("b")
    a_batch = s.ci_group * size
    apart = s.groups > 1 and s.ci * size % PAGE == 0 and not (s.depthwise or s.pairs)
    if apart:
        x, a_batch = _apart(to, s, x)
    shape = choose_tile(m, n, machine.lanes(wide), machine, s.depthwise, across=True)
    taps = grid(scaled(x.strides, s.dilation), s.kernel)
    table = taps if s.depthwise else channels_of(taps, s.ci_group, size)
    inner, numbers, places = _positions(s, x, BLOCK), np.arange(m, dtype=np.int64), None
    panels = m >= MANY and machine.count == 16 and not (s.depthwise or s.pairs)
    if not apart and _copied(to, s, table, n, shape, inner.block):
        numbers, places = side_by_side(table, shape[0], size), inner.table
        block = whole(inner.block)
        inner = replace(inner, table=np.arange(inner.period, dtype=np.int64) % block * row_bytes(shape[0], wide, machine), block=block)
    elif panels and not apart:
        inner = _positions(s, x, SHORT)
    rows = Rows(len(numbers), np.stack([table[numbers], numbers * (s.co * size)], axis=1), 0, 0)
    groups = 1 if s.depthwise else s.groups
    b, b_batch = _gradient(to, s, g, n, shape[1] * machine.lanes(wide), places is not None or apart, panels)
    batch = Batch(groups, a_batch, b_batch, s.co_group * size)
    streamed = s.n * (x.bytes + s.pixels * s.co * size) + 1
    problem = Problem(
        s.dtype, n, shape, rows, inner, x.operand, b, batch, streamed=streamed, folded=s.dtype is not wide, depthwise=s.depthwise, pairs=s.pairs,
        out_elements=m * s.co, out_columns=s.co, a_type=wide if places is not None else None, places=places,
    )  # fmt: skip
    tile(to, problem)
    return to.finish()


def _apart(to: Builder, s: Shape, x: Image) -> tuple[Image, int]:
    """The images of each group by itself, and the bytes of one group's."""
    pixels, size = s.n * prod(x.extent), x.size
    operand = pack(to, x.operand, accumulator(s.dtype), s.ci, pixels, size, s.ci * size, s.ci_group, s.ci_group, np.zeros(1, np.int64))
    return Image(operand, x.extent, s.ci_group, size), pixels * s.ci_group * size


def routes(machine: Vectors, spec: ConvSpec, window: tuple[int, int]) -> bool:
    """Whether tasks can make what they copy of the gradient from that of maxima over windows, and their places."""
    s, to = normalize(spec), Builder(machine)
    lanes = machine.lanes(s.dtype)
    if s.dtype is not accumulator(s.dtype) or s.groups > 1 or not s.n * s.taps * s.ci * len(by_windows(s, window)) or s.co % prod(window):
        return False
    shape = choose_tile(s.taps * s.ci, s.co, lanes, machine, across=True)
    table = channels_of(grid(scaled(Image(Operand("a"), needed(s), s.ci, s.dtype.size).strides, s.dilation), s.kernel), s.ci, s.dtype.size)
    return s.co % (shape[1] * lanes) == 0 and not _copied(to, s, table, s.co, shape, BLOCK)


def routed_weight_gradient(machine: Vectors, spec: ConvSpec, window: tuple[int, int]) -> Steps:
    """(a = x, b = gradient of maxima over windows of out, places in these) -> gradient of w: a sum over all windows."""
    s, to, count = normalize(spec), Builder(machine), prod(window)
    x, size, m = padded_input(to, s), s.dtype.size, s.taps * s.ci
    shape = choose_tile(m, s.co, machine.lanes(s.dtype), machine, across=True)
    columns, index = shape[1] * machine.lanes(s.dtype), by_windows(s, window)
    one = grid(scaled(x.strides, s.stride), s.output)[index]
    images = min(max(256 // len(one), 1), s.n)
    table = (np.arange(images, dtype=np.int64)[:, None] * x.bytes + one).reshape(-1)
    most = min(SHORT, COPY // (columns * size)) // count * count
    block = ceil(ceil(len(table) / ceil(len(table) / most)) / count) * count
    inner = Inner(s.n * len(one), table, images * x.bytes, block, len(table))
    numbers = np.arange(m, dtype=np.int64)
    rows = Rows(m, np.stack([channels_of(grid(scaled(x.strides, s.dilation), s.kernel), s.ci, size), numbers * (s.co * size)], axis=1), 0, 0)
    b = Columns(Operand("b"), s.co * size // count, columns * size, False, s.dtype)
    streamed = s.n * (x.bytes + s.pixels * s.co * size) + 1
    tile(to, Problem(s.dtype, s.co, shape, rows, inner, x.operand, b, Batch(), streamed=streamed, out_elements=m * s.co, routed=count))
    return to.finish()


def _copied(to: Builder, s: Shape, table: Table, n: int, shape: tuple[int, int], block: int) -> bool:
    """Whether tasks copy the rows of each tile, channels at one position after the other, of whose lines it uses little, and multiply them
    with panels of the gradient. Neither pays without the other."""
    wide, height = accumulator(s.dtype), shape[0]
    possible = to.machine.count == 16 and not (s.depthwise or s.pairs) and block * row_bytes(height, wide, to.machine) <= COPY
    useful = len(table) >= ROWS and n >= COLUMNS
    return possible and useful and len(side_by_side(table, height, wide.size)) <= MOST * len(table)


def _gradient(to: Builder, s: Shape, g: Operand, n: int, columns: int, packed: bool, copied: bool) -> tuple[Columns, int]:
    """The gradient of the output, and the distance of its groups: in panels, whose rows follow upon each other; as it lies, for tasks to
    copy its panels; or as it lies, in the accumulators' type."""
    k, size = s.n * s.pixels, accumulator(s.dtype).size
    if packed:
        source = s.dtype.size
        operand = pack(to, g, s.dtype, n, k, source, s.co * source, columns, columns, np.zeros(1, np.int64), s.groups, s.co_group * source)
        return Columns(operand, columns * size, k * columns * size, True), ceil(n / columns) * k * columns * size
    if copied:
        source = s.dtype.size
        return Columns(g, s.co * source, columns * source, False, s.dtype), s.co_group * source
    operand = g if s.pairs else convert(to, g, s.dtype, k * s.co)
    return Columns(operand, s.co * size, columns * size, False), s.co_group * size


def side_by_side(places: Table, height: int, size: int) -> Table:
    """The numbers of rows, `size` bytes each, such that those of a tile of `height` stand side by side: where neighbours end within a
    tile, the last of them is taken again."""
    parts = np.split(np.arange(len(places), dtype=np.int64), np.flatnonzero(np.diff(places) != size) + 1)
    numbers: Table = np.concatenate([np.append(part, np.repeat(part[-1:], -len(part) % height)) for part in parts])
    return numbers


def _coupled(to: Builder, s: Shape) -> tuple[Shape, Image, Operand]:
    """The problem over pairs of neighbouring output positions, with x and the gradient of out in such pairs."""
    half = ceil(s.output[2] / 2)  # the last pair of a row may end in a gradient of zero
    reach = needed(s)
    x = couple(to, Operand("a"), s.n, s.input, s.ci, s.low, reach, 1, s.stride[2])
    g = couple(to, Operand("b"), s.n, s.output, s.co, (0, 0, 0), (*s.output[:2], half), 2, 1)
    paired = replace(s, pairs=True, output=(*s.output[:2], half), stride=(*s.stride[:2], 2 * s.stride[2]))
    return paired, Image(x, reach, s.ci, 4), g


def _positions(s: Shape, x: Image, most: int) -> Inner:
    """The sum over all positions of all output images, in blocks of `most` or a few less."""
    images = min(max(256 // max(s.pixels, 1), 1), max(s.n, 1))
    one = grid(scaled(x.strides, s.stride), s.output)
    table = (np.arange(images, dtype=np.int64)[:, None] * x.bytes + one).reshape(-1)
    period = max(len(table), 1)
    block = ceil(period / ceil(period / most))
    return Inner(s.n * s.pixels, table if len(table) else np.zeros(1, np.int64), images * x.bytes, block, period)
