"""What holds where nothing is said: the float type, the data format and epsilon."""

from __future__ import annotations

from typing import Any


class _Defaults:
    floatx = "float32"
    epsilon = 1e-7
    image_data_format = "channels_last"


def floatx() -> str:
    """The default float type, e.g. "float32"."""
    return _Defaults.floatx


def set_floatx(value: str) -> None:
    """Sets the default float type.

    Raises:
        ValueError: it is no float type.
    """
    if value not in ("bfloat16", "float16", "float32", "float64"):
        raise ValueError(f"Unknown `floatx` value: {value}. Expected one of ['bfloat16', 'float16', 'float32', 'float64']")
    _Defaults.floatx = value


def epsilon() -> float:
    """The fuzz factor that keeps logarithms and divisions finite."""
    return _Defaults.epsilon


def set_epsilon(value: float) -> None:
    """Sets the fuzz factor."""
    _Defaults.epsilon = float(value)


def image_data_format() -> str:
    """The default of `data_format` arguments: "channels_last" or "channels_first"."""
    return _Defaults.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Sets the default of `data_format` arguments."""
    _Defaults.image_data_format = _checked(data_format)


def data_format(value: Any) -> str:
    """A checked data format; None means the default.

    Raises:
        ValueError: it is neither "channels_last" nor "channels_first".
    """
    return _Defaults.image_data_format if value is None else _checked(value)


def _checked(value: Any) -> str:
    text = str(value).lower()
    if text not in ("channels_first", "channels_last"):
        raise ValueError(f"The `data_format` argument must be one of 'channels_first', 'channels_last'. Received: {value}")
    return text
