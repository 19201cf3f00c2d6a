"""`get_file`: a file from the network, kept in Keras's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.parse
import warnings
import zipfile
from pathlib import Path
from typing import Any

from tenfold.core.errors import DataLossError
from tenfold.data.datasets import store


def get_file(fname: Any = None, origin: str | None = None, untar: bool = False, md5_hash: str | None = None, file_hash: str | None = None,
             cache_subdir: str = "datasets", hash_algorithm: str = "auto", extract: bool = False, archive_format: Any = "auto",
             cache_dir: Any = None, force_download: bool = False) -> str:  # fmt: skip
    """The path of a file that is downloaded unless it is there.

    It is looked for under its name in the folder `TENFOLD_DATA_DIR` and its subfolders, then in `cache_dir/cache_subdir`. A download is
    checked and written all at once: a half file never carries its name. Archives are unpacked without what would leave their folder.

    Args:
        fname: the name it gets; by default that of the address. With `extract`, a name without an ending is the folder's.
        origin: the address.
        untar, md5_hash: older names of `extract` and `file_hash`.
        file_hash: SHA-256 or MD5 of the file, in hexadecimal digits.
        cache_subdir: the folder inside the cache, or an absolute path.
        hash_algorithm: "sha256", "md5", or "auto": what the hash's length says.
        extract: whether to unpack it, if it is an archive.
        archive_format: "tar", "zip", a list of them, "auto" for both, None for none.
        cache_dir: by default `KERAS_HOME`, or `~/.keras`.
        force_download: whether to download in any case.

    Returns:
        The file's path, or with `extract` the folder's that it was unpacked to.

    Raises:
        ValueError: `origin` is missing, or `fname` is a path.
        UnavailableError: it could not be downloaded.
        DataLossError: it has another hash, or is no whole archive.
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name:
        raise ValueError(f"Can't parse the file name from the origin provided: '{origin}'. Please specify the `fname` argument.")
    if os.sep in name:
        raise ValueError(
            "Paths are no longer accepted as the `fname` argument. To specify the file's parent directory, use the `cache_dir` argument. "
            f"Received: fname={name}"
        )
    digest = file_hash or md5_hash
    length = {"auto": 0, "sha256": 64, "md5": 32}.get(hash_algorithm)
    if length is None or (length and digest and len(digest) != length):
        raise ValueError(f"[get_file] hash_algorithm={hash_algorithm!r} does not fit a hash of {len(digest or '')} digits. "
                         "Expected 'sha256' (64), 'md5' (32) or 'auto'.")  # fmt: skip
    folder = cache(cache_dir, cache_subdir)
    if not (extract or untar):
        return str(present(origin, folder / name, name, digest, force_download))
    stem = name.partition(".")[0] if fname else name
    target = folder / (name if fname and "." in name else f"{name}_archive")
    archive = present(origin, target, os.path.basename(urllib.parse.urlsplit(origin).path) or name, digest, force_download)
    inner = folder / (f"{stem}_extracted" if fname and "." in name else stem)
    formats = {"auto": ("tar", "zip"), None: ()}.get(archive_format, (archive_format,)) if not isinstance(archive_format, list) else archive_format
    if not inner.exists() or force_download or archive.stat().st_mtime > inner.stat().st_mtime:
        unpack(archive, inner, formats)
    return str(inner)


def cache(cache_dir: Any, subfolder: str) -> Path:
    """The folder of the cache, made if it is not there; inside the system's folder for temporary files if it cannot be written."""
    root = Path(os.path.expanduser(cache_dir)) if cache_dir is not None else store.keras_dir().parent
    try:
        (root / subfolder).mkdir(parents=True, exist_ok=True)
        if os.access(root / subfolder, os.W_OK):
            return root / subfolder
    except OSError:
        pass
    fallback = Path(tempfile.gettempdir()) / ".keras" / subfolder
    fallback.mkdir(parents=True, exist_ok=True)
    return fallback


def present(origin: str, target: Path, name: str, digest: str | None, force: bool) -> Path:
    """The file: one of the user's own, the one in the cache, or a new one."""
    own = None if force else store.find_in_data_dir(name)
    for known in (own, target):
        if not force and known is not None and known.is_file() and (digest is None or hashed(known, digest) == digest.lower()):
            return known
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        source = store.Source(origin, target.name, (digest or "").lower())
        with os.fdopen(handle, "wb") as out:
            found = store.download(source, out)
        if digest and found != source.digest:
            raise DataLossError(
                f"[get_file] Incomplete or corrupted file detected. The {source.algorithm} file hash does not match the provided value of "
                f"{digest}: {origin} gave {found}. Try again, or the hash that belongs to the file."
            )
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target


def hashed(path: Path, digest: str) -> str:
    """The file's hash, by the algorithm whose hashes are as long as `digest`."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256" if len(digest) == 64 else "md5").hexdigest()


def unpack(archive: Path, folder: Path, formats: Any) -> None:
    """An archive's content as a folder, all at once; nothing lands outside of it. What is no archive is copied nowhere."""
    known = {"tar": (tarfile.is_tarfile, tar_into), "zip": (zipfile.is_zipfile, zip_into)}
    unknown = [f for f in formats if f not in known]
    if unknown:
        raise NotImplementedError(f"[get_file] archive_format must be 'tar', 'zip', 'auto' or None; received {unknown[0]!r}.")
    into = next((known[f][1] for f in formats if known[f][0](archive)), None)
    if into is None:
        raise DataLossError(f"[get_file] {archive} is no archive of the formats {list(formats)}. Try extract=False.")
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        into(archive, temporary)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise DataLossError(f"[get_file] {archive} is not a whole archive ({error}). Delete it and get it again.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def tar_into(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as content:
        for member in content:
            try:
                content.extract(member, folder, filter="data")
            except tarfile.FilterError as error:
                warnings.warn(f"Skipping invalid path during archive extraction: '{member.name}' ({error}).", stacklevel=4)


def zip_into(archive: Path, folder: Path) -> None:
    root = folder.resolve()
    with zipfile.ZipFile(archive) as content:
        for member in content.infolist():
            if not (root / member.filename).resolve().is_relative_to(root):
                warnings.warn(f"Skipping invalid path during archive extraction: '{member.filename}'.", stacklevel=4)
                continue
            content.extract(member, folder)
