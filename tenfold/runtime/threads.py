"""The worker pool: Python threads parked inside a native loop, where they cost nothing but a short spin after the last work.

There is one pool, made when it is first needed. After a fork the child makes its own; at the interpreter's exit the workers are told to
return and are joined, so that none is left in code that is about to go away.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from functools import cache

import numpy as np

from tenfold.core.config import config
from tenfold.runtime import machine
from tenfold.runtime.memory import empty
from tenfold.runtime.native import build, host

SPINS = 1500  # pauses before a worker without work goes to sleep: some tens of microseconds
_LIBRARY_FUNCTIONS = (
    (machine.LOCK, "pthread_mutex_lock"),
    (machine.UNLOCK, "pthread_mutex_unlock"),
    (machine.WAIT, "pthread_cond_wait"),
    (machine.WAKE, "pthread_cond_broadcast"),
    (machine.YIELD, "sched_yield"),
)


@cache
def native() -> dict[str, int]:
    """Addresses of the runtime's native functions."""
    triple = host().triple
    text = machine.text(triple)
    return build("runtime\n" + text, lambda: text, machine.NAMES)


class Pool:
    """`threads - 1` workers and the thread that calls."""

    def __init__(self, threads: int) -> None:
        self._state = empty(machine.STATE_SIZE * 8).view(np.int64)
        self._state[:] = 0
        self._state[machine.SPINS] = SPINS
        self._state[machine.WORKERS] = threads - 1
        library = ctypes.CDLL(None)
        for slot, name in _LIBRARY_FUNCTIONS:
            self._state[slot] = ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
        self.address: int = self._state.ctypes.data
        self._library = library
        for slot, name in ((machine.MUTEX, "pthread_mutex_init"), (machine.CONDITION, "pthread_cond_init")):
            getattr(library, name)(ctypes.c_void_p(self.address + 8 * slot), None)
        worker = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(native()["tenfold_worker"])
        self._threads: list[threading.Thread] = []
        for k in range(1, threads):
            thread = threading.Thread(target=worker, args=(self.address,), name=f"tenfold-{k}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system gives no more threads: nobody waits for workers, so fewer will do
                break
            self._threads.append(thread)

    def stop(self) -> None:
        """Ends the workers; regions still work afterwards, on the calling thread alone."""
        mutex, condition = (ctypes.c_void_p(self.address + 8 * slot) for slot in (machine.MUTEX, machine.CONDITION))
        self._library.pthread_mutex_lock(mutex)
        self._state[machine.QUIT] = 1
        self._library.pthread_cond_broadcast(condition)
        self._library.pthread_mutex_unlock(mutex)
        for thread in self._threads:
            thread.join()


class _Current:
    """The pool in use, and how many threads the next one shall have."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pool: Pool | None = None
        self.address: int | None = None  # of the pool's state; 0: one thread, no pool; None: not decided yet
        self.threads: int | None = None
        self.retired: list[Pool] = []  # kept: some thread may still be in a call that was given their state


_current = _Current()


def num_threads() -> int:
    """How many threads regions run on."""
    return _current.threads or config.threads


def set_num_threads(threads: int) -> None:
    """Chooses how many threads regions run on, from the next one on."""
    if threads < 1:
        raise ValueError(f"[set_num_threads] expected a positive number; received {threads}.")
    with _current.lock:
        if threads == _current.threads:
            return
        _current.threads, _current.address = threads, None
        _retire()


def _retire() -> None:
    if _current.pool is not None:
        _current.retired.append(_current.pool)
        pool, _current.pool = _current.pool, None
        pool.stop()


def pool_address() -> int:
    """The state that `tenfold_parallel` takes; 0 where there is one thread only."""
    address = _current.address
    return _start() if address is None else address


def _start() -> int:
    with _current.lock:
        if _current.address is None:
            threads = num_threads()
            if threads > 1 and not sys.platform.startswith("win"):
                _current.pool = Pool(threads)
                _current.address = _current.pool.address
            else:
                _current.address = 0
        return _current.address


def _forget() -> None:
    """In a child after fork: the parent's workers do not exist here."""
    global _current
    threads, retired = _current.threads, _current.retired + ([_current.pool] if _current.pool else [])
    _current = _Current()
    _current.threads, _current.retired = threads, retired


def _at_exit() -> None:
    with _current.lock:
        _current.address = 0
        _retire()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
atexit.register(_at_exit)
