"""Objects that a checkpoint was restored into before they had all of their variables."""

from __future__ import annotations

from typing import Any

WAITING = "_restorations"  # the attribute that holds what is still to be restored: functions of the object


def resume(thing: Any) -> None:
    """Restores what the object has got since; to be called when it got something."""
    for restore in tuple(thing.__dict__.get(WAITING, ())):
        restore(thing)


class Resuming:
    """An object that looks for values of what its attributes are set to."""

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if WAITING in self.__dict__:
            resume(self)
