"""What `keras.backend` says of itself and of names."""

from __future__ import annotations

import gc
from typing import Any

from tenfold.keras.base import naming, variables
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.ops.module import name_scope as operations


def clear_session(free_memory: bool = True) -> None:
    """Starts automatic names anew."""
    naming.reset_names()
    if free_memory:
        gc.collect()


def backend() -> str:
    """The name of what computes: programs that ask mean TensorFlow's behaviour."""
    return "tensorflow"


def name_scope(name: str, **options: Any) -> Any:
    """Variables made inside carry `name/` in their path, as in `keras.name_scope`; a path of several names is one of operations only."""
    return operations(name) if isinstance(name, str) and "/" in name else variables.name_scope(name, **options)


def is_keras_tensor(x: object) -> bool:
    """Whether `x` is symbolic."""
    return isinstance(x, KerasTensor)


def get_uid(prefix: str = "") -> int:
    """A number that counts up per prefix."""
    name = naming.auto_name(prefix)
    tail = name.rpartition("_")[2]
    return int(tail) + 1 if tail.isdigit() else 1
