"""tf.train.CheckpointManager: several checkpoints in a folder, of which old ones are deleted."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.saving.checkpoint.bundle import data_files, index_file
from tenfold.saving.checkpoint.checkpoint import Checkpoint, CheckpointOptions
from tenfold.saving.checkpoint.state import get_checkpoint_state, latest_checkpoint, update_checkpoint_state
from tenfold.tensor.variable import Variable


class CheckpointManager:
    """Saves a checkpoint again and again, and keeps the latest.

    Args:
        checkpoint: the tf.train.Checkpoint.
        directory: the folder; another manager's checkpoints in it are taken over.
        max_to_keep: how many are kept; None: all.
        keep_checkpoint_every_n_hours: of those that would be deleted, one is kept for good after so many hours.
        checkpoint_name: the start of the files' names.
        step_counter: a variable that counts steps, for `checkpoint_interval`.
        checkpoint_interval: the fewest steps between two checkpoints.
        init_fn: called by `restore_or_initialize` where there is no checkpoint yet.
        last_checkpoint_step: the step of the last checkpoint, for `checkpoint_interval`.

    Example:
        >>> import tenfold as tf, tempfile
        >>> checkpoint = tf.train.Checkpoint(step=tf.Variable(0))
        >>> manager = tf.train.CheckpointManager(checkpoint, tempfile.mkdtemp(), max_to_keep=2)
        >>> for _ in range(3):
        ...     path = manager.save()
        >>> [p.rpartition("/")[2] for p in manager.checkpoints]
        ['ckpt-2', 'ckpt-3']
    """

    def __init__(self, checkpoint: Checkpoint, directory: Any, max_to_keep: int | None, keep_checkpoint_every_n_hours: float | None = None,
                 checkpoint_name: str = "ckpt", step_counter: Any = None, checkpoint_interval: int | None = None,
                 init_fn: Callable[[], Any] | None = None, last_checkpoint_step: int | None = None) -> None:  # fmt: skip
        if max_to_keep is not None and max_to_keep <= 0:
            raise InvalidArgumentError(f"Expected a positive integer or `None` for `max_to_keep`, got {max_to_keep}.")
        if checkpoint_interval is not None and step_counter is None:
            raise InvalidArgumentError("`step_counter` should be passed if `checkpoint_interval` is not None.")
        self._checkpoint, self._directory, self._name = checkpoint, str(os.fspath(directory)), checkpoint_name
        self._max_to_keep, self._hours, self._init_fn = max_to_keep, keep_checkpoint_every_n_hours, init_fn
        self._step_counter, self._interval, self._last_step = step_counter, checkpoint_interval, last_checkpoint_step
        self._active: dict[str, float] = {}  # path -> when it was written; the oldest first
        self._latest: str | None = None
        now = time.time()
        self._preserved = now - 1  # a little earlier than anything that follows
        found = get_checkpoint_state(self._directory)
        if found is not None:
            self._latest = found.model_checkpoint_path
            if found.last_preserved_timestamp > now:
                warnings.warn(f"[CheckpointManager] the clock is {found.last_preserved_timestamp - now:.0f} seconds behind the last preserved "
                              "checkpoint.", stacklevel=2)  # fmt: skip
            self._preserved = min(found.last_preserved_timestamp, now)
            paths = found.all_model_checkpoint_paths
            times = found.all_model_checkpoint_timestamps or [self._preserved] * len(paths)
            self._active = {p: min(t, now) for p, t in zip(paths, times, strict=False) if min(t, now) > self._preserved}

    @property
    def directory(self) -> str:
        """The folder."""
        return self._directory

    @property
    def checkpoint(self) -> Checkpoint:
        """What is saved."""
        return self._checkpoint

    @property
    def checkpoint_interval(self) -> int | None:
        """The fewest steps between two checkpoints."""
        return self._interval

    @property
    def latest_checkpoint(self) -> str | None:
        """The path of the latest checkpoint, for `checkpoint.restore`; None if there is none."""
        return self._latest

    @property
    def checkpoints(self) -> list[str]:
        """The paths of the checkpoints that are kept, the oldest first; without those that are kept for good."""
        return list(self._active)

    def save(self, checkpoint_number: Any = None, check_interval: bool = True, options: CheckpointOptions | None = None) -> str | None:
        """Writes a checkpoint and deletes the oldest, if there are too many.

        Args:
            checkpoint_number: the number in its name; default: how often it was saved.
            check_interval: whether `checkpoint_interval` counts.
            options: CheckpointOptions.

        Returns:
            Its path; None if the interval is not over.
        """
        if not self._is_due(check_interval):
            return None
        self._checkpoint.save_counter.assign_add(1)
        number = self._checkpoint.save_counter if checkpoint_number is None else checkpoint_number
        path = self._checkpoint.write(os.path.join(self._directory, f"{self._name}-{_number(number)}"), options)
        self._active.pop(path, None)  # a number that comes again goes to the end
        self._active[path], self._latest = time.time(), path
        self._record()  # before anything is deleted
        if self._sweep():
            self._record()
        return path

    def _is_due(self, check_interval: bool) -> bool:
        if self._interval is None:
            return True
        step = _number(self._step_counter)
        if self._last_step is not None and (step == self._last_step or (check_interval and step < self._last_step + self._interval)):
            return False
        self._last_step = step
        return True

    def _record(self) -> None:
        assert self._latest is not None
        update_checkpoint_state(self._directory, self._latest, list(self._active), list(self._active.values()), self._preserved)

    def _sweep(self) -> bool:
        """Deletes the oldest, or keeps them for good; whether there were any."""
        before = len(self._active)
        while self._max_to_keep is not None and len(self._active) > self._max_to_keep:
            path, written = next(iter(self._active.items()))
            del self._active[path]
            if self._hours and written - self._hours * 3600 >= self._preserved:
                self._preserved = written
            elif os.path.dirname(os.path.abspath(path)) == os.path.abspath(self._directory):  # a file may name anything
                for file in [index_file(path), *data_files(path)]:
                    if os.path.exists(file):
                        os.unlink(file)
        return len(self._active) < before

    def restore_or_initialize(self) -> str | None:
        """Restores the latest checkpoint; or calls `init_fn`, if there is none.

        Returns:
            The path of what was restored, or None.
        """
        if self._latest is not None:
            self._checkpoint.restore(self._latest)
            if self._interval is not None:
                self._last_step = _number(self._step_counter)
            return self._latest
        if self._init_fn is not None:
            self._init_fn()
        return None

    def sync(self) -> None:
        """Waits for what is written in the background: nothing."""


def _number(value: Any) -> int:
    return int(value.numpy() if isinstance(value, Variable) else value)


def checkpoints_iterator(checkpoint_dir: Any, min_interval_secs: float = 0, timeout: float | None = None,
                         timeout_fn: Callable[[], bool] | None = None) -> Iterator[str]:  # fmt: skip
    """The checkpoints of a folder as another program writes them: each new one, when it is there.

    Args:
        checkpoint_dir: the folder.
        min_interval_secs: the fewest seconds between two.
        timeout: how many seconds to wait for a new one; None: for ever.
        timeout_fn: called when that time is over; if it returns True, the iteration ends. Without it, it ends.
    """
    last = None
    while True:
        path = _next_checkpoint(checkpoint_dir, last, timeout)
        if path is None:
            if timeout_fn is None or timeout_fn():
                return
            continue
        began, last = time.time(), path
        yield path
        time.sleep(max(0.0, began + min_interval_secs - time.time()))


def _next_checkpoint(folder: Any, last: str | None, timeout: float | None) -> str | None:
    """The latest checkpoint, when it is another than `last`; None when the time is over."""
    stop = None if timeout is None else time.time() + timeout
    while (path := latest_checkpoint(folder)) is None or path == last:
        if stop is not None and time.time() + 1 > stop:
            return None
        time.sleep(1)
    return path
