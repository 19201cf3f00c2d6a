"""While a file is loaded, no more memory is taken for weights than the file can hold."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tenfold.core.dtypes import DType
from tenfold.core.errors import DataLossError


class _Budget(threading.local):
    def __init__(self) -> None:
        self.left: int | None = None  # bytes; None: unlimited


_budget = _Budget()


@contextmanager
def loading(size: int | None) -> Iterator[None]:
    """Inside, all weights together may take `size` bytes; None: what they need."""
    outer, _budget.left = _budget.left, size
    try:
        yield
    finally:
        _budget.left = outer


def initial_value(initializer: Callable[..., Any], shape: tuple[int, ...], dtype: DType) -> Any:
    """What the initializer gives.

    Raises:
        DataLossError: a file is being loaded, and it is too small for weights of this size.
    """
    if _budget.left is not None:
        size = math.prod(shape) * dtype.size
        if size > _budget.left:
            raise DataLossError(
                f"[load_model] the config asks for weights of shape {shape}, {size} bytes; the file holds less. It is damaged or hostile."
            )
        _budget.left -= size
    return initializer(shape, dtype=dtype.name)
