"""`keras.callbacks`: what happens beside training, between epochs and batches."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.callbacks",
    {
        "tenfold.keras.callbacks.averages": "SwapEMAWeights",
        "tenfold.keras.callbacks.base": "Callback CallbackList History LambdaCallback LearningRateScheduler ProgbarLogger TerminateOnNaN",
        "tenfold.keras.callbacks.checkpoints": "BackupAndRestore ModelCheckpoint OrbaxCheckpoint",
        "tenfold.keras.callbacks.monitoring": "EarlyStopping MonitorCallback ReduceLROnPlateau",
        "tenfold.keras.callbacks.reporting": "CSVLogger RemoteMonitor",
        "tenfold.keras.callbacks.tensorboard": "TensorBoard",
    },
)
