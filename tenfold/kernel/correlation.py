"""Gradients of weights of convolutions by channel, or by group of few, directly: sums over rows of positions."""

from __future__ import annotations

from math import ceil, prod

from tenfold.kernel.contraction import SUM_ARGS, Operand, Steps, Sum, Vectors, accumulator
from tenfold.kernel.convolution import ConvSpec, Shape, normalize
from tenfold.kernel.depthwise import LARGE, geometry, lanes_for, suits
from tenfold.kernel.groups import CORRELATION_ARGS, GRADIENT, ROWS, Correlation, Groups
from tenfold.kernel.packing import MOST_TASKS, Builder

FOLDS = 24  # tasks wanted
SUMS = 12  # vectors that are added to at a time
KEPT = 6  # rows of the image
FOLDED = 4 << 20  # bytes that may be folded, where images come from memory: for tasks to have rows alone and not blocks of channels
STACK = 16 * 1024  # bytes of the sums of a vector
POSITIONS = 3  # at a time, where what they see is held in registers: the number that these leave
SPAN = 64  # channels of a task, at least
MOST_CHANNELS = 8  # of a group


def convolution_weight_gradient(machine: Vectors, spec: ConvSpec) -> Steps | None:
    """(a = x, b = gradient of out) -> gradient of w: sums over some rows of positions each, which are added up then."""
    s, to = normalize(spec), Builder(machine)
    groups, wide = Groups(s.ci_group, s.co_group), accumulator(s.dtype)
    lanes = lanes_for(machine, s.dtype, groups, s.co)
    if not (suits(machine, s, groups, s.co) and s.kernel[2] <= SUMS and prod(s.input) > 0 and s.pixels > 0):
        return None
    vectors = groups.vectors(lanes) if not s.depthwise else 2 if 2 * s.kernel[2] <= SUMS else 1
    numbers = max(n for n in range(1, s.ci_group + 1) if s.ci_group % n == 0 and n * s.kernel[2] <= SUMS)
    vector = lanes * wide.size
    column = s.ci_group * (wide.size if groups.wide(lanes) else vector)
    row, kept, segment = (0, (1, 1), s.output[2]) if s.depthwise else _copies(s, column, vector)
    narrow = s.ci_group == 1 and groups.wide(lanes)  # as many rows as one tile has
    if narrow or max(s.ci_group, s.co_group) > MOST_CHANNELS or s.taps * s.ci_group * vector > STACK or not segment:
        return None
    ahead = s.n * (s.ci * prod(s.input) + s.co * s.pixels) * s.dtype.size > LARGE
    if ahead and machine.count == 16 and _spread(groups, lanes, numbers):
        row, kept, segment = 0, (0, 0), s.output[2]
    rows, piece = s.n * s.output[0] * s.output[1], s.taps * s.ci_group * s.co * wide.size
    blocks, span = _blocks(s.co, vectors * lanes, ceil(FOLDS * piece / FOLDED) if ahead else FOLDS)
    grain = ceil(rows / ceil(FOLDS / blocks))
    pieces = ceil(rows / grain)
    target = to.buffer(pieces * piece)
    line = (s.input[2] * s.stride[1] * s.ci + s.output[2] * s.co) * s.dtype.size // blocks
    positions = POSITIONS if groups.wide(lanes) else 1
    kernel = Correlation(s.dtype, wide, lanes, vectors, numbers, positions, s.kernel, s.stride[2], s.dilation[2], groups, kept, ahead)
    reach = (s.kernel[2] - 1) * s.dilation[2]
    inner = min(max(ceil(s.low[2] / s.stride[2]), 0), s.output[2])  # positions that see columns of the image alone
    beyond = min(max((s.input[2] - 1 - reach + s.low[2]) // s.stride[2] + 1, inner), s.output[2])
    values: dict[str, Operand | int] = {
        "a": Operand("a"), "b": Operand("b"), "target": target, "piece": piece, "rows": rows, "grain": grain,
        "turn": max((machine.cache // 2 if ahead else 4 * machine.cache) // line, 1), "blocks": blocks, "span": span, "segment": segment,
        "seen": row // column, "kept_row": row, "inner_low": inner, "inner_high": beyond, **geometry(s),
    }  # fmt: skip
    to.launch(kernel, pieces * blocks, CORRELATION_ARGS, values)
    _fold(to, s, target, pieces)
    return to.finish()


def _spread(groups: Groups, lanes: int, numbers: int) -> bool:
    """Whether a shuffle within quarters of a register, of which two are made at a time, gives the channels that a vector of groups meets, all of
    them at a time: where rows come from memory, that takes less than copying them."""
    return numbers == groups.inputs == groups.outputs <= 4 and not groups.wide(lanes) and lanes % groups.outputs == 0


def _copies(s: Shape, column: int, position: int) -> tuple[int, tuple[int, int], int]:
    """What tasks copy, of `column` bytes of the image and `position` bytes of the gradient: bytes of a row, rows that are kept, and how many
    positions' columns they have; 0 if not even those of one fit."""
    deep, tall = (min((s.kernel[d] - 1) * s.dilation[d] + 1, most) for d, most in ((0, 2), (1, KEPT)))
    reach = (s.kernel[2] - 1) * s.dilation[2] + 1
    for kept in ((deep, tall), (1, tall), (1, 1)):
        room = ROWS // (kept[0] * kept[1] * column) - reach
        if room >= 0:
            most = min(room // s.stride[2] + 1, GRADIENT // position)
            segment = ceil(s.output[2] / ceil(s.output[2] / most))
            return ((segment - 1) * s.stride[2] + reach) * column, kept, segment
    return 0, (1, 1), 0


def _blocks(channels: int, step: int, wanted: int) -> tuple[int, int]:
    """(blocks of channels, channels of one), whole steps: about as many as are wanted, of some lines each."""
    blocks = max(min(wanted, channels // max(SPAN, step)), 1)
    span = ceil(ceil(channels / blocks) / step) * step
    return ceil(channels / span), span


def _fold(to: Builder, s: Shape, target: Operand, pieces: int) -> None:
    """Appends the sum of the pieces."""
    wide, m = accumulator(s.dtype), s.taps * s.ci_group
    share = max(ceil(m / MOST_TASKS), ceil(8192 / s.co))
    values: dict[str, Operand | int] = {
        "source": target, "out": Operand("out"), "m": m, "n": s.co, "pieces": pieces, "piece": m * s.co * wide.size, "grain": share,
    }  # fmt: skip
    to.launch(Sum(wide, s.dtype, to.machine.lanes(wide)), ceil(m / share), SUM_ARGS, values)
