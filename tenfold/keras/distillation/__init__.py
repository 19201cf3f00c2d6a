"""`keras.distillation`: a small model learns from a large one."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.distillation",
    {
        "tenfold.keras.distillation.distiller": "Distiller",
        "tenfold.keras.distillation.distillation_loss": "DistillationLoss FeatureDistillation LogitsDistillation",
    },
)
