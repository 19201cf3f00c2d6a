"""`keras.optimizers`: optimizers, and `schedules` for their learning rates."""

from tenfold.keras import schedules
from tenfold.keras.optimizers.adam import (
    Adam,
    Adamax,
    AdamW,
    Lion,
    Nadam,
)
from tenfold.keras.optimizers.base import (
    Optimizer,
    deserialize,
    get,
    serialize,
)
from tenfold.keras.optimizers.loss_scale import (
    LossScaleOptimizer,
)
from tenfold.keras.optimizers.rmsprop import (
    Adadelta,
    Adagrad,
    RMSprop,
)
from tenfold.keras.optimizers.sgd import (
    SGD,
)

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "LossScaleOptimizer",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]
