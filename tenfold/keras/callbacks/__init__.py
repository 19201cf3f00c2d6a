"""`keras.callbacks`."""

from tenfold.keras.callbacks.base import (
    Callback,
    CallbackList,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ProgbarLogger,
    TerminateOnNaN,
)
from tenfold.keras.callbacks.monitoring import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
