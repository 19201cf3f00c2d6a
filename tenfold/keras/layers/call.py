"""What surrounds a layer's `call`: its signature, and the context of the outer call."""

from __future__ import annotations

import inspect
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

from tenfold.core import nest
from tenfold.tensor.tensor import Tensor


class Context(threading.local):
    """The call that is going on in this thread: how deep, and whether it is training."""

    def __init__(self) -> None:
        self.depth = 0
        self.training: Any = None
        self.values: dict[str, Any] = {}  # of other keywords that layers registered
        self.losses = False  # whether any layer ever added a loss, so that there may be old ones to drop


context = Context()


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a `call` or `build` method, without self."""

    names: tuple[str, ...]
    has_training: bool
    has_mask: bool
    masks: tuple[str, ...]  # of the form `x_mask`, where `x` is a parameter too


@cache
def signature(function: Any) -> Signature:
    """The parameters of a method, read once per function."""
    parameters = list(inspect.signature(function).parameters.values())
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = tuple(p.name for p in parameters if p.kind not in kinds)
    masks = tuple(n for n in names if n.endswith("_mask") and n.removesuffix("_mask") in names)
    return Signature(names, "training" in names, "mask" in names, masks)


def mask_of(x: Any) -> Any:
    """The mask that a tensor carries, or None."""
    return getattr(x, "_keras_mask", None)


def masks(structure: Any) -> Any:
    """The masks of the tensors in a structure, in its form; None if there are none."""
    if type(structure) is Tensor or not nest.is_nested(structure):
        return mask_of(structure)
    found = [mask_of(leaf) for leaf in nest.flatten(structure)]
    return None if all(m is None for m in found) else nest.pack(structure, found)


def shapes(structure: Any) -> Any:
    """The shapes of the tensors in a structure; None where a size is unknown."""
    return nest.map_structure(lambda x: tuple(x.shape) if hasattr(x, "shape") else None, structure)
