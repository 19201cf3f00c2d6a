"""Kernels -> addresses of machine code on this host; equal kernels compile once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tenfold.codegen.flatten import Program, flatten
from tenfold.codegen.llvm import emit_program
from tenfold.kernel.loops import Kernel
from tenfold.runtime.locks import fork_safe_lock
from tenfold.runtime.native import Target, digest, host, known, load, made

__all__ = ["KernelSource", "LoopSource", "Target", "compile_kernel", "compile_kernels", "host", "load_kernels", "named", "source"]


class KernelSource(Protocol):
    """Something that code can be made from; equal keys mean equal code."""

    @property
    def key(self) -> str:
        """The structure, as text."""

    def emit(self, name: str, target: Target) -> str:
        """LLVM text defining `void @name(ptr args, i64 task)`."""


@dataclass(frozen=True, slots=True)
class LoopSource:
    """A loop nest as a KernelSource."""

    program: Program

    @property
    def key(self) -> str:
        """The kernel's structure."""
        return "loops\n" + self.program.key

    def emit(self, name: str, target: Target) -> str:
        """LLVM text."""
        return emit_program(self.program, name, target)


def source(kernel: Kernel) -> LoopSource:
    """`kernel` as something to compile."""
    return LoopSource(flatten(kernel))


_addresses: dict[str, int] = {}  # of what is loaded, by its name
_lock = fork_safe_lock()


def named(kernel: KernelSource | Kernel) -> tuple[str, KernelSource]:
    """The name of a kernel's machine code, the same in every process on this host, and what it is made from."""
    what: KernelSource = source(kernel) if isinstance(kernel, Kernel) else kernel
    return digest(what.key), what


def compile_kernel(kernel: KernelSource | Kernel) -> int:
    """The address of the kernel's machine code, compiled now, or earlier, or found on disk."""
    name, what = named(kernel)
    return compile_kernels({name: what})[0]


def compile_kernels(kernels: Mapping[str, KernelSource]) -> list[int]:
    """The addresses of kernels by name."""

    def code(name: str) -> bytes:
        what = kernels[name]
        return made(name, lambda: what.emit(_function(name), host()), isinstance(what, LoopSource))

    return _loaded(kernels, code) or []


def load_kernels(names: Sequence[str]) -> list[int] | None:
    """The addresses of kernels that were compiled by any process before; None if the code of one is gone."""
    return _loaded(names, known)


def _loaded(names: Iterable[str], code: Callable[[str], bytes | None]) -> list[int] | None:
    names = list(names)
    with _lock:
        missing = [(code(name), (_function(name),), name) for name in dict.fromkeys(names) if name not in _addresses]
        pieces = [(data, functions) for data, functions, _ in missing if data is not None]
        if len(pieces) < len(missing):
            return None
        if pieces:
            found = load(pieces)
            _addresses.update((name, found[function]) for _, (function,), name in missing)
        return [_addresses[name] for name in names]


def _function(name: str) -> str:
    return "tenfold_" + name[:32]
