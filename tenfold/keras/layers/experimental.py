"""`keras.layers.experimental.preprocessing`: where TensorFlow 2.3 to 2.5 had the preprocessing layers."""

from tenfold.keras import layers as preprocessing

__all__ = ["preprocessing"]
