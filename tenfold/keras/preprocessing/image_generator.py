"""Keras 2's `ImageDataGenerator`: random changes of images, made by the host batch by batch.

New programs use `image_dataset_from_directory` and the Random* layers, which run inside the compiled step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras.base.defaults import data_format as standardized
from tenfold.keras.base.defaults import floatx
from tenfold.keras.preprocessing.image_iterators import ArrayIterator, FileIterator, from_dataframe, from_directory

Image = NDArray[Any]
FILLS = {"nearest": "edge", "reflect": "symmetric", "wrap": "wrap", "constant": "constant"}  # -> numpy.pad's words


class ImageDataGenerator:
    """Batches of images with random rotations, shifts, flips and so on.

    Args:
        featurewise_center, featurewise_std_normalization: over the data that `fit` saw, per channel.
        samplewise_center, samplewise_std_normalization: over each image.
        zca_whitening, zca_epsilon: whitening by the data that `fit` saw.
        rotation_range: degrees.
        width_shift_range, height_shift_range: a part of the size, pixels (an integer), or a list to choose from.
        brightness_range: two factors.
        shear_range: degrees.
        zoom_range: a part, or two factors.
        channel_shift_range: a value that is added to each channel.
        fill_mode, cval: what stands outside: "nearest", "reflect", "wrap", or "constant" with the value `cval`.
        horizontal_flip, vertical_flip: whether images are mirrored at random.
        rescale: a factor.
        preprocessing_function: is applied to each image after the random changes.
        data_format: "channels_last" or "channels_first".
        validation_split: the part of the images that is kept for `subset="validation"`.
        interpolation_order: 0 nearest or 1 bilinear.
        dtype: of the batches.

    Example:
        >>> batches = ImageDataGenerator(rescale=1 / 255).flow(np.full((4, 8, 8, 3), 255.0), np.arange(4), batch_size=2)
        >>> x, y = next(batches)
        >>> x.shape, float(x.max())
        ((2, 8, 8, 3), 1.0)
    """

    def __init__(self, featurewise_center: bool = False, samplewise_center: bool = False, featurewise_std_normalization: bool = False,
                 samplewise_std_normalization: bool = False, zca_whitening: bool = False, zca_epsilon: float = 1e-6, rotation_range: float = 0,
                 width_shift_range: Any = 0.0, height_shift_range: Any = 0.0, brightness_range: Any = None, shear_range: float = 0.0,
                 zoom_range: Any = 0.0, channel_shift_range: float = 0.0, fill_mode: str = "nearest", cval: float = 0.0,
                 horizontal_flip: bool = False, vertical_flip: bool = False, rescale: float | None = None,
                 preprocessing_function: Callable[[Image], Image] | None = None, data_format: str | None = None, validation_split: float = 0.0,
                 interpolation_order: int = 1, dtype: Any = None) -> None:  # fmt: skip
        self.featurewise_center, self.samplewise_center = featurewise_center or zca_whitening, samplewise_center
        self.featurewise_std_normalization, self.samplewise_std_normalization = featurewise_std_normalization, samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range, self.channel_shift_range = rotation_range, shear_range, channel_shift_range
        self.width_shift_range, self.height_shift_range, self.brightness_range = width_shift_range, height_shift_range, brightness_range
        self.zoom_range = (1 - zoom_range, 1 + zoom_range) if isinstance(zoom_range, (int, float)) else tuple(zoom_range)
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip, self.rescale = horizontal_flip, vertical_flip, rescale
        self.preprocessing_function, self.data_format, self.dtype = preprocessing_function, standardized(data_format), dtype or floatx()
        if not 0 <= validation_split < 1:
            raise ValueError(f"`validation_split` must be between 0 and 1. Received: {validation_split}")
        self._validation_split = validation_split
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None
        if fill_mode not in FILLS:
            raise ValueError(f"`fill_mode` must be one of {sorted(FILLS)}. Received: {fill_mode!r}")
        if len(self.zoom_range) != 2:
            raise ValueError(f"`zoom_range` should be a float or a tuple or list of two floats. Received: {zoom_range}")
        if interpolation_order not in (0, 1):
            raise NotImplementedError(f"[ImageDataGenerator] interpolation_order must be 0 or 1. Received: {interpolation_order}.")

    @property
    def channel_axis(self) -> int:
        """The axis of one image that holds its channels."""
        return 0 if self.data_format == "channels_first" else 2

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Measures mean, deviation and principal components of a sample of images."""
        x = np.array(x, self.dtype)
        if x.ndim != 4:
            raise ValueError(f"Input to `.fit()` should have rank 4. Got array with shape: {x.shape}")
        if augment:
            rng = np.random.default_rng(seed)
            x = np.concatenate([np.stack([self.random_transform(image, rng) for image in x]) for _ in range(rounds)])
        axes = tuple(axis for axis in range(4) if axis != self.channel_axis + 1)
        if self.featurewise_center:
            self.mean = x.mean(axes, keepdims=True)[0]
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axes, keepdims=True)[0]
            x = x / (self.std + 1e-6)
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            _, scales, parts = np.linalg.svd(flat, full_matrices=False)
            self.zca_whitening_matrix = parts.T / np.sqrt(scales**2 / len(x) + self.zca_epsilon) @ parts

    def standardize(self, x: Image) -> Image:
        """One image, normalized."""
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        x = np.asarray(x, self.dtype)
        if self.rescale:
            x = x * np.asarray(self.rescale, self.dtype)
        if self.samplewise_center:
            x = x - x.mean()
        if self.samplewise_std_normalization:
            x = x / (x.std() + 1e-6)
        needs_fit = self.featurewise_center or self.featurewise_std_normalization or self.zca_whitening
        if needs_fit and (self.mean is None and self.std is None and self.zca_whitening_matrix is None):
            raise ValueError("[ImageDataGenerator] featurewise options and zca_whitening need statistics. Try generator.fit(images) first.")
        if self.mean is not None:
            x = x - self.mean
        if self.std is not None:
            x = x / (self.std + 1e-6)
        if self.zca_whitening_matrix is not None:
            x = (x.reshape(-1) @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def get_random_transform(self, img_shape: Any, seed: Any = None) -> dict[str, Any]:
        """Random parameters for `apply_transform`."""
        rng = np.random.default_rng(seed)
        rows, columns = (n for axis, n in enumerate(img_shape) if axis != self.channel_axis)
        zoom: Any = rng.uniform(self.zoom_range[0], self.zoom_range[1], 2) if self.zoom_range != (1, 1) else (1.0, 1.0)
        return {
            "theta": rng.uniform(-1, 1) * self.rotation_range,
            "tx": shift(rng, self.height_shift_range, rows),
            "ty": shift(rng, self.width_shift_range, columns),
            "shear": rng.uniform(-1, 1) * self.shear_range,
            "zx": zoom[0],
            "zy": zoom[1],
            "flip_horizontal": bool(rng.random() < 0.5) and self.horizontal_flip,
            "flip_vertical": bool(rng.random() < 0.5) and self.vertical_flip,
            "channel_shift_intensity": rng.uniform(-1, 1) * self.channel_shift_range if self.channel_shift_range else None,
            "brightness": rng.uniform(*self.brightness_range) if self.brightness_range is not None else None,
        }

    def apply_transform(self, x: Image, transform_parameters: dict[str, Any]) -> Image:
        """One image, changed."""
        p = transform_parameters
        affine = {name: p[name] for name in ("theta", "tx", "ty", "shear", "zx", "zy") if name in p}
        rows, columns, axis = (1, 2, 0) if self.channel_axis == 0 else (0, 1, 2)
        x = apply_affine_transform(x, **affine, row_axis=rows, col_axis=columns, channel_axis=axis, fill_mode=self.fill_mode, cval=self.cval,
                                   order=self.interpolation_order)  # fmt: skip
        if p.get("channel_shift_intensity") is not None:
            x = np.clip(x + p["channel_shift_intensity"], x.min(), x.max())
        if p.get("flip_horizontal"):
            x = np.flip(x, columns)
        if p.get("flip_vertical"):
            x = np.flip(x, rows)
        if p.get("brightness") is not None:
            x = np.clip(x * p["brightness"], 0, 255) if x.max() > 1 else x * p["brightness"]
        return x

    def random_transform(self, x: Image, seed: Any = None) -> Image:
        """One image, changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def flow(self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = True, sample_weight: Any = None, seed: int | None = None,
             save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png", ignore_class_split: bool = False,
             subset: str | None = None) -> ArrayIterator:  # fmt: skip
        """Endless batches of arrays; it can be given to `fit`."""
        refuse_saving(save_to_dir)
        return ArrayIterator(self, x, y, sample_weight, batch_size, shuffle, seed, subset, self._validation_split)

    def flow_from_directory(self, directory: Any, target_size: tuple[int, int] = (256, 256), color_mode: str = "rgb", classes: Any = None,
                            class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
                            save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png", follow_links: bool = False,
                            subset: str | None = None, interpolation: str = "nearest", keep_aspect_ratio: bool = False) -> FileIterator:  # fmt: skip
        """Endless batches of the images in a folder with a folder for each class."""
        refuse_saving(save_to_dir)
        return from_directory(self, directory, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed, follow_links, subset,
                              interpolation, keep_aspect_ratio, self._validation_split)  # fmt: skip

    def flow_from_dataframe(self, dataframe: Any, directory: Any = None, x_col: str = "filename", y_col: Any = "class",
                            weight_col: str | None = None, target_size: tuple[int, int] = (256, 256), color_mode: str = "rgb",
                            classes: Any = None, class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True,
                            seed: int | None = None, subset: str | None = None, interpolation: str = "nearest",
                            validate_filenames: bool = True, **kwargs: Any) -> FileIterator:  # fmt: skip
        """Endless batches of the images that a pandas table names."""
        if kwargs:
            raise TypeError(f"[flow_from_dataframe] got unexpected keyword arguments: {sorted(kwargs)}")
        return from_dataframe(self, dataframe, directory, x_col, y_col, weight_col, target_size, color_mode, classes, class_mode, batch_size,
                              shuffle, seed, subset, interpolation, validate_filenames, self._validation_split)  # fmt: skip


def refuse_saving(save_to_dir: Any) -> None:
    if save_to_dir is not None:
        raise NotImplementedError("[ImageDataGenerator] save_to_dir is not supported. Try keras.utils.save_img on the batches.")


def shift(rng: np.random.Generator, span: Any, size: int) -> float:
    """Pixels: a part of the size, a number of pixels (an integer), or one of a list."""
    if isinstance(span, (list, tuple, np.ndarray)):
        return float(rng.choice(span) * rng.choice([-1, 1]))
    pixels = rng.uniform(-span, span) if span else 0.0
    return float(pixels * size if isinstance(span, float) and abs(span) < 1 else pixels)


def apply_affine_transform(x: Image, theta: float = 0, tx: float = 0, ty: float = 0, shear: float = 0, zx: float = 1, zy: float = 1,
                           row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest", cval: float = 0.0,
                           order: int = 1) -> Image:  # fmt: skip
    """An image turned by `theta` degrees, sheared by `shear` degrees, shifted by pixels and zoomed, about its centre."""
    turn, lean = np.deg2rad(theta), np.deg2rad(shear)
    matrix = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    matrix = matrix @ [[1, 0, tx], [0, 1, ty], [0, 0, 1]] @ [[1, -np.sin(lean), 0], [0, np.cos(lean), 0], [0, 0, 1]] @ np.diag([zx, zy, 1])
    if np.array_equal(matrix, np.eye(3)):
        return x
    image = np.moveaxis(x, (row_axis, col_axis, channel_axis), (0, 1, 2))
    middle = (np.array(image.shape[:2]) - 1) / 2
    grid = np.indices(image.shape[:2]).reshape(2, -1) - middle[:, None]
    places = matrix[:2, :2] @ grid + matrix[:2, 2:] + middle[:, None]
    changed = sampled(image, places, fill_mode, cval, order).reshape(image.shape).astype(x.dtype)
    return np.moveaxis(changed, (0, 1, 2), (row_axis, col_axis, channel_axis))


def sampled(image: Image, places: NDArray[np.float64], fill_mode: str, cval: float, order: int) -> Image:
    """The image's values at fractional places [2, n]: the nearest pixel's, or the mean of four by distance."""
    sizes = np.array(image.shape[:2])[:, None]
    reach = 1 + int(np.ceil(max(0, (-places).max(), (places - sizes + 1).max())))
    places = np.clip(places, -reach, sizes - 1 + reach)
    fill: dict[str, Any] = {"constant_values": cval} if fill_mode == "constant" else {}
    wide = np.pad(image.astype(np.float32), ((reach + 1, reach + 1), (reach + 1, reach + 1), (0, 0)), FILLS[fill_mode], **fill)  # type: ignore[call-overload]
    places = places + reach + 1
    if order == 0:
        i, j = np.rint(places).astype(int)
        return np.asarray(wide[i, j])
    low = np.floor(places).astype(int)
    (u, v), (i, j) = (places - low).astype(np.float32)[..., None], low
    top = wide[i, j] * (1 - v) + wide[i, j + 1] * v
    bottom = wide[i + 1, j] * (1 - v) + wide[i + 1, j + 1] * v
    return np.asarray(top * (1 - u) + bottom * u)
