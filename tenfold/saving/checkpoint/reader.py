"""Tensors of a checkpoint by name, without the objects that they belong to."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.core.errors import NotFoundError
from tenfold.saving.checkpoint.bundle import Bundle, index_file
from tenfold.saving.checkpoint.state import latest_checkpoint


class CheckpointReader:
    """What `tf.train.load_checkpoint` gives."""

    def __init__(self, prefix: str) -> None:
        self._bundle = Bundle(prefix)

    def has_tensor(self, tensor_str: str) -> bool:
        """Whether there is a tensor of this name."""
        return tensor_str in self._bundle

    def get_tensor(self, tensor_str: str) -> Any:
        """The tensor of this name, as an array; a scalar string as bytes.

        Raises:
            ValueError: there is none. DataLossError: it is damaged.
        """
        value = self._bundle.read(tensor_str)
        return value[()] if value.dtype == object and value.ndim == 0 else value

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """{name: shape} of all tensors."""
        return {name: list(self._bundle.shape(name)) for name in self._bundle}

    def get_variable_to_dtype_map(self) -> dict[str, DType | None]:
        """{name: type} of all tensors; None for a type that Tenfold has not."""
        return {name: self._bundle.dtype(name) for name in self._bundle}

    def debug_string(self) -> bytes:
        """A line for each tensor."""
        return "".join(f"{n} ({d.name.upper() if (d := self._bundle.dtype(n)) else '?'}) {list(self._bundle.shape(n))}\n"
                       for n in self._bundle).encode()  # fmt: skip


def load_checkpoint(ckpt_dir_or_file: Any) -> CheckpointReader:
    """A reader of a checkpoint, or of the latest one in a folder.

    Args:
        ckpt_dir_or_file: the checkpoint's path without `.index`, or a folder.

    Raises:
        ValueError: there is no checkpoint in the folder. DataLossError: it is damaged.

    Example:
        >>> import tenfold as tf, tempfile
        >>> path = tf.train.Checkpoint(step=tf.Variable(3)).save(tempfile.mkdtemp() + "/ckpt")
        >>> reader = tf.train.load_checkpoint(path)
        >>> int(reader.get_tensor("step/.ATTRIBUTES/VARIABLE_VALUE"))
        3
    """
    return CheckpointReader(found(ckpt_dir_or_file))


def found(path: Any) -> str:
    """The checkpoint that a path means: a prefix, or the latest one in a folder."""
    prefix = str(os.fspath(path))
    if not os.path.isdir(prefix) or os.path.exists(index_file(prefix)):
        return prefix
    latest = latest_checkpoint(prefix)
    if latest is None:
        raise NotFoundError(f"[checkpoint] Couldn't find 'checkpoint' file or checkpoints in given directory {prefix!r}.")
    return latest


def list_variables(ckpt_dir_or_file: Any) -> list[tuple[str, list[int]]]:
    """(name, shape) of all tensors in a checkpoint, sorted.

    Args:
        ckpt_dir_or_file: the checkpoint's path without `.index`, or a folder.
    """
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


def load_variable(ckpt_dir_or_file: Any, name: str) -> np.ndarray[Any, Any]:
    """A tensor in a checkpoint.

    Args:
        ckpt_dir_or_file: the checkpoint's path without `.index`, or a folder.
        name: its name; one that ends in ":0" is meant without.
    """
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name.removesuffix(":0"))  # type: ignore[no-any-return]
