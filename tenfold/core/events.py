"""The messages of TensorBoard's event files, as far as they are written or read here."""

from __future__ import annotations

from typing import ClassVar

from tenfold.core.protobuf import Field, Message


class PluginData(Message):
    """Which plugin of TensorBoard shows a value, and how."""

    FIELDS: ClassVar[dict[str, Field]] = {"plugin_name": Field(1, "string"), "content": Field(2, "bytes")}


class SummaryMetadata(Message):
    """What a tag means."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "plugin_data": Field(1, PluginData), "display_name": Field(2, "string"), "summary_description": Field(3, "string"),
        "data_class": Field(4, "int"),
    }  # fmt: skip
    PluginData = PluginData


class Dimension(Message):
    """One size of a shape."""

    FIELDS: ClassVar[dict[str, Field]] = {"size": Field(1, "int"), "name": Field(2, "string")}


class TensorShapeProto(Message):
    """A shape."""

    FIELDS: ClassVar[dict[str, Field]] = {"dim": Field(2, Dimension, repeated=True), "unknown_rank": Field(3, "bool")}


class TensorProto(Message):
    """An array: its type by number, its shape, its elements."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "dtype": Field(1, "int"), "tensor_shape": Field(2, TensorShapeProto), "tensor_content": Field(4, "bytes"),
        "float_val": Field(5, "float", repeated=True), "double_val": Field(6, "double", repeated=True), "int_val": Field(7, "int", repeated=True),
        "string_val": Field(8, "bytes", repeated=True), "int64_val": Field(10, "int", repeated=True), "bool_val": Field(11, "bool", repeated=True),
    }  # fmt: skip


class HistogramProto(Message):
    """A histogram in the old form."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "min": Field(1, "double"), "max": Field(2, "double"), "num": Field(3, "double"), "sum": Field(4, "double"),
        "sum_squares": Field(5, "double"), "bucket_limit": Field(6, "double", repeated=True), "bucket": Field(7, "double", repeated=True),
    }  # fmt: skip


class Image(Message):
    """A picture in the old form."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "height": Field(1, "int"),
        "width": Field(2, "int"),
        "colorspace": Field(3, "int"),
        "encoded_image_string": Field(4, "bytes"),
    }


class SummaryValue(Message):
    """A tag with its value."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "tag": Field(1, "string"), "simple_value": Field(2, "float", oneof="value"), "image": Field(4, Image, oneof="value"),
        "histo": Field(5, HistogramProto, oneof="value"), "node_name": Field(7, "string"), "tensor": Field(8, TensorProto, oneof="value"),
        "metadata": Field(9, SummaryMetadata),
    }  # fmt: skip


class Summary(Message):
    """Tagged values of one step."""

    FIELDS: ClassVar[dict[str, Field]] = {"value": Field(1, SummaryValue, repeated=True)}
    Value, Image = SummaryValue, Image


class TaggedRunMetadata(Message):
    """What is known of the run of one step."""

    FIELDS: ClassVar[dict[str, Field]] = {"tag": Field(1, "string"), "run_metadata": Field(2, "bytes")}


class Event(Message):
    """An entry of an event file."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "wall_time": Field(1, "double"), "step": Field(2, "int"), "file_version": Field(3, "string", oneof="what"),
        "graph_def": Field(4, "bytes", oneof="what"), "summary": Field(5, Summary, oneof="what"),
        "tagged_run_metadata": Field(8, TaggedRunMetadata, oneof="what"), "meta_graph_def": Field(9, "bytes", oneof="what"),
    }  # fmt: skip


class NodeDef(Message):
    """An operation in a graph."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "name": Field(1, "string"),
        "op": Field(2, "string"),
        "input": Field(3, "string", repeated=True),
        "device": Field(4, "string"),
    }


class VersionDef(Message):
    """Which versions of TensorFlow can read a graph."""

    FIELDS: ClassVar[dict[str, Field]] = {"producer": Field(1, "int"), "min_consumer": Field(2, "int")}


class GraphDef(Message):
    """A graph of operations."""

    FIELDS: ClassVar[dict[str, Field]] = {"node": Field(1, NodeDef, repeated=True), "versions": Field(4, VersionDef)}


class FunctionGraphs(Message):
    """The graphs of a compiled function."""

    FIELDS: ClassVar[dict[str, Field]] = {"partition_graphs": Field(1, GraphDef, repeated=True), "pre_optimization_graph": Field(2, GraphDef)}


class RunMetadata(Message):
    """What a traced step ran."""

    FIELDS: ClassVar[dict[str, Field]] = {
        "partition_graphs": Field(3, GraphDef, repeated=True),
        "function_graphs": Field(4, FunctionGraphs, repeated=True),
    }
