"""Restoring of objects: the graph in a checkpoint is followed beside that of the objects, as far as both have the same names."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from tenfold.core.errors import DataLossError, InvalidArgumentError, UnimplementedError
from tenfold.core.resuming import WAITING
from tenfold.core.shapes import show
from tenfold.saving.checkpoint.bundle import Bundle
from tenfold.saving.checkpoint.messages import SlotVariable, TrackableObject, TrackableObjectGraph
from tenfold.saving.checkpoint.objects import GRAPH_KEY, VALUE, is_container, named, walk
from tenfold.tensor.variable import Variable
from tenfold.transform.trace import init_scope

SHOWN = 10  # objects in a message


class Restoration:
    """A checkpoint that is read into objects, some of which may get their variables later.

    Args:
        bundle: the checkpoint.
        root: the object that its first node stands for.
    """

    def __init__(self, bundle: Bundle, root: Any) -> None:
        self.bundle, self.root = bundle, root
        self.nodes = _graph(bundle)
        self.bound: dict[int, Any] = {}  # node -> object
        self._places: dict[int, list[int]] = {}  # id of an object that is bound -> nodes
        self._slots: list[tuple[Any, SlotVariable]] = []  # what optimizers of Keras 2 kept, and is not bound
        self._fresh: list[tuple[int, Variable]] = []  # bound in this pass
        self._bind(root, 0)
        self._pass([])

    def __call__(self, thing: Any) -> None:
        """Goes on below an object that has got something new."""
        self._pass([(thing, node) for node in self._places.get(id(thing), [])])

    def refresh(self) -> None:
        """Goes on below all objects."""
        self._pass([(thing, node) for node, thing in self.bound.items()])

    def _pass(self, places: list[tuple[Any, int]]) -> None:
        """Follows the edges from these places, then sets the variables that were found: all of them, or none if a value does not fit."""
        for thing, node in places:
            self._descend(thing, node, ())
        self._bind_slots()
        fresh, self._fresh = self._fresh, []
        values = [(v, self._value(node, v)) for node, v in fresh]
        with init_scope():
            for v, value in values:
                v.assign(value)
        if all(node in self.bound for node, proto in enumerate(self.nodes) if proto.attributes):
            for thing in self.bound.values():
                _forget(thing, self)

    def _bind(self, thing: Any, node: int, around: tuple[int, ...] = ()) -> None:
        if node in self.bound and not is_container(thing):
            return
        if node in around or (is_container(thing) and isinstance(self.bound.get(node), Variable)):
            return
        self.bound[node] = thing
        if isinstance(thing, Variable):
            self._fresh.append((node, thing))
            return
        for holder in () if is_container(thing) else _holders(thing):
            self._places.setdefault(id(holder), []).append(node)
            waiting = holder.__dict__.setdefault(WAITING, [])
            if self not in waiting:
                waiting.append(self)
        self._descend(thing, node, around)

    def _descend(self, thing: Any, node: int, around: tuple[int, ...]) -> None:
        proto = self.nodes[node]
        if isinstance(thing, Variable) or self._is_empty(node):
            return
        found = named(thing, [c.local_name for c in proto.children if not self._is_empty(c.node_id)])
        for child in proto.children:
            if child.local_name in found:
                self._bind(found[child.local_name], child.node_id, (*around, node))
        if hasattr(thing, "_trackable_slot"):
            self._slots += [(thing, slot) for slot in proto.slot_variables if slot.slot_variable_node_id not in self.bound]

    def _is_empty(self, node: int) -> bool:
        """Whether an object holds nothing: lists of numbers, as attributes of Keras's objects often are."""
        proto = self.nodes[node]
        return not (proto.children or proto.attributes or proto.slot_variables)

    def _bind_slots(self) -> None:
        waiting, self._slots = self._slots, []
        for optimizer, slot in waiting:
            variable = self.bound.get(slot.original_variable_node_id)
            mine = optimizer._trackable_slot(slot.slot_name, variable) if isinstance(variable, Variable) else None
            if mine is not None:
                self._bind(mine, slot.slot_variable_node_id)
            elif all(s is not slot for _, s in self._slots):
                self._slots.append((optimizer, slot))

    def _value(self, node: int, variable: Variable) -> np.ndarray[Any, Any]:
        """The value that the checkpoint has for a variable.

        Raises:
            ValueError: it has another shape or type.
        """
        key = next((a.checkpoint_key for a in self.nodes[node].attributes if a.name == VALUE), None)
        name = getattr(variable, "path", None) or variable.name
        if key is None:
            raise InvalidArgumentError(f"[restore] {self.bundle.prefix!r} has no value for {name!r}: it holds something else there. Try the program "
                                       "that wrote it.")  # fmt: skip
        dtype, shape = self.bundle.dtype(key), self.bundle.shape(key)
        if dtype is not variable.dtype or not variable.shape.is_compatible_with(shape):
            raise InvalidArgumentError(f"[restore] {name!r} has shape {variable.shape} and type {variable.dtype.name}; received a tensor of shape "
                                       f"{show(shape)} and type {dtype.name if dtype else '?'} from {key!r} of {self.bundle.prefix!r}. Shapes and "
                                       "types must be those that were saved.")  # fmt: skip
        return self.bundle.read(key)

    # --- what is left ---
    def unread(self) -> list[str]:
        """The keys of values that no object was found for."""
        return [a.checkpoint_key for i, node in enumerate(self.nodes) if i not in self.bound for a in node.attributes]

    def unmatched(self) -> list[Variable]:
        """The variables of the objects that the checkpoint has no value for."""
        mine = {id(thing) for thing in self.bound.values()}
        return [thing for thing, _, _ in walk(self.root) if isinstance(thing, Variable) and id(thing) not in mine]


