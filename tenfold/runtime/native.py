"""Machine code of this host: LLVM text in, an address out, with object code kept on disk in between."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from tenfold.core.config import config
from tenfold.runtime.cache import Cache
from tenfold.runtime.locks import fork_safe_lock
from tenfold.runtime.objects import Backends, Text

FOLDERS = ("codegen", "kernel", "runtime")  # whose sources decide what a key becomes
Piece = tuple[bytes, tuple[str, ...]]  # object code, and the names of functions in it


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that code is made for; `lanes` is how many 32-bit numbers one vector holds."""

    triple: str
    cpu: str
    features: str
    lanes: int
    has_fma: bool = True
    has_half: bool = True

    @property
    def key(self) -> str:
        """What distinguishes object code for this target."""
        return f"{self.triple} {self.cpu} {self.features} {self.lanes}"


def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@cache
def host() -> Target:
    """The machine we run on."""
    _initialize()
    features = dict(llvm.get_host_cpu_features())
    triple = llvm.get_process_triple()
    arm = triple.startswith(("aarch64", "arm64"))
    lanes = 16 if features.get("avx512f") and features.get("avx512vl") else 8 if features.get("avx2") else 4
    text = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(features.items()))
    if lanes == 16:
        text += ",-prefer-256-bit"
    return Target(triple, llvm.get_host_cpu_name(), text, lanes, arm or bool(features.get("fma")), arm or bool(features.get("f16c")))


def machine(target: Target) -> llvm.TargetMachine:
    """LLVM's code generator for a target."""
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="default", codemodel="jitdefault", jit=True
    )


class _Compiler:
    def __init__(self) -> None:
        _initialize()
        self.lock = fork_safe_lock()
        self.backends = Backends(lambda: machine(host()))
        self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine(host()))
        # never freed: at the interpreter's exit some thread may still be in the code
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.engine))

    def load(self, pieces: Sequence[Piece]) -> dict[str, int]:
        with self.lock:
            for code, _ in pieces:
                self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self.engine.finalize_object()
            return {name: self.engine.get_function_address(name) for _, names in pieces for name in names}


@cache
def _compiler() -> _Compiler:
    return _Compiler()


def object_code(text: str, direct: bool = False) -> bytes:
    """Compiles LLVM text to an object file; `direct` text holds no redundancy that an optimizer should remove."""
    found: dict[str, bytes] = {}
    _compiler().backends.compile({"": (text, direct)}, found.__setitem__, 1)
    return found[""]


def load(pieces: Sequence[Piece]) -> dict[str, int]:
    """Loads object files into the process; the addresses of the functions that are named. They stay loaded."""
    return _compiler().load(pieces)


@cache
def disk_cache() -> Cache:
    """The cache that the environment asks for."""
    return Cache(config.cache_dir if config.cache else None)


@cache
def _digest_head() -> bytes:
    """Everything but the key that code depends on: this package's emitters, LLVM, the processor."""
    return f"{sources_digest(FOLDERS)} {llvmlite.__version__} {llvm.llvm_version_info} {host().key}".encode()


def sources_digest(folders: Iterable[str]) -> str:
    """Names the state of this package's sources in `folders`."""
    sources = hashlib.sha256()
    for folder in folders:
        for path in sorted((Path(__file__).parents[1] / folder).glob("*.py")):
            sources.update(f"{folder}/{path.name}\0".encode() + path.read_bytes())
    return sources.hexdigest()


def digest(key: str) -> str:
    """Names the code made from `key` by this version of everything for this host."""
    return hashlib.sha256(_digest_head() + b"\n" + key.encode()).hexdigest()


def known(entry: str) -> bytes | None:
    """The object code on disk by that name."""
    return disk_cache().read(entry)


def made(wanted: Mapping[str, Callable[[], Text]], threads: int = 1) -> dict[str, bytes]:
    """The object code by these names, from the disk or from the texts that are written for it, and then kept."""
    found = {entry: code for entry in wanted if (code := known(entry)) is not None}
    texts = {entry: write() for entry, write in wanted.items() if entry not in found}

    def keep(entry: str, code: bytes) -> None:
        disk_cache().write(entry, code)
        found[entry] = code

    if texts:
        _compiler().backends.compile(texts, keep, threads)
    return found


def build(key: str, emit: Callable[[], str], names: tuple[str, ...], direct: bool = False) -> dict[str, int]:
    """The addresses of the functions `names` in the code that `emit()` describes, from the disk where it is known by `key`."""
    entry = digest(key)
    return load([(made({entry: lambda: (emit(), direct)})[entry], names)])
