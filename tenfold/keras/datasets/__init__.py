"""`keras.datasets`."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.datasets",
    {
        "tenfold.keras.datasets.boston_housing": "boston_housing=*",
        "tenfold.keras.datasets.california_housing": "california_housing=*",
        "tenfold.keras.datasets.cifar10": "cifar10=*",
        "tenfold.keras.datasets.cifar100": "cifar100=*",
        "tenfold.keras.datasets.fashion_mnist": "fashion_mnist=*",
        "tenfold.keras.datasets.imdb": "imdb=*",
        "tenfold.keras.datasets.mnist": "mnist=*",
        "tenfold.keras.datasets.reuters": "reuters=*",
    },
)
