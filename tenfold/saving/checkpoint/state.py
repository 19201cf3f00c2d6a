"""The text file `checkpoint` in a folder: which checkpoints there are, and which is the latest."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tenfold.core.errors import DataLossError
from tenfold.saving.archive import write_bytes
from tenfold.saving.checkpoint.bundle import index_file

_LINE = re.compile(r'\s*([a-z_]+)\s*:\s*(?:"((?:[^"\\]|\\.)*)"|([-+.\w]+))\s*(?:#.*)?')
_ESCAPES = {"n": b"\n", "t": b"\t", "r": b"\r", '"': b'"', "'": b"'", "\\": b"\\"}
MAX_BYTES = 64 << 20


@dataclass
class CheckpointState:
    """What the file says.

    Attributes:
        model_checkpoint_path: the latest checkpoint.
        all_model_checkpoint_paths: all that are kept, the oldest first.
        all_model_checkpoint_timestamps: when each was written, in seconds.
        last_preserved_timestamp: when the last one was written that is to be kept for good.
    """

    model_checkpoint_path: str = ""
    all_model_checkpoint_paths: list[str] = field(default_factory=list)
    all_model_checkpoint_timestamps: list[float] = field(default_factory=list)
    last_preserved_timestamp: float = 0.0


def state_file(folder: Any, name: str | None = None) -> str:
    """The file in a folder."""
    return os.path.join(os.fspath(folder), name or "checkpoint")


def get_checkpoint_state(checkpoint_dir: Any, latest_filename: str | None = None) -> CheckpointState | None:
    """What the file `checkpoint` in a folder says, with full paths; None if there is none that can be read.

    Args:
        checkpoint_dir: the folder.
        latest_filename: another name of the file.
    """
    path = state_file(checkpoint_dir, latest_filename)
    if not os.path.isfile(path) or os.path.getsize(path) > MAX_BYTES:
        return None
    with open(path, "rb") as file:
        text = file.read().decode("utf-8", "surrogateescape")
    try:
        state = _parsed(text, path)
    except DataLossError:
        return None
    if not state.model_checkpoint_path:
        return None
    folder = os.fspath(checkpoint_dir)
    state.model_checkpoint_path = os.path.join(folder, state.model_checkpoint_path)
    state.all_model_checkpoint_paths = [os.path.join(folder, p) for p in state.all_model_checkpoint_paths]
    return state


def _parsed(text: str, path: str) -> CheckpointState:
    state = CheckpointState()
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise DataLossError(f"[checkpoint] {path!r} is damaged at the line {line[:80]!r}.")
        name, quoted, number = match.groups()
        if not hasattr(state, name):
            continue
        try:
            value: Any = _unescaped(quoted) if quoted is not None else float(number)
        except ValueError:
            raise DataLossError(f"[checkpoint] {path!r} is damaged at the line {line[:80]!r}.") from None
        if isinstance(value, str) != name.endswith(("path", "paths")):
            raise DataLossError(f"[checkpoint] {path!r} is damaged at the line {line[:80]!r}.")
        if name.startswith("all_"):
            getattr(state, name).append(value)
        else:
            setattr(state, name, value)
    return state


def _unescaped(text: str) -> str:
    out = re.sub(rb"\\([0-7]{1,3}|.)", _one, text.encode("utf-8", "surrogateescape"))
    return out.decode("utf-8", "surrogateescape")


def _one(match: re.Match[bytes]) -> bytes:
    code = match.group(1).decode("latin-1")
    return bytes([int(code, 8) & 255]) if code[0] in "01234567" else _ESCAPES.get(code, code.encode("latin-1"))


def _escaped(text: str) -> str:
    short = {byte[0]: f"\\{letter}" for letter, byte in _ESCAPES.items()}
    return "".join(short.get(b, chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in os.fsencode(text))


def update_checkpoint_state(folder: Any, latest: str, paths: Sequence[str] = (), times: Sequence[float] = (), preserved: float | None = None,
                            name: str | None = None) -> None:  # fmt: skip
    """Writes the file `checkpoint` of a folder; paths in the folder are written relative to it."""
    root = os.path.abspath(os.fspath(folder))
    paths = list(paths) if latest in paths else [*paths, latest]

    def relative(path: str) -> str:
        absolute = os.path.abspath(path)
        return os.path.relpath(absolute, root) if absolute.startswith(root.rstrip(os.sep) + os.sep) else absolute

    lines = [f'model_checkpoint_path: "{_escaped(relative(latest))}"']
    lines += [f'all_model_checkpoint_paths: "{_escaped(relative(p))}"' for p in paths]
    lines += [f"all_model_checkpoint_timestamps: {t!r}" for t in times]
    lines += [] if preserved is None else [f"last_preserved_timestamp: {preserved!r}"]
    write_bytes(state_file(root, name), ("\n".join(lines) + "\n").encode())


def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """The latest checkpoint in a folder, as its file `checkpoint` says; None if there is none.

    Args:
        checkpoint_dir: the folder.
        latest_filename: another name of the file.

    Example:
        >>> import tenfold as tf, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> tf.train.latest_checkpoint(folder) is None
        True
        >>> path = tf.train.Checkpoint(step=tf.Variable(1)).save(folder + "/ckpt")
        >>> tf.train.latest_checkpoint(folder) == path
        True
    """
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    return state.model_checkpoint_path if state is not None and os.path.exists(index_file(state.model_checkpoint_path)) else None
