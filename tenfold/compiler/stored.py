"""Plans on disk: a process that traces a graph which any process compiled before reads its plan, and loads the machine code.

    graph, what it overwrites, what is steady  ->  name  ->  Plan, or None

The name is that of what the graph computes (`ir/fingerprint.py`) and of everything that decides how: this package's sources, LLVM, NumPy,
the processor, the choice to measure schedules. An entry is numbers and names, never code of Python's; whatever is wrong with it makes it a miss.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import cache

import numpy as np

from tenfold.compiler import tuning
from tenfold.compiler.plan import Plan, Unwritable, decoded, encoded
from tenfold.core.config import config
from tenfold.ir.fingerprint import fingerprint
from tenfold.ir.graph import Graph
from tenfold.runtime.cache import Cache
from tenfold.runtime.device import processor
from tenfold.runtime.native import digest, sources_digest
from tenfold.runtime.threads import num_threads

FOLDERS = ("core", "ir", "compiler", "primitives", "transform")  # whose sources decide about plans, besides those that decide about code
LIMIT = 256 << 20  # bytes of all plans


@cache
def plan_cache() -> Cache:
    """The cache that the environment asks for."""
    return Cache(config.cache_dir if config.cache_plans else None, LIMIT, "program-", 1)


def plan_name(graph: Graph, targets: Mapping[int, int], steady: Set[int]) -> str | None:
    """The name of a graph's plan; None if it has none."""
    found = fingerprint(graph) if plan_cache().folder is not None else None
    if found is None:
        return None
    measured = f"{processor().model} {num_threads()}" if tuning.switch.on else ""
    return digest(f"plan {_versions()} {measured} {found.hex()} {sorted(targets.items())} {sorted(steady)}")


def without_panels(name: str | None) -> str | None:
    """The name of the plan for the same graph that keeps no panels of weights."""
    return None if name is None else digest(f"plan without panels {name}")


@cache
def _versions() -> str:
    return f"{sources_digest(FOLDERS)} {np.__version__}"


def read_plan(name: str) -> Plan | None:
    """The plan by that name."""
    data = plan_cache().read(name)
    try:
        return None if data is None else decoded(data)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, MemoryError):
        return None


def write_plan(name: str, plan: Plan) -> None:
    """Keeps a plan, if it can be kept."""
    try:
        data = encoded(plan)
    except Unwritable:
        return
    plan_cache().write(name, data)
