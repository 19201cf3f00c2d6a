"""Images: files, Pillow's pictures and arrays."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras.base.defaults import data_format as standardized
from tenfold.keras.base.defaults import floatx

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
INTERPOLATIONS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}  # the numbers are Pillow's


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Image:
    """An array [height, width, channels] as Pillow's picture.

    Args:
        x: 1, 3 or 4 channels.
        data_format: "channels_last" or "channels_first".
        scale: whether the smallest value becomes 0 and the largest 255; else values are expected there.
        dtype: what to compute in; floatx by default.

    Raises:
        ValueError: the array is no image.
    """
    from PIL import Image as pictures  # imported where first used: most programs have no images

    x = np.asarray(x, dtype=dtype or floatx())
    if x.ndim != 3:
        raise ValueError(f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}")
    if standardized(data_format) == "channels_first":
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - np.min(x)
        largest = np.max(x)
        x = x / largest * 255 if largest else x  # in this order the largest is 255, not a little more
    channels = x.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {channels}")
    if channels == 1:
        return pictures.fromarray(x[:, :, 0].astype("int32" if np.max(x) > 255 else "uint8"))
    return pictures.fromarray(x.astype("uint8"))


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> NDArray[Any]:
    """Pillow's picture as an array [height, width, channels] (or channels first) of floatx or `dtype`.

    Raises:
        ValueError: it is no image.
    """
    x = np.asarray(img, dtype=dtype or floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"Unsupported image shape: {x.shape}")
    x = x[:, :, None] if x.ndim == 2 else x
    return x.transpose(2, 0, 1) if standardized(data_format) == "channels_first" else x


def save_img(path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any) -> None:
    """Writes an array as an image file, in the format that the name's ending or `file_format` says."""
    if file_format is None and isinstance(path, (str, Path)):
        file_format = Path(path).suffix[1:].lower()
    file_format = "jpeg" if file_format and file_format.lower() == "jpg" else file_format
    picture = array_to_img(x, data_format=data_format, scale=scale)
    if picture.mode == "RGBA" and file_format == "jpeg":
        warnings.warn("The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2)
        picture = picture.convert("RGB")
    picture.save(path, format=file_format, **kwargs)


def load_img(path: Any, color_mode: str = "rgb", target_size: tuple[int, int] | None = None, interpolation: str = "nearest",
             keep_aspect_ratio: bool = False) -> Image:  # fmt: skip
    """Reads an image file as Pillow's picture.

    Args:
        path: a path, or a `BytesIO`.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: height and width; as stored by default.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
        keep_aspect_ratio: whether to cut the picture's centre out rather than to distort it.

    Raises:
        TypeError: `path` is neither.
        ValueError: an option is unknown, or the file is no image.
    """
    from PIL import Image as pictures

    if not isinstance(path, (io.BytesIO, str, bytes, os.PathLike)):
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    if color_mode not in MODES:
        raise ValueError('color_mode must be "grayscale", "rgb", or "rgba"')
    picture = opened(pictures, path)
    if picture.mode not in MODES[color_mode]:
        picture = picture.convert(MODES[color_mode][0])
    if target_size is None or picture.size == (target_size[1], target_size[0]):
        return picture
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"Invalid interpolation method {interpolation} specified. Supported methods are {', '.join(INTERPOLATIONS)}")
    box = centre(*picture.size, target_size[1], target_size[0]) if keep_aspect_ratio else None
    return picture.resize((target_size[1], target_size[0]), INTERPOLATIONS[interpolation], box=box)


def opened(pictures: Any, path: Any) -> Image:
    """The whole picture in memory: the file is closed."""
    try:
        picture: Image = pictures.open(path)
        picture.load()
    except (SyntaxError, ValueError, OSError, pictures.DecompressionBombError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path if isinstance(path, (str, Path)) else 'The file'} is not a whole image ({error}).") from error
    return picture


def centre(width: int, height: int, to_width: int, to_height: int) -> tuple[int, int, int, int]:
    """The largest box in the middle that has the proportions of the target: left, top, right, bottom."""
    inner_width, inner_height = min(width, height * to_width // to_height), min(height, width * to_height // to_width)
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    return left, top, left + inner_width, top + inner_height
