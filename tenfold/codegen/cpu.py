"""Kernels -> addresses of machine code on this host; equal kernels compile once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tenfold.codegen.flatten import Program, flatten
from tenfold.codegen.llvm import emit_program
from tenfold.kernel.loops import Kernel
from tenfold.runtime.locks import fork_safe_lock
from tenfold.runtime.native import Target, build, digest, host

__all__ = ["KernelSource", "LoopSource", "Target", "compile_kernel", "host", "source"]


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


_addresses: dict[str, int] = {}
_lock = fork_safe_lock()


def compile_kernel(kernel: KernelSource | Kernel) -> int:
    """The address of the kernel's machine code, compiled now, or earlier, or found on disk."""
    what: KernelSource = source(kernel) if isinstance(kernel, Kernel) else kernel
    key = what.key
    address = _addresses.get(key)
    if address is None:
        with _lock:
            name = "tenfold_" + digest(key)[:32]
            if key not in _addresses:
                _addresses[key] = build(key, lambda: what.emit(name, host()), (name,), isinstance(what, LoopSource))[name]
            address = _addresses[key]
    return address
