"""What was compiled, on disk, shared by processes: a missing, damaged or unreadable entry is a miss, and nothing here ever raises."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

MAGIC = b"TENFOLD2"
HEAD = len(MAGIC) + 32  # bytes before the contents
LIMIT = 512 << 20


@dataclass(slots=True)
class Cache:
    """Entries of bytes under names of hexadecimal digits, at most `limit` bytes of them: who writes an entry looks after its folder.

    The entries are machine code, so a folder that somebody else owns or may write to is not used. They are spread over folders by the first
    `digits` of their names, evenly, since names are hashes; the folders' names begin with `prefix`. The checksum is that of name and
    contents: an entry under another's name is a miss too.
    """

    folder: Path | None
    limit: int = LIMIT
    prefix: str = ""
    digits: int = 2
    _usable: bool | None = field(default=None)

    def read(self, name: str) -> bytes | None:
        """The entry, if it is there and whole."""
        if not self._check():
            return None
        path = self._path(name)
        try:
            with open(path, "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if not HEAD <= size <= self._most:  # whatever lies there
                    return None
                head, data = file.read(HEAD), file.read(size - HEAD)
        except OSError:
            return None
        if head != MAGIC + _checksum(name, data):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # last use, for trim
        return data

    def write(self, name: str, payload: bytes) -> None:
        """Keeps an entry, if possible."""
        if len(payload) + HEAD > self._most or not self._check():
            return
        path, temporary = Path(self._path(name)), ""
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + _checksum(name, payload) + payload)
            os.replace(temporary, path)
        except OSError:
            if temporary:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            return
        _trim(path.parent, self._share)

    @property
    def _share(self) -> int:
        """The bytes of one folder."""
        return self.limit // int(16**self.digits)

    @property
    def _most(self) -> int:
        """The bytes of the largest file: what a folder that is full is trimmed to."""
        return self._share * 3 // 4

    def _path(self, name: str) -> str:
        return os.path.join(str(self.folder), self.prefix + name[: self.digits], name[self.digits :])

    def _check(self) -> bool:
        if self._usable is None:
            self._usable = self.folder is not None and _prepare(self.folder)
        return self._usable


def _checksum(name: str, payload: bytes) -> bytes:
    found = hashlib.sha256(name.encode() + b"\n")
    found.update(payload)
    return found.digest()


def _prepare(folder: Path) -> bool:
    """Makes the folder; whether it is ours alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return True
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _trim(folder: Path, limit: int) -> None:
    """Removes the files used longest ago until the rest takes at most three quarters of the limit, if it takes more than that."""
    files = []
    with contextlib.suppress(OSError), os.scandir(folder) as found:  # others may remove files at the same time
        for file in found:
            with contextlib.suppress(OSError):
                status = file.stat()
                files.append((status.st_mtime_ns, status.st_size, file.path))
    total = sum(size for _, size, _ in files)
    if total <= limit:
        return
    for _, size, path in sorted(files):
        if total <= limit * 3 // 4:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
