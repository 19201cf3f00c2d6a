"""`tf.compat.v1`: of TensorFlow 1, the messages of event files."""

from tenfold.core.events import Event, GraphDef, HistogramProto, NodeDef, Summary, SummaryMetadata

__all__ = ["Event", "GraphDef", "HistogramProto", "NodeDef", "Summary", "SummaryMetadata"]
