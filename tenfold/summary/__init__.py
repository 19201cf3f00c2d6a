"""`tf.summary`: figures, histograms, pictures and texts for TensorBoard."""

from tenfold.summary import experimental
from tenfold.summary.writing import (
    SummaryWriter,
    create_file_writer,
    flush,
    histogram,
    image,
    record_if,
    scalar,
    should_record_summaries,
    text,
    write,
)

__all__ = ["SummaryWriter", "create_file_writer", "experimental", "flush", "histogram", "image", "record_if", "scalar", "should_record_summaries",
           "text", "write"]  # fmt: skip
