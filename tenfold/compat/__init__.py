"""`tf.compat`: names of TensorFlow 1."""

from tenfold.compat import v1

__all__ = ["v1"]
