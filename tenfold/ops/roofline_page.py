"""A roofline report as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import math
from html import escape

from tenfold.ops.roofline import KernelRow, LayerRow, Roofline
from tenfold.ops.roofline_text import amount, fused, headlines, percent, seconds

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 860, 420, 86, 46, 16, 20
NUMBERED = 9  # kernels that carry their rank in the chart


def page(report: Roofline) -> str:
    """The page."""
    steps = f" Figures are sums over {report.steps} steps." if report.steps > 1 else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Roofline: {escape(report.title)}</title><style>{STYLE}</style></head><body><main>
<h1>{escape(report.title)}</h1>
<ul class="facts">{"".join(f"<li>{escape(line)}</li>" for line in headlines(report))}</ul>
<h2>Roofline</h2>
{chart(report)}
<p class="note">A circle is a kernel: its area is the time it takes, its number the place in the table of kernels. The nearer to the roof, the
better. The solid slope is main memory, the dashed one the fastest cache: data that fit into a cache can be above the solid slope. Kernels without
arithmetic are in the tables only.{steps}</p>
<h2>Layers</h2>
{_layers(report)}
{_fused(report)}<h2>Kernels</h2>
{_kernels(report)}
<p class="note">“Of peak” is the least time that this much work can take on this machine, by the measured rate of multiply-adds and the measured
bandwidth for this amount of data, divided by the time it took. Bytes are counted once for each element that is read or written. A kernel that serves
several layers belongs to the one with most of its work; “∇” marks gradients. More than 100 % is possible: where a convolution is computed with fewer
multiplications than its definition has, or data come from a faster cache than thought. Click on the head of a column to sort by it.</p>
</main><script>{SCRIPT}</script></body></html>
"""


def _bar(part: float, whole: float, second: float = 0.0) -> str:
    """A share as a bar; `second` of it in another shade."""
    share = part / whole if whole else 0.0
    inner = f'<i class="second" style="width:{100 * second / part:.1f}%"></i>' if second and part else ""
    return f'<div class="bar"><b style="width:{100 * share:.1f}%">{inner}</b></div>'


def _cell(text: str, value: float | None = None, kind: str = "") -> str:
    sort = "" if value is None else f' data-v="{value:.6g}"'
    return f"<td{sort}{f' class={kind!r}' if kind else ''}>{text}</td>"


def _figures(row: KernelRow | LayerRow) -> str:
    color = "good" if row.fraction >= 0.5 else "fair" if row.fraction >= 0.2 else "poor"
    return "".join([
        _cell(amount(row.flops, "flop"), row.flops, "n"), _cell(amount(row.nbytes, "B"), row.nbytes, "n"),
        _cell(amount(row.rate, "flop/s"), row.rate, "n"), _cell(amount(row.bandwidth, "B/s"), row.bandwidth, "n"),
        _cell(percent(row.fraction), row.fraction, f"n {color}"), _cell("python" if row.python else row.bound),
    ])  # fmt: skip


def _head(*names: str) -> str:
    cells = (f"<th{' class=n' if n in NUMERIC else ''}>{n}</th>" for n in names)
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


NUMERIC = ("#", "Time", "Launches", "Work", "Data", "Rate", "Bandwidth", "Of peak")
FIGURES = ("Work", "Data", "Rate", "Bandwidth", "Of peak", "Bound")


def _layers(report: Roofline) -> str:
    rows, most = [], max((r.seconds for r in report.layers), default=0.0)
    for r in report.layers:
        shade = f"forward {seconds(r.seconds - r.backward)}, backward {seconds(r.backward)}"
        rows.append(
            f"<tr>{_cell(escape(r.name))}{_cell(seconds(r.seconds), r.seconds, 'n')}"
            f'<td title="{shade}">{_bar(r.seconds, most, r.backward)}</td>{_figures(r)}</tr>'
        )
    key = 'Forward <i class="key"></i> backward <i class="key second"></i>'
    return f'<div class="scroll"><table>{_head("Layer", "Time", key, *FIGURES)}<tbody>{"".join(rows)}</tbody></table></div>'


def _fused(report: Roofline) -> str:
    names = fused(report)
    return f'<p class="note">Fused into the kernels of other layers: {escape(", ".join(names))}.</p>' if names else ""


def _kernels(report: Roofline) -> str:
    rows, most = [], max((r.seconds for r in report.kernels), default=0.0)
    for rank, r in enumerate(report.kernels, 1):
        others = f'<span class="more" title="fused with work of {escape(", ".join(r.others))}">+{len(r.others)}</span>' if r.others else ""
        layer = f"{escape(r.layer)}{others}{' ∇' if r.backward else ''}"
        rows.append(
            f"<tr>{_cell(str(rank), rank, 'n')}"
            f'<td class="name" title="{escape(r.line)}">{escape(r.name)}</td>{_cell(layer)}{_cell(str(r.launches), r.launches, "n")}'
            f"{_cell(seconds(r.seconds), r.seconds, 'n')}<td>{_bar(r.seconds, most)}</td>{_figures(r)}</tr>"
        )
    head = _head("#", "Kernel", "Layer", "Launches", "Time", "Share", *FIGURES)
    return f'<div class="scroll"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


# --- the chart ---


