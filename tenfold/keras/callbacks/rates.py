"""The learning rates of an optimizer, as callbacks report and change them."""

from __future__ import annotations

from typing import Any

import numpy as np


def parts_of(optimizer: Any) -> list[Any]:
    """The optimizers in a MultiOptimizer; any other optimizer itself."""
    return list(getattr(optimizer, "optimizers", [optimizer]))


def rates(optimizer: Any) -> dict[str, float]:
    """The learning rate under "learning_rate"; one for each optimizer of a MultiOptimizer."""
    if hasattr(optimizer, "optimizers"):
        return {f"learning_rate_{o.name}": _rate(o) for o in optimizer.optimizers}
    return {"learning_rate": _rate(optimizer)}


def _rate(optimizer: Any) -> float:
    return float(np.asarray(optimizer.learning_rate))
