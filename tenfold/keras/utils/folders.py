"""Data sets from folders of files: which files there are, what their labels are, and batches of what they hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras.base import switches
from tenfold.keras.utils.batches import CutBatches
from tenfold.tensor.tensor import as_tensor

LABEL_MODES = ("int", "categorical", "binary", None)


class FileBatches(CutBatches):
    """Batches of files, each file read when its batch is asked for.

    Args:
        paths: the files.
        labels: one per file, as they shall be in a batch; None for none.
        stack: makes one array of the files of a batch.
        batch_size: files per batch; None: one at a time, without a batch dimension.
        shuffle: whether each pass has another order.
        seed: of these orders.
    """

    def __init__(self, paths: Sequence[str], labels: NDArray[Any] | None, stack: Callable[[list[str]], Any], batch_size: int | None,
                 shuffle: bool, seed: int | None) -> None:  # fmt: skip
        super().__init__(np.arange(len(paths)), batch_size, np.random.default_rng(seed) if shuffle else None)
        self.file_paths, self.labels, self.stack = list(paths), labels, stack
        self.varying = getattr(stack, "varying", ())
        self.class_names: list[str] | None = None

    def examples(self, rows: NDArray[Any]) -> Any:
        """The files' contents, and their labels if there are any."""
        x = as_tensor(self.stack([self.file_paths[i] for i in rows]))
        return x if self.labels is None else (x, as_tensor(self.labels[rows]))


def folder_dataset(kind: str, directory: Any, labels: Any, label_mode: str | None, class_names: Sequence[str] | None, formats: tuple[str, ...],
                   stack: Callable[[list[str]], Any], batch_size: int | None, shuffle: bool, seed: int | None, validation_split: float | None,
                   subset: str | None, follow_links: bool, verbose: bool) -> Any:  # fmt: skip
    """What `image_`, `text_` and `audio_dataset_from_directory` have in common: one data set, or two for `subset="both"`."""
    check(kind, labels, label_mode, class_names, validation_split, subset, shuffle, seed)
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = int(np.random.randint(1_000_000)) if seed is None else seed
    paths, numbers, names = index_directory(directory, labels, formats, class_names, shuffle, seed, follow_links, verbose)
    if label_mode == "binary" and len(names or ()) != 2:
        raise ValueError(f'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: class_names={names}')
    rows = None if numbers is None else encoded(numbers, label_mode, len(names or ()))

    def part(which: str | None, mixed: bool) -> FileBatches:
        kept = split(len(paths), validation_split, which)
        if not len(paths[kept]):
            named = f"{which} {kind}" if subset == "both" else kind
            files = "" if kind == "images" else " files"
            raise ValueError(f"No {named}{files} found in directory {directory}. Allowed formats: {formats}")
        dataset = FileBatches(paths[kept], None if rows is None else rows[kept], stack, batch_size, mixed, seed)
        dataset.class_names = names
        return dataset

    if subset == "both":
        return [part("training", shuffle), part("validation", False)]
    return part(subset, shuffle)


def check(kind: str, labels: Any, label_mode: Any, class_names: Any, validation_split: Any, subset: Any, shuffle: bool, seed: Any) -> None:
    """Raises ValueError for arguments that make no sense, alone or together."""
    if labels not in ("inferred", None) and not isinstance(labels, (list, tuple)):
        raise ValueError(
            f"`labels` argument should be a list/tuple of integer labels, of the same size as the number of {kind} files in the target directory. "
            f'Try labels="inferred" to take them from the subdirectories, or labels=None for none. Received: labels={labels}'
        )
    if labels not in ("inferred", None) and class_names:
        raise ValueError(f'You can only pass `class_names` if `labels="inferred"`. Received: labels={labels}, and class_names={class_names}')
    if label_mode not in LABEL_MODES:
        raise ValueError(f'`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: label_mode={label_mode}')
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {validation_split}")
    if (validation_split or subset) and not (validation_split and subset):
        raise ValueError("If `subset` is set, `validation_split` must be set, and inversely.")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f'`subset` must be either "training", "validation" or "both", received: {subset}')
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure that there is no overlap between "
            "the training and validation subset."
        )


def index_directory(directory: Any, labels: Any, formats: tuple[str, ...], class_names: Sequence[str] | None, shuffle: bool, seed: int,
                    follow_links: bool, verbose: bool) -> tuple[list[str], NDArray[np.int32] | None, list[str] | None]:  # fmt: skip
    """(paths, numbers of their classes, names of the classes); both None for `labels=None`. The order is Keras's for the same seed."""
    directory = os.fspath(directory)
    names: list[str] | None
    if labels == "inferred":
        found = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith("."))
        if class_names is not None and not set(class_names) <= set(found):
            raise ValueError(
                "The `class_names` passed did not match the names of the subdirectories of the target directory. "
                f"Expected: {found} (or a subset of it), but received: class_names={class_names}"
            )
        names = list(class_names) if class_names is not None else found
        files = [(path, i) for i, name in enumerate(names) for path in files_in(os.path.join(directory, name), formats, follow_links)]
        paths, numbers = [path for path, _ in files], np.array([i for _, i in files], np.int32)
    else:
        if class_names is not None:
            raise ValueError("When `labels=None` (no labels), argument `class_names` cannot be specified.")
        paths = files_in(directory, formats, follow_links)
        if labels is not None and len(labels) != len(paths):
            raise ValueError(
                "Expected the lengths of `labels` to match the number of files in the target directory. len(labels) is "
                f"{len(labels)} while we found {len(paths)} files in directory {directory}."
            )
        numbers = None if labels is None else np.array(labels, np.int32)  # type: ignore[assignment]
        names = None if labels is None else [str(label) for label in sorted(set(labels))]
    if verbose:
        switches.tell(f"Found {len(paths)} files." if names is None else f"Found {len(paths)} files belonging to {len(names)} classes.")
    if shuffle:
        np.random.RandomState(seed).shuffle(paths)
        if numbers is not None:
            np.random.RandomState(seed).shuffle(numbers)
    return paths, numbers, names


def files_in(folder: str, formats: tuple[str, ...], follow_links: bool) -> list[str]:
    """The files of these formats below a folder, sorted."""
    return [
        os.path.join(root, name)
        for root, _, names in sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0])
        for name in sorted(names)
        if name.lower().endswith(formats)
    ]


def encoded(numbers: NDArray[np.int32], label_mode: str | None, classes: int) -> NDArray[Any]:
    """Labels as they shall be in a batch: int32, a column of float32 for "binary", one-hot rows of float32 for "categorical"."""
    if label_mode == "binary":
        return numbers.astype(np.float32)[:, None]
    return np.eye(classes, dtype=np.float32)[numbers] if label_mode == "categorical" else numbers


def split(count: int, validation_split: float | None, subset: str | None) -> slice:
    """The rows of a subset: validation takes the last ones."""
    cut = count - int((validation_split or 0) * count)
    return slice(cut, count) if subset == "validation" else slice(0, cut)
