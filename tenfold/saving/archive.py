"""Files that survive accidents: atomic writing, and reading of zip archives that trusts nothing in them."""

from __future__ import annotations

import errno
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from tenfold.core.errors import DataLossError, NotFoundError, PermissionDeniedError, ResourceExhaustedError

MAX_MEMBERS = 10_000
MAX_RATIO = 1_000  # of unpacked to packed size
MAX_TEXT_RATIO = 100  # of a config's, which no genuine text reaches


def write_atomically(path: Any, write: Callable[[BinaryIO], None]) -> None:
    """Writes a file through a temporary one in the same folder, so that an accident leaves the old file as it was.

    Args:
        path: the file.
        write: writes the content into the open binary file that it is given.

    Raises:
        NotFoundError, PermissionDeniedError, ResourceExhaustedError: the folder is missing or closed, the disk is full.
    """
    path = os.fspath(path)
    folder = os.path.dirname(os.path.abspath(path))
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", suffix=".tmp", dir=folder)
        with os.fdopen(handle, "w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
        temporary = None
        _sync_folder(folder)
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def _mode(path: str) -> int:
    """The permissions of the file that is replaced, or those of a new one."""
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: str) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _explained(error: OSError, path: str) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return ResourceExhaustedError(f"[save] no space left to write {path!r}; what stood there before is unchanged. Try freeing disk space.")
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"[save] the folder of {path!r} does not exist. Try os.makedirs({os.path.dirname(path)!r}).")
    if isinstance(error, PermissionError):
        return PermissionDeniedError(f"[save] no permission to write {path!r}. Try another folder.")
    if isinstance(error, (IsADirectoryError, NotADirectoryError)):
        return NotFoundError(f"[save] {path!r} is not a place for a file: {error.strerror}.")
    return error


def write_zip(path: Any, members: Mapping[str, bytes]) -> None:
    """Writes a zip archive atomically; members are stored uncompressed."""

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)

    write_atomically(path, write)


class SafeZip:
    """A zip archive opened for reading in memory: nothing is ever unpacked to disk.

    Raises:
        NotFoundError: there is no such file.
        DataLossError: it is not a zip archive, or its directory is malformed or hostile.
    """

    def __init__(self, path: Any) -> None:
        self.path = os.fspath(path)
        if not os.path.exists(self.path):
            raise NotFoundError(f"[load] File not found: {self.path!r}. Try checking the path; the current folder is {os.getcwd()!r}.")
        if os.path.isdir(self.path):
            raise DataLossError(f"[load] {self.path!r} is a folder. Expected a file.")
        try:
            self._file: Any = open(self.path, "rb")  # noqa: SIM115
            self._zip = zipfile.ZipFile(self._file)
        except PermissionError:
            raise PermissionDeniedError(f"[load] no permission to read {self.path!r}.") from None
        except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, OverflowError) as error:
            self._file.close()
            raise DataLossError(
                f"[load] {self.path!r} is not a readable archive: {error}. The file is truncated or damaged. Try saving it again."
            ) from None
        try:
            self._check_directory()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> SafeZip:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._zip.close()
        self._file.close()

    def _check_directory(self) -> None:
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            self._fail(f"it has {len(members)} members; at most {MAX_MEMBERS} are allowed")
        seen: set[str] = set()
        total = 0
        for member in members:
            name = member.filename
            if name.startswith(("/", "\\")) or "\\" in name or "\0" in name or ":" in name or ".." in name.split("/") or name != member.orig_filename:
                self._fail(f"it has a member of the forbidden name {name!r}")
            if name in seen:
                self._fail(f"it has two members named {name!r}")
            seen.add(name)
            if member.flag_bits & 1:
                self._fail(f"its member {name!r} is encrypted")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                self._fail(f"its member {name!r} has an unknown compression")
            if member.file_size > (MAX_TEXT_RATIO if name.endswith(".json") else MAX_RATIO) * max(member.compress_size, 64):
                self._fail(f"its member {name!r} unpacks to {member.file_size} bytes from {member.compress_size}: this is a decompression bomb")
            total += member.compress_size
        if total > os.path.getsize(self.path):
            self._fail("its members overlap")

    def _fail(self, problem: str) -> None:
        raise DataLossError(f"[load] {self.path!r} is not a valid model file: {problem}.")

    def names(self) -> list[str]:
        """The members' names."""
        return self._zip.namelist()

    def size(self, name: str) -> int:
        """The size of a member, as the archive says."""
        self._require(name)
        return self._zip.getinfo(name).file_size

    def _require(self, name: str) -> None:
        if name not in self._zip.namelist():
            self._fail(f"it has no member {name!r}")

    def read(self, name: str, limit: int) -> bytes:
        """A member's bytes, their checksum verified.

        Raises:
            DataLossError: it is missing, damaged, or larger than `limit`.
        """
        if self.size(name) > limit:
            self._fail(f"its member {name!r} has {self.size(name)} bytes; at most {limit} are expected")
        try:
            with self._zip.open(name) as member:
                data = member.read(limit + 1)
                if len(data) <= limit and member.read(1):
                    self._fail(f"its member {name!r} is longer than declared")
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError) as error:
            if isinstance(error, DataLossError):
                raise
            raise DataLossError(f"[load] {self.path!r} is damaged: {error}. Try a backup, or saving it again.") from None
        if len(data) != self.size(name):
            self._fail(f"its member {name!r} is shorter or longer than declared")
        return data


class Folder:
    """A folder opened for reading with the methods of SafeZip: the files in it, but no links."""

    def __init__(self, path: Any) -> None:
        self.path = os.fspath(path)
        found = [os.path.join(folder, f) for folder, _, files in os.walk(self.path) for f in files]
        self._files = {os.path.relpath(f, self.path).replace(os.sep, "/"): f for f in found if not os.path.islink(f)}

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *error: Any) -> None: ...

    def names(self) -> list[str]:
        """The files' names."""
        return list(self._files)

    def size(self, name: str) -> int:
        """The size of a file."""
        if name not in self._files:
            raise DataLossError(f"[load] {self.path!r} is not a model's folder: it has no file {name!r}.")
        return os.path.getsize(self._files[name])

    def read(self, name: str, limit: int) -> bytes:
        """A file's bytes."""
        if self.size(name) > limit:
            raise DataLossError(f"[load] {self.path!r}: its file {name!r} has {self.size(name)} bytes; at most {limit} are expected.")
        with open(self._files[name], "rb") as file:
            return file.read()


def write_folder(path: Any, members: Mapping[str, bytes]) -> None:
    """Writes files into a folder, each atomically."""
    for name, data in members.items():
        target = os.path.join(os.fspath(path), *name.split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        write_bytes(target, data)


def write_bytes(path: Any, data: bytes) -> None:
    """Writes a file atomically."""

    def write(file: BinaryIO) -> None:
        file.write(data)

    write_atomically(path, write)
