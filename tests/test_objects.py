"""LLVM text becomes object code on several threads at a time."""

import threading

import pytest
from llvmlite.binding import ffi

from tenfold.runtime import objects
from tenfold.runtime.native import host, machine, object_code
from tenfold.runtime.objects import Backend, Backends

NAMES = [f"f{k}" for k in range(9)]


def text(name: str) -> tuple[str, bool]:
    return f"define i64 @{name}(i64 %x) {{\n  %y = mul i64 %x, {len(name)}\n  ret i64 %y\n}}\n", False


def backends() -> Backends:
    return Backends(lambda: machine(host()))


def compiled(threads: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    backends().compile({name: text(name) for name in NAMES}, found.__setitem__, threads)
    return found


def test_any_number_of_threads_makes_the_same_code() -> None:
    alone = {name: object_code(*text(name)) for name in NAMES}
    for threads in (1, 2, 5, 20):
        assert compiled(threads) == alone


def test_two_texts_are_compiled_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(2, timeout=60)
    original = Backend.object_code

    def object_code(self: Backend, *what: object) -> bytes:
        together.wait()
        return original(self, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(Backend, "object_code", object_code)
    found: dict[str, bytes] = {}
    backends().compile({name: text(name) for name in NAMES[:8]}, found.__setitem__, 2)
    assert set(found) == set(NAMES[:8])


@pytest.mark.parametrize("name", ["LLVMPY_RunNewModulePassManager", "LLVMPY_TargetMachineEmitToMemory"])
def test_the_long_calls_of_llvm_hold_no_lock(name: str) -> None:
    assert objects._unlocked(name) is not getattr(ffi.lib, name)
    assert not hasattr(objects._unlocked(name), "_lock")


def test_the_longest_text_is_compiled_first() -> None:
    order: list[str] = []
    texts = {name: (text(name)[0] + ";" * length, False) for name, length in (("a", 3), ("b", 300), ("c", 30))}
    backends().compile(texts, lambda name, code: order.append(name), 1)
    assert order == ["b", "c", "a"]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_ends_all_threads_and_is_told(threads: int) -> None:
    texts = {name: text(name) for name in NAMES} | {"bad": ("define nonsense" + ";" * 200, False)}
    with pytest.raises(RuntimeError, match="parsing error"):
        backends().compile(texts, lambda name, code: None, threads)
    assert not [t for t in threading.enumerate() if t.name == "tenfold-compiler"]


def test_ctrl_c_stops_all_threads_and_keeps_what_is_done() -> None:
    kept: dict[str, bytes] = {}

    def keep(name: str, code: bytes) -> None:
        kept[name] = code
        if len(kept) == 3:
            raise KeyboardInterrupt

    everything = backends()
    with pytest.raises(KeyboardInterrupt):
        everything.compile({name: text(name) for name in NAMES}, keep, 2)
    assert 3 <= len(kept) <= 4
    assert not [t for t in threading.enumerate() if t.name == "tenfold-compiler"]
    everything.compile({name: text(name) for name in NAMES}, kept.__setitem__, 2)
    assert set(kept) == set(NAMES)


def test_where_the_system_gives_no_threads_one_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert set(compiled(4)) == set(NAMES)
