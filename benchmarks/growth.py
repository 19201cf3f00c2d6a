"""Tenfold alone, as a table: how time grows with the batch, with the depth and with the number of equal blocks; what a second thread brings.

python benchmarks/growth.py batch      ResNet-18's step, 8 to 32 images: milliseconds an image should stay the same
python benchmarks/growth.py depth      a GPT's step, 2 to 12 layers: milliseconds that another layer takes
python benchmarks/growth.py blocks     a GPT's first step, 2 to 12 layers: kernels, and seconds of LLVM, should not grow; Python's do
python benchmarks/growth.py threads    ResNet-18's step with one thread and with two, and whether both give the same bits

Every sample is a process of its own, in turns; the best counts.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import common
import scaling

STEPS = 3  # of training, whose results are compared
PROGRAMS = "program-"  # how the cache's folders of plans begin; the others hold kernels


def step_of(workload: str, rounds: int) -> float:
    """Seconds of a step of one of scaling.py's workloads."""
    command = [sys.executable, str(Path(scaling.__file__)), "--workload", workload, "--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["min_s"])


def best_of(workloads: list[str], rounds: int) -> dict[str, float]:
    """The best step of each, measured in turns."""
    found = {w: float("inf") for w in workloads}
    for _ in range(rounds):
        for w in workloads:
            found[w] = min(found[w], step_of(w, 1))
    return found


def batch(rounds: int) -> None:
    best = best_of([f"resnet18_{n}_images" for n in scaling.BATCHES], rounds)
    for n, seconds in zip(scaling.BATCHES, best.values(), strict=True):
        print(f"{n:3} images {seconds * 1e3:8.1f} ms {seconds * 1e3 / n:7.2f} ms an image")


def depth(rounds: int) -> None:
    best = best_of([f"gpt_{n}" for n in scaling.DEPTHS], rounds)
    before: tuple[int, float] | None = None
    for n, seconds in zip(scaling.DEPTHS, best.values(), strict=True):
        more = f"{(seconds - before[1]) * 1e3 / (n - before[0]):7.1f} ms for each further layer" if before else ""
        print(f"{n:3} layers {seconds * 1e3:8.1f} ms {more}")
        before = n, seconds


def probe(what: str) -> dict[str, Any]:
    """In this process: a GPT of `what` layers, traced, and its first step and the next ones."""
    tf = common.tenfold()
    run = scaling.gpt(int(what))
    kept: dict[str, Any] = dict(zip(run.call.__code__.co_freevars, (c.cell_contents for c in run.call.__closure__ or ()), strict=True))
    start = time.perf_counter()
    nodes = len(kept["compiled"].get_concrete_function(kept["x"], kept["y"]).graph.nodes)
    traced = time.perf_counter()
    run.wait(run.call())
    first = time.perf_counter() - traced
    later = min(common.seconds_per_step(run, 1) for _ in range(2))
    return {"nodes": nodes, "trace": traced - start, "compile": first - later, "step": later, "version": tf.__version__}


def child(function: str, what: str, **environment: str) -> dict[str, Any]:
    """What `function` finds in a process of its own."""
    command = [sys.executable, __file__, function, "--of", what]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env={**os.environ, **environment})
    return dict(json.loads(done.stdout.splitlines()[-1]))


def blocks(rounds: int) -> None:
    print("layers  nodes  kernels | cold: compile  LLVM alone | kernels cached: compile  us a node | all cached: trace  us a node  load")
    for layers in scaling.DEPTHS:
        found = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                modes = ("kernels", "kernels", "1", "1")  # kept on disk: machine code alone, twice; programs too, twice
                found.append([child("probe", str(layers), TENFOLD_CACHE_DIR=folder, TENFOLD_CACHE=mode) for mode in modes])
                kernels = sum(f.is_file() and PROGRAMS not in str(f) for f in Path(folder).rglob("*"))
        best = [{k: min(s[k] for s in samples) for k in ("nodes", "trace", "compile")} for samples in zip(*found, strict=True)]
        cold, python, _, warm = best
        nodes = warm["nodes"]
        print(
            f"{layers:6} {nodes:6} {kernels:8} | {cold['compile']:13.2f}s {cold['compile'] - python['compile']:9.2f}s |"
            f" {python['compile']:23.2f}s {python['compile'] * 1e6 / nodes:9.0f} |"
            f" {warm['trace'] * 1e3:15.0f}ms {warm['trace'] * 1e6 / nodes:9.0f} {warm['compile'] * 1e3:5.0f}ms"
        )


def bits(what: str) -> dict[str, Any]:
    """In this process: steps of training, and a digest of their losses."""
    common.tenfold().keras.utils.set_random_seed(0)
    run = scaling.resnet18(int(what))
    losses = [run.call().numpy().tobytes() for _ in range(STEPS)]
    return {"digest": hashlib.sha256(b"".join(losses)).hexdigest()}


def threads(rounds: int) -> None:
    one, two = scaling.ONE_THREAD, f"resnet18_{scaling.vision.BATCH}_images"
    best = best_of([one, two], rounds)
    digests = [child("bits", str(scaling.vision.BATCH), TENFOLD_NUM_THREADS=n)["digest"] for n in ("1", "2")]
    print(f"one thread {best[one] * 1e3:.1f} ms, two {best[two] * 1e3:.1f} ms: {best[one] / best[two]:.2f} times as fast")
    print(f"losses of {STEPS} steps: {'the same bits' if digests[0] == digests[1] else 'OTHER BITS'} ({digests[0][:12]}, {digests[1][:12]})")


TABLES: dict[str, Callable[[int], None]] = {"batch": batch, "depth": depth, "blocks": blocks, "threads": threads}
INSIDE: dict[str, Callable[[str], dict[str, Any]]] = {"probe": probe, "bits": bits}


def main() -> None:
    parser = argparse.ArgumentParser(description="how time grows: batch, depth, blocks, threads")
    parser.add_argument("table", choices=[*TABLES, *INSIDE])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--of", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    common.prepare_process(int(os.environ.get("TENFOLD_NUM_THREADS", common.THREADS)))
    if options.table in INSIDE:
        print(json.dumps(INSIDE[options.table](options.of)))
    else:
        TABLES[options.table](options.rounds)


if __name__ == "__main__":
    main()
