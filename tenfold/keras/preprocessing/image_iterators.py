"""What `ImageDataGenerator.flow*` return: endless batches of images."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras.training.data_adapter import PyDataset
from tenfold.keras.utils.folders import files_in
from tenfold.keras.utils.image_files import FORMATS
from tenfold.keras.utils.images import img_to_array, load_img

CLASS_MODES = ("binary", "categorical", "input", "multi_output", "raw", "sparse", None)


class ImageIterator(PyDataset):
    """Batches by number for `fit`, and an endless iterator for loops."""

    def __init__(self, generator: Any, count: int, batch_size: int, shuffle: bool, seed: int | None) -> None:
        super().__init__()
        self.image_data_generator, self.n, self.batch_size, self.shuffle, self.seed = generator, count, batch_size, shuffle, seed
        self._rng = np.random.default_rng(seed)
        self.index_array: NDArray[np.int64] = np.arange(count)
        self._mixed = False
        self.batch_index = 0

    def __len__(self) -> int:
        return math.ceil(self.n / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise ValueError(f"Asked to retrieve element {index}, but the Sequence has length {len(self)}")
        if not self._mixed:
            self._mix()
        return self._batch(self.index_array[index * self.batch_size : (index + 1) * self.batch_size])

    def __iter__(self) -> ImageIterator:
        return self

    def __next__(self) -> Any:
        if self.batch_index >= len(self):
            self.on_epoch_end()
        self.batch_index += 1
        return self[self.batch_index - 1]

    next = __next__

    def reset(self) -> None:
        """Begins with the first batch again."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Another order."""
        self.batch_index = 0
        self._mix()

    def _mix(self) -> None:
        self._mixed = True
        if self.shuffle:
            self.index_array = self._rng.permutation(self.n)

    @property
    def num_batches(self) -> int:
        """The number of batches of an epoch."""
        return len(self)

    def _batch(self, rows: NDArray[np.int64]) -> Any:
        raise NotImplementedError

    def _changed(self, image: NDArray[Any]) -> NDArray[Any]:
        generator = self.image_data_generator
        return np.asarray(generator.standardize(generator.random_transform(image.astype(generator.dtype), self._rng)))


def of_subset(count: int, subset: str | None, validation_split: float) -> slice:
    """The rows of a subset: validation takes the first ones."""
    if subset not in ("training", "validation", None):
        raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation".')
    cut = int(count * validation_split)
    return slice(None) if subset is None else slice(0, cut) if subset == "validation" else slice(cut, None)


class ArrayIterator(ImageIterator):
    """Batches of arrays in memory."""

    def __init__(self, generator: Any, x: Any, y: Any, sample_weight: Any, batch_size: int, shuffle: bool, seed: int | None,
                 subset: str | None, validation_split: float) -> None:  # fmt: skip
        x = np.asarray(x)
        if x.ndim != 4:
            raise ValueError(f"Input data in `ArrayIterator` should have rank 4. You passed an array with shape {x.shape}")
        for name, other in (("labels", y), ("sample_weight", sample_weight)):
            if other is not None and len(other) != len(x):
                raise ValueError(f"`x` (images tensor) and `{name}` should have the same length. Found: x.shape = {x.shape}, {name}: {len(other)}")
        rows = of_subset(len(x), subset, validation_split)
        self.x = x[rows]
        self.y, self.sample_weight = (None if other is None else np.asarray(other)[rows] for other in (y, sample_weight))
        super().__init__(generator, len(self.x), batch_size, shuffle, seed)

    def _batch(self, rows: NDArray[np.int64]) -> Any:
        images = np.stack([self._changed(self.x[i]) for i in rows])
        given = [values[rows] for values in (self.y, self.sample_weight) if values is not None]
        return (images, *given) if given else images


