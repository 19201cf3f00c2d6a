"""`image_dataset_from_directory`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras.base.defaults import data_format as standardized
from tenfold.keras.utils.folders import folder_dataset
from tenfold.keras.utils.images import MODES, load_img
from tenfold.ops.resizing import KERNELS, nearest_of, weights_of

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
METHODS = (*KERNELS, "nearest", "area")


@dataclass(frozen=True)
class Pictures:
    """How files become one array: their colours, size, and layout. The host does it: each picture may have another size."""

    color_mode: str
    size: tuple[int, int]
    interpolation: str
    crop: bool
    pad: bool
    channels_first: bool

    def __call__(self, paths: list[str]) -> NDArray[np.float32]:
        pictures = np.stack([self.one(path) for path in paths])
        return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)) if self.channels_first else pictures

    def one(self, path: str) -> NDArray[np.float32]:
        x = np.asarray(load_img(path, self.color_mode))
        x = x[:, :, None] if x.ndim == 2 else x
        if self.crop:
            x = cropped(x, self.size)
        return resized(padded(x, self.size) if self.pad else x, self.size, self.interpolation)


def cropped(x: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The largest part in the middle that has the proportions of `size`."""
    height, width = x.shape[:2]
    inner = max(min(height, int(width * size[0] / size[1])), 1), max(min(width, int(height * size[1] / size[0])), 1)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    return x[top : top + inner[0], left : left + inner[1]]


def padded(x: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """With black borders that give it the proportions of `size`."""
    height, width = x.shape[:2]
    outer = max(height, int(width * size[0] / size[1])), max(width, int(height * size[1] / size[0]))
    above, before = (outer[0] - height) // 2, (outer[1] - width) // 2
    return np.pad(x, ((above, outer[0] - height - above), (before, outer[1] - width - before), (0, 0)))


def resized(x: NDArray[Any], size: tuple[int, int], method: str) -> NDArray[np.float32]:
    """As `tf.image.resize` does it, in NumPy."""
    height, width = x.shape[:2]
    if method == "nearest":
        nearest: NDArray[np.float32] = x[nearest_of(height, size[0])][:, nearest_of(width, size[1])].astype(np.float32, copy=False)
        return nearest
    y = x.astype(np.float32)
    if height != size[0]:
        y = np.tensordot(weights_of(method, height, size[0], False), y, 1)
    if width != size[1]:
        y = np.einsum("wv,hvc->hwc", weights_of(method, width, size[1], False), y, optimize=True)
    return np.ascontiguousarray(y, np.float32)


def image_dataset_from_directory(directory: Any, labels: Any = "inferred", label_mode: str | None = "int",
                                 class_names: Sequence[str] | None = None, color_mode: str = "rgb", batch_size: int | None = 32,
                                 image_size: Any = (256, 256), shuffle: bool = True, seed: int | None = None,
                                 validation_split: float | None = None, subset: str | None = None, interpolation: str = "bilinear",
                                 follow_links: bool = False, crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False,
                                 data_format: str | None = None, format: str = "tf", verbose: bool = True) -> Any:  # fmt: skip
    """Batches of the images in a folder, which has a folder for each class.

    Args:
        directory: the folder; .bmp, .gif, .jpeg, .jpg and .png files are taken.
        labels: "inferred" from the inner folders' names, a list of numbers (in the order of the sorted paths), or None.
        label_mode: "int" (int32 [batch]), "binary" (float32 [batch, 1]), "categorical" (one-hot float32) or None.
        class_names: the inner folders in the order of their numbers; alphabetical by default.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels.
        batch_size: images per batch; None: single images without a batch dimension.
        image_size: height and width that every image is brought to.
        shuffle: whether each pass has another order; else alphabetical.
        seed: of the order and of the split.
        validation_split: the part of the images that is kept to validate with.
        subset: "training", "validation", or "both" for a list of the two; with `validation_split` only.
        interpolation: a method of `tf.image.resize`.
        follow_links: whether to enter folders that are symbolic links.
        crop_to_aspect_ratio: cut the middle out rather than distort.
        pad_to_aspect_ratio: add black borders rather than distort.
        data_format: "channels_last" or "channels_first".
        format: "tf"; grain's data sets are not made here.
        verbose: whether to tell how many files were found.

    Returns:
        Something to iterate (again and again) or to give to `fit`, with `class_names`, `file_paths` and a length. It gives images as
        float32 [batch, height, width, channels], from 0 to 255, and labels unless there are none.

    Raises:
        ValueError: an argument makes no sense, there is no image, or a file is none.
    """
    if color_mode not in MODES:
        raise ValueError(f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: color_mode={color_mode}')
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise ValueError(f"Invalid `image_size` value. Expected a tuple of 2 integers. Received: image_size={image_size}")
    if interpolation.lower() not in METHODS:
        raise ValueError(f"Argument `interpolation` should be one of {METHODS}. Received: interpolation={interpolation}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
    check_format(format)
    first = standardized(data_format) == "channels_first"
    stack = Pictures(color_mode, (int(size[0]), int(size[1])), interpolation.lower(), crop_to_aspect_ratio, pad_to_aspect_ratio, first)
    dataset = folder_dataset("images", directory, labels, label_mode, class_names, FORMATS, stack, batch_size, shuffle, seed, validation_split,
                             subset, follow_links, verbose)  # fmt: skip
    return made_as(format, dataset)


def check_format(format: str) -> None:
    """Raises for formats that do not exist."""
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')


def made_as(format: str, dataset: Any) -> Any:
    """The data set, unless another library's is asked for: after all other arguments were checked."""
    if format == "grain":
        raise NotImplementedError("Data sets of the library grain are not made here. Try format='tf': it can be iterated, and given to fit.")
    return dataset
