"""`keras.ops.linalg`: decompositions of matrices and what is made from them. `keras.ops` holds them as well."""

from tenfold.keras import lazy

NAMES: dict[str, str] = {}
__getattr__, __dir__ = lazy.names("tenfold.keras.ops.linalg", NAMES)
