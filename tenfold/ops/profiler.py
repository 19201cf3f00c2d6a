"""`tf.profiler`: where the time goes, kernel by kernel and layer by layer, and how much of what the machine can do was reached.

    with tf.profiler.experimental.Profile("logs"):
        model.fit(x, y)            # logs/roofline.html, logs/trace.json

`model.profile(x, y)` does the same for one step of a model. Nothing is measured, and nothing is slower, while no profile is open.
"""

from __future__ import annotations

from tenfold.compiler.peaks import Peaks, peaks
from tenfold.ops import profiler_experimental as experimental
from tenfold.ops.roofline_report import Report

__all__ = ["Peaks", "Report", "experimental", "peaks"]
