"""No search for garbage while graphs are made: nearly all that is made then stays, so searching finds nothing and takes a tenth of the time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept() -> Iterator[None]:
    """Inside, Python's collector of cycles does not start by itself; it does again afterwards if it did before."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
