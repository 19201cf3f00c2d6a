"""Convolutions of each channel, or each group of few channels, for itself, directly: no margin is written, and an image is read once.

A task takes some rows of output positions. In these it takes a few neighbouring positions at a time, finds where the positions of the
input that they see lie (zeros, where that is outside the image), and then goes through the channels, a few vectors at a time. Gradients
of inputs are the same with the weights turned about: one for each remainder of the positions of x modulo the stride.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import ceil, prod

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import Depthwise, Epilogue, Operand, Steps, Vectors, accumulator
from tenfold.kernel.convolution import ConvSpec, Phase, Shape, dot, grid, normalize, phase_of, scaled
from tenfold.kernel.cutting import TASK
from tenfold.kernel.groups import DEPTHWISE_ARGS, REGROUP_ARGS, Groups, Regroup
from tenfold.kernel.margins import Triple
from tenfold.kernel.packing import MOST_TASKS, Builder, convert

MOST_TAPS = 64
LARGE = 10 << 20  # bytes of input and output that do not stay in the caches
MOST_CHANNELS = 16  # of the output's groups; more of them are products large enough for tiles,
FEW = 4  # unless those of the image are so few
MOST_LINES = 64  # rows of taps, each with one channel of a group, that are written out
POSITIONS = (8, 7, 4, 2, 1)


@dataclass(frozen=True, slots=True)
class Weights:
    """Where the weights lie: the first tap; in bytes from tap to tap in each dimension; from number to number of a group of the image, from
    group to group of the output, from channel to channel within it."""

    first: Operand
    taps: Triple
    number: int
    group: int
    channel: int


@dataclass(frozen=True, slots=True)
class Places:
    """The positions of `extent` that a convolution makes: the first one, and the steps to the following ones."""

    extent: Triple
    first: Triple = (0, 0, 0)
    step: Triple = (1, 1, 1)


def convolution(machine: Vectors, spec: ConvSpec, epilogue: Epilogue | None = None) -> Steps | None:
    """(a = x, b = w) -> out; None for other convolutions."""
    s, to = normalize(spec), Builder(machine)
    groups = Groups(s.ci_group, s.co_group)
    if not (prod(s.output) and suits(machine, s, groups, s.co) and few(groups)):
        return None
    size = accumulator(s.dtype).size
    weights = Weights(_converted(to, s), _taps(s), s.co * size, s.co_group * size, size)
    _direct(to, s, groups, weights, Places(s.output), epilogue)
    return to.finish()


def convolution_input_gradient(machine: Vectors, spec: ConvSpec) -> Steps | None:
    """(a = gradient of out, b = w) -> gradient of x; None for other convolutions."""
    s, to = normalize(spec), Builder(machine)
    groups = Groups(s.co_group, s.ci_group)
    if not (prod(s.input) and suits(machine, s, groups, s.ci) and few(groups)):
        return None
    phases = [phase_of(s, remainder) for remainder in product(*(range(stride) for stride in s.stride))]
    weights = _converted(to, s)
    for phase in phases:
        if prod(phase.count):
            _phase(to, s, groups, weights, phase)
    return to.finish()


def _converted(to: Builder, s: Shape) -> Operand:
    """The weights in the accumulators' type."""
    return convert(to, Operand("b"), s.dtype, s.taps * s.ci_group * s.co)


