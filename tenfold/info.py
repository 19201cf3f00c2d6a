"""`tenfold info`: what Tenfold found on this machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

from llvmlite import binding
from rich.console import Console
from rich.table import Table

from tenfold.core.config import Config, from_environment
from tenfold.data.datasets import store
from tenfold.runtime.native import host

Section: TypeAlias = tuple[str, list[tuple[str, str]]]

REQUIRED = ("numpy", "llvmlite", "ml_dtypes", "h5py", "Pillow", "rich")
TOLD = ("sse4.2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512vnni", "avx512bf16", "amx-int8", "amx-bf16")
TOLD_ARM = ("neon", "fullfp16", "dotprod", "bf16", "i8mm", "sve", "sve2")


def version() -> str:
    """Tenfold's version; `0+unknown` in a checkout that was never installed."""
    try:
        return metadata.version("tenfold")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def run(console: Console | None = None) -> int:
    """Prints a table of what `sections` finds."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for title, rows in sections(from_environment()):
        table.add_row(f"[cyan]{title}[/]", "")
        for name, value in rows:
            table.add_row(f"  {name}", value)
    (console or Console()).print(table)
    return 0


def sections(config: Config) -> Iterator[Section]:
    """Everything there is to tell, as names and values under titles."""
    yield "Versions", [("tenfold", version()), ("Python", f"{platform.python_version()} ({platform.python_implementation()})"), *libraries()]
    yield "Processor", processor(config)
    yield "Devices", [("CPU:0", f"{config.threads} thread{'s' if config.threads > 1 else ''}")]
    yield "Kernel cache", cache(config)
    yield "Data sets", data_sets()


def libraries() -> list[tuple[str, str]]:
    llvm = ".".join(map(str, binding.llvm_version_info))
    return [(name, metadata.version(name) + (f" (LLVM {llvm})" if name == "llvmlite" else "")) for name in REQUIRED]


def processor(config: Config) -> list[tuple[str, str]]:
    """Name, features and vector width of this host, as the code generator sees it."""
    target = host()
    features = target.features.split(",")
    told = [name for name in (*TOLD, *TOLD_ARM) if f"+{name}" in features]
    return [
        ("name", f"{target.cpu} ({platform.machine()}, {platform.system()})"),
        ("cores", f"{os.cpu_count()}, of which Tenfold uses {config.threads}"),
        ("vectors", f"{32 * target.lanes} bits"),
        ("features", " ".join(told) or "none that matter"),
    ]


def cache(config: Config) -> list[tuple[str, str]]:
    """The folder of compiled kernels and how full it is."""
    sizes = [size for size in map(file_size, config.cache_dir.rglob("*")) if size is not None] if config.cache_dir.is_dir() else []
    state = "on" if config.cache else "off (TENFOLD_CACHE=0)"
    return [("folder", str(config.cache_dir)), ("holds", f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB"), ("state", state)]


def file_size(path: Path) -> int | None:
    """Bytes of a file; None for a folder, and for a file that just vanished."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def data_sets() -> list[tuple[str, str]]:
    folder = store.data_dir()
    return [("TENFOLD_DATA_DIR", str(folder) if folder else "not set"), ("Keras's folder", str(store.keras_dir()))]
