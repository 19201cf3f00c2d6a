"""Weights in the formats of Keras 2: TensorFlow's checkpoints, and the `.h5` files of layers by name."""

from __future__ import annotations

import os
import warnings
from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.saving import legacy_h5
from tenfold.saving.checkpoint.bundle import Bundle, index_file
from tenfold.saving.checkpoint.checkpoint import write_objects
from tenfold.saving.checkpoint.restore import CheckpointLoadStatus, Restoration
from tenfold.saving.checkpoint.state import update_checkpoint_state

H5 = (".h5", ".hdf5")
_FORMATS = {"tf": "tf", "tensorflow": "tf", "h5": "h5", "hdf5": "h5", "keras": "h5"}


def older_format(path: str, save_format: str | None) -> str | None:
    """In which format of Keras 2 weights are to be written: "tf" or "h5"; None: in that of Keras 3.

    Raises:
        ValueError: there is no such format.
    """
    if save_format is not None and save_format not in _FORMATS:
        raise InvalidArgumentError(f"[save_weights] unknown save_format={save_format!r}. Expected 'tf' or 'h5', or without it a path that ends in "
                                   "'.weights.h5'.")  # fmt: skip
    wanted = None if save_format is None else _FORMATS[save_format]
    if wanted != "tf" and path.endswith((".weights.h5", ".keras")):
        return None
    return wanted or ("h5" if path.endswith(H5) else "tf")


def exists(path: str, kind: str) -> bool:
    """Whether there are weights of this path and format already."""
    return os.path.exists(index_file(path) if kind == "tf" else path)


def save_older(model: Any, path: str, kind: str) -> None:
    """Writes the weights in a format of Keras 2, and says that there is a newer one."""
    better = path.removesuffix(".h5").removesuffix(".hdf5").removesuffix(".weights") + ".weights.h5"
    what = "as a checkpoint of TensorFlow" if kind == "tf" else "in the HDF5 format of Keras 2"
    warnings.warn(f"[save_weights] writing weights {what} is deprecated. Try {better!r}.", DeprecationWarning, stacklevel=5)
    if kind == "h5":
        legacy_h5.save_weights_to_hdf5(model, path)
        return
    write_objects(model, path)
    update_checkpoint_state(os.path.dirname(path) or ".", path)


def is_checkpoint(path: str) -> bool:
    """Whether a path means a checkpoint of TensorFlow."""
    return not os.path.isfile(path) and os.path.isfile(index_file(path))


def load_checkpoint_weights(model: Any, path: str) -> CheckpointLoadStatus:
    """Reads weights, and the optimizer's state if there is one, from a checkpoint of TensorFlow; what is built later is read then.

    Raises:
        DataLossError: it is damaged. ValueError: it does not fit the model, or has nothing that the model knows.
    """
    warnings.warn("[load_weights] weights in a checkpoint of TensorFlow are deprecated. Try saving them as '.weights.h5'.", DeprecationWarning,
                  stacklevel=5)  # fmt: skip
    restoration = Restoration(Bundle(path), model)
    weights = {id(w) for w in model.weights}
    if weights and weights <= {id(v) for v in restoration.unmatched()}:
        raise InvalidArgumentError(f"[load_weights] nothing in {path!r} fits the model {model.name!r}: it holds {restoration.unread()[:5]}. Try the "
                                   "model that it was written from, or tf.train.Checkpoint with the names that it was written with.")  # fmt: skip
    return CheckpointLoadStatus(restoration)
