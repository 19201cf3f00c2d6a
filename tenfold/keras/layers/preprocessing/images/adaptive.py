"""CLAHE: histograms equalized in tiles."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.images.arguments import plain, rescaled
from tenfold.keras.layers.preprocessing.images.base import ImageLayer
from tenfold.keras.layers.preprocessing.images.tones import BYTES

LEVELS = 256


@register(MODULE)
class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Equalizes histograms in the tiles of a grid and blends neighbouring tiles (CLAHE; Zuiderveld, 1994).

    Args:
        value_range: the least and largest value of a channel.
        clip_limit: how many times the mean a value's frequency may count, so that noise is not blown up; 0: without limit.
        tile_grid_size: how many tiles there are down and across.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, value_range: Any = (0, 255), clip_limit: float = 4.0, tile_grid_size: Any = (8, 8), data_format: str | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.value_range, self.clip_limit, self.tile_grid_size = plain(value_range), clip_limit, plain(tile_grid_size)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        x = ops.convert_to_tensor(images)
        first, dtype = self.data_format == "channels_first", x.dtype
        x = rescaled(ops.cast(ops.moveaxis(x, -3, -1) if first else x, "float32"), self.value_range, BYTES, "float32")
        y = ops.cast(rescaled(self._equalized(x), BYTES, self.value_range, "float32"), dtype)
        return ops.moveaxis(y, -1, -3) if first else y

    def _equalized(self, x: Any) -> Any:
        batch, height, width, channels = x.sizes
        grid = self.tile_grid_size
        tile = [-(-n // g) for n, g in zip((height, width), grid, strict=True)]
        margins = [[0, 0], *([0, t * g - n] for t, g, n in zip(tile, grid, (height, width), strict=True)), [0, 0]]
        x = ops.pad(x, margins, mode="symmetric") if tile[0] * grid[0] > height or tile[1] * grid[1] > width else x
        levels = ops.cast(ops.clip(x, 0, 255), "int32")
        tables = self._tables(levels, batch, grid, tile, channels)
        rows, columns = _between(tile[0], grid[0]), _between(tile[1], grid[1])
        y: Any = 0
        for row, row_weight in rows:
            for column, column_weight in columns:
                where = (row[:, None] * (grid[1] + 2) + column[None, :])[..., None] * channels + ops.arange(channels, dtype="int32")
                flat = ops.reshape(where * LEVELS + levels, (batch, -1))
                value = ops.reshape(ops.take_along_axis(tables, flat, axis=1), levels.sizes)
                y = y + value * (row_weight[:, None, None] * column_weight[None, :, None])
        return y[:, :height, :width]

    def _tables(self, levels: Any, batch: Any, grid: Any, tile: list[int], channels: int) -> Any:
        """For each tile, repeated at the border, and channel: what each level becomes; [batch, everything]."""
        size = tile[0] * tile[1]
        tiles = ops.reshape(levels, (batch, grid[0], tile[0], grid[1], tile[1], channels))
        tiles = ops.reshape(ops.transpose(tiles, (0, 1, 3, 5, 2, 4)), (-1, size))
        counts = ops.sum(ops.one_hot(tiles, LEVELS, dtype="float32"), axis=1)
        if self.clip_limit > 0:
            kept = ops.minimum(counts, self.clip_limit * size / LEVELS)
            counts = kept + ops.sum(counts - kept, axis=1, keepdims=True) / LEVELS
        total = ops.cumsum(counts, axis=1)
        least = ops.min(total, axis=1, keepdims=True)
        span = size - least
        table = ops.clip((total - least) * 255.0 / ops.where(ops.equal(span, 0), ops.ones_like(span), span), 0, 255)
        table = ops.reshape(table, (batch, grid[0], grid[1], channels * LEVELS))
        table = ops.concatenate([table[:, :1], table, table[:, -1:]], axis=1)
        table = ops.concatenate([table[:, :, :1], table, table[:, :, -1:]], axis=2)
        return ops.reshape(table, (batch, -1))

    def get_config(self) -> dict[str, Any]:
        own = {"value_range": self.value_range, "clip_limit": self.clip_limit, "tile_grid_size": self.tile_grid_size}
        return {**super().get_config(), **own}


def _between(tile: int, grid: int) -> list[tuple[Any, Any]]:
    """For each pixel of an axis the two tiles whose centres it lies between, with their weights."""
    place = (ops.arange(tile * grid, dtype="float32") - tile / 2) / tile + 1
    low = ops.floor(place)
    share = place - low
    index = ops.cast(low, "int32")
    return [(ops.clip(index, 0, grid + 1), 1 - share), (ops.clip(index + 1, 0, grid + 1), share)]
