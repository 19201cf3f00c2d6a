"""What all tests share: in continuous integration, property-based tests try the same examples every time. Programs are compiled, not read
from disk: tests look at the compiler at work, and some change it; those of programs on disk say so."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("TENFOLD_CACHE", "kernels")

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")
