"""The demo's pictures, drawn with Pillow: a chart of curves over an axis, and a sheet of images with captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SCALE = 2  # everything is drawn this much larger and then shrunk, which smooths the edges of lines
PAPER, INK, GREY, GRID = "#ffffff", "#1f2933", "#6b7785", "#e4e8ec"

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont
Pixel: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over positions; `points` draws a mark at each as well."""

    name: str
    x: NDArray[np.floating[Any]]
    y: NDArray[np.floating[Any]]
    colour: str
    width: float = 2.0
    points: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a chart's axes lie on the paper, and what they measure; the upright axis is logarithmic."""

    left: float
    top: float
    right: float
    bottom: float
    x_max: float
    y_min: float
    y_max: float

    def x(self, value: float) -> float:
        return self.left + (self.right - self.left) * value / self.x_max

    def y(self, value: float) -> float:
        part = math.log(max(value, self.y_min) / self.y_min) / math.log(self.y_max / self.y_min)
        return self.bottom - (self.bottom - self.top) * min(part, 1.0)


def font(size: float) -> Font:
    return ImageFont.load_default(size * SCALE)


def write(draw: ImageDraw.ImageDraw, where: Pixel, text: str, size: float, colour: str = INK, anchor: str = "la") -> None:
    draw.text((where[0] * SCALE, where[1] * SCALE), text, fill=colour, font=font(size), anchor=anchor)


def line(draw: ImageDraw.ImageDraw, points: Sequence[Pixel], colour: str, width: float) -> None:
    draw.line([(x * SCALE, y * SCALE) for x, y in points], fill=colour, width=round(width * SCALE), joint="curve")


def dot(draw: ImageDraw.ImageDraw, where: Pixel, colour: str, radius: float = 3.5) -> None:
    x, y, r = where[0] * SCALE, where[1] * SCALE, radius * SCALE
    draw.ellipse((x - r, y - r, x + r, y + r), fill=colour, outline=PAPER, width=SCALE)


def new_paper(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    paper = Image.new("RGB", (width * SCALE, height * SCALE), PAPER)
    return paper, ImageDraw.Draw(paper)


def save(paper: Image.Image, path: Path) -> None:
    size = (paper.width // SCALE, paper.height // SCALE)
    paper.resize(size, Image.Resampling.LANCZOS).save(path, optimize=True)


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times each power of ten between two positive numbers.

    >>> log_ticks(0.03, 1.2)
    [0.05, 0.1, 0.2, 0.5, 1.0]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [round(digit * 10.0**power, 12) for power in powers for digit in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]


def whole_ticks(high: float, most: int = 10) -> list[int]:
    """At most `most` + 1 whole numbers from 0 to `high`, evenly apart.

    >>> whole_ticks(25)
    [0, 5, 10, 15, 20, 25]
    """
    step = next(digit * 10**power for power in range(12) for digit in (1, 2, 5) if high / (digit * 10**power) <= most)
    return list(range(0, int(high) + 1, step))


def draw_chart(path: Path, title: str, subtitle: str, x_title: str, y_title: str, curves: Sequence[Curve]) -> None:
    """Draws curves of positive values over one axis that begins at 0 into a PNG file."""
    width, height = 900, 540
    paper, draw = new_paper(width, height)
    values = np.concatenate([curve.y[np.isfinite(curve.y) & (curve.y > 0)] for curve in curves])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.1, 1.0)
    x_max = max(float(curve.x.max(initial=0.0)) for curve in curves) or 1.0
    frame = Frame(86, 112, width - 36, height - 64, x_max, low / 1.15, max(high, low * 1.5) * 1.15)
    write(draw, (36, 22), title, 20)
    write(draw, (36, 52), subtitle, 13, GREY)
    draw_axes(draw, frame, x_title, y_title)
    for curve in curves:
        draw_curve(draw, frame, curve)
    draw_legend(draw, frame, curves)
    save(paper, path)


def draw_axes(draw: ImageDraw.ImageDraw, frame: Frame, x_title: str, y_title: str) -> None:
    for tick in log_ticks(frame.y_min, frame.y_max):
        y = frame.y(tick)
        line(draw, [(frame.left, y), (frame.right, y)], GRID, 1)
        write(draw, (frame.left - 10, y), f"{tick:g}", 12, GREY, "rm")
    for tick in whole_ticks(frame.x_max):
        x = frame.x(tick)
        line(draw, [(x, frame.bottom), (x, frame.bottom + 5)], GREY, 1)
        write(draw, (x, frame.bottom + 9), str(tick), 12, GREY, "ma")
    line(draw, [(frame.left, frame.bottom), (frame.right, frame.bottom)], GREY, 1.5)
    write(draw, ((frame.left + frame.right) / 2, frame.bottom + 32), x_title, 13, INK, "ma")
    write(draw, (36, frame.top - 12), y_title, 13, INK, "ls")


def draw_curve(draw: ImageDraw.ImageDraw, frame: Frame, curve: Curve) -> None:
    points = [(frame.x(float(x)), frame.y(float(y))) for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(y)]
    if len(points) > 1:
        line(draw, points, curve.colour, curve.width)
    for point in points if curve.points or len(points) == 1 else ():
        dot(draw, point, curve.colour)


def draw_legend(draw: ImageDraw.ImageDraw, frame: Frame, curves: Sequence[Curve]) -> None:
    for row, curve in enumerate(curves):
        y = frame.top + 16 + 22 * row
        x = frame.right - 190
        line(draw, [(x, y), (x + 26, y)], curve.colour, max(curve.width, 2))
        if curve.points:
            dot(draw, (x + 13, y), curve.colour)
        write(draw, (x + 36, y), curve.name, 13, INK, "lm")


@dataclass(frozen=True, slots=True)
class Tile:
    """A small grey image with two lines below it."""

    image: NDArray[np.uint8]
    caption: str
    note: str


def draw_sheet(path: Path, title: str, subtitle: str, tiles: Sequence[Tile], columns: int = 6) -> None:
    """Draws images in rows, each with its caption, into a PNG file."""
    tile, gap, margin, head, foot = 112, 26, 36, 92, 48
    rows = max(1, math.ceil(len(tiles) / columns))
    width = 2 * margin + columns * tile + (columns - 1) * gap
    paper, draw = new_paper(width, head + rows * (tile + foot) + margin // 2)
    write(draw, (margin, 22), title, 20)
    write(draw, (margin, 52), subtitle, 13, GREY)
    for number, one in enumerate(tiles):
        x = margin + (number % columns) * (tile + gap)
        y = head + (number // columns) * (tile + foot)
        paper.paste(enlarged(one.image, tile * SCALE), (x * SCALE, y * SCALE))
        write(draw, (x + tile / 2, y + tile + 6), one.caption, 13, INK, "ma")
        write(draw, (x + tile / 2, y + tile + 23), one.note, 12, GREY, "ma")
    save(paper, path)


def enlarged(image: NDArray[np.uint8], size: int) -> Image.Image:
    """Dark strokes on light paper, smoothly enlarged."""
    return Image.fromarray(255 - image).resize((size, size), Image.Resampling.BICUBIC).convert("RGB")
