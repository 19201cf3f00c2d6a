"""`keras.optimizers`: optimizers, and `schedules` for their learning rates."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.optimizers",
    {
        "tenfold.keras.optimizers.adafactor": "Adafactor",
        "tenfold.keras.optimizers.adam": "Adam AdamW Adamax Lamb Lion Nadam",
        "tenfold.keras.optimizers.base": "Optimizer",
        "tenfold.keras.optimizers.ftrl": "Ftrl",
        "tenfold.keras.optimizers.identify": "deserialize get serialize",
        "tenfold.keras.optimizers.loss_scale": "LossScaleOptimizer",
        "tenfold.keras.optimizers.multi": "MultiOptimizer OptimizerMap",
        "tenfold.keras.optimizers.muon": "Muon",
        "tenfold.keras.optimizers.rmsprop": "Adadelta Adagrad RMSprop",
        "tenfold.keras.optimizers.schedule_free": "ScheduleFreeAdamW",
        "tenfold.keras.optimizers.sgd": "SGD",
        "tenfold.keras.optimizers.schedules": "schedules=*",
        "tenfold.keras.optimizers.legacy": "legacy=*",
    },
)
