"""`keras.saving`: models and weights in files, as Keras 3 writes and reads them."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.saving",
    {
        "tenfold.keras.saving.model_file": "KERAS_VERSION model_from_state model_to_state",
        "tenfold.keras.saving.serialization": """
            CustomObjectScope custom_object_scope deserialize_keras_object get_custom_objects get_registered_name get_registered_object
            register_keras_serializable serialize_keras_object
        """,
        "tenfold.keras.saving.file_editor": "KerasFileEditor",
        "tenfold.keras.saving.files": "load_model load_weights save_model save_weights",
    },
)
