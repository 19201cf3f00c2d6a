"""`text_dataset_from_directory`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras.utils.folders import folder_dataset
from tenfold.keras.utils.image_files import check_format, made_as


@dataclass(frozen=True)
class Texts:
    """How files become one array of strings: the first `max_length` bytes of each."""

    max_length: int | None

    def __call__(self, paths: list[str]) -> NDArray[np.object_]:
        return np.array([Path(path).read_bytes()[: self.max_length] for path in paths], object)


def text_dataset_from_directory(directory: Any, labels: Any = "inferred", label_mode: str | None = "int",
                                class_names: Sequence[str] | None = None, batch_size: int | None = 32, max_length: int | None = None,
                                shuffle: bool = True, seed: int | None = None, validation_split: float | None = None,
                                subset: str | None = None, follow_links: bool = False, format: str = "tf", verbose: bool = True) -> Any:  # fmt: skip
    """Batches of the texts in a folder, which has a folder for each class.

    The arguments are those of `image_dataset_from_directory`, and

    Args:
        directory: the folder; .txt files are taken.
        max_length: the bytes that are kept of each text; all by default.

    Returns:
        Something to iterate (again and again) or to give to `fit`, with `class_names`, `file_paths` and a length. It gives string tensors
        [batch], and labels unless there are none.

    Raises:
        ValueError: an argument makes no sense, or there is no text.
    """
    check_format(format)
    dataset = folder_dataset("text", directory, labels, label_mode, class_names, (".txt",), Texts(max_length), batch_size, shuffle, seed,
                             validation_split, subset, follow_links, verbose)  # fmt: skip
    return made_as(format, dataset)
