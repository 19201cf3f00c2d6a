"""The cache of object code on disk: damage, foreign folders and full disks are misses, never errors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenfold.runtime.cache import MAGIC, Cache

NAME = "ab" + "0" * 62


def entry(folder: Path) -> Path:
    return folder / "ab" / ("0" * 62)


def test_round_trip(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    assert cache.read(NAME) is None
    cache.write(NAME, b"code" * 100)
    assert cache.read(NAME) == b"code" * 100
    assert Cache(tmp_path / "c").read(NAME) == b"code" * 100
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700
    assert [f.name for f in (tmp_path / "c" / "ab").iterdir()] == ["0" * 62]


@pytest.mark.parametrize("keep", [0, 5, len(MAGIC) + 31, len(MAGIC) + 40])
def test_truncated_entry_is_a_miss(tmp_path: Path, keep: int) -> None:
    cache = Cache(tmp_path)
    cache.write(NAME, b"x" * 100)
    entry(tmp_path).write_bytes(entry(tmp_path).read_bytes()[:keep])
    assert cache.read(NAME) is None
    cache.write(NAME, b"y")
    assert cache.read(NAME) == b"y"


@pytest.mark.parametrize("at", [0, len(MAGIC), len(MAGIC) + 32, -1])
def test_flipped_bit_is_a_miss(tmp_path: Path, at: int) -> None:
    cache = Cache(tmp_path)
    cache.write(NAME, b"x" * 100)
    data = bytearray(entry(tmp_path).read_bytes())
    data[at] ^= 1
    entry(tmp_path).write_bytes(data)
    assert cache.read(NAME) is None


def test_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    Cache(tmp_path).write(NAME, b"planted")
    tmp_path.chmod(0o777)
    cache = Cache(tmp_path)
    assert cache.read(NAME) is None
    cache.write(NAME, b"x")


def test_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(tmp_path).write(NAME, b"planted")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert Cache(tmp_path).read(NAME) is None


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "cache")
    cache.write(NAME, b"x")
    assert cache.read(NAME) is None


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.write(NAME, b"x")
    assert cache.read(NAME) is None
    assert list((tmp_path / "ab").iterdir()) == []


def test_the_oldest_entries_of_a_full_folder_are_removed(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=256 * 10_000)
    names = [f"ab{k:062x}" for k in range(30)]
    for age, name in enumerate(names):
        cache.write(name, b"x" * 500)
        os.utime(tmp_path / name[:2] / name[2:], (age, age))
    cache.write("cd" + "0" * 62, b"x" * 500)
    left = [name for name in names if (tmp_path / name[:2] / name[2:]).exists()]
    assert left == names[-len(left) :]
    assert 7_500 - 2 * 540 < len(left) * 540 <= 10_000
    assert cache.read("cd" + "0" * 62) is not None


def test_what_was_read_lately_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=256 * 2_000)
    names = [f"ab{k:062x}" for k in range(8)]
    for age, name in enumerate(names):
        cache.write(name, b"x" * 500)
        os.utime(tmp_path / name[:2] / name[2:], (age, age))
        assert cache.read(names[0]) is not None


PROGRAM = """
import sys, ctypes, numpy as np
from tenfold.codegen.cpu import compile_kernel
from tenfold.core import dtypes
from tenfold.kernel.loops import *
from tenfold.runtime.objects import Backend
compiled = []
original = Backend.object_code
Backend.object_code = lambda self, *args: compiled.append(1) or original(self, *args)
x = axis(0)
k = Kernel((dtypes.float32,) * 2, 0, (const(20, dtypes.int64),), (0,), 0, (Stage((), (), (Store(1, x, load(0, x, dtypes.float32) * 3.0),)),))
a, b = np.arange(20, dtype=np.float32), np.zeros(20, np.float32)
args = np.array([a.ctypes.data, b.ctypes.data, 64], np.int64)
ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(compile_kernel(k))(args.ctypes.data, 0)
assert (b == 3 * a).all()
print(len(compiled))
"""


def run(folder: Path, **more: str) -> str:
    environment = {**os.environ, "TENFOLD_CACHE_DIR": str(folder), **more}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    assert done.stderr == ""
    return done.stdout.strip()


def test_second_process_compiles_nothing_and_a_damaged_cache_only_costs_time(tmp_path: Path) -> None:
    assert run(tmp_path) == "1"
    assert run(tmp_path) == "0"
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-7])
    assert run(tmp_path) == "1"
    assert run(tmp_path) == "0"
    assert run(tmp_path, TENFOLD_CACHE="0") == "1"


def test_processes_fill_one_cache_at_the_same_time(tmp_path: Path) -> None:
    environment = {**os.environ, "TENFOLD_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) for _ in range(4)]
    for process in processes:
        assert process.communicate()[0].strip() in ("0", "1")
        assert process.returncode == 0
    assert run(tmp_path) == "0"
    assert not list(tmp_path.rglob("*.tmp"))


WRITERS = """
import sys
from pathlib import Path
from tenfold.runtime.cache import Cache
cache = Cache(Path(sys.argv[1]), limit=256 * 4000)
for turn in range(300):
    name = f"ab{turn % 13:062x}"
    cache.write(name, name.encode() * 8)
    found = cache.read(f"ab{turn * 7 % 13:062x}")
    assert found in (None, f"ab{turn * 7 % 13:062x}".encode() * 8)
"""


def test_writers_readers_and_removers_at_once_see_whole_entries_or_none(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITERS, str(tmp_path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) for _ in range(3)]
    assert [process.communicate()[1] for process in processes] == [""] * 3