class FileIterator(ImageIterator):
    """Batches of image files."""

    def __init__(self, generator: Any, paths: list[str], targets: Any, weights: Any, load: dict[str, Any], batch_size: int, shuffle: bool,
                 seed: int | None) -> None:  # fmt: skip
        super().__init__(generator, len(paths), batch_size, shuffle, seed)
        self.filepaths, self.targets, self.sample_weight, self._load = paths, targets, weights, load
        self.class_indices: dict[str, int] = {}
        self.classes: Any = None
        self.filenames: list[str] = paths

    @property
    def samples(self) -> int:
        """The number of images."""
        return self.n

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_indices)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image."""
        size, channels = self._load["target_size"], {"grayscale": 1, "rgb": 3, "rgba": 4}[self._load["color_mode"]]
        return (channels, *size) if self.image_data_generator.channel_axis == 0 else (*size, channels)

    def _batch(self, rows: NDArray[np.int64]) -> Any:
        layout = self.image_data_generator.data_format
        images = np.stack([self._changed(img_to_array(load_img(self.filepaths[i], **self._load), layout)) for i in rows])
        if isinstance(self.targets, str):  # "input"
            return images, images.copy()
        if self.targets is None:
            return images
        targets = [t[rows] for t in self.targets] if isinstance(self.targets, list) else self.targets[rows]
        return (images, targets) if self.sample_weight is None else (images, targets, self.sample_weight[rows])


def encoded(numbers: NDArray[Any], class_mode: str | None, classes: int, dtype: Any) -> Any:
    """Class numbers as `class_mode` wants them."""
    if class_mode not in CLASS_MODES:
        raise ValueError(f"Invalid class_mode: {class_mode}; expected one of: {CLASS_MODES}")
    if class_mode == "categorical":
        return np.eye(classes, dtype=dtype)[numbers.astype(int)]
    return None if class_mode is None else "input" if class_mode == "input" else numbers.astype(dtype)


def from_directory(generator: Any, directory: Any, target_size: tuple[int, int], color_mode: str, classes: Any, class_mode: str | None,
                   batch_size: int, shuffle: bool, seed: int | None, follow_links: bool, subset: str | None, interpolation: str,
                   keep_aspect_ratio: bool, validation_split: float) -> FileIterator:  # fmt: skip
    """The images of a folder, class by class; a subset takes its part of each class."""
    directory = os.fspath(directory)
    names = list(classes) if classes else sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    paths: list[str] = []
    numbers: list[int] = []
    for number, name in enumerate(names):
        files = files_in(os.path.join(directory, name), (*FORMATS, ".ppm", ".tif", ".tiff"), follow_links)
        kept = files[of_subset(len(files), subset, validation_split)]
        paths += kept
        numbers += [number] * len(kept)
    print(f"Found {len(paths)} images belonging to {len(names)} classes.")
    targets = encoded(np.array(numbers, int), class_mode, len(names), generator.dtype)
    load = {"color_mode": color_mode, "target_size": tuple(target_size), "interpolation": interpolation, "keep_aspect_ratio": keep_aspect_ratio}
    iterator = FileIterator(generator, paths, targets, None, load, batch_size, shuffle, seed)
    iterator.class_indices = {name: number for number, name in enumerate(names)}
    iterator.classes, iterator.labels = np.array(numbers, np.int32), np.array(numbers, np.int32)  # type: ignore[attr-defined]
    iterator.filenames = [os.path.relpath(path, directory) for path in paths]
    return iterator


def from_dataframe(generator: Any, dataframe: Any, directory: Any, x_col: str, y_col: Any, weight_col: str | None, target_size: tuple[int, int],
                   color_mode: str, classes: Any, class_mode: str | None, batch_size: int, shuffle: bool, seed: int | None,
                   subset: str | None, interpolation: str, validate: bool, validation_split: float) -> FileIterator:  # fmt: skip
    """The images that a table names; files that are not there are left out, if that is to be looked at."""
    table = dataframe.iloc[of_subset(len(dataframe), subset, validation_split)]
    paths = [os.path.join(os.fspath(directory or ""), name) for name in table[x_col]]
    there = [i for i, path in enumerate(paths) if not validate or os.path.isfile(path)]
    table, paths = table.iloc[there], [paths[i] for i in there]
    load = {"color_mode": color_mode, "target_size": tuple(target_size), "interpolation": interpolation}
    weights = None if weight_col is None else np.asarray(table[weight_col])
    if class_mode in ("categorical", "binary", "sparse"):
        names = list(classes) if classes else sorted(set(table[y_col]))
        numbers = np.array([names.index(name) for name in table[y_col]], np.int32)
        print(f"Found {len(paths)} validated image filenames belonging to {len(names)} classes.")
        iterator = FileIterator(generator, paths, encoded(numbers, class_mode, len(names), generator.dtype), weights, load, batch_size, shuffle, seed)
        iterator.class_indices, iterator.classes = {name: number for number, name in enumerate(names)}, numbers
        return iterator
    targets: Any = {None: None, "input": "input"}.get(class_mode, np.asarray(table[y_col]) if class_mode == "raw" else None)
    if class_mode == "multi_output":
        targets = [np.asarray(table[name]) for name in y_col]
    print(f"Found {len(paths)} validated image filenames.")
    return FileIterator(generator, paths, targets, weights, load, batch_size, shuffle, seed)
