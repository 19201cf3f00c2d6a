"""Convolutions of each channel, or each group of few channels, for itself, directly: no margin is written, and an image is read once.

A task takes some rows of output positions. In these it takes a few neighbouring positions at a time, finds where the positions of the
input that they see lie (zeros, where that is outside the image), and then goes through the channels, a few vectors at a time.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, prod

import numpy as np

from tenfold.kernel.contraction import (
    CORRELATION_ARGS,
    DEPTHWISE_ARGS,
    SUM_ARGS,
    Correlation,
    Depthwise,
    Epilogue,
    Operand,
    Steps,
    Sum,
    Vectors,
    accumulator,
)
from tenfold.kernel.convolution import ConvSpec, Shape, normalize
from tenfold.kernel.cutting import TASK
from tenfold.kernel.packing import MOST_TASKS, Builder, convert, pack

MOST_TAPS = 64
LARGE = 10 << 20  # bytes of input and output that do not stay in the caches
PIECES = 24  # of the sum over positions
SUMS = 12  # vectors that are added to at a time
MOST_CHANNELS = 16  # of a group; more of them are products large enough for tiles
POSITIONS = (8, 7, 4, 2, 1)


def convolution(machine: Vectors, spec: ConvSpec, epilogue: Epilogue | None = None, settled: bool = False) -> Steps | None:
    """(a = x, b = w) -> out; None for other convolutions."""
    s = normalize(spec)
    return _direct(machine, s, epilogue, False) if _fits(machine, s) else None


def convolution_input_gradient(machine: Vectors, spec: ConvSpec) -> Steps | None:
    """(a = gradient of out, b = w) -> gradient of x, of stride 1: the convolution with the weights turned about."""
    s = normalize(spec)
    if not (_fits(machine, s) and prod(s.input) > 0) or s.stride != (1, 1, 1):
        return None
    low = [(k - 1) * d - p for k, d, p in zip(s.kernel, s.dilation, s.low, strict=True)]
    return _direct(machine, replace(s, input=s.output, output=s.input, low=(low[0], low[1], low[2])), None, True)


def convolution_weight_gradient(machine: Vectors, spec: ConvSpec) -> Steps | None:
    """(a = x, b = gradient of out) -> gradient of w: sums over some rows of positions each, which are added up then."""
    s, to = normalize(spec), Builder(machine)
    wide, group = accumulator(s.dtype), s.ci_group
    piece = s.taps * group * s.co * wide.size
    small = s.depthwise or piece <= machine.cache // 2
    if not (_fits(machine, s) and prod(s.input) > 0 and s.kernel[2] <= SUMS and small):
        return None
    numbers = max(n for n in range(1, group + 1) if group % n == 0 and n * s.kernel[2] <= SUMS)
    vectors = 2 if group == 1 and 2 * s.kernel[2] <= SUMS else 1
    rows = s.n * s.output[0] * s.output[1]
    grain = ceil(rows / PIECES)
    pieces = ceil(rows / grain)
    target = to.buffer(pieces * piece)
    reach = (s.kernel[2] - 1) * s.dilation[2]
    inner = min(max(ceil(s.low[2] / s.stride[2]), 0), s.output[2])  # positions that see columns of the image alone
    beyond = min(max((s.input[2] - 1 - reach + s.low[2]) // s.stride[2] + 1, inner), s.output[2])
    ahead = s.n * s.ci * (prod(s.input) + s.pixels) * s.dtype.size > LARGE
    kernel = Correlation(s.dtype, wide, machine.lanes(wide), vectors, numbers, s.kernel, s.stride[2], s.dilation[2], group, ahead)
    values: dict[str, Operand | int] = {
        "a": Operand("a"), "b": Operand("b"), "target": target, "zeros": to.table(np.zeros(ceil(s.ci * s.dtype.size / 8), np.int64)),
        "piece": piece, "rows": rows, "grain": grain, "inner_low": inner, "inner_high": beyond, **_geometry(s),
    }  # fmt: skip
    to.launch(kernel, pieces, CORRELATION_ARGS, values)
    m, share = s.taps * group, max(ceil(s.taps * group / MOST_TASKS), ceil(8192 / s.co))
    last: dict[str, Operand | int] = {
        "source": target, "out": Operand("out"), "m": m, "n": s.co, "pieces": pieces, "piece": piece, "grain": share,
    }  # fmt: skip
    to.launch(Sum(wide, s.dtype, machine.lanes(wide)), ceil(m / share), SUM_ARGS, last)
    return to.finish()


def _geometry(s: Shape) -> dict[str, int]:
    """The arguments that say where positions and taps lie in images."""
    return {
        "channels": s.ci, "depth": s.input[0], "height": s.input[1], "width": s.input[2], "out_depth": s.output[0], "out_height": s.output[1],
        "out_width": s.output[2], "stride_depth": s.stride[0], "stride_height": s.stride[1], "dilation_depth": s.dilation[0],
        "dilation_height": s.dilation[1], "low_depth": s.low[0], "low_height": s.low[1], "low_width": s.low[2],
    }  # fmt: skip


def _fits(machine: Vectors, s: Shape) -> bool:
    lanes, group = machine.lanes(s.dtype), s.ci_group
    few = s.ci == s.co and s.groups > 1 and 1 < group <= MOST_CHANNELS and s.dtype is accumulator(s.dtype)
    few = few and s.ci % lanes == 0 and (lanes % group == 0 or group % lanes == 0)  # a vector holds groups, or a group vectors
    return (s.depthwise or few) and 0 < s.taps <= MOST_TAPS and s.n * s.pixels > 0


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


def _direct(machine: Vectors, s: Shape, epilogue: Epilogue | None, turned: bool) -> Steps:
    to, wide = Builder(machine), accumulator(s.dtype)
    lanes, channels, group = machine.lanes(wide), s.ci, s.ci_group
    positions, vectors = choose(machine, s)
    apart = turned and group > 1
    tap, channel, each = channels * group * wide.size, channels * wide.size, group * wide.size
    if apart:  # [group][tap][channel of the gradient][channel of x]
        taps, tap, channel = np.arange(s.taps, dtype=np.int64) * tap, group * group * wide.size, each
        weights = pack(to, Operand("b"), s.dtype, group, group, channels * wide.size, wide.size, group, group, taps, s.groups, each)
        each = s.taps * tap
    else:
        weights = convert(to, Operand("b"), s.dtype, s.taps * channels * group)
    out = s.dtype if epilogue is None else epilogue.value.dtype
    images = s.n * channels * (prod(s.input) * s.dtype.size + s.pixels * out.size)
    kernel = Depthwise(s.dtype, wide, out, lanes, positions, vectors, s.kernel, s.stride[2], s.dilation[2], group, apart, images > LARGE, epilogue)
    rows = s.n * s.output[0] * s.output[1]
    wanted = max(min(rows * s.output[2] * s.taps * group * ceil(channels / lanes) // TASK, MOST_TASKS), 1)
    grain = max(rows // wanted, 1)
    values: dict[str, Operand | int] = {
        "source": Operand("a"), "weights": replace(weights, offset=(s.taps - 1) * tap) if turned else weights, "out": Operand("out"),
        "zeros": to.table(np.zeros(ceil(channels * s.dtype.size / 8), np.int64)), "tap": -tap if turned else tap,
        "weights_channel": channel, "weights_group": each, "rows": rows, "grain": grain, **_geometry(s),
    }  # fmt: skip
    to.launch(kernel, ceil(rows / grain), DEPTHWISE_ARGS, values)
    return to.finish()
