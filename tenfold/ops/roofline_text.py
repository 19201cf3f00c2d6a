"""A roofline report as tables for the terminal, and as a trace for trace viewers."""

from __future__ import annotations

import shutil
import sys
from io import StringIO
from typing import Any

from tenfold.ops.roofline import KernelRow, LayerRow, Roofline


def seconds(value: float) -> str:
    """A duration.

    Example:
        >>> seconds(0.00123), seconds(4.2e-5)
        ('1.23 ms', '42 µs')
    """
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1 or unit == "µs":
            return f"{digits(value * factor)} {unit}"
    return ""


def amount(value: float, unit: str) -> str:
    """A number with a prefix.

    Example:
        >>> amount(1.5e9, "flop"), amount(0, "B")
        ('1.5 Gflop', '')
    """
    if not value:
        return ""
    for prefix, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= factor:
            return f"{digits(value / factor)} {prefix}{unit}"
    return f"{digits(value)} {unit}"


def digits(value: float) -> str:
    """Three digits that count.

    Example:
        >>> digits(1234.5), digits(12.34), digits(0.0)
        ('1234', '12.3', '0')
    """
    return f"{value:.0f}" if value >= 99.95 or value == int(value) else f"{value:.3g}"


def percent(value: float) -> str:
    """A share."""
    return f"{value * 100:.0f} %" if value >= 0.095 or value == 0 else f"{value * 100:.1f} %"


def headlines(report: Roofline) -> list[str]:
    """What is to be said before the tables."""
    p, total, n = report.peaks, report.total, report.steps
    per = " per step" if n > 1 else ""
    between = max(report.wall - total.seconds, 0.0)
    return [
        f"{seconds(report.wall / n)}{per}, of which kernels {seconds(total.seconds / n)} and between them {seconds(between / n)}",
        f"{amount(total.flops / n, 'flop')} and {amount(total.nbytes / n, 'B')}{per}: {amount(total.rate, 'flop/s')}, "
        f"{amount(total.bandwidth, 'B/s')}, {percent(total.fraction)} of what this machine can do",
        f"{p.processor}, {p.threads} thread{'s' * (p.threads > 1)}: measured peaks {amount(p.flops, 'flop/s')} (float32), "
        f"{amount(p.memory, 'B/s')} from memory, {amount(p.cache, 'B/s')} from cache",
    ]


def table(report: Roofline, kernels: int = 12, color: bool = False, width: int | None = None) -> str:
    """The tables of layers and of the longest kernels."""
    from rich.console import Console
    from rich.markup import escape

    terminal = color and sys.stdout.isatty()
    width = width or max(shutil.get_terminal_size((120, 24)).columns, 60)
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, highlight=False, color_system="standard" if terminal else None)
    console.print(f"[bold]Roofline: {escape(report.title)}[/]")
    for line in headlines(report):
        console.print(f" {escape(line)}")
    console.print(_grid("Layer", "Backward", [(r.name, _split(r), r) for r in report.layers], report, width))
    alone = fused(report)
    if alone:
        console.print(f" Fused into the kernels of other layers: {escape(', '.join(alone))}\n")
    shown = report.kernels[:kernels]
    if len(shown) < len(report.kernels):
        console.print(f" The longest {len(shown)} of {len(report.kernels)} kernels:")
    console.print(_grid("Kernel", "Layer", [(r.name, _place(r), r) for r in shown], report, width))
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def fused(report: Roofline) -> list[str]:
    """The layers that have no kernel of their own."""
    own = {r.name for r in report.layers}
    return [name for name in dict.fromkeys(o for r in report.kernels for o in r.others) if name not in own]


def _split(row: LayerRow) -> str:
    return percent(row.backward / row.seconds) if row.backward else ""


def _place(row: KernelRow) -> str:
    more = f" +{len(row.others)}" if row.others else ""
    return f"{row.layer}{more}{' ∇' if row.backward else ''}"


HEADS = ("Time", "Share", "Work", "Data", "Rate", "Bandwidth", "Of peak", "Bound")


