"""Groups of channels that meet each other alone, and what the kernels that convolve them directly are told."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from tenfold.core.dtypes import DType

ROWS, GRADIENT = 16 * 1024, 4 * 1024  # bytes of a Correlation's copies: rows of the image, and one of the gradient
_IMAGES = ("channels", "source_channels", "depth", "height", "width", "out_depth", "out_height", "out_width", "stride_depth", "stride_height",
           "dilation_depth", "dilation_height", "low_depth", "low_height", "low_width")  # fmt: skip
DEPTHWISE_ARGS = ("source", "weights", "out", "zeros", "tap_depth", "tap_height", "tap_width", "weights_channel", "rows", "grain", *_IMAGES,
                  "whole_depth", "whole_height", "whole_width", "step_depth", "step_height", "step_width")  # fmt: skip
REGROUP_ARGS = ("source", "target", "taps_table", "taps", "total", "grain", "number", "group", "channel")
CORRELATION_ARGS = ("a", "b", "target", "piece", "rows", "grain", "turn", "blocks", "span", "segment", "seen", "kept_row",
                    "inner_low", "inner_high", *_IMAGES)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of so many channels of an image and of the output, that meet each other alone; a 1 and a 1 are a channel for itself."""

    inputs: int = 1
    outputs: int = 1

    @property
    def single(self) -> bool:
        """Whether each channel is by itself."""
        return self.inputs == self.outputs == 1

    def wide(self, lanes: int) -> bool:
        """Whether a vector of the output belongs to one group, so that all of it meets the same channel of the image."""
        return self.outputs % lanes == 0 and not self.single

    def vectors(self, lanes: int) -> int:
        """After so many vectors of the output a group begins with one again."""
        return 1 if self.wide(lanes) else lcm(self.outputs, lanes) // lanes


@dataclass(frozen=True, slots=True)
class Regroup:
    """Weights as a Depthwise of groups reads them: [vectors of channels][tap][number of the channel in the image's group][lanes]."""

    dtype: DType
    lanes: int
    vectors: int
    groups: Groups


@dataclass(frozen=True, slots=True)
class Correlation:
    """The gradient of the weights of a Depthwise: each task adds up some rows of positions, into sums [taps, inputs, channels] of its own.

    At a time it makes the sums of a row of taps, of `vectors` of channels (of groups, of one vector after the other), with `numbers` of the
    channels of each group, over `positions`. Of groups, it copies what these meet of the image: `kept` rows in each dimension, that following
    rows of positions see again; or no rows, where these are shuffled as they are read. `ahead`: the images are too large for the caches, so
    that what the next turn of rows reads is asked for.
    """

    source: DType
    dtype: DType
    lanes: int
    vectors: int
    numbers: int
    positions: int
    taps: tuple[int, int, int]
    stride: int
    dilation: int
    groups: Groups
    kept: tuple[int, int]
    ahead: bool

    @property
    def in_place(self) -> bool:
        """Whether images are read where they lie."""
        return self.groups.single or self.kept == (0, 0)
