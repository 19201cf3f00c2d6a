"""The order of training: epochs of batches, how many batches go together, and Ctrl-C between them."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Iterator
from time import perf_counter
from types import FrameType
from typing import Any

from tenfold.compiler.repeat import Repeat
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base import switches
from tenfold.keras.callbacks.base import ProgbarLogger
from tenfold.keras.training.batches import ArrayBatches, Batches, Item
from tenfold.keras.training.step import Step


class Interrupt:
    """Ctrl-C between steps: the first one waits for the step to end, a second one interrupts at once."""

    def __init__(self) -> None:
        self.asked = False
        self._installed = False

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(self, *error: Any) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Raises KeyboardInterrupt if it was asked for."""
        if self.asked:
            raise KeyboardInterrupt


def count_of(repeat: Repeat | None) -> int:
    """How many batches are run."""
    return 1 if repeat is None else repeat.times


class Epochs:
    """Epochs of batches, each of `steps` batches if that is given: the next epoch then goes on where the last one ended.

    If the data end within an epoch, the epoch ends with them, and the next one begins with the first batch again.
    """

    def __init__(self, batches: Batches, steps: int | None, name: str, together: int = 1) -> None:
        steps = None if steps is None else -(-steps // together) * together  # callbacks' batches are not cut
        total = steps or batches.steps
        self.steps = switches.capped(total, switches.max_steps_per_epoch(), "steps_per_epoch")
        self.batches, self.name = batches, name
        self.limit = steps if self.steps == total else self.steps
        self._iterator: Iterator[Any] | None = None
        self.exhausted = False

    def __iter__(self) -> Iterator[Item]:
        done = 0
        if self.limit is None:
            for item in self.batches.epoch():
                done += count_of(item[2])
                yield item
            self.batches.finish_epoch()
            if done == 0:
                self._empty()
            self.steps = self.steps or done
            self.exhausted = self.batches.endless
            return
        while done < self.limit:
            self.batches.together = min(self.batches.together, self.limit - done)
            item = self._next(start=done == 0)
            if item is None:
                if done == 0:
                    self._empty()
                warnings.warn(
                    f"[{self.name}] Your input ran out of data; interrupting training. Make sure that your dataset or generator can "
                    f"generate at least "
                    f"`steps_per_epoch * epochs` batches. You may need to use the `.repeat()` function when building your dataset.", stacklevel=4,
                )  # fmt: skip
                self.exhausted = self.batches.endless
                return
            done += count_of(item[2])
            yield item

    def _next(self, start: bool) -> Any:
        """The next batch, from the beginning if the data have ended and an epoch starts; None: there is none."""
        if self._iterator is None:
            self._iterator = self.batches.epoch()
        item = next(self._iterator, None)
        if item is None and not self.batches.endless:
            self.batches.finish_epoch()
            self._iterator = self.batches.epoch()
            item = next(self._iterator, None) if start else None
        return item

    def _empty(self) -> None:
        raise InvalidArgumentError(
            f"[{self.name}] the data set gave no batches. Expected at least one. Try checking that the generator is not used up."
        )


class Steps:
    """Runs a compiled step for one batch after another, as many in a native run as take `SECONDS`, after which the progress bar shows
    something new: no more, so that it and Ctrl-C need not wait. Python between two runs takes as long as half a step of a small model.

    Args:
        hooks: what is called for batches; all but the progress bar's expect to be called for each.
        together: how many batches are one to callbacks.
    """

    SECONDS, MOST = 0.05, 256

    def __init__(self, step: Step, batches: Batches, hooks: list[Any], together: int) -> None:
        watched = any(type(getattr(hook, "__self__", None)) is not ProgbarLogger for hook in hooks)
        self._step, self._batches, self._together = step, batches, together
        self._most = together if watched else self.MOST
        self.done = 0
        batches.together = 1  # whatever held in the last epoch: callbacks may have come since, or a profile

    def __call__(self, arrays: list[Any], structure: Any, repeat: Repeat | None) -> Any:
        """The step's result, and how many batches the source may put together next."""
        start, count = perf_counter(), count_of(repeat)
        result = self._step(arrays, structure, repeat)
        self.done += count
        if isinstance(self._batches, ArrayBatches):
            fitting = int(self.SECONDS * count / max(perf_counter() - start, 1e-9))
            free = self._most - self.done % self._together
            self._step.most = max(self._step.most, count)
            self._batches.together = min(fitting, free, 4 * self._step.most) if self._step.repeats(arrays, structure) else 1
        return result
