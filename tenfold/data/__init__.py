"""`tf.data`: data sets made step by step (and the files behind `tf.keras.datasets`)."""

from tenfold.core.missing import missing as _missing
from tenfold.data.dataset import AUTOTUNE, Dataset
from tenfold.data.dataset import INFINITE as INFINITE_CARDINALITY
from tenfold.data.dataset import UNKNOWN as UNKNOWN_CARDINALITY

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset"]
__getattr__ = _missing("tf.data", "Try passing arrays, or a generator of batches, to fit, evaluate and predict.")
