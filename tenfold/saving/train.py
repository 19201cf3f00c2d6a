"""tf.train: checkpoints of objects and their variables."""

from __future__ import annotations

from tenfold.saving.checkpoint.checkpoint import Checkpoint, CheckpointOptions
from tenfold.saving.checkpoint.manager import CheckpointManager, checkpoints_iterator
from tenfold.saving.checkpoint.reader import list_variables, load_checkpoint, load_variable
from tenfold.saving.checkpoint.state import get_checkpoint_state, latest_checkpoint

__all__ = [
    "Checkpoint",
    "CheckpointManager",
    "CheckpointOptions",
    "checkpoints_iterator",
    "get_checkpoint_state",
    "latest_checkpoint",
    "list_variables",
    "load_checkpoint",
    "load_variable",
]
