"""Convolutions and the gradients of their inputs as contractions over tables of offsets.

Data are x [n, spatial..., ci], weights [spatial..., ci / groups, co], out [n, spatial..., co], contiguous, with 1 to 3 spatial dimensions
(inside always 3). Padding is written once, as a margin of zeros around a copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import ceil, lcm, prod

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import COPY, Epilogue, Operand, Steps, Table, Vectors, accumulator
from tenfold.kernel.margins import Group, Triple, Window, together
from tenfold.kernel.packing import Builder, convert, element, pack, pad
from tenfold.kernel.schedule import MODEL, Schedule
from tenfold.kernel.tiling import L1, Batch, Columns, Inner, Problem, Rows, block_size, choose_tile, row_choices, table_inner, tile

PAGE = 2048
TALL = (1, 2, 3, 4)  # vectors of tiles
OFTEN = 32  # tiles that read the same weights


@dataclass(frozen=True, slots=True)
class ConvSpec:
    """A convolution; tuples have one entry per spatial dimension. `padding` is (low, high), and may be negative (cropping)."""

    dtype: DType
    n: int
    input: tuple[int, ...]
    ci: int
    co: int
    kernel: tuple[int, ...]
    output: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1

    @property
    def rank(self) -> int:
        """How many spatial dimensions there are."""
        return len(self.input)


@dataclass(frozen=True, slots=True)
class Shape:
    """A ConvSpec with three spatial dimensions and what follows from it."""

    dtype: DType
    n: int
    input: Triple
    ci: int
    co: int
    kernel: Triple
    output: Triple
    stride: Triple
    low: Triple
    dilation: Triple
    groups: int
    seen: DType  # what an element of the operands is: of `dtype`, or an int32 that stands for two bfloat16
    pairs: bool = False

    @property
    def ci_group(self) -> int:
        """Input channels of a group."""
        return self.ci // self.groups

    @property
    def co_group(self) -> int:
        """Output channels of a group."""
        return self.co // self.groups

    @property
    def depthwise(self) -> bool:
        """Whether each channel is convolved for itself."""
        return self.groups == self.ci == self.co and self.groups > 1

    @property
    def pixels(self) -> int:
        """Positions of one output image."""
        return prod(self.output)

    @property
    def taps(self) -> int:
        """Positions of the kernel."""
        return prod(self.kernel)


def normalize(spec: ConvSpec) -> Shape:
    """`spec` with leading spatial dimensions of extent 1."""

    def three(values: tuple[int, ...], fill: int) -> Triple:
        a, b, c = (fill,) * (3 - spec.rank) + tuple(values)
        return a, b, c

    low = three(tuple(p[0] for p in spec.padding), 0)
    return Shape(
        spec.dtype, spec.n, three(spec.input, 1), spec.ci, spec.co, three(spec.kernel, 1), three(spec.output, 1),
        three(spec.strides, 1), low, three(spec.dilation, 1), spec.groups, spec.dtype,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Image:
    """Images in the accumulators' type: where, their spatial extents, their channels."""

    operand: Operand
    extent: Triple
    channels: int
    size: int

    @property
    def strides(self) -> Triple:
        """Bytes from position to position in each spatial dimension."""
        pixel = self.channels * self.size
        return self.extent[1] * self.extent[2] * pixel, self.extent[2] * pixel, pixel

    @property
    def bytes(self) -> int:
        """Bytes of one image."""
        return prod(self.extent) * self.channels * self.size


def grid(strides: Triple, extents: Triple) -> Table:
    """Offsets of all positions of a box, row by row."""
    axes = [np.arange(e, dtype=np.int64) * s for s, e in zip(strides, extents, strict=True)]
    return (axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :]).reshape(-1)


def scaled(a: Triple, b: Triple) -> Triple:
    """a * b"""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]


