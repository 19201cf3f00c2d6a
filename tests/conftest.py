"""What all tests share: in continuous integration, property-based tests try the same examples every time. Programs are compiled, not read
from disk: tests look at the compiler at work, and some change it; those of programs on disk say so."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("TENFOLD_CACHE", "kernels")

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # compiling takes its time on a busy machine
settings.register_profile("ci", UNHURRIED, derandomize=True)
settings.register_profile("local", UNHURRIED)
settings.load_profile("ci" if os.environ.get("CI") else "local")
