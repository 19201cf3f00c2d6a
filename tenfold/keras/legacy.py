"""`keras.legacy`."""

from tenfold.keras import legacy_saving as saving

__all__ = ["saving"]
