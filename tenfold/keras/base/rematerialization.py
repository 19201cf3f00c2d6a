"""Layers whose intermediate results are computed again for the gradient: less memory for more time."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

from tenfold.core import nest
from tenfold.transform.custom import recompute_grad

MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.stack: list[RematScope] = []


_scopes = _Scopes()


class RematScope:
    """Layers made inside compute what happens in their call again when gradients are taken, instead of keeping it.

    Args:
        mode: "full": all layers; "activations": only activations that are arguments of layers; "larger_than": layers whose output has more
            elements than the threshold; "list_of_layers": those that are named; None: none.
        output_size_threshold: for "larger_than".
        layer_names: for "list_of_layers".

    Example:
        >>> import tenfold as tf
        >>> with RematScope(mode="full"):
        ...     layer = tf.keras.layers.Dense(4, activation="tanh")
        >>> layer(tf.ones((2, 3))).shape
        TensorShape([2, 4])
    """

    def __init__(self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Sequence[str] | None = None) -> None:
        if mode not in MODES:
            raise ValueError(f"Invalid mode '{mode}'. Supported modes are: 'full', 'activations', 'larger_than', 'list_of_layers', or  None.")
        self.mode, self.output_size_threshold, self.layer_names = mode, output_size_threshold, list(layer_names or ())

    def __enter__(self) -> RematScope:
        _scopes.stack.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        _scopes.stack.pop()


def current_scope() -> RematScope | None:
    """The innermost scope that layers are being made in."""
    return _scopes.stack[-1] if _scopes.stack else None


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, whose intermediate results are not kept for the gradient but computed again; the same as `tf.recompute_grad`.

    Example:
        >>> import tenfold as tf
        >>> float(remat(lambda x: x * x)(tf.constant(3.0)))
        9.0
    """
    return recompute_grad(f)


def rematerialized(layer: Any, scope: RematScope, inputs: tuple[Any, ...], function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, what a layer that was made in `scope` computes."""
    match scope.mode:
        case "full":
            return remat(function)
        case "list_of_layers" if layer.name in scope.layer_names:
            return remat(function)
        case "larger_than" if _output_size(layer, inputs) > scope.output_size_threshold:
            return remat(function)
        case "activations" if getattr(layer, "activation", None) is not None:
            return functools.partial(_with_activation, layer, function)
    return function


def _with_activation(layer: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    plain = layer.activation
    layer.activation = remat(plain)
    try:
        return function(*args, **kwargs)
    finally:
        layer.activation = plain


def _output_size(layer: Any, inputs: tuple[Any, ...]) -> int:
    """The elements of the layer's output; sizes that are unknown count as 1."""
    scope, layer._remat = layer._remat, None  # to ask for the shape may be to call the layer
    try:
        shapes = layer.compute_output_shape(*(nest.map_structure(lambda t: tuple(t.shape), x) for x in inputs))
    finally:
        layer._remat = scope
    total = 0
    for shape in shapes if isinstance(shapes, list) or (shapes and isinstance(shapes[0], (tuple, list))) else [shapes]:
        count = 1
        for n in shape:
            count *= n or 1
        total += count
    return total
