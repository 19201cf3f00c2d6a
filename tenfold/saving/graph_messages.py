"""Graphs and recorded runs as the messages that TensorBoard reads."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from tenfold.compiler.cost import parse
from tenfold.core.events import GraphDef, NodeDef, VersionDef
from tenfold.core.trace_messages import XEvent, XEventMetadata, XEventMetadataEntry, XLine, XPlane, XSpace
from tenfold.ir.graph import Graph
from tenfold.runtime.profiler import Event


def graph_message(graph: Graph) -> GraphDef:
    """The traced program: its operations under the names of the layers that they come from."""
    names: dict[int, str] = {}
    counts: dict[str, int] = {}
    nodes: list[NodeDef] = []

    def named(base: str) -> str:
        counts[base] = counts.get(base, -1) + 1
        return f"{base}_{counts[base]}" if counts[base] else base

    for i, value in enumerate(graph.inputs):
        names[id(value)] = f"inputs/input_{i}"
        nodes.append(NodeDef(name=names[id(value)], op="Placeholder"))
    for node in graph.nodes:
        layers, backward, _ = parse(node.where)
        name = named("/".join([*(["gradients"] if backward else []), *layers, node.primitive.name]))
        sources = list(dict.fromkeys(names[id(v)] for v in node.inputs if id(v) in names))
        nodes.append(NodeDef(name=name, op=node.primitive.name, input=sources))
        names.update((id(v), name if i == 0 else f"{name}:{i}") for i, v in enumerate(node.outputs))
    return GraphDef(node=nodes, versions=VersionDef(producer=1))


def trace_message(events: Sequence[Event]) -> XSpace:
    """The launches that a Profile recorded, one line a thread."""
    since = time.time() - time.perf_counter()  # of the clock of events
    numbers = {name: i + 1 for i, name in enumerate(dict.fromkeys(e.name for e in events))}
    lines: dict[int, XLine] = {}
    start = min((e.start for e in events), default=0.0)
    for e in events:
        line = lines.setdefault(e.thread, XLine(id=len(lines), name=f"thread {len(lines)}", timestamp_ns=int((start + since) * 1e9)))
        line.events.append(XEvent(metadata_id=numbers[e.name], offset_ps=int((e.start - start) * 1e12), duration_ps=int(e.duration * 1e12)))
    table = [XEventMetadataEntry(key=i, value=XEventMetadata(id=i, name=name)) for name, i in numbers.items()]
    return XSpace(planes=[XPlane(id=1, name="/host:CPU", lines=list(lines.values()), event_metadata=table)], hostnames=[socket.gethostname()])
