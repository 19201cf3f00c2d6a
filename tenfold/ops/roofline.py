"""The roofline report: for every kernel and layer of a profile its time, its work, and how near it came to what the machine can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tenfold.compiler.cost import Cost, costs, origin
from tenfold.compiler.lower import Call
from tenfold.compiler.peaks import Peaks
from tenfold.runtime.profiler import Event

ELSEWHERE = "(no layer)"


@dataclass(slots=True)
class Figures:
    """Time and work of one kernel or layer, summed over its launches.

    Attributes:
        seconds: measured. launches: how many.
        flops: arithmetic operations. nbytes: bytes that must move.
        ideal: the least seconds that this work can take on this machine: the roofline.
        compute: of these, the seconds of launches that the arithmetic limits, and not the memory.
    """

    seconds: float = 0.0
    launches: int = 0
    flops: float = 0.0
    nbytes: float = 0.0
    ideal: float = 0.0
    compute: float = 0.0

    def add(self, seconds: float, cost: Cost, peaks: Peaks) -> None:
        """Takes one launch into account."""
        ideal = peaks.seconds(cost.flops, cost.nbytes)
        self.seconds += seconds
        self.launches += 1
        self.flops += cost.flops
        self.nbytes += cost.nbytes
        self.ideal += ideal
        if cost.flops / peaks.flops >= ideal:
            self.compute += ideal

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.flops / self.seconds if self.seconds else 0.0

    @property
    def bandwidth(self) -> float:
        """Bytes per second."""
        return self.nbytes / self.seconds if self.seconds else 0.0

    @property
    def intensity(self) -> float:
        """Operations per byte."""
        return self.flops / self.nbytes if self.nbytes else 0.0

    @property
    def fraction(self) -> float:
        """The share of the machine's measured peak that was reached: 1 is as fast as it can go."""
        return self.ideal / self.seconds if self.seconds else 0.0

    @property
    def bound(self) -> str:
        """What limits it at best: "compute" or "memory"."""
        return "compute" if self.compute * 2 > self.ideal else "memory"


@dataclass(slots=True)
class KernelRow(Figures):
    """One kernel of a program. `layer` is the one that most of its work belongs to, `others` those fused into it."""

    name: str = ""
    layer: str = ""
    backward: bool = False
    line: str = ""
    others: tuple[str, ...] = ()
    python: bool = False  # Python or NumPy, not a compiled kernel


@dataclass(slots=True)
class LayerRow(Figures):
    """One layer: all kernels whose work is mostly its own; `backward` are the seconds of its gradients."""

    name: str = ""
    backward: float = 0.0
    host: float = 0.0  # seconds of Python and NumPy

    @property
    def python(self) -> bool:
        """Whether most of its time goes to Python and NumPy."""
        return self.host * 2 > self.seconds


@dataclass(slots=True)
class Roofline:
    """The figures of a profile.

    Attributes:
        title: what was profiled.
        peaks: what the machine can do.
        steps: how many steps the events cover; the figures are those of all together.
        wall: their seconds, with all that happens between kernels.
        kernels: the longest first. layers: in the order in which they first run.
        total: everything together.
        events: the launches in order. rows: the kernel of each of them, None for what `Trace` marked.
    """

    title: str
    peaks: Peaks
    steps: int
    wall: float
    kernels: list[KernelRow]
    layers: list[LayerRow]
    total: Figures
    events: list[Event] = field(repr=False)
    rows: list[KernelRow | None] = field(repr=False)


def analyze(events: Iterable[Event], peaks: Peaks, title: str = "profile", steps: int = 1, wall: float | None = None, root: str = "") -> Roofline:
    """Adds up the launches of a profile by kernel and by layer.

    Args:
        events: of one or more runs.
        peaks: to compare with.
        title, steps, wall: see `Roofline`; `wall` is by default the time from the first launch to the end of the last.
        root: the name of the model, which layers' names are then told without.
    """
    events = sorted(events, key=lambda e: e.start)
    cost = costs([call for call in {id(e.source): e.source for e in events}.values() if isinstance(call, Call)])
    kernels: dict[int, KernelRow] = {}
    layers: dict[str, LayerRow] = {}
    total = Figures()
    rows: list[KernelRow | None] = []
    for event in events:
        call = event.source
        if not isinstance(call, Call):
            rows.append(None)
            continue
        if id(call) not in kernels:
            kernels[id(call)] = _row(call, root)
        row = kernels[id(call)]
        rows.append(row)
        layer = layers.setdefault(row.layer, LayerRow(name=row.layer))
        for figures in (row, layer, total):
            figures.add(event.duration, cost[id(call)], peaks)
        layer.backward += event.duration * row.backward
        layer.host += event.duration * row.python
    if wall is None:
        wall = max((e.start + e.duration for e in events), default=0.0) - min((e.start for e in events), default=0.0)
    longest = sorted(kernels.values(), key=lambda r: -r.seconds)
    return Roofline(title, peaks, steps, wall, longest, list(layers.values()), total, events, rows)


def _row(call: Call, root: str) -> KernelRow:
    found = origin(call)
    others = tuple(_layer(o, root) for o in found.others)
    layer = _layer(found.layers, root)
    return KernelRow(name=_name(call), layer=layer, backward=found.backward, line=found.line, others=others, python=callable(call.code))


def _layer(path: tuple[str, ...], root: str) -> str:
    if len(path) > 1 and path[0] == root:
        path = path[1:]
    return "/".join(path) or ELSEWHERE


def _name(call: Call) -> str:
    """What a kernel computes; the part of a contraction that only prepares is called after what it does."""
    description = getattr(call.code, "description", None)
    part = type(description).__name__.lower()
    if description is not None and part != "tile":
        return f"{call.name} ({part})"
    names = [n.primitive.name for n in call.nodes[:6]]
    return "+".join(names) if names and (description is not None or not call.name) else call.name


__all__ = ["ELSEWHERE", "Figures", "KernelRow", "LayerRow", "Roofline", "analyze"]
