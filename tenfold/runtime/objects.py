"""LLVM text -> object code, on several threads at a time.

LLVM wants one thread at a time within a context only, and each module here has its own; llvmlite lets one thread at a time into LLVM
altogether. So its two long calls, optimizing a module and generating code, go to LLVM directly.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping
from typing import Any

import llvmlite.binding as llvm
from llvmlite.binding import ffi

from tenfold.runtime.locks import fork_safe_lock

Text = tuple[str, bool]  # LLVM text; whether it holds no redundancy that an optimizer should remove


def passes(direct: bool) -> llvm.ModulePassManager:
    """A short list: for text that is written as the machine shall run it, stack slots to registers is enough (and measured to be best)."""
    manager = llvm.create_new_module_pass_manager()
    manager.add_always_inliner_pass()
    manager.add_sroa_pass()
    if not direct:
        manager.add_instruction_combine_pass()
        manager.add_simplify_cfg_pass()
        manager.add_new_gvn_pass()
        manager.add_instruction_combine_pass()
    return manager


class Backend:
    """LLVM's optimizer and code generator for one thread."""

    def __init__(self, machine: llvm.TargetMachine) -> None:
        self.machine = machine
        self.builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))

    def object_code(self, text: str, direct: bool) -> bytes:
        """Compiles one module."""
        module = llvm.parse_assembly(text, llvm.create_context())
        module.verify()
        _unlocked("LLVMPY_RunNewModulePassManager")(passes(direct), module, self.builder)
        return self._generate(module)

    def _generate(self, module: llvm.ModuleRef) -> bytes:
        """`emit_object`, without llvmlite's lock."""
        with ffi.OutputString() as message:
            buffer = _unlocked("LLVMPY_TargetMachineEmitToMemory")(self.machine, module, 1, message)
            if not buffer:
                raise RuntimeError(f"[compile] LLVM could not generate code: {message}")
        try:
            return ctypes.string_at(ffi.lib.LLVMPY_GetBufferStart(buffer), ffi.lib.LLVMPY_GetBufferSize(buffer))
        finally:
            ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)


def _unlocked(name: str) -> Callable[..., Any]:
    """LLVM's function itself where llvmlite wraps it into a lock."""
    function = getattr(ffi.lib, name)
    return getattr(function, "_cfn", function)  # type: ignore[no-any-return]


class Backends:
    """As many backends as threads have worked at a time. A fork waits until none works."""

    def __init__(self, machine: Callable[[], llvm.TargetMachine]) -> None:
        self._machine = machine
        self._idle: list[Backend] = []
        self._lock = fork_safe_lock()

    def compile(self, texts: Mapping[str, Text], keep: Callable[[str, bytes], None], threads: int) -> None:
        """Hands the object code of each text to `keep`, from several threads: the longest first, so that none waits long for the last one."""
        waiting = iter(sorted(texts, key=lambda name: len(texts[name][0]), reverse=True))
        failed: list[BaseException] = []

        def work() -> None:
            for name in waiting:
                try:
                    keep(name, self._object_code(texts[name]))
                except BaseException as error:
                    failed.append(error)
                if failed:
                    break

        helpers = [threading.Thread(target=work, name="tenfold-compiler", daemon=True) for _ in range(min(threads, len(texts)) - 1)]
        with self._lock:
            started = [helper for helper in helpers if _start(helper)]
            work()
            for helper in started:
                helper.join()
        if failed:
            raise failed[0]

    def _object_code(self, text: Text) -> bytes:
        backend = self._idle.pop() if self._idle else Backend(self._machine())
        try:
            return backend.object_code(*text)
        finally:
            self._idle.append(backend)


def _start(thread: threading.Thread) -> bool:
    """False if the system gives no more threads: nobody waits for this one, so fewer will do."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True