def _holders(thing: Any) -> list[Any]:
    """The objects whose attributes are what is restored below `thing`: itself, and what a Checkpoint has for its root."""
    return [holder for holder in (thing, getattr(thing, "_root", None)) if hasattr(holder, "__dict__")]


def _forget(thing: Any, restoration: Restoration) -> None:
    for holder in _holders(thing):
        waiting = holder.__dict__.get(WAITING, [])
        if restoration in waiting:
            waiting.remove(restoration)
        if not waiting:
            holder.__dict__.pop(WAITING, None)


def _graph(bundle: Bundle) -> list[TrackableObject]:
    """The nodes of the graph in a checkpoint, checked."""
    if GRAPH_KEY not in bundle:
        raise UnimplementedError(f"[restore] {bundle.prefix!r} has tensors by name, but no objects: a Saver of TensorFlow 1 wrote it. Try "
                                 "tf.train.load_checkpoint(path).get_tensor(name), and variable.assign.")  # fmt: skip
    text = bundle.read(GRAPH_KEY)
    if text.dtype != object or text.shape != ():
        raise DataLossError(f"[restore] {bundle.prefix!r} is damaged: its graph of objects is no text.")
    nodes: list[TrackableObject] = TrackableObjectGraph.FromString(text.item()).nodes
    for node in nodes:
        numbers = [c.node_id for c in node.children]
        numbers += [n for s in node.slot_variables for n in (s.original_variable_node_id, s.slot_variable_node_id)]
        if not all(0 <= n < len(nodes) for n in numbers) or not all(a.checkpoint_key in bundle for a in node.attributes if a.name == VALUE):
            raise DataLossError(f"[restore] {bundle.prefix!r} is damaged: its graph names an object or a tensor that it does not hold.")
    if not nodes:
        raise DataLossError(f"[restore] {bundle.prefix!r} is damaged: its graph of objects is empty.")
    return nodes


class CheckpointLoadStatus:
    """What became of a restored checkpoint."""

    def __init__(self, restoration: Restoration) -> None:
        self._restoration = restoration

    def assert_consumed(self) -> CheckpointLoadStatus:
        """Raises AssertionError unless every value was read, and every variable got one."""
        self.assert_existing_objects_matched()
        unread = self._restoration.unread()
        if unread:
            raise AssertionError(f"Unresolved object in checkpoint: {len(unread)} values were not read: {_some(unread)}")
        return self

    def assert_existing_objects_matched(self) -> CheckpointLoadStatus:
        """Raises AssertionError unless every variable got a value."""
        self._restoration.refresh()
        missed = self._restoration.unmatched()
        if missed:
            raise AssertionError(f"Found {len(missed)} Python objects that were not bound to checkpointed values, likely due to changes in the "
                                 f"Python program: {_some([getattr(v, 'path', None) or v.name for v in missed])}")  # fmt: skip
        return self

    def assert_nontrivial_match(self) -> CheckpointLoadStatus:
        """Raises AssertionError unless something besides the root was found."""
        self._restoration.refresh()
        if len(self._restoration.bound) <= 1:
            raise AssertionError("Nothing except the root object matched a checkpointed value. Typically this means that the checkpoint does not "
                                 f"match the Python program. It holds: {_some(self._restoration.unread())}")  # fmt: skip
        return self

    def expect_partial(self) -> CheckpointLoadStatus:
        """Says that parts of the checkpoint may stay unread."""
        return self

    def run_restore_ops(self, session: Any = None) -> None:
        """Nothing: values are restored at once."""

    initialize_or_restore = run_restore_ops


class InitializationOnlyStatus(CheckpointLoadStatus):
    """The status where no checkpoint was given: nothing is restored."""

    def __init__(self) -> None: ...

    def assert_consumed(self) -> CheckpointLoadStatus:
        """Raises AssertionError."""
        raise AssertionError("No checkpoint specified (save_path=None); nothing is being restored.")

    assert_existing_objects_matched = assert_nontrivial_match = assert_consumed


def _some(names: list[str]) -> str:
    return ", ".join(islice(names, SHOWN)) + (f", and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
