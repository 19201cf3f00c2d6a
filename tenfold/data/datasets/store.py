"""Where data sets lie: the folders that are searched, and the download that fills the last of them."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tenfold.core.config import from_environment
from tenfold.core.errors import DataLossError, PermissionDeniedError, UnavailableError

CHUNK = 1 << 18
DEPTH = 3
SECONDS_WITHOUT_AN_ANSWER = 30.0


@dataclass(frozen=True, slots=True)
class Source:
    """A published file: its address, the name it gets here, and what it must hash to (SHA-256, or MD5 where only that was published)."""

    url: str
    name: str
    digest: str

    @property
    def algorithm(self) -> str:
        return "md5" if len(self.digest) == 32 else "sha256"


def data_dir() -> Path | None:
    """The folder that `TENFOLD_DATA_DIR` names now: a program may set it after the import."""
    named = from_environment().data_dir
    return named.expanduser() if named else None


def keras_dir() -> Path:
    """The folder in which Keras keeps data sets: `~/.keras/datasets`, or what `KERAS_HOME` says."""
    home = os.environ.get("KERAS_HOME")
    return Path(os.path.expanduser(home or "~/.keras")) / "datasets"  # `~` stays as it is for a user without a home


def folders() -> Iterator[Path]:
    """Every folder that may hold data sets, most important first, each followed by its subfolders."""
    for root in (data_dir(), keras_dir()):
        if root is not None and root.is_dir():
            yield from nested(root, DEPTH)


def nested(folder: Path, depth: int) -> Iterator[Path]:
    yield folder
    if depth > 0:
        try:
            inner = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        except OSError:
            return
        for entry in inner:
            yield from nested(entry, depth - 1)


def find(name: str, within: str = "") -> Path | None:
    """The first file called `name` in a folder whose own name contains `within`."""
    for folder in folders():
        if within in folder.name.lower() and (folder / name).is_file():
            return folder / name
    return None


def find_in_data_dir(name: str) -> Path | None:
    """The first file called `name` in the folder that `TENFOLD_DATA_DIR` names, or below it."""
    root = data_dir()
    places = nested(root, DEPTH) if root is not None and root.is_dir() else ()
    return next((folder / name for folder in places if (folder / name).is_file()), None)


def fetch(source: Source, subfolder: str = "") -> Path:
    """Downloads a file into the Keras folder, checked and all at once: a half file never carries its name."""
    target = keras_dir() / subfolder / source.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise PermissionDeniedError(f"[datasets] {target.parent} cannot be written ({error}). {remedy(source)}") from error
    try:
        with os.fdopen(handle, "wb") as out:
            digest = download(source, out)
        if digest != source.digest:
            raise DataLossError(f"[datasets] {source.url} gave a file with {source.algorithm} {digest}; expected {source.digest}. {remedy(source)}")
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target


def download(source: Source, out: BinaryIO) -> str:
    """Copies what the address gives to `out` under a progress bar; returns its hash."""
    from rich import progress  # imported where first used: most programs never download

    digest = hashlib.new(source.algorithm, usedforsecurity=False)
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    try:
        with urllib.request.urlopen(source.url, timeout=SECONDS_WITHOUT_AN_ANSWER) as answer, progress.Progress(*columns) as bar:
            length = answer.headers.get("Content-Length", "")
            task = bar.add_task(f"Downloading {source.name}", total=int(length) if length.isdigit() else None)
            while chunk := answer.read(CHUNK):
                out.write(chunk)
                digest.update(chunk)
                bar.advance(task, len(chunk))
    except (OSError, ValueError) as error:  # URLError and timeouts are OSErrors
        raise UnavailableError(f"[datasets] {source.url} could not be downloaded ({error}). {remedy(source)}") from error
    return digest.hexdigest()


def remedy(source: Source) -> str:
    """What a user can do who cannot download."""
    folder = data_dir()
    place = f"{folder} (TENFOLD_DATA_DIR) or in {keras_dir()}" if folder else f"{keras_dir()}, or in any folder that TENFOLD_DATA_DIR names"
    return f"Try putting the file {source.name} from {source.url} in {place}; tf.keras.datasets finds it there or in a subfolder."
