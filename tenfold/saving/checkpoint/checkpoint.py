"""tf.train.Checkpoint: objects and their variables, to and from TensorFlow's files."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError, UnimplementedError
from tenfold.core.resuming import Resuming, resume
from tenfold.saving.checkpoint.bundle import Bundle, index_file, write_bundle
from tenfold.saving.checkpoint.objects import GRAPH_KEY, attributes, children, graph_of, is_container, is_trackable, named
from tenfold.saving.checkpoint.restore import CheckpointLoadStatus, InitializationOnlyStatus, Restoration
from tenfold.saving.checkpoint.state import update_checkpoint_state
from tenfold.tensor.bind import state
from tenfold.tensor.variable import Variable
from tenfold.transform.trace import init_scope


@dataclass
class CheckpointOptions:
    """Options of saving.

    Attributes:
        experimental_write_callbacks: functions called when a checkpoint is written, with its path if they take an argument.
        experimental_io_device, experimental_enable_async_checkpoint, enable_async: accepted; files are written by the caller, at once.
        experimental_sharding_callback: refused.
        experimental_skip_slot_variables: accepted; there are none.
    """

    experimental_io_device: str | None = None
    experimental_enable_async_checkpoint: bool = False
    experimental_write_callbacks: Sequence[Any] | None = None
    enable_async: bool = False
    experimental_skip_slot_variables: bool = False
    experimental_sharding_callback: Any = None

    def __post_init__(self) -> None:
        if self.experimental_sharding_callback is not None:
            raise UnimplementedError("[CheckpointOptions] experimental_sharding_callback is not supported: a checkpoint is one file of elements.")


class Checkpoint(Resuming):
    """Saves and restores the variables of objects, found by the names of attributes.

    Args:
        root: an object (a model, a module, a list) whose attributes are saved as if they were the checkpoint's.
        **kwargs: objects to save, each an attribute of the checkpoint.

    Raises:
        ValueError: an object is of a kind that checkpoints do not know.

    Example:
        >>> import tenfold as tf, tempfile
        >>> checkpoint = tf.train.Checkpoint(weight=tf.Variable([1.0, 2.0]))
        >>> path = checkpoint.save(tempfile.mkdtemp() + "/ckpt")
        >>> _ = checkpoint.weight.assign([0.0, 0.0])
        >>> _ = checkpoint.restore(path).assert_consumed()
        >>> checkpoint.weight.numpy()
        array([1., 2.], dtype=float32)
    """

    _root: Any = None

    def __init__(self, root: Any = None, **kwargs: Any) -> None:
        if root is not None:
            _check("root", root)
            self.__dict__["_root"] = root
            self.__dict__["root"] = root
        for name, thing in sorted(kwargs.items()):
            _check(name, thing)
            held = {} if root is None else children(root)
            if name in held and held[name] is not thing:
                raise ValueError(f"Cannot create a Checkpoint with keyword argument {name} if root.{name} already exists. Try another name.")
            setattr(self, name, thing)

    # --- what it holds ---
    def _trackable_children(self) -> dict[str, Any]:
        own = attributes(self, frozenset({"_root", "root"}))
        return own if self._root is None else {**children(self._root), **own}

    def _trackable_named(self, names: Sequence[str]) -> Mapping[str, Any]:
        own = attributes(self, frozenset({"_root", "root"}))
        return own if self._root is None else {**named(self._root, names), **own}

    @property
    def save_counter(self) -> Variable:
        """How often `save` was called: the number in the names of files."""
        if "save_counter" not in self.__dict__:
            with init_scope():
                self.__dict__["save_counter"] = Variable(np.int64(0), trainable=False, name="save_counter")
            resume(self)
        return self.__dict__["save_counter"]  # type: ignore[no-any-return]

    # --- files ---
    def write(self, file_prefix: Any, options: CheckpointOptions | None = None) -> str:
        """Writes a checkpoint of exactly this name, without counting it.

        Args:
            file_prefix: the path; `.index` and `.data-00000-of-00001` are added.
            options: CheckpointOptions.

        Returns:
            The path, for `read`.
        """
        prefix = _prefix(file_prefix)
        if state.trace is not None:
            raise UnimplementedError("[Checkpoint] a checkpoint cannot be written inside of tf.function. Try calling write or save outside.")
        write_objects(self, prefix)
        for callback in (options or CheckpointOptions()).experimental_write_callbacks or ():
            callback(*([prefix] if inspect.signature(callback).parameters else []))
        return prefix

    def read(self, save_path: Any, options: CheckpointOptions | None = None) -> CheckpointLoadStatus:
        """Restores what `write` wrote; variables that come into being later get their values then.

        Args:
            save_path: what `write` returned, or the folder of a SavedModel.
            options: CheckpointOptions.

        Raises:
            NotFoundError: there is no such checkpoint. DataLossError: it is damaged. ValueError: a value does not fit its variable.
        """
        return CheckpointLoadStatus(Restoration(Bundle(_saved(save_path)), self))

    def save(self, file_prefix: Any, options: CheckpointOptions | None = None) -> str:
        """Writes a checkpoint with a number, and notes in the folder's file `checkpoint` that it is the latest.

        Args:
            file_prefix: the path, to which "-1", "-2", ... are added.
            options: CheckpointOptions.

        Returns:
            The path with the number, for `restore`.
        """
        self.save_counter.assign_add(1)
        path = self.write(f"{_prefix(file_prefix)}-{int(self.save_counter.numpy())}", options)
        update_checkpoint_state(os.path.dirname(path) or ".", path)
        return path

    def restore(self, save_path: Any, options: CheckpointOptions | None = None) -> CheckpointLoadStatus:
        """Restores what `save` wrote; variables that come into being later get their values then.

        Args:
            save_path: what `save` or `tf.train.latest_checkpoint` returned; None: nothing is restored.
            options: CheckpointOptions.

        Returns:
            A status, which can be asked whether everything was found.
        """
        status = InitializationOnlyStatus() if save_path is None else self.read(save_path, options)
        assert self.save_counter is not None
        return status

    def sync(self) -> None:
        """Waits for what is written in the background: nothing."""


def write_objects(root: Any, prefix: str) -> None:
    """Writes the variables of an object, and how they are found."""
    graph, variables = graph_of(root)
    os.makedirs(os.path.dirname(prefix) or ".", exist_ok=True)
    tensors = {key: np.asarray(v.numpy(), v.dtype.numpy) for key, v in variables.items()}
    write_bundle(prefix, {GRAPH_KEY: np.array(graph.SerializeToString(), object), **tensors})


def _prefix(path: Any) -> str:
    prefix = os.fspath(path)
    if not isinstance(prefix, str) or not os.path.basename(prefix):
        raise InvalidArgumentError(f"[Checkpoint] expected a path that ends in a file's name. Received: {path!r}. Try {str(path) + 'ckpt'!r}.")
    return prefix


def _saved(path: Any) -> str:
    prefix = os.fspath(path)
    if not isinstance(prefix, str):
        raise InvalidArgumentError(f"[Checkpoint] expected a path. Received: {path!r}.")
    inside = os.path.join(prefix, "variables", "variables")
    if os.path.exists(index_file(inside)):
        return inside
    if os.path.isdir(prefix) and not os.path.exists(index_file(prefix)):
        raise InvalidArgumentError(f"[Checkpoint] {prefix!r} is a folder. Expected a checkpoint's path. Try tf.train.latest_checkpoint({prefix!r}).")
    return prefix.removesuffix(".index")


def _check(name: str, thing: Any) -> None:
    if is_trackable(thing) or (is_container(thing) and not thing):
        return
    iterator = hasattr(thing, "__next__") or type(thing).__name__ == "Dataset"
    hint = " The position of a data set is not saved. Try saving a step counter, and dataset.skip(steps)." if iterator else \
        " Try a tf.Variable for a number that is to be saved." if isinstance(thing, (int, float)) else ""  # fmt: skip
    raise ValueError(f"`Checkpoint` was expecting {name} to be a trackable object (a variable, module, layer, model or optimizer, or a list or "
                     f"dict of them), got {thing!r}.{hint}")  # fmt: skip
