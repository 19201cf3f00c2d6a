"""Pictures of models, drawn by Graphviz."""

from __future__ import annotations

import html
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.core import nest
from tenfold.keras.base.symbolic import Node, node_of


@dataclass(frozen=True)
class Style:
    """What is shown of each layer."""

    shapes: bool = False
    dtype: bool = False
    names: bool = True
    activations: bool = False
    trainable: bool = False
    nested: bool = False


def plot_model(model: Any, to_file: Any = "model.png", show_shapes: bool = False, show_dtype: bool = False, show_layer_names: bool = False,
               rankdir: str = "TB", expand_nested: bool = False, dpi: int | None = 200, show_layer_activations: bool = False,
               show_trainable: bool = False, splines: str = "ortho", **kwargs: Any) -> Any:  # fmt: skip
    """Draws a model's layers and what they are connected by to a file.

    Args:
        model: a built model.
        to_file: the picture; its ending says the format. `.dot` writes the drawing's text and needs no other program.
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what stands in each layer's box.
        rankdir: "TB" from top to bottom, "LR" from left to right.
        expand_nested: whether models inside are drawn as boxes with their layers.
        dpi: dots per inch.
        splines: the form of the lines: "ortho", "curved", "polyline", "spline" or "line".

    Returns:
        An image for notebooks if IPython is there, else None. Without Graphviz's program `dot` it warns, and draws nothing.

    Raises:
        ValueError: the model is not built.
    """
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
    style = Style(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    text = dot_source(model, style, rankdir, dpi, splines)
    path = Path(to_file)
    kind = path.suffix[1:] or "png"
    if kind == "dot":
        path.write_text(text, encoding="utf-8")
        return None
    if shutil.which("dot") is None:
        remedy = "Try https://graphviz.org/download, or to_file='model.dot'."
        warnings.warn(f"[plot_model] {path} was not drawn: Graphviz is not installed. {remedy}", stacklevel=2)
        return None
    run = subprocess.run(["dot", f"-T{kind}", "-o", str(path)], input=text.encode(), capture_output=True, check=False)
    if run.returncode:
        raise ValueError(f"[plot_model] Graphviz could not write {path}: {run.stderr.decode(errors='replace').strip()}")
    return notebook_image(path)


def notebook_image(path: Path) -> Any:
    try:
        from IPython import display
    except ImportError:
        return None
    return display.Image(filename=str(path)) if path.suffix in (".png", ".jpg", ".jpeg", ".gif") else None


def model_to_dot(model: Any, show_shapes: bool = False, show_dtype: bool = False, show_layer_names: bool = True, rankdir: str = "TB",
                 expand_nested: bool = False, dpi: int | None = 200, subgraph: bool = False, show_layer_activations: bool = False,
                 show_trainable: bool = False, splines: str = "ortho", **kwargs: Any) -> Any:  # fmt: skip
    """The drawing of `plot_model` as an object of pydot, whose `to_string()` is Graphviz's text.

    Raises:
        ImportError: pydot is not installed.
    """
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
    try:
        import pydot
    except ImportError as error:
        raise ImportError("[model_to_dot] it returns an object of pydot. Try `pip install pydot`, or plot_model(model, 'model.dot').") from error
    style = Style(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    graph = pydot.graph_from_dot_data(dot_source(model, style, rankdir, dpi, splines))[0]
    if not subgraph:
        return graph
    cluster = pydot.Cluster(model.name, label=model.name, style="dashed")
    for node in graph.get_nodes():
        cluster.add_node(node)
    for edge in graph.get_edges():
        cluster.add_edge(edge)
    return cluster


def dot_source(model: Any, style: Style, rankdir: str = "TB", dpi: int | None = 200, splines: str = "ortho") -> str:
    """The drawing in Graphviz's language."""
    if not model.built:
        raise ValueError("This model has not yet been built. Build the model first by calling `build()` or by calling the model on a batch of data.")
    lines = ["digraph model {", f"  graph [rankdir={rankdir}, splines={splines}, concentrate=true" + (f", dpi={dpi}]" if dpi else "]")]
    lines += ["  node [shape=plaintext, fontname=Helvetica, fontsize=10]", *body(model, style, "  "), "}"]
    return "\n".join(lines) + "\n"


def body(model: Any, style: Style, indent: str) -> Iterator[str]:
    graph = getattr(model, "_graph", None)
    if graph is None:  # subclassed: its layers without connections
        for layer in model.layers:
            yield f"{indent}n{id(layer)} {box(layer, None, style)}"
        return
    seen: set[int] = set()
    for output in nest.flatten(model.outputs):
        yield from drawn(node_of(output), style, indent, seen)


def drawn(node: Node, style: Style, indent: str, seen: set[int]) -> Iterator[str]:
    """The boxes and lines that lead to a node, and its own."""
    key = id(node.operation)
    for parent in node.parents:
        yield from drawn(parent, style, indent, seen)
    if id(node) in seen:
        return
    seen.add(id(node))
    if style.nested and getattr(node.operation, "_graph", None) is not None:
        yield from cluster(node, style, indent)
    elif key not in seen:
        yield f"{indent}n{key} {box(node.operation, node, style)}"
    seen.add(key)
    for x in {id(p): p for p in node.parents}.values():
        yield f"{indent}n{tail(x, style)} -> n{head(node, style)}"


def cluster(node: Node, style: Style, indent: str) -> Iterator[str]:
    model = node.operation
    yield f'{indent}subgraph cluster_{id(model)} {{ label="{model.name}"; style=dashed'
    yield from body(model, style, indent + "  ")
    yield f"{indent}}}"


def tail(node: Node, style: Style) -> int:
    """The box that a line starts at: the last one inside a nested model."""
    inner = style.nested and getattr(node.operation, "_graph", None) is not None
    return tail(node_of(nest.flatten(node.operation.outputs)[0]), style) if inner else id(node.operation)


def head(node: Node, style: Style) -> int:
    """The box that a line leads to: the first one inside a nested model."""
    inner = style.nested and getattr(node.operation, "_graph", None) is not None
    return head(node_of(nest.flatten(node.operation.inputs)[0]), style) if inner else id(node.operation)


def box(layer: Any, node: Node | None, style: Style) -> str:
    """A layer as a small table."""
    title = f"{layer.name} ({type(layer).__name__})" if style.names else type(layer).__name__
    rows = [f"<b>{html.escape(title)}</b>"]
    activation = getattr(layer, "activation", None)
    if style.activations and activation is not None:
        rows.append(f"Activation: <b>{html.escape(getattr(activation, '__name__', type(activation).__name__))}</b>")
    if style.shapes and node is not None:
        rows.append(f"Input: <b>{shapes(node.inputs)}</b>  Output: <b>{shapes(node.output_tensors)}</b>")
    if style.dtype and node is not None:
        rows.append(f"Output dtype: <b>{', '.join(x.dtype.name for x in node.output_tensors)}</b>")
    if style.trainable and hasattr(layer, "trainable"):
        rows.append("trainable" if layer.trainable else "non-trainable")
    cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    return f'[label=<<table border="0" cellborder="1" cellspacing="0" cellpadding="6">{cells}</table>>]'


def shapes(tensors: list[Any]) -> str:
    return html.escape(", ".join(str(tuple(x.shape)) for x in tensors) or "-")
