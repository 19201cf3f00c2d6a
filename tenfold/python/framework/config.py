"""`tensorflow.python.framework.config`: whether results are the same in every run. They always are."""


def enable_op_determinism() -> None:
    """Nothing: every operation gives the same bits in every run."""


def disable_op_determinism() -> None:
    """Nothing: every operation gives the same bits in every run."""
