"""`keras.optimizers.legacy`: the optimizers under the arguments of Keras 2, `lr` and `decay` among them; each makes one of today's.

Their update rules are today's as well; Keras 2's differed from them only where `epsilon` stands.
"""

from __future__ import annotations

import warnings
from typing import Any

from tenfold.keras.optimizers import adam, ftrl, rmsprop, sgd
from tenfold.keras.optimizers.base import Optimizer
from tenfold.keras.optimizers.schedules import InverseTimeDecay


def _modern(kind: type[Optimizer], learning_rate: Any, kwargs: dict[str, Any]) -> Any:
    """Today's optimizer; `decay` becomes a schedule.

    Raises:
        ValueError: `decay` is given together with a schedule.
    """
    warnings.warn(f"keras.optimizers.legacy.{kind.__name__} is deprecated; use keras.optimizers.{kind.__name__}.", DeprecationWarning, stacklevel=3)
    learning_rate = kwargs.pop("lr", learning_rate)
    decay = kwargs.pop("decay", None)
    if decay:
        if not isinstance(learning_rate, (int, float)):
            raise ValueError(f"`decay` needs a learning rate that is a number. Received: learning_rate={learning_rate!r}. Try the schedule alone.")
        learning_rate = InverseTimeDecay(float(learning_rate), 1, decay)
    return kind(learning_rate=learning_rate, **kwargs)


def Adam(learning_rate: Any = 0.001, **kwargs: Any) -> Any:
    """Today's Adam.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     made = Adam(lr=0.1, decay=0.5)
        >>> type(made).__name__, round(float(made.learning_rate), 3)
        ('Adam', 0.1)
    """
    return _modern(adam.Adam, learning_rate, kwargs)


def SGD(learning_rate: Any = 0.01, **kwargs: Any) -> Any:
    """Today's SGD."""
    return _modern(sgd.SGD, learning_rate, kwargs)


def RMSprop(learning_rate: Any = 0.001, **kwargs: Any) -> Any:
    """Today's RMSprop."""
    return _modern(rmsprop.RMSprop, learning_rate, kwargs)


def Adagrad(learning_rate: Any = 0.001, **kwargs: Any) -> Any:
    """Today's Adagrad."""
    return _modern(rmsprop.Adagrad, learning_rate, kwargs)


def Ftrl(learning_rate: Any = 0.001, **kwargs: Any) -> Any:
    """Today's Ftrl."""
    return _modern(ftrl.Ftrl, learning_rate, kwargs)


__all__ = ["SGD", "Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop"]
