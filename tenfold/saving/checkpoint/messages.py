"""The messages inside of TensorFlow's checkpoints."""

from __future__ import annotations

from typing import ClassVar

from tenfold.core.events import TensorShapeProto, VersionDef
from tenfold.core.protobuf import Field, Message


class BundleHeader(Message):
    """What the index says of the checkpoint as a whole."""

    FIELDS: ClassVar[dict[str, Field]] = {"num_shards": Field(1, "int"), "endianness": Field(2, "int"), "version": Field(3, VersionDef)}


class BundleEntry(Message):
    """A tensor: its type and shape, and where its elements are in which file."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "dtype": Field(1, "int"), "shape": Field(2, TensorShapeProto), "shard_id": Field(3, "int"), "offset": Field(4, "int"),
        "size": Field(5, "int"), "crc32c": Field(6, "fixed32"), "slices": Field(7, "bytes", repeated=True),
    }  # fmt: skip


class ObjectReference(Message):
    """An edge: under this name the object holds that one."""

    FIELDS: ClassVar[dict[str, Field]] = {"node_id": Field(1, "int"), "local_name": Field(2, "string")}


class SerializedTensor(Message):
    """A value of an object: the tensor that stands in the checkpoint under a key."""

    FIELDS: ClassVar[dict[str, Field]] = {"name": Field(1, "string"), "full_name": Field(2, "string"), "checkpoint_key": Field(3, "string")}


class SlotVariable(Message):
    """What an optimizer of Keras 2.10 keeps for a variable."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "original_variable_node_id": Field(1, "int"), "slot_name": Field(2, "string"), "slot_variable_node_id": Field(3, "int"),
    }  # fmt: skip


class TrackableObject(Message):
    """An object: what it holds, and its own values."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "children": Field(1, ObjectReference, repeated=True), "attributes": Field(2, SerializedTensor, repeated=True),
        "slot_variables": Field(3, SlotVariable, repeated=True),
    }  # fmt: skip


class TrackableObjectGraph(Message):
    """All objects of a checkpoint; the first is its root."""

    FIELDS: ClassVar[dict[str, Field]] = {"nodes": Field(1, TrackableObject, repeated=True)}
