"""`keras.preprocessing`: older places of what `keras.utils` has, and Keras 2's generators and tokenizer."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.preprocessing",
    {
        "tenfold.keras.preprocessing.image": "image=*",
        "tenfold.keras.preprocessing.sequence": "sequence=*",
        "tenfold.keras.preprocessing.text": "text=*",
        "tenfold.keras.utils.image_files": "image_dataset_from_directory",
        "tenfold.keras.utils.text_files": "text_dataset_from_directory",
        "tenfold.keras.utils.timeseries": "timeseries_dataset_from_array",
    },
)
