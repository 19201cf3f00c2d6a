"""`tf.compat`: names of TensorFlow 1, and programs that import `tensorflow` and `keras`."""

from tenfold.compat import v1
from tenfold.compat.aliases import install

__all__ = ["install", "v1"]
