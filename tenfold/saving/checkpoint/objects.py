"""Objects as checkpoints see them: a graph whose edges are names, with variables at its ends.

Modules and checkpoints hold what their attributes hold; lists, tuples and dicts what stands in them. Other classes say it themselves, by methods:

    _trackable_children()          {name: object}, as it is saved
    _trackable_named(names)        {name: object}, for the names in a file: other spellings too
    _trackable_slot(name, variable)  what an optimizer keeps for a variable
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tenfold.core.resuming import WAITING
from tenfold.ops.module import Module
from tenfold.saving.checkpoint.messages import ObjectReference, SerializedTensor, TrackableObject, TrackableObjectGraph
from tenfold.tensor.variable import Variable

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "VARIABLE_VALUE"
MAX_DEPTH = 32  # of lists in lists


def is_object(thing: Any) -> bool:
    """Whether checkpoints know it: a variable, or something that holds some."""
    return not isinstance(thing, type) and (isinstance(thing, (Variable, Module)) or hasattr(thing, "_trackable_children"))


def is_container(thing: Any) -> bool:
    """Whether it is a list, tuple or dict."""
    return isinstance(thing, (list, tuple, Mapping))


def is_trackable(thing: Any, depth: int = 0) -> bool:
    """Whether checkpoints know it, or something in it."""
    if is_object(thing):
        return True
    if not is_container(thing) or depth > MAX_DEPTH:
        return False
    return any(is_trackable(item, depth + 1) for item in (thing.values() if isinstance(thing, Mapping) else thing))


def attributes(thing: Any, skipped: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The attributes that checkpoints know."""
    return {name: value for name, value in vars(thing).items() if name not in skipped and name != WAITING and is_trackable(value)}


def children(thing: Any) -> Mapping[str, Any]:
    """What an object holds, under its names.

    Raises:
        ValueError: it is a dict with a variable under a key that is no string.
    """
    if isinstance(thing, Variable):
        return {}
    if hasattr(thing, "_trackable_children"):
        return dict(thing._trackable_children())
    if isinstance(thing, Module):
        return attributes(thing)
    items = thing.items() if isinstance(thing, Mapping) else ((str(i), item) for i, item in enumerate(thing))
    found = {key: item for key, item in items if is_trackable(item)}
    if not all(isinstance(key, str) for key in found):
        raise ValueError(f"[checkpoint] Unable to save the dictionary with the keys {list(thing)}: it contains a non-string key which maps to a "
                         "trackable object. Try strings for keys.")  # fmt: skip
    return found


def named(thing: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """What an object holds, as far as a file has these names for it."""
    return thing._trackable_named(names) if hasattr(thing, "_trackable_named") else children(thing)


def walk(root: Any) -> Iterator[tuple[Any, str, Mapping[str, Any]]]:
    """(object, path, what it holds) for everything that can be reached, each once, on its shortest path."""
    found, paths, seen = [root], [""], {id(root)}
    for thing, path in zip(found, paths, strict=False):  # both grow
        held = children(thing)
        yield thing, path, held
        for name, child in held.items():
            if id(child) not in seen:
                seen.add(id(child))
                found.append(child)
                paths.append(f"{path}{escaped(name)}/")


def escaped(name: str) -> str:
    """A name as a part of a key."""
    return name.replace(".", "..").replace("/", ".S")


def graph_of(root: Any) -> tuple[TrackableObjectGraph, dict[str, Variable]]:
    """(the graph of objects, {key: variable})."""
    everything = list(walk(root))
    numbers = {id(thing): i for i, (thing, _, _) in enumerate(everything)}
    graph, variables = TrackableObjectGraph(), dict[str, Variable]()
    for thing, path, held in everything:
        node = TrackableObject(children=[ObjectReference(node_id=numbers[id(c)], local_name=name) for name, c in held.items()])
        if isinstance(thing, Variable):
            key = f"{path}.ATTRIBUTES/{VALUE}"
            variables[key] = thing
            full_name = str(getattr(thing, "path", None) or thing.name).removesuffix(":0")
            node.attributes.append(SerializedTensor(name=VALUE, full_name=full_name, checkpoint_key=key))
        graph.nodes.append(node)
    return graph, variables
