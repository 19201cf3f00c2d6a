"""`keras.backend`: what Keras 3 has of it, and, loaded when first used, the functions of Keras 2."""

from __future__ import annotations

import gc
import importlib
from typing import Any

from tenfold.keras.base import naming
from tenfold.keras.base.defaults import epsilon, floatx, image_data_format, set_epsilon, set_floatx, set_image_data_format
from tenfold.keras.base.dtypes import is_float_dtype, is_int_dtype, standardize_dtype
from tenfold.keras.base.promotion import result_type
from tenfold.keras.base.symbolic import KerasTensor


def clear_session(free_memory: bool = True) -> None:
    """Starts automatic names anew."""
    naming.reset_names()
    if free_memory:
        gc.collect()


def backend() -> str:
    """The name of what computes: programs that ask mean TensorFlow's behaviour."""
    return "tensorflow"


def is_keras_tensor(x: object) -> bool:
    """Whether `x` is symbolic."""
    return isinstance(x, KerasTensor)


def get_uid(prefix: str = "") -> int:
    """A number that counts up per prefix."""
    name = naming.auto_name(prefix)
    tail = name.rpartition("_")[2]
    return int(tail) + 1 if tail.isdigit() else 1


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    older = importlib.import_module("tenfold.keras.backend_functions")
    try:
        return getattr(older, name)
    except AttributeError:
        raise AttributeError(f"Tenfold has no keras.backend.{name}. Try the function of that name in keras.ops.") from None


__all__ = ["backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format", "is_float_dtype", "is_int_dtype", "is_keras_tensor",
           "result_type", "set_epsilon", "set_floatx", "set_image_data_format", "standardize_dtype"]  # fmt: skip
