"""Switches of the whole of Keras: where it prints, how much of a run is done, what tracebacks show."""

from __future__ import annotations

import logging
import os
import warnings

log = logging.getLogger("tenfold.keras")


def _limit(variable: str) -> int | None:
    text = os.environ.get(variable, "")
    return int(text) if text.isdigit() else None


class _Switches:
    interactive_logging = True
    traceback_filtering = True
    flash_attention: bool | None = None
    max_epochs = _limit("KERAS_MAX_EPOCHS")
    max_steps_per_epoch = _limit("KERAS_MAX_STEPS_PER_EPOCH")


# --- where messages go ---
def enable_interactive_logging() -> None:
    """Progress and messages go to standard output (the default)."""
    _Switches.interactive_logging = True


def disable_interactive_logging() -> None:
    """Progress and messages go to the logger "tenfold.keras", one line where a bar would move."""
    _Switches.interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress and messages go to standard output."""
    return _Switches.interactive_logging


def tell(message: str) -> None:
    """Prints a line, or logs it if interactive logging is disabled."""
    if _Switches.interactive_logging:
        print(message)
    else:
        log.info(message)


# --- tracebacks ---
def enable_traceback_filtering() -> None:
    """The error of a layer's or operation's call names it and its arguments (the default)."""
    _Switches.traceback_filtering = True


def disable_traceback_filtering() -> None:
    """The error of a layer's or operation's call is the one that was raised inside, as it is."""
    _Switches.traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Whether the errors of calls name the layer and its arguments."""
    return _Switches.traceback_filtering


# --- attention ---
def enable_flash_attention() -> None:
    """Lets attention be computed block by block, never as a matrix of weights (the default): the compiler does so wherever it can."""
    _Switches.flash_attention = None


def disable_flash_attention() -> None:
    """Sets what `is_flash_attention_enabled` says. The compiler still chooses how attention is computed: the results are those of the formula."""
    _Switches.flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """False if it was disabled; None (not decided: the compiler chooses) otherwise."""
    return _Switches.flash_attention


# --- short runs, for debugging ---
def set_max_epochs(max_epochs: int | None) -> None:
    """Caps the epochs of every `fit`; None: no cap. The environment variable KERAS_MAX_EPOCHS does the same."""
    _Switches.max_epochs = max_epochs


def max_epochs() -> int | None:
    """The cap on the epochs of `fit`, or None."""
    return _Switches.max_epochs


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Caps the steps of every epoch, evaluation and prediction; None: no cap. So does the environment variable KERAS_MAX_STEPS_PER_EPOCH."""
    _Switches.max_steps_per_epoch = max_steps_per_epoch


def max_steps_per_epoch() -> int | None:
    """The cap on the steps of an epoch, or None."""
    return _Switches.max_steps_per_epoch


def capped(count: int | None, cap: int | None, what: str) -> int | None:
    """`count`, but at most `cap`, with a warning where it is cut.

    Example:
        >>> capped(3, None, "epochs"), capped(3, 5, "epochs")
        (3, 3)
    """
    if not cap or (count is not None and count <= cap):
        return count
    warnings.warn(f"Limiting {what} to {cap}, as keras.config says.", stacklevel=4)
    return cap


# --- what Tenfold has only one of ---
def is_nnx_enabled() -> bool:
    """False: NNX belongs to JAX."""
    return False


def set_backend(backend: str) -> None:
    """Accepts "tensorflow", whose behaviour Tenfold has.

    Raises:
        ValueError: another backend is asked for.
    """
    if backend != "tensorflow":
        raise ValueError(f"[set_backend] Tenfold computes everything itself, with TensorFlow's behaviour. Expected 'tensorflow'; "
                         f"received {backend!r}.")  # fmt: skip


def enable_unsafe_deserialization() -> None:
    """Accepted, with a warning: Tenfold never runs code from a file, so that files cannot be unsafe; such a file is refused when it is loaded."""
    warnings.warn("Tenfold never runs Python code from a file: enable_unsafe_deserialization() has no effect.", stacklevel=2)
