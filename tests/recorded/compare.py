"""Replays a case on Tenfold and compares it with what TensorFlow gave."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from recorded import store
from recorded.cases.common import Arrays, Case

VALUES = Path(__file__).parent / "values"
FINER = {"float64": 1e-6, "complex128": 1e-6, "float16": 500.0}


@cache
def recorded(family: str) -> dict[str, Arrays]:
    """All recorded arrays of a family: case name -> array name -> array."""
    return store.read(VALUES / f"{family}.npz")


def check(tf: Any, family: str, name: str, case: Case) -> None:
    expected = recorded(family)[name]
    received = case.run(tf)
    assert set(received) == set(expected), f"{name}: outputs {sorted(received)}, recorded {sorted(expected)}"
    scales = {key: least_scale(key, expected) for key in expected}
    found = {key: difference(received[key], expected[key], case.tolerance, scales[key]) for key in expected}
    problems = [f"{key}: {problem}" for key, problem in found.items() if problem]
    assert not problems, f"{name}:\n  " + "\n  ".join(problems)


def least_scale(key: str, expected: Arrays) -> float:
    """A gradient that is small beside the others of its case (the bias of keys: rounding errors only) may err as these do."""
    largest = max((float(np.abs(v).max(initial=0.0)) for k, v in expected.items() if k[:1] == key[:1] == "g" and v.dtype == "float32"), default=0.0)
    return 0.1 * largest if np.isfinite(largest) else 0.0


def difference(received: np.ndarray, expected: np.ndarray, tolerance: float, least: float = 0.0) -> str:
    """An empty string if the arrays agree, else what is wrong."""
    if received.dtype != expected.dtype or received.shape != expected.shape:
        return f"expected {expected.dtype}{expected.shape}, received {received.dtype}{received.shape}"
    if expected.dtype.kind not in "fc":
        wrong = np.flatnonzero(np.ravel(received != expected))
        return (
            f"{wrong.size} of {expected.size} differ, first at {wrong[0]}: expected {expected.ravel()[wrong[0]]}, "
            f"received {received.ravel()[wrong[0]]}"
            if wrong.size
            else ""
        )
    return float_difference(received, expected, tolerance * FINER.get(expected.dtype.name, 1.0), least)


def float_difference(received: np.ndarray, expected: np.ndarray, tolerance: float, least: float = 0.0) -> str:
    finite = np.isfinite(expected)
    if not np.array_equal(received[~finite], expected[~finite], equal_nan=True) or not np.isfinite(received[finite]).all():
        return f"infinities or NaN differ: expected {expected}, received {received}"
    error = np.abs(received[finite] - expected[finite]).astype("float64")
    scale = max(float(np.abs(expected[finite]).max(initial=0.0)), least) + 1e-30
    worst = int(error.argmax()) if error.size else 0
    if error.size == 0 or error[worst] <= tolerance * scale:
        return ""
    return f"off by {error[worst]:.3g} (allowed {tolerance * scale:.3g}): expected {expected[finite][worst]!r}, received {received[finite][worst]!r}"