def _phase(to: Builder, s: Shape, groups: Groups, w: Operand, phase: Phase) -> None:
    """The positions of x of one phase: a convolution of stride 1 with the taps that reach them, the last ones first."""
    kernel, size = [len(offsets) for offsets in phase.along], accumulator(s.dtype).size
    if not phase.taps:
        kernel = [0, 0, 0]
    dilation = [offsets[0] - offsets[1] if len(offsets) > 1 else 1 for offsets in phase.along]
    low = [-offsets[-1] if offsets else 0 for offsets in phase.along]
    first, last = (phase.taps[0], phase.taps[-1]) if phase.taps else ((0, 0, 0), (0, 0, 0))
    steps = [(a - b) // max(count - 1, 1) for a, b, count in zip(first, last, kernel, strict=True)]
    taps = scaled(_taps(s), (steps[0], steps[1], steps[2]))
    weights = Weights(replace(w, offset=dot(_taps(s), last)), taps, size, s.co_group * size, s.co * size)
    turned = replace(
        s, input=s.output, ci=s.co, co=s.ci, output=phase.count, kernel=(kernel[0], kernel[1], kernel[2]), stride=(1, 1, 1),
        low=(low[0], low[1], low[2]), dilation=(dilation[0], dilation[1], dilation[2]),
    )  # fmt: skip
    _direct(to, turned, groups, weights, Places(s.input, phase.first, s.stride), None)


def _taps(s: Shape) -> Triple:
    """Bytes from tap to tap of the weights in each dimension."""
    tap = s.ci_group * s.co * accumulator(s.dtype).size
    return s.kernel[1] * s.kernel[2] * tap, s.kernel[2] * tap, tap


def suits(machine: Vectors, s: Shape, groups: Groups, channels: int) -> bool:
    """Whether channels of the output find the others of their groups by shuffles that are the same all along."""
    lanes = lanes_for(machine, s.dtype, groups, channels)
    written = s.kernel[0] * s.kernel[1] * groups.inputs * groups.vectors(max(lanes, 1))
    grouped = s.groups > 1 and s.dtype is accumulator(s.dtype) and lanes > 1 and (looped(groups, lanes) or written <= MOST_LINES)
    return (s.depthwise or grouped) and 0 < s.taps <= MOST_TAPS and s.n > 0


def looped(groups: Groups, lanes: int) -> bool:
    """Whether the channels of a group are gone through by a loop: where there are many, and each is that of a whole vector."""
    return groups.inputs > lanes and groups.wide(lanes)


def few(groups: Groups) -> bool:
    """Whether tiles would be narrow, or their sums short."""
    return (groups.outputs <= MOST_CHANNELS and groups.inputs <= 2 * MOST_CHANNELS) or groups.inputs <= FEW


def lanes_for(machine: Vectors, dtype: DType, groups: Groups, channels: int) -> int:
    """As wide vectors as divide the channels such that groups fall into them in the same way again and again; 0 if there are none."""
    lanes = machine.lanes(accumulator(dtype))
    while lanes and not groups.single and channels % (lanes * groups.vectors(lanes)):
        lanes //= 2
    return lanes


def choose(machine: Vectors, s: Shape) -> tuple[int, int]:
    """(positions, vectors) worked on at a time: what takes the fewest cycles, of what the registers hold."""
    taps = s.kernel[2]
    choices = []
    for positions in POSITIONS:
        seen = len(columns(positions, taps, s.stride[2], s.dilation[2]))
        for vectors in (1, 2) if s.depthwise else (1,):
            if (positions + taps) * vectors < machine.count and positions <= s.output[2]:
                cycles = max(positions * taps * vectors, seen * (1 + vectors) + taps * vectors) / vectors
                choices.append((cycles * ceil(s.output[2] / positions), -positions, vectors))
    _, positions, vectors = min(choices, default=(0, -1, 1))
    return -positions, vectors


def columns(positions: int, taps: int, stride: int, dilation: int) -> list[int]:
    """The columns of the input that neighbouring positions see, from the first one on."""
    return sorted({p * stride + k * dilation for p in range(positions) for k in range(taps)})


def geometry(s: Shape) -> dict[str, Operand | int]:
    """The arguments that say where positions and taps lie in images."""
    return {
        "channels": s.co, "source_channels": s.ci, "depth": s.input[0], "height": s.input[1], "width": s.input[2], "out_depth": s.output[0],
        "out_height": s.output[1], "out_width": s.output[2], "stride_depth": s.stride[0], "stride_height": s.stride[1],
        "dilation_depth": s.dilation[0], "dilation_height": s.dilation[1], "low_depth": s.low[0], "low_height": s.low[1], "low_width": s.low[2],
    }  # fmt: skip


def _direct(to: Builder, s: Shape, groups: Groups, weights: Weights, places: Places, epilogue: Epilogue | None) -> None:
    """Appends the convolution; `s` has the channels of the image and of the output."""
    wide, lanes = accumulator(s.dtype), lanes_for(to.machine, s.dtype, groups, s.co)
    positions, vectors = choose(to.machine, s)
    if groups.single:
        source, taps, channel = weights.first, weights.taps, wide.size
    else:
        vectors = groups.vectors(lanes)
        source, channel = _regrouped(to, s, Regroup(wide, lanes, vectors, groups), weights)
        tap = groups.inputs * vectors * lanes * wide.size
        taps = (s.kernel[1] * s.kernel[2] * tap, s.kernel[2] * tap, tap)
    out = s.dtype if epilogue is None else epilogue.value.dtype
    images = s.n * (s.ci * prod(s.input) * s.dtype.size + s.co * prod(places.extent) * out.size)
    kernel = Depthwise(s.dtype, wide, out, lanes, positions, vectors, s.kernel, s.stride[2], s.dilation[2], groups, images > LARGE, epilogue)
    rows = s.n * s.output[0] * s.output[1]
    wanted = max(min(rows * s.output[2] * max(s.taps, 1) * groups.inputs * ceil(s.co / lanes) // TASK, MOST_TASKS), 1)
    grain = max(rows // wanted, 1)
    values: dict[str, Operand | int] = {
        "source": Operand("a"), "weights": source, "out": Operand("out", _first(places) * s.co * out.size),
        "zeros": to.table(np.zeros(ceil(s.ci * s.dtype.size / 8), np.int64)), "weights_channel": channel, "rows": rows, "grain": grain, **geometry(s),
    }  # fmt: skip
    for axis, tap, whole, step in zip(("depth", "height", "width"), taps, places.extent, places.step, strict=True):
        values |= {f"tap_{axis}": tap, f"whole_{axis}": whole, f"step_{axis}": step}
    to.launch(kernel, ceil(rows / grain), DEPTHWISE_ARGS, values)


def _first(places: Places) -> int:
    """The number of the first position."""
    return (places.first[0] * places.extent[1] + places.first[1]) * places.extent[2] + places.first[2]


def _regrouped(to: Builder, s: Shape, kernel: Regroup, weights: Weights) -> tuple[Operand, int]:
    """The weights of groups as a Depthwise reads them, and the bytes from channel to channel."""
    step, channel = kernel.lanes * kernel.vectors, s.taps * kernel.groups.inputs * kernel.dtype.size
    target, total = to.buffer(s.co * channel), s.co // step
    grain = max(ceil(total / MOST_TASKS), 4096 // max(channel, 1), 1)
    values: dict[str, Operand | int] = {
        "source": weights.first, "target": target, "taps_table": to.table(grid(weights.taps, s.kernel)), "taps": s.taps,
        "total": total, "grain": grain, "number": weights.number, "group": weights.group, "channel": weights.channel,
    }  # fmt: skip
    to.launch(kernel, ceil(total / grain), REGROUP_ARGS, values)
    return target, channel
