"""`keras.ops.image`: colors, sizes, patches and warps of images."""

from tenfold.keras import lazy

NAMES: dict[str, str] = {}
__getattr__, __dir__ = lazy.names("tenfold.keras.ops.image", NAMES)
