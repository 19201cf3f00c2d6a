"""What is recorded of each public class. `PYTHONPATH=.:tests python -m recorded.coverage` prints it; `--write` puts it into COVERAGE.md.

Counted is what the files of values hold, not what the cases promise.
"""

import inspect
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recorded.compare import recorded
from recorded.families import FAMILIES, cases_of

FILE = Path(__file__).parent / "COVERAGE.md"
MODULES = ("layers", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers")
OWN_FAMILY = ("losses", "metrics", "initializers")  # some of their classes are called as one elsewhere
LOW = frozenset({"mixed_bfloat16", "mixed_float16", "bfloat16", "float16"})


@dataclass(frozen=True)
class Coverage:
    """How many float32 configurations there are, and which of all have gradients, twenty steps, or 16-bit types."""

    configurations: int
    gradients: int
    steps: int
    low: int


def found(module: str, names: Iterable[str]) -> Coverage:
    """Of the class with these names."""
    area = module if module in OWN_FAMILY else ""
    entries = [entry for name in names for entry in BY_KIND.get((area, name), [])]
    plain = [keys for policy, keys in entries if policy not in LOW]
    gradients = [keys for keys in plain if any(key == "gradient" or (key[:1] in "gd" and key[-1:].isdigit()) for key in keys)]
    steps = [keys for keys in plain if keys & {"losses", "history"}]
    return Coverage(len(plain), len(gradients), len(steps), len(entries) - len(plain))


def by_kind() -> dict[tuple[str, str], list[tuple[str, frozenset[str]]]]:
    """Policy and names of the recorded arrays of each class's cases."""
    entries: dict[tuple[str, str], list[tuple[str, frozenset[str]]]] = defaultdict(list)
    for family in FAMILIES:
        for name, case in cases_of(family).items():
            if case.kind and name in recorded(family):
                entries[family if family in OWN_FAMILY else "", case.kind].append((case.policy, frozenset(recorded(family)[name])))
    return entries


BY_KIND = by_kind()


def public_classes(keras: Any, module: str) -> dict[str, set[str]]:
    """The classes of a module: one name of each, and all of them."""
    place = keras
    for part in module.split("."):
        place = getattr(place, part)
    names: dict[type, set[str]] = defaultdict(set)
    for name, value in inspect.getmembers(place, inspect.isclass):
        if name[0].isupper() and name != "Any":
            names[value] |= {name, value.__name__}
    return {min(aliases): aliases for aliases in names.values()}


def table(keras: Any, reasons: dict[str, str]) -> str:
    """Everything, for people."""
    lines = ["# What is recorded of each public class", "", "Written by `python -m recorded.coverage --write`. Numbers of cases: configurations in"]
    lines += ["float32, those of them with gradients and with twenty steps (of training or updates), and cases in 16-bit types."]
    for module in MODULES:
        lines += ["", f"## keras.{module}", "", "| class | configurations | gradients | 20 steps | 16 bits | |", "|---|---|---|---|---|---|"]
        for name, aliases in sorted(public_classes(keras, module).items()):
            c = found(module, aliases)
            reason = next((reasons[alias] for alias in sorted(aliases) if alias in reasons), "")
            lines.append(f"| {name} | {c.configurations} | {c.gradients} | {c.steps} | {c.low} | {reason} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from test_recorded_coverage import REASONS

    import tenfold

    text = table(tenfold.keras, REASONS)
    FILE.write_text(text) if "--write" in sys.argv else print(text)
