"""`tf.data`, so far only the data sets behind `tf.keras.datasets`."""

from tenfold.core.missing import missing as _missing

__all__: list[str] = []
__getattr__ = _missing("tf.data", "Try passing arrays, or a generator of batches, to fit, evaluate and predict.")
