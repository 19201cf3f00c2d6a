"""`keras.callbacks`."""

from tenfold.keras import lazy as _lazy
from tenfold.keras.callbacks.base import (
    Callback,
    CallbackList,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ProgbarLogger,
    TerminateOnNaN,
)
from tenfold.keras.callbacks.monitoring import EarlyStopping, MonitorCallback, ReduceLROnPlateau

__getattr__, __dir__ = _lazy.names(
    "tenfold.keras.callbacks",
    {
        "tenfold.keras.callbacks.averages": "SwapEMAWeights",
        "tenfold.keras.callbacks.checkpoints": "BackupAndRestore ModelCheckpoint OrbaxCheckpoint",
        "tenfold.keras.callbacks.reporting": "CSVLogger RemoteMonitor",
        "tenfold.keras.callbacks.tensorboard": "TensorBoard",
    },
)

__all__ = [
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "MonitorCallback",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