def dot(a: Triple, b: Triple) -> int:
    """The sum of products."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def margin(to: Builder, name: str, dtype: DType, n: int, extent: Triple, channels: int, low: Triple, reach: Triple) -> Image:
    """Operand `name` [n, *extent, channels] with `low` zeros before and `reach` positions in all (beyond its end, zeros)."""
    wide = accumulator(dtype)
    if low == (0, 0, 0) and all(a <= b for a, b in zip(reach, extent, strict=True)):
        plain = convert(to, Operand(name), dtype, n * prod(extent) * channels)
        return Image(plain, extent, channels, wide.size)
    reach = (max(reach[0], 1), max(reach[1], 1), max(reach[2], 1))
    target = to.buffer(n * prod(reach) * channels * wide.size)
    zeros = min(max(low[2], 0), reach[2])
    skipped = max(-low[2], 0)
    copied = max(min(extent[2] - skipped, reach[2] - zeros), 0)
    source = Operand(name, skipped * channels * dtype.size)
    row = (zeros * channels, copied * channels, (reach[2] - zeros - copied) * channels)
    source_row = extent[2] * channels * dtype.size
    pad(to, source, target, dtype, (n, reach[0], reach[1], reach[2] * channels), extent[:2], low[:2], row, source_row)
    return Image(target, reach, channels, wide.size)


def needed(s: Shape) -> Triple:
    """How far the windows of all output positions reach in the padded input."""
    reach = [(o - 1) * st + (k - 1) * d + 1 for o, st, k, d in zip(s.output, s.stride, s.kernel, s.dilation, strict=True)]
    return reach[0], reach[1], reach[2]


def padded_input(to: Builder, s: Shape) -> Image:
    """x with the margin that the convolution asks for."""
    return margin(to, "a", s.seen, s.n, s.input, s.ci, s.low, needed(s))


def channels_of(taps: Table, channels: int, size: int) -> Table:
    """Offsets of all channels at all taps."""
    return (taps[:, None] + np.arange(channels, dtype=np.int64) * size).reshape(-1)


def convolution(
    machine: Vectors, spec: ConvSpec, epilogue: Epilogue | None = None, settled: bool = False, schedule: Schedule = MODEL
) -> Steps:  # fmt: skip
    """(a = x, b = w) -> out; what is made of weights that are `settled` is kept."""
    s, to = normalize(spec), Builder(machine, schedule)
    m, n = s.n * s.pixels, s.co if s.depthwise else s.co_group
    if not (m and s.co):
        return to.finish()
    seen, pairs = element(machine, s.dtype, 1 if s.depthwise else s.ci_group)
    if pairs:
        s = replace(s, seen=seen, pairs=pairs, ci=s.ci // 2)
    wide = accumulator(s.dtype)
    size, out = wide.size, s.dtype if epilogue is None else epilogue.value.dtype
    window = Window(s.output, tuple(_starts(s, d) for d in range(3)), s.input)
    plain = Image(Operand("a"), s.input, s.ci, size)
    group = together(machine, window, s.n, n, plain.bytes, machine.lanes(wide), s.depthwise)
    shape = group.shape if group else choose_tile(m, n, machine.lanes(wide), machine, s.depthwise, schedule)
    x = replace(plain, operand=convert(to, Operand("a"), s.seen, s.n * prod(s.input) * s.ci)) if group else padded_input(to, s)
    taps = grid(scaled(x.strides, s.dilation), s.kernel)
    table = taps if s.depthwise else channels_of(taps, s.ci_group, size)
    # the windows of a row of positions overlap, so they take less of the cache than as many rows would
    overlapping = shape[0] if s.stride[2] > 1 or group else ceil((shape[0] + s.kernel[2] - 1) / s.kernel[2])
    inner = table_inner(table, block_size(len(table), overlapping * size))
    stored = out if inner.blocks == 1 else wide
    y = Image(Operand("out"), s.output, s.co, stored.size)
    places = grid(scaled(x.strides, s.stride), s.output) - (dot(s.low, x.strides) if group else 0)
    rows = window.rows(group, s.n, places, x.bytes, grid(y.strides, s.output), y.bytes, len(table) // max(s.taps, 1))
    if epilogue and epilogue.pooling:
        rows = window_by_window(s, rows, epilogue.pooling.window, s.co * size)
    b = _weights(to, s, shape, machine, settled)
    groups = 1 if s.depthwise else s.groups
    packed = b.panel_stride * ceil(n / (shape[1] * machine.lanes(wide))) if b.padded else s.co_group * size
    batch = Batch(groups, s.ci_group * size, packed, s.co_group * stored.size, s.co_group)
    problem = Problem(
        s.dtype, n, shape, rows, inner, x.operand, b, batch, epilogue, folded=stored is not out, depthwise=s.depthwise, pairs=s.pairs,
        out_elements=m * s.co, out_columns=s.co,
    )  # fmt: skip
    tile(to, problem)
    return to.finish()


def pools(machine: Vectors, spec: ConvSpec, window: tuple[int, int]) -> bool:
    """Whether tasks of plain sums can pool what they make, all channels of some windows: these then fit the stack, the weights the cache."""
    s = normalize(spec)
    lanes, at_once = machine.lanes(s.dtype), max(lcm(prod(window), rows) for vectors in TALL for rows in row_choices(vectors, machine))
    if s.dtype is not accumulator(s.dtype) or s.groups > 1 or s.co % lanes or not s.n * s.ci * s.taps:
        return False
    shape = Window(s.output, tuple(_starts(s, d) for d in range(3)), s.input)
    apart = together(machine, shape, s.n, s.co, prod(s.input) * s.ci * s.dtype.size, lanes, False) is None
    return apart and at_once * s.co * s.dtype.size <= COPY and s.taps * s.ci * s.co * s.dtype.size <= machine.cache


def by_windows(s: Shape, window: tuple[int, int]) -> Table:
    """The numbers of an output's positions, window by window."""
    (tall, wide), (height, width) = window, s.output[1:]
    positions = np.arange(s.pixels).reshape(s.output)[0, : height // tall * tall, : width // wide * wide]
    index: Table = positions.reshape(height // tall, tall, width // wide, wide).swapaxes(1, 2).reshape(-1)
    return index


def window_by_window(s: Shape, rows: Rows, window: tuple[int, int], size: int) -> Rows:
    """`rows`, all positions of images, in the order of windows; each row of the output has `size` bytes."""
    index = by_windows(s, window)
    table = np.stack([rows.table[index, 0], np.arange(len(index)) * size], axis=1)
    return Rows(s.n * len(index), table, rows.a_outer, len(index) * size, None if rows.bounds is None else rows.bounds[index])


def _starts(s: Shape, d: int) -> Table:
    """Coordinates in x of every output position and tap, in dimension `d`."""
    first: Table = np.arange(s.output[d]) * s.stride[d] - s.low[d]
    return first[:, None] + np.arange(s.kernel[d]) * s.dilation[d]


def _weights(to: Builder, s: Shape, shape: tuple[int, int], machine: Vectors, settled: bool) -> Columns:
    """The weights as they are, or in panels: where these are kept, or read so often that they are worth it, or where rows would fall
    upon each other in the cache."""
    wide = accumulator(s.dtype)
    columns, k = shape[1] * machine.lanes(wide), s.taps * s.ci_group
    rows, spread = s.n * s.pixels, s.co_group > columns and not s.depthwise
    distant = s.co * wide.size % PAGE == 0 and s.groups == 1 and rows > 2 * shape[0] and k > 64
    often = rows >= OFTEN * shape[0] and k * s.co_group * wide.size > L1
    bad = {"placed": False, "packed": spread}.get(to.schedule.b or "", distant or (spread and (settled or often)))
    if s.pairs or bad:
        source, taps, group = s.seen.size, np.zeros(1, np.int64), s.co_group * s.dtype.size
        operand = pack(to, Operand("b"), s.seen, s.co_group, k, source, s.co * source, columns, columns, taps, s.groups, group, 1 + s.pairs)
        return Columns(operand, columns * wide.size, k * columns * wide.size, True)
    operand = convert(to, Operand("b"), s.dtype, k * s.co)
    return Columns(operand, s.co * wide.size, columns * wide.size, False)


def convolution_input_gradient(machine: Vectors, spec: ConvSpec, schedule: Schedule = MODEL) -> Steps:
    """(a = gradient of out, b = w) -> gradient of x

    The positions of x fall into phases by their remainder modulo the stride; each phase is a convolution of the padded gradient with
    the taps that reach it.
    """
    s, to = normalize(spec), Builder(machine, schedule)
    if not (s.n and prod(s.input) and s.ci):
        return to.finish()
    seen, pairs = element(machine, s.dtype, 1 if s.depthwise else s.co_group)
    if pairs:
        s = replace(s, seen=seen, pairs=pairs, co=s.co // 2)
    wide = accumulator(s.dtype)
    phases = [phase_of(s, remainder) for remainder in product(*(range(st) for st in s.stride))]
    phases = [p for p in phases if prod(p.count)]
    n, groups = (s.ci, 1) if s.depthwise else (s.ci_group, s.groups)
    plain, lanes = Image(Operand("a"), s.output, s.co, wide.size), machine.lanes(wide)
    group = together(machine, phases[0].window(s), s.n, n, plain.bytes, lanes, s.depthwise) if len(phases) == 1 else None
    if group:
        g, low = replace(plain, operand=convert(to, Operand("a"), s.seen, s.n * s.pixels * s.co)), (0, 0, 0)
    else:
        g, low = _padded_gradient(to, s, phases)
    shape = group.shape if group else choose_tile(s.n * prod(phases[0].count), n, lanes, machine, s.depthwise, schedule)
    b, tap_bytes = _flipped_weights(to, s, phases, shape, machine)
    panels = ceil(n / (shape[1] * lanes))
    batch = Batch(groups, s.co_group * wide.size, panels * b.panel_stride, s.ci_group * s.dtype.size)
    start = 0
    for phase in phases:
        rows, inner = _phase_loops(s, phase, g, low, shape[0], group)
        here = replace(b, operand=Operand(b.operand.name, start * tap_bytes))
        tile(to, Problem(s.dtype, n, shape, rows, inner, g.operand, here, batch, depthwise=s.depthwise, pairs=s.pairs))
        start += len(phase.offsets)
    return to.finish()


@dataclass(frozen=True, slots=True)
class Phase:
    """Positions of x with one remainder modulo the stride: the first one, how many, the taps reaching them and from where in out."""

    first: Triple
    count: Triple
    taps: tuple[Triple, ...]
    offsets: tuple[Triple, ...]
    along: tuple[tuple[int, ...], ...]  # the offsets in each dimension

    def window(self, s: Shape) -> Window:
        """What its positions see of the gradient."""
        starts = (np.arange(c)[:, None] + np.array(o, np.int64) for c, o in zip(self.count, self.along, strict=True))
        return Window(self.count, tuple(starts), s.output)


def phase_of(s: Shape, remainder: tuple[int, ...]) -> Phase:
    """The phase of a remainder in each dimension."""
    first, count, taps, offsets = [], [], [], []
    for d in range(3):
        stride = s.stride[d]
        i = (remainder[d] - s.low[d]) % stride
        reaching = [k for k in range(s.kernel[d]) if (k * s.dilation[d] - remainder[d]) % stride == 0]
        first.append(i)
        count.append(max(ceil((s.input[d] - i) / stride), 0))
        taps.append(reaching)
        offsets.append([(i + s.low[d] - k * s.dilation[d]) // stride for k in reaching])
    all_taps = tuple((a, b, c) for a, b, c in product(*taps))
    all_offsets = tuple((a, b, c) for a, b, c in product(*offsets))
    return Phase((first[0], first[1], first[2]), (count[0], count[1], count[2]), all_taps, all_offsets, tuple(map(tuple, offsets)))


def _padded_gradient(to: Builder, s: Shape, phases: list[Phase]) -> tuple[Image, Triple]:
    """The gradient with the margins that the phases reach into, and its lower margins."""
    offsets = [o for p in phases for o in p.offsets]
    low = [max(-min((o[d] for o in offsets), default=0), 0) for d in range(3)]
    reach = [max((o[d] + p.count[d] for p in phases for o in p.offsets), default=0) + low[d] for d in range(3)]
    first = (low[0], low[1], low[2])
    return margin(to, "a", s.seen, s.n, s.output, s.co, first, (reach[0], reach[1], reach[2])), first


def _phase_loops(s: Shape, phase: Phase, g: Image, low: Triple, height: int, group: Group | None) -> tuple[Rows, Inner]:
    """The positions of x of one phase, and its sum over taps and channels of the gradient."""
    shift = dot(low, g.strides)
    taps = np.array([dot(o, g.strides) + shift for o in phase.offsets], np.int64)
    table = taps if s.depthwise else channels_of(taps, s.co_group, g.size)
    overlapping = height if group else ceil((height + s.kernel[2] - 1) / s.kernel[2])
    block = block_size(len(table), overlapping * g.size)
    x = Image(Operand("out"), s.input, s.ci, s.dtype.size)
    out = grid(scaled(x.strides, s.stride), phase.count) + dot(phase.first, x.strides)
    run = len(table) // max(len(phase.offsets), 1)
    rows = phase.window(s).rows(group, s.n, grid(g.strides, phase.count), g.bytes, out, x.bytes, run)
    return rows, table_inner(table, block if s.dtype is accumulator(s.dtype) else len(table))


def _flipped_weights(to: Builder, s: Shape, phases: list[Phase], shape: tuple[int, int], machine: Vectors) -> tuple[Columns, int]:
    """Panels [group][panel][tap][co of the group][ci], taps in the order of the phases; and the bytes of one tap in a panel."""
    wide = accumulator(s.dtype)
    columns, source = shape[1] * machine.lanes(wide), s.seen.size
    one = s.ci_group * s.co * source
    numbers = [(t[0] * s.kernel[1] + t[1]) * s.kernel[2] + t[2] for p in phases for t in p.taps]
    taps = np.array(numbers, np.int64) * one
    n, k = (s.ci, 1) if s.depthwise else (s.ci_group, s.co_group)
    stride = source if s.depthwise else s.co * source
    groups = 1 if s.depthwise else s.groups
    operand = pack(to, Operand("b"), s.seen, n, k, stride, source, columns, columns, taps, groups, s.co_group * source)
    row = columns * wide.size
    return Columns(operand, row, len(taps) * k * row, True), k * row
