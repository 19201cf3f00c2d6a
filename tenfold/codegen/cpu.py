"""Kernels -> addresses of machine code on this host; equal kernels compile once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tenfold.codegen.flatten import Program, flatten
from tenfold.codegen.llvm import emit_program
from tenfold.kernel.loops import Kernel
from tenfold.runtime.locks import fork_safe_lock
from tenfold.runtime.native import Target, digest, host, known, load, made
from tenfold.runtime.objects import Text
from tenfold.runtime.threads import num_threads

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

    def text(name: str) -> Text:
        what = kernels[name]
        return what.emit(_function(name), host()), isinstance(what, LoopSource)

    return _loaded(kernels, lambda names: made({name: partial(text, name) for name in names}, num_threads())) or []


def load_kernels(names: Sequence[str]) -> list[int] | None:
    """The addresses of kernels that were compiled by any process before; None if the code of one is gone."""
    return _loaded(names, lambda names: {name: code for name in names if (code := known(name)) is not None})


def _loaded(names: Iterable[str], codes: Callable[[Sequence[str]], Mapping[str, bytes]]) -> list[int] | None:
    names = list(names)
    with _lock:
        missing = [name for name in dict.fromkeys(names) if name not in _addresses]
        found = codes(missing) if missing else {}
        if len(found) < len(missing):
            return None
        if missing:
            addresses = load([(found[name], (_function(name),)) for name in missing])
            _addresses.update((name, addresses[_function(name)]) for name in missing)
        return [_addresses[name] for name in names]


def _function(name: str) -> str:
    return "tenfold_" + name[:32]
