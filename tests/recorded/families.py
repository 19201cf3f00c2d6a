"""All families of recorded cases, and the cases of each."""

import importlib
from functools import cache

from recorded.cases.common import Case

FAMILIES = (
    "vectors", "windows", "sequences", "recurrent", "attention", "distributions", "preprocessing", "images",
    "losses", "metrics", "optimizers", "initializers", "mixed", "methods",
    "curves", "fit", "models", "ops", "edges", "strings", "compressed",
)  # fmt: skip


@cache
def cases_of(family: str) -> dict[str, Case]:
    return dict(importlib.import_module(f"recorded.cases.{family}").CASES)