def _grid(name: str, extra: str, rows: list[tuple[str, str, LayerRow | KernelRow]], report: Roofline, width: int) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    hidden = () if width >= 104 else ("Work", "Data") if width >= 90 else ("Work", "Data", "Bandwidth", "Bound")
    keep = [i for i, head in enumerate(HEADS) if head not in hidden]
    cells = [_cells(row, report) for _, _, row in rows]
    widths = [max(len(HEADS[i]), *(len(c[i]) for c in cells)) if cells else len(HEADS[i]) for i in keep]
    beside = max([len(text) for _, text, _ in rows] + [len(extra)])
    left = max(width - sum(widths) - 2 * len(widths) - 6, 20)
    beside = min(beside, max(left * 2 // 5, 8))
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    first = min(max([len(text) for text, _, _ in rows] + [len(name)]), left - beside)
    for head, size in ((name, first), (extra, beside)):
        grid.add_column(head, overflow="ellipsis", no_wrap=True, width=size, justify="right" if head == "Backward" else "left")
    for i, size in zip(keep, widths, strict=True):
        grid.add_column(HEADS[i], justify="left" if HEADS[i] == "Bound" else "right", no_wrap=True, width=size)
    for (text, more, row), values in zip(rows, cells, strict=True):
        color = "green" if row.fraction >= 0.5 else "yellow" if row.fraction >= 0.2 else "red"
        grid.add_row(
            escape(shorter(text, first)),
            escape(shorter(more, beside)),
            *(f"[{color}]{values[i]}[/]" if HEADS[i] == "Of peak" else values[i] for i in keep),
        )
    return grid


def shorter(text: str, size: int) -> str:
    """`text` in at most `size` characters: of a path its end.

    Example:
        >>> shorter("model/block/dense", 12), shorter("convolution", 8)
        ('…block/dense', 'convolu…')
    """
    if len(text) <= size:
        return text
    return "…" + text[len(text) - size + 1 :] if "/" in text else text[: size - 1] + "…"


def _cells(row: LayerRow | KernelRow, report: Roofline) -> tuple[str, ...]:
    share = row.seconds / report.total.seconds if report.total.seconds else 0.0
    work, data = row.flops / report.steps, row.nbytes / report.steps
    return (
        seconds(row.seconds / report.steps), percent(share), amount(work, "flop"), amount(data, "B"), amount(row.rate, "flop/s"),
        amount(row.bandwidth, "B/s"), percent(row.fraction), "python" if row.python else row.bound,
    )  # fmt: skip


# --- traces ---


def trace(report: Roofline) -> dict[str, Any]:
    """The events in the format of Chrome's trace viewer: a track of kernels, one of the layers they belong to, and one of `Trace` marks."""
    start = report.events[0].start if report.events else 0.0
    rows: list[dict[str, Any]] = [
        {"name": "process_name", "ph": "M", "pid": 0, "args": {"name": report.title}},
        *({"name": "thread_name", "ph": "M", "pid": 0, "tid": k, "args": {"name": n}} for k, n in enumerate(("marks", "layers", "kernels"))),
    ]
    spans: list[dict[str, Any]] = []
    for event, row in zip(report.events, report.rows, strict=True):
        begin, length = (event.start - start) * 1e6, event.duration * 1e6
        made = {"name": event.name, "ph": "X", "pid": 0, "tid": 0 if row is None else 2, "ts": begin, "dur": length}
        rows.append(made | {"args": dict(event.source or {}) if row is None else _details(row)})
        if row is None:
            continue
        name = f"{row.layer}{' (gradient)' if row.backward else ''}"
        if spans and spans[-1]["name"] == name:
            spans[-1]["dur"] = begin + length - spans[-1]["ts"]
        else:
            spans.append({"name": name, "ph": "X", "pid": 0, "tid": 1, "ts": begin, "dur": length})
    return {"traceEvents": rows + spans, "displayTimeUnit": "ms"}


def _details(row: KernelRow) -> dict[str, Any]:
    n = max(row.launches, 1)
    return {
        "layer": row.layer, "gradient": row.backward, "line": row.line, "operations": row.flops / n, "bytes": row.nbytes / n,
        "rate": amount(row.rate, "flop/s"), "bandwidth": amount(row.bandwidth, "B/s"), "of peak": percent(row.fraction), "bound": row.bound,
    }  # fmt: skip


__all__ = ["amount", "digits", "fused", "headlines", "percent", "seconds", "shorter", "table", "trace"]
