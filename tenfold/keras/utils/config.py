"""A dictionary whose entries are attributes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


class Config:
    """Named values of a model or an experiment, as attributes and as items; `freeze()` forbids changes.

    Example:
        >>> config = Config(units=3)
        >>> config.rate = 0.1
        >>> config["rate"], config.as_dict()
        (0.1, {'units': 3, 'rate': 0.1})
    """

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_values", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._values:
            raise AttributeError(f"Config has no entry {name!r}; it has {sorted(self._values)}.")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._changeable()
        self._values[name] = value

    def __delattr__(self, name: str) -> None:
        self._changeable()
        del self._values[name]

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __delitem__(self, name: str) -> None:
        delattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> Any:
        """The names."""
        return self._values.keys()

    def values(self) -> Any:
        """The values."""
        return self._values.values()

    def items(self) -> Any:
        """Pairs of name and value."""
        return self._values.items()

    def get(self, name: str, default: Any = None) -> Any:
        """A value, or `default`."""
        return self._values.get(name, default)

    def pop(self, *args: Any) -> Any:
        """Takes a value out."""
        self._changeable()
        return self._values.pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Sets several values."""
        self._changeable()
        self._values.update(*args, **kwargs)

    def freeze(self) -> None:
        """Forbids changes."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allows changes again."""
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether changes are forbidden."""
        return bool(self._frozen)

    def as_dict(self) -> dict[str, Any]:
        """The entries as a dictionary."""
        return dict(self._values)

    def to_json(self) -> str:
        """The entries as JSON."""
        return json.dumps(self._values)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"

    def _changeable(self) -> None:
        if self._frozen:
            raise ValueError("Cannot mutate attribute(s) because the config is frozen. Try unfreeze() first.")
