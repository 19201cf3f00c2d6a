"""The messages of a recorded run, as TensorBoard's profiler reads them (`xplane.pb`)."""

from __future__ import annotations

from typing import ClassVar

from tenfold.core.protobuf import Field, Message


class XEvent(Message):
    """Something that took time."""

    FIELDS: ClassVar[dict[str, Field]] = {"metadata_id": Field(1, "int"), "offset_ps": Field(2, "int"), "duration_ps": Field(3, "int")}


class XLine(Message):
    """What one thread did."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "id": Field(1, "int"),
        "name": Field(2, "string"),
        "timestamp_ns": Field(3, "int"),
        "events": Field(4, XEvent, repeated=True),
    }


class XEventMetadata(Message):
    """The name of events."""

    FIELDS: ClassVar[dict[str, Field]] = {"id": Field(1, "int"), "name": Field(2, "string")}


class XEventMetadataEntry(Message):
    """An entry of the table of names."""

    FIELDS: ClassVar[dict[str, Field]] = {"key": Field(1, "int"), "value": Field(2, XEventMetadata)}


class XPlane(Message):
    """What one device did."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "id": Field(1, "int"), "name": Field(2, "string"), "lines": Field(3, XLine, repeated=True),
        "event_metadata": Field(4, XEventMetadataEntry, repeated=True),
    }  # fmt: skip


class XSpace(Message):
    """What one process did."""

    FIELDS: ClassVar[dict[str, Field]] = {"planes": Field(1, XPlane, repeated=True), "hostnames": Field(4, "string", repeated=True)}
