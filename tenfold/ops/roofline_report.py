"""Report: the roofline's figures with their table, page and trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.ops.roofline import Roofline, analyze
from tenfold.ops.roofline_page import page
from tenfold.ops.roofline_text import table, trace

WRITERS: dict[str, Callable[[Roofline], str]] = {
    ".html": page,
    ".json": lambda report: json.dumps(trace(report)),
    ".txt": lambda report: table(report, 1 << 30, width=140) + "\n",
}


class Report(Roofline):
    """What a profile shows. Printed, it is a table; `save` writes a page, a trace or the table.

    Example:
        >>> import tenfold as tf
        >>> f = tf.function(lambda x: tf.reduce_sum(x * x))
        >>> with tf.profiler.experimental.Profile() as profile:
        ...     y = f(tf.ones([10, 10]))
        >>> profile.report().total.flops
        200.0
    """

    def __str__(self) -> str:
        return table(self)

    def show(self, kernels: int = 12) -> None:
        """Prints the table, with this many of the longest kernels."""
        print(table(self, kernels, color=True))

    def save(self, path: str | Path) -> Path:
        """Writes the report: `.html` one page that needs nothing else, `.json` a trace for Perfetto or chrome://tracing, `.txt` the table.

        Raises:
            ValueError: the name ends in something else.
        """
        path = Path(path)
        if path.suffix not in WRITERS:
            raise InvalidArgumentError(f"[save] cannot tell the format of {path.name!r}. Expected a name that ends in one of {', '.join(WRITERS)}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(WRITERS[path.suffix](self), encoding="utf-8")
        return path


def report_of(*args: Any, **kwargs: Any) -> Report:
    """`analyze`, as a Report."""
    found = analyze(*args, **kwargs)
    return Report(*(getattr(found, f.name) for f in fields(found)))


__all__ = ["Report", "report_of"]
