"""What an update computes from the step's number and the rate alone: a traced function computes it once for all variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.tensor.bind import state


def shared(what: tuple[Any, ...], make: Callable[[], Any], *tensors: Any) -> Any:
    """`make()`, or what it gave before in the same traced function for the same tensors.

    Each tape sees how it was made: while one records, it is made anew.

    Args:
        what: its name, and the numbers and types that it depends on.
        make: computes it.
        tensors: those that it depends on.
    """
    trace = state.trace
    if trace is None or state.tapes:
        return make()
    key = (what, *map(id, tensors))
    if key not in trace.memo:
        trace.memo[key] = tensors, make()  # with the tensors, so that their identities stay theirs
    return trace.memo[key][1]
