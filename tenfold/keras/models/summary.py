"""`model.summary()`: the table of layers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from io import StringIO
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.keras.base.symbolic import nodes_of
from tenfold.keras.layers.building import map_shapes

COLUMNS_WITHOUT_GRAPH = 3


def count_params(weights: Any) -> int:
    """The number of elements."""
    return sum(int(np.prod(tuple(w.shape), dtype=np.int64)) for w in weights)


def memory_text(weights: Any) -> str:
    """The bytes that the weights take, e.g. `1.20 MB`."""
    size = float(sum(int(np.prod(tuple(w.shape), dtype=np.int64)) * w.dtype.size for w in weights))
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024 or unit == "TB":
            return f"{size:.2f} {unit}"
        size /= 1024
    return ""


def print_summary(model: Any, line_length: int | None = None, positions: Any = None, print_fn: Callable[..., Any] | None = None,
                  expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None) -> None:  # fmt: skip
    """Prints a table of the model's layers, and how many parameters it has."""
    text = summary_text(model, line_length, expand_nested, show_trainable, layer_range, print_fn is None, positions)
    if print_fn is None:
        print(text)
        return
    for line in text.splitlines():
        print_fn(line)


def summary_text(model: Any, line_length: int | None = None, expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None,
                 color: bool = False, positions: Any = None) -> str:  # fmt: skip
    """The table as text."""
    import sys

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    graph = getattr(model, "_graph", None)
    linear = graph is None or _is_linear(model)
    columns = ["Layer (type)", "Output Shape", "Param #"] + ([] if linear else ["Connected to"]) + (["Trainable"] if show_trainable else [])
    shares = [0.45, 0.30, 0.25] if linear else [0.28, 0.24, 0.18, 0.30]
    if show_trainable:
        shares = [s * 0.88 for s in shares] + [0.12]
    width = line_length or min(80 if linear else 92, shutil.get_terminal_size((92, 24)).columns)
    if positions is not None:
        shares = _shares(positions, len(columns), width)
    table = Table(width=width, show_lines=True)
    for i, (name, share) in enumerate(zip(columns, shares, strict=True)):
        justify: Any = "right" if i == 2 else "center" if name == "Trainable" else "left"
        table.add_column(name, justify=justify, width=max(6, int((width - 3 * len(columns) - 1) * share)), no_wrap=False, header_style="bold")
    for row in _rows(model, linear, expand_nested, show_trainable, layer_range, 0):
        table.add_row(*(_styled(cell, i, escape) for i, cell in enumerate(row)))
    terminal = color and sys.stdout.isatty()
    out = StringIO()
    console = Console(file=out, width=max(width, 20), force_terminal=terminal, highlight=False, color_system="standard" if terminal else None)
    console.print(f'[bold]Model: "{escape(str(model.name))}"[/]')
    console.print(table)
    for line in _totals(model):
        console.print(line)
    return out.getvalue().rstrip("\n")


def _shares(positions: Any, columns: int, width: int) -> list[float]:
    """The width of each column, as a part of the whole, from where they end."""
    if len(positions) != columns:
        raise ValueError(f"[summary] `positions` says where each column ends. Expected {columns} numbers; received {list(positions)}.")
    ends = [p if max(positions) <= 1 else p / width for p in positions]
    return [end - start for start, end in zip([0.0, *ends], ends, strict=False)]


def _styled(cell: str, column: int, escape: Callable[[str], str]) -> str:
    if column == 0:
        found = re.fullmatch(r"(.*) \((\w+)\)", cell, re.S)
        if found:
            return f"{escape(found[1])} ([blue]{escape(found[2])}[/])"
    if column == 1:
        return re.sub(r"(\d+|None)", lambda m: f"[cyan]{m[0]}[/]" if m[0] == "None" else f"[green]{m[0]}[/]", escape(cell))
    return f"[green]{escape(cell)}[/]" if column == 2 and cell[:1].isdigit() else escape(cell)


def _is_linear(model: Any) -> bool:
    """Whether each layer has one input that is the output of the layer before."""
    if hasattr(model, "_stack"):
        return True
    graph = model._graph
    used = [x for node in graph.nodes for x in node.inputs]
    once = len({id(x) for x in used}) == len(used)
    return once and len(graph.inputs) == 1 and all(len(node.inputs) <= 1 and len(node.output_tensors) == 1 for node in graph.nodes)


