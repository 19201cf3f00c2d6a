"""`keras.legacy`."""

from tenfold.keras.saving import legacy_saving as saving

__all__ = ["saving"]
