"""`tensorflow.python.eager.context`: what programs ask of it. There is no context: operations run where they are called."""

from __future__ import annotations

from tenfold.ops.program import executing_eagerly


def _reset_context() -> None:
    """Nothing: no devices are set up that could be set up anew."""


__all__ = ["executing_eagerly"]
