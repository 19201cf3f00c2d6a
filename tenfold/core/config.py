"""Every switch and environment variable, in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Config:
    """What the environment asks for, read once at import.

    Attributes:
        data_dir: TENFOLD_DATA_DIR, where data sets are looked for first.
        cache_dir: TENFOLD_CACHE_DIR, compiled kernels and programs; default `~/.cache/tenfold`.
        cache: TENFOLD_CACHE=0 keeps nothing on disk.
        cache_plans: TENFOLD_CACHE=kernels keeps machine code, but not how programs are put together from it.
        threads: TENFOLD_NUM_THREADS; default: the processors this process may use.
        autotune: TENFOLD_AUTOTUNE=1 measures how to carry out each contraction when it is met for the first time.
        compile: TENFOLD_COMPILE=0 runs traced functions through the NumPy oracles, to find out whether the compiler is at fault.
    """

    data_dir: Path | None
    cache_dir: Path
    cache: bool
    cache_plans: bool
    threads: int
    compile: bool
    autotune: bool


def from_environment() -> Config:
    """The configuration that the environment variables describe."""
    env = os.environ
    given = env.get("TENFOLD_CACHE_DIR") or env.get("XDG_CACHE_HOME") or "~/.cache"
    base = Path(os.path.expanduser(given))  # stays as it is for a user without a home
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cache = _on("TENFOLD_CACHE") and base.parts[:1] != ("~",)
    asked = env.get("TENFOLD_NUM_THREADS", "")
    return Config(
        data_dir=Path(env["TENFOLD_DATA_DIR"]) if env.get("TENFOLD_DATA_DIR") else None,
        cache_dir=base if env.get("TENFOLD_CACHE_DIR") else base / "tenfold",
        cache=cache,
        cache_plans=cache and env.get("TENFOLD_CACHE", "").strip().lower() != "kernels",
        threads=max(1, int(asked)) if asked.isdecimal() else cores,
        compile=_on("TENFOLD_COMPILE"),
        autotune=_on("TENFOLD_AUTOTUNE", "0"),
    )


def _on(name: str, default: str = "1") -> bool:
    return (os.environ.get(name, "").strip() or default).lower() not in ("0", "false", "off", "no")


config = from_environment()
