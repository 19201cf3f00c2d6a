"""`tensorflow.python.lib.io.tf_record`: the records of a file, one after the other."""

from tenfold.saving.records import read_records as tf_record_iterator

__all__ = ["tf_record_iterator"]