def _rows(model: Any, linear: bool, expand_nested: bool, show_trainable: bool, layer_range: Any, level: int) -> list[list[str]]:
    graph = getattr(model, "_graph", None)
    things = list(model.layers) if graph is None or hasattr(model, "_stack") else list(graph.operations)
    if layer_range is not None:
        things = _range(things, layer_range)
    rows = []
    for thing in things:
        indent = "    " * level + ("└ " if level else "")
        row = [f"{indent}{thing.name} ({getattr(thing, 'kind', type(thing).__name__)})", _output_shape(thing, graph), _params(thing)]
        if not linear:
            row.append(_connections(thing, graph) if level == 0 else "")
        if show_trainable:
            row.append(("Y" if thing.trainable else "N") if getattr(thing, "weights", None) else "-")
        rows.append(row)
        if expand_nested and hasattr(thing, "layers"):
            rows += _rows(thing, linear, True, show_trainable, None, level + 1)
    return rows


def _range(things: list[Any], layer_range: Any) -> list[Any]:
    if len(layer_range) != 2:
        raise ValueError("[summary] layer_range must be two names (or patterns): the first and the last layer to show.")
    places = [[i for i, t in enumerate(things) if re.match(pattern, t.name)] for pattern in layer_range]
    if not places[0] or not places[1]:
        raise ValueError(f"[summary] layer_range={list(layer_range)} matches no layers. Expected names among {[t.name for t in things]}.")
    return things[min(places[0][0], places[1][0]) : max(places[0][-1], places[1][-1]) + 1]


def _output_shape(thing: Any, graph: Any) -> str:
    own = None if graph is None else {id(n) for n in graph.nodes}
    nodes = [n for n in nodes_of(thing) if own is None or id(n) in own]
    if nodes:
        shapes = [x.shape for x in nest.flatten(nodes[0].outputs) if hasattr(x, "shape")]
    elif getattr(thing, "batch_shape", None) is not None:
        shapes = [thing.batch_shape]
    else:
        shapes = _shapes_without_nodes(thing)
    texts = [f"({', '.join(str(n) for n in tuple(shape))})" for shape in shapes]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]" if texts else "?"


def _shapes_without_nodes(thing: Any) -> list[Any]:
    """The shapes of a layer's outputs, for the shapes that it was built for; none if it does not know them."""
    given = getattr(thing, "__dict__", {}).get("_first_shapes")
    if not given or None in given.values():
        return []
    found: list[Any] = []
    try:
        outputs = thing.compute_output_shape(*given.values()) if len(given) == 1 else thing.compute_output_shape(**given)
    except Exception:  # a table shall not fail for a layer that cannot say it
        return []
    map_shapes(found.append, outputs)
    return found


def _params(thing: Any) -> str:
    if not hasattr(thing, "count_params"):
        return "0"
    return f"{count_params(thing.weights):,}" if thing.built else "0 (unbuilt)"


def _connections(thing: Any, graph: Any) -> str:
    own = {id(n) for n in graph.nodes}
    found = []
    for node in nodes_of(thing):
        if id(node) in own:
            for x in node.inputs:
                if x._keras_history is not None:
                    operation, index, output = x._keras_history
                    found.append(f"{operation.name}[{sum(id(n) in own for n in nodes_of(operation)[:index])}][{output}]")
    return ", ".join(found) or "-"


def _totals(model: Any) -> list[str]:
    weights, trainable, frozen = model.weights, model.trainable_weights, model.non_trainable_weights
    lines = [_total("Total params", weights)]
    optimizer = getattr(model, "optimizer", None)
    state = list(optimizer.variables) if optimizer is not None and getattr(optimizer, "built", False) else []
    if state:
        lines = [_total("Total params", [*weights, *state])]
    lines += [_total("Trainable params", trainable), _total("Non-trainable params", frozen)]
    return [*lines, _total("Optimizer params", state)] if state else lines


def _total(name: str, weights: Any) -> str:
    return f"[bold] {name}: [/][green]{count_params(weights):,}[/] ({memory_text(weights)})"
