"""`keras.models`: models, their files and their copies."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.models",
    {
        "tenfold.keras.models.model": "Functional Model",
        "tenfold.keras.models.sequential": "Sequential",
        "tenfold.keras.models.cloning": "clone_model",
        "tenfold.keras.models.from_json": "model_from_json",
        "tenfold.keras.saving.files": "load_model save_model",
    },
)
