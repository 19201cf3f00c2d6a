"""`keras.export`: the formats of other programs, which are not written yet."""

from __future__ import annotations

import os
from typing import Any, NoReturn

FORMATS = ("tf_saved_model", "onnx", "openvino", "litert", "torch")


def refuse_export(filepath: Any, format: str = "tf_saved_model") -> NoReturn:
    """Says what to do instead.

    Raises:
        ValueError: there is no such format. NotImplementedError: it is not written.
    """
    if format not in FORMATS:
        raise ValueError(f"Unrecognized format={format}. Supported formats are: {', '.join(FORMATS)}.")
    stem = os.path.splitext(os.fspath(filepath))[0]
    raise NotImplementedError(f"Tenfold does not write {format!r} yet. Try model.save({stem + '.keras'!r}), which Keras reads too: keras.models."
                              f"load_model there, then model.export(path, format={format!r}).")  # fmt: skip


class ExportArchive:
    """Refused: an ExportArchive writes a TensorFlow SavedModel, which Tenfold does not write yet. Try `model.save("model.keras")`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        refuse_export("model")


__all__ = ["ExportArchive"]
