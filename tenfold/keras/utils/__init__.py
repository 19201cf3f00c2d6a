"""`keras.utils`: labels, seeds, sequences, images, files, data sets from folders, pictures of models."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.utils",
    {
        "tenfold.keras.backend.session": "clear_session",
        "tenfold.keras.training.data_adapter": "PyDataset Sequence=PyDataset pack_x_y_sample_weight unpack_x_y_sample_weight",
        "tenfold.keras.base.dtypes": "standardize_dtype",
        "tenfold.keras.layers.preprocessing.feature_space": "FeatureSpace",
        "tenfold.keras.training.progbar": "Progbar",
        "tenfold.keras.random": "set_random_seed",
        "tenfold.keras.saving.serialization": (
            "CustomObjectScope custom_object_scope deserialize_keras_object get_custom_objects get_registered_name get_registered_object "
            "register_keras_serializable serialize_keras_object"
        ),
        "tenfold.keras.base.switches": "disable_interactive_logging enable_interactive_logging is_interactive_logging_enabled",
        "tenfold.keras.utils.audio_files": "audio_dataset_from_directory",
        "tenfold.keras.utils.bounding_boxes": "bounding_boxes=*",
        "tenfold.keras.utils.config": "Config",
        "tenfold.keras.utils.downloads": "get_file",
        "tenfold.keras.utils.drawing": "model_to_dot plot_model",
        "tenfold.keras.utils.image_files": "image_dataset_from_directory",
        "tenfold.keras.utils.images": "array_to_img img_to_array load_img save_img",
        "tenfold.keras.utils.numerical": "normalize to_categorical",
        "tenfold.keras.utils.padding": "pad_sequences",
        "tenfold.keras.utils.splitting": "split_dataset",
        "tenfold.keras.utils.symbolic_sources": "get_source_inputs is_keras_tensor",
        "tenfold.keras.utils.text_files": "text_dataset_from_directory",
        "tenfold.keras.utils.timeseries": "timeseries_dataset_from_array",
        "tenfold.keras.saving.legacy_saving": "legacy=*",
    },
    gone={
        "generic_utils": "Try the public names of keras.utils and keras.saving, and inspect.signature for has_arg.",
        "multi_gpu_model": "It ended with TensorFlow 2.4.",
    },
)
