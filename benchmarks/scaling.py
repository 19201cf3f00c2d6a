"""Tenfold alone: how the time of a step grows with the batch and with the depth, and what a second thread brings."""

import sys

import common
import transformers
import vision
from common import Run, Suite

SUITE = Suite("scaling.py")
BATCHES = (8, 16, 32)
DEPTHS = (2, 6, 12)
ONE_THREAD = "resnet18_1_thread"


def gpt(layers: int) -> Run:
    return transformers.gpt_step(common.tenfold(), "gpt", sizes={**transformers.GPT, "layers": layers})


def resnet18(batch: int = vision.BATCH) -> Run:
    return vision.function_step(common.tenfold(), batch)


def register() -> None:
    for batch in BATCHES:
        SUITE.add(f"resnet18_{batch}_images", "tenfold", "function")(lambda batch=batch: resnet18(batch))  # type: ignore[misc]
    for layers in DEPTHS:
        SUITE.add(f"gpt_{layers}", "tenfold", "function")(lambda layers=layers: gpt(layers))  # type: ignore[misc]
    SUITE.add(ONE_THREAD, "tenfold", "function")(resnet18)


register()

if __name__ == "__main__":
    common.main(SUITE, threads=1 if ONE_THREAD in sys.argv else common.THREADS)
