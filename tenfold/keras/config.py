"""`keras.config`: the defaults."""

from tenfold.keras.backend import backend
from tenfold.keras.defaults import (
    dtype_policy,
    epsilon,
    floatx,
    image_data_format,
    set_dtype_policy,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)

__all__ = [
    "backend",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_traceback_filtering_enabled",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]


_settings = {"traceback_filtering": False}


def disable_traceback_filtering() -> None:
    """Tracebacks are whole; they are anyway."""
    _settings["traceback_filtering"] = False


def enable_traceback_filtering() -> None:
    """Accepted; tracebacks are short anyway."""
    _settings["traceback_filtering"] = True


def is_traceback_filtering_enabled() -> bool:
    """What was chosen last."""
    return _settings["traceback_filtering"]
