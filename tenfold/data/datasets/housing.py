"""Prices of houses: Boston's 506 towns of 1970, and California's 20,640 blocks of 1990."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenfold.data.datasets import store
from tenfold.data.datasets.formats import bad_file, read_npz
from tenfold.data.datasets.imdb import FOLDER
from tenfold.data.datasets.sequences import located

Table: TypeAlias = tuple[NDArray[Any], NDArray[Any]]
BOSTON = store.Source(f"{FOLDER}/boston_housing.npz", "boston_housing.npz", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5")
CALIFORNIA = store.Source(
    f"{FOLDER}/california_housing.npz", "california_housing.npz", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
)
SMALL = 600


def load_boston(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> tuple[Table, Table]:
    """Loads the prices of houses in 506 towns around Boston (Harrison and Rubinfeld, 1978), with 13 properties each.

    One of the properties assumes that people preferred to live among people of their own colour; use the data with that in mind.

    Args:
        path: the file's name in `TENFOLD_DATA_DIR` or Keras's cache, or its absolute path.
        test_split: the part that is kept to test with, 0 <= test_split < 1.
        seed: of the order in which the towns come.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: float64 of shape (n, 13), and prices in thousands of dollars of shape (n,).

    Raises:
        ValueError: `test_split` is no such part.
        DataLossError: The file is truncated, corrupted or something else.
        UnavailableError: There is no file, and it could not be downloaded; the message says where to put it.
    """
    return split(*table(path, BOSTON), test_split, seed)


def load_california(version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113) -> tuple[Table, Table]:
    """Loads the median prices of houses in 20,640 blocks of California (Pace and Barry, 1997), with 8 properties each.

    Args:
        version: "large" for all blocks, "small" for the first 600.
        path: the file's name in `TENFOLD_DATA_DIR` or Keras's cache, or its absolute path.
        test_split: the part that is kept to test with, 0 <= test_split < 1.
        seed: of the order in which the blocks come.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: float32 of shape (n, 8), and prices in dollars of shape (n,).

    Raises:
        ValueError: `version` or `test_split` is none of these.
        DataLossError: The file is truncated, corrupted or something else.
        UnavailableError: There is no file, and it could not be downloaded; the message says where to put it.
    """
    if version not in ("small", "large"):
        raise ValueError(f"Argument `version` must be one of 'small', 'large'. Received: version={version}")
    x, y = table(path, CALIFORNIA)
    return split(x[:SMALL], y[:SMALL], test_split, seed) if version == "small" else split(x, y, test_split, seed)


def table(path: str, source: store.Source) -> Table:
    found = located(path, source)
    arrays = read_npz(found)
    if not {"x", "y"} <= arrays.keys() or arrays["x"].ndim != 2 or arrays["y"].shape != arrays["x"].shape[:1]:
        raise bad_file(found, "expected a table `x` and a column `y` of as many rows")
    return arrays["x"], arrays["y"]


def split(x: NDArray[Any], y: NDArray[Any], test_split: float, seed: int) -> tuple[Table, Table]:
    """Rows in the order of `seed`, and cut."""
    if not 0 <= test_split < 1:
        raise ValueError(f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive of 1).")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    cut = int(len(x) * (1 - test_split))
    return (x[order[:cut]], y[order[:cut]]), (x[order[cut:]], y[order[cut:]])