class _Scale:
    """Powers of ten to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = math.floor(math.log10(low) * 2) / 2, math.ceil(math.log10(high) * 2) / 2
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(max(value, 1e-30)) - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """The powers of ten inside."""
        return [10.0**k for k in range(math.ceil(self.low), math.floor(self.high) + 1)]


def chart(report: Roofline) -> str:
    """Operations per byte against operations per second, logarithmic, under the machine's roof."""
    peaks, shown = report.peaks, [(rank, r) for rank, r in enumerate(report.kernels, 1) if r.flops and r.nbytes and r.seconds]
    ridge = peaks.flops / peaks.memory
    x = _Scale(min([r.intensity for _, r in shown] + [0.1]), max([r.intensity for _, r in shown] + [ridge * 4]), LEFT, WIDTH - RIGHT)
    y = _Scale(max(min([r.rate for _, r in shown] + [peaks.flops / 300]), peaks.flops * 1e-4), peaks.flops * 1.6, HEIGHT - BOTTOM, TOP)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Roofline chart">']
    for t in x.ticks():
        parts.append(f'<line class="grid" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x(t):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{t:g}</text>')
    for t in y.ticks():
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(t) + 4:.1f}" text-anchor="end">{amount(t, "flop/s")}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">operations per byte</text>')
    low, high = 10**x.low, 10**x.high
    for rate, style, name in ((peaks.cache, "roof dashed", "cache"), (peaks.memory, "roof", "memory")):
        knee, floor = peaks.flops / rate, max(low, 10**y.low / rate)
        points = [(floor, floor * rate), (knee, peaks.flops), (high, peaks.flops)]
        parts.append(f'<polyline class="{style}" points="{" ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)}"/>')
        parts.append(_along(x, y, knee / 3, rate, f"{name} {amount(rate, 'B/s')}"))
    parts.append(f'<text class="rooftext" x="{WIDTH - RIGHT}" y="{y(peaks.flops) - 6:.1f}" text-anchor="end">{amount(peaks.flops, "flop/s")}</text>')
    for rank, r in sorted(shown, key=lambda item: -item[1].seconds):
        parts.append(_circle(x(r.intensity), y(r.rate), rank, r, report.total.seconds))
    return "".join([*parts, "</svg>"])


def _along(x: _Scale, y: _Scale, at: float, rate: float, text: str) -> str:
    """A text on a slope."""
    px, py = x(at), y(at * rate)
    angle = math.degrees(math.atan2(y(at * rate * 2) - py, x(at * 2) - px))
    return f'<text class="rooftext" transform="translate({px:.1f},{py - 5:.1f}) rotate({angle:.1f})" text-anchor="middle">{escape(text)}</text>'


def _circle(px: float, py: float, rank: int, row: KernelRow, total: float) -> str:
    radius = 3 + 24 * math.sqrt(row.seconds / total)
    color = "good" if row.fraction >= 0.5 else "fair" if row.fraction >= 0.2 else "poor"
    told = f"{rank}. {row.name}\n{row.layer}{' (gradient)' if row.backward else ''}\n{seconds(row.seconds)}, {percent(row.fraction)} of peak"
    number = f'<text class="rank" x="{px:.1f}" y="{py + 4:.1f}" text-anchor="middle">{rank}</text>' if rank <= NUMBERED and radius > 7 else ""
    return f'<g><title>{escape(told)}</title><circle class="{color}" cx="{px:.1f}" cy="{py:.1f}" r="{radius:.1f}"/>{number}</g>'


STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --line: #e3e7ee; --back: #fff; --bar: #4c7fd9; --second: #9bb9ee;
  --good: #2e9e5b; --fair: #d39a1c; --poor: #d0503f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2c3441; --back: #14181f; --bar: #5b8def;
  --second: #2f4f8a; } }
* { box-sizing: border-box } body { margin: 0; background: var(--back); color: var(--ink); font: 14px/1.5 system-ui, sans-serif; }
main { max-width: 1400px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 22px; margin: 0 0 8px; } h2 { font-size: 16px; margin: 30px 0 8px; }
.facts { list-style: none; margin: 0; padding: 0; color: var(--soft); } .note { color: var(--soft); font-size: 13px; max-width: 90ch; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; cursor: pointer; color: var(--soft); font-size: 12px; position: sticky; top: 0; background: var(--back); }
td.n, th.n { text-align: right; } td.name { max-width: 240px; overflow: hidden; text-overflow: ellipsis; }
.bar { width: 90px; height: 11px; } .bar b { display: flex; justify-content: flex-end; height: 100%; background: var(--bar); border-radius: 2px;
  min-width: 1px; overflow: hidden; } i.second { display: block; height: 100%; background: var(--second); }
i.key { display: inline-block; width: 10px; height: 10px; background: var(--bar); border-radius: 2px; } i.key.second { background: var(--second); }
td.good { color: var(--good); } td.fair { color: var(--fair); } td.poor { color: var(--poor); } .more { color: var(--soft); margin-left: 5px; }
svg { width: 100%; height: auto; max-width: 980px; display: block; } svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.grid { stroke: var(--line); } .roof { fill: none; stroke: var(--ink); stroke-width: 2; } .dashed { stroke-dasharray: 5 4; stroke-width: 1.4; }
svg text.rooftext { fill: var(--ink); } circle { fill-opacity: .35; stroke-width: 1.5; } svg text.rank { fill: var(--ink); font-weight: 600; }
circle.good { fill: var(--good); stroke: var(--good); } circle.fair { fill: var(--fair); stroke: var(--fair); }
circle.poor { fill: var(--poor); stroke: var(--poor); }
"""
SCRIPT = """
for (const head of document.querySelectorAll("th")) head.onclick = () => {
  const body = head.closest("table").tBodies[0], at = head.cellIndex, down = head.dataset.down = head.dataset.down === "1" ? "0" : "1";
  const key = row => { const c = row.cells[at]; return c.dataset.v === undefined ? c.textContent : -Number(c.dataset.v); };
  const rows = [...body.rows].sort((a, b) => { const x = key(a), y = key(b); return x < y ? -1 : x > y ? 1 : 0; });
  body.append(...(down === "1" ? rows : rows.reverse()));
};
"""
__all__ = ["page"]
