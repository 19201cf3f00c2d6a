"""`keras.optimizers`: optimizers, and `schedules` for their learning rates."""

from tenfold.keras import schedules
from tenfold.keras.optimizers import legacy
from tenfold.keras.optimizers.adafactor import Adafactor
from tenfold.keras.optimizers.adam import Adam, Adamax, AdamW, Lamb, Lion, Nadam
from tenfold.keras.optimizers.base import Optimizer
from tenfold.keras.optimizers.ftrl import Ftrl
from tenfold.keras.optimizers.identify import deserialize, get, serialize
from tenfold.keras.optimizers.loss_scale import LossScaleOptimizer
from tenfold.keras.optimizers.multi import MultiOptimizer, OptimizerMap
from tenfold.keras.optimizers.muon import Muon
from tenfold.keras.optimizers.rmsprop import Adadelta, Adagrad, RMSprop
from tenfold.keras.optimizers.schedule_free import ScheduleFreeAdamW
from tenfold.keras.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]
