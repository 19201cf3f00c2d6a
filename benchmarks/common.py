"""What every workload file shares: the registry, the clock, the command line.

A workload file registers one function per framework and variant. The function imports its framework, prepares everything and returns a `Run`;
nothing heavy is imported at module level, so `compare.py` can read the registry without any framework.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

THREADS = 2
CHECKOUT = str(Path(__file__).resolve().parent.parent)
FRAMEWORKS = ("tenfold", "tensorflow", "torch", "jax", "onnxruntime", "openvino", "litert")
RIVALS = Path(os.environ.get("TENFOLD_RIVALS", Path.home() / ".cache" / "tenfold-rivals"))
TURNS = 40  # of a run and of what stands beside it in its process
SAMPLE_S = 0.02  # a sample is as many calls as fill this time, so that the clock and the last synchronization do not count


def nothing(result: Any) -> None:
    """For frameworks whose calls return when the work is done."""


@dataclass(frozen=True)
class Run:
    """`call()` does `steps` steps; `wait(result)` returns when the last one is done. `beside` is run in turns with it, for their ratio."""

    call: Callable[[], Any]
    wait: Callable[[Any], Any] = nothing
    steps: int = 1
    beside: "Run | None" = None


@dataclass(frozen=True, order=True)
class Key:
    workload: str
    framework: str
    variant: str


@dataclass
class Suite:
    """The benchmarks of one file. `alone`: of whole processes, which cannot take turns with others."""

    file: str
    alone: bool = False
    benchmarks: dict[Key, Callable[[], Run]] = field(default_factory=dict)

    def add(self, workload: str, framework: str, variant: str = "plain") -> Callable[[Callable[[], Run]], Callable[[], Run]]:
        def register(prepare: Callable[[], Run]) -> Callable[[], Run]:
            self.benchmarks[Key(workload, framework, variant)] = prepare
            return prepare

        return register


def prepare_process(threads: int = THREADS) -> None:
    """As many threads as processors, two, for everyone, and this checkout importable; before any framework is imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TENFOLD_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["JAX_PLATFORMS"] = "cpu"
    sys.path.append(CHECKOUT)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), CHECKOUT]))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def tenfold() -> Any:
    """Tenfold as it is installed, or else as it stands beside this folder."""
    import tenfold as tf

    return tf


def tensorflow() -> Any:
    """TensorFlow held to two threads."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    return tf


def torch() -> Any:
    """PyTorch held to two threads."""
    import torch as pytorch

    pytorch.set_num_threads(THREADS)
    pytorch.set_flush_denormal(True)
    return pytorch


def jax() -> Any:
    import jax as module

    return module


def python_of(framework: str, rivals: Path = RIVALS) -> Path:
    """Tenfold runs in this Python, a rival in its environment."""
    return Path(sys.executable) if framework == "tenfold" else rivals / f"venv-{framework}" / "bin" / "python"


def seconds_per_step(run: Run, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls - 1):
        run.call()
    run.wait(run.call())
    return (time.perf_counter() - start) / (calls * run.steps)


def memory(name: str) -> int:
    """Bytes of this process: `VmRSS` now, `VmHWM` at its height; 0 where Linux does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":")), 0)


def measure(prepare: Callable[[], Run], seconds: float, turns: Iterable[object]) -> dict[str, Any]:
    """The first call (compilation included), then, after a warm-up, samples of at least `seconds` in every turn.

    `first_s` counts from the import, `first_call_s` from the call. No turns: the first call alone.
    """
    start = time.perf_counter()
    run = prepare()
    prepared = time.perf_counter()
    run.wait(run.call())
    called = time.perf_counter()
    first = {"first_s": called - start, "first_call_s": called - prepared}
    sampled = list(samples_of(run, seconds, turns))
    samples = [sample for turn in sampled for sample in turn] or [called - prepared]
    times = {"median_s": statistics.median(samples), "min_s": min(samples), "samples": len(samples), "turns": [*map(statistics.median, sampled)]}
    beside = {} if run.beside is None or not sampled else {"beside": times_as_long(run, run.beside)}
    return {**first, **times, **beside, "peak_bytes": memory("VmHWM")}


def times_as_long(run: Run, beside: Run) -> float:
    """How many times as long a step takes as one of `beside`: the median over pairs of as many steps of each."""
    calls = run.steps // beside.steps
    seconds_per_step(beside, calls)  # compiles it
    return statistics.median(seconds_per_step(run, 1) / seconds_per_step(beside, calls) for _ in range(TURNS))


def samples_of(run: Run, seconds: float, turns: Iterable[object]) -> Iterator[list[float]]:
    """The samples of each turn. What others did meanwhile leaves caches cold and workers asleep: the first sample after that does not count."""
    calls = 0
    for _ in turns:
        calls = calls or calls_a_sample(run)
        if calls > 1:
            seconds_per_step(run, calls)
        samples = []
        end = time.perf_counter() + seconds
        while not samples or time.perf_counter() < end:
            samples.append(seconds_per_step(run, calls))
        yield samples


def calls_a_sample(run: Run) -> int:
    calls = 1
    while calls * run.steps * (once := seconds_per_step(run, calls)) < SAMPLE_S:
        calls = max(calls + 1, min(calls * 8, int(1.1 * SAMPLE_S / (once * run.steps))))
    return calls


def called_upon() -> Iterator[str]:
    """A turn for every line of standard input, each answered with a line when it is over (the first one: when it may begin)."""
    print("ready", flush=True)
    for line in sys.stdin:
        yield line
        print("done", flush=True)


def main(suite: Suite, arguments: Sequence[str] | None = None, threads: int = THREADS) -> None:
    """Measures one benchmark of the suite and prints one line of JSON."""
    options = parse(suite, arguments)
    key = Key(options.workload, options.framework, options.variant or default_variant(suite, options))
    if key not in suite.benchmarks:
        sys.exit(f"no such benchmark: {key}; this file has {sorted(suite.benchmarks)}")
    prepare_process(threads)
    turns = called_upon() if options.in_turns else range(options.rounds)
    result = measure(suite.benchmarks[key], options.seconds, turns)
    version = getattr(sys.modules.get(key.framework), "__version__", "?")
    print(json.dumps({**vars(key), "version": version, "threads": threads, **result}), flush=True)


def parse(suite: Suite, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"{suite.file}: measures one workload in one framework")
    parser.add_argument("--framework", choices=FRAMEWORKS, default="tenfold")
    parser.add_argument("--workload", choices=sorted({key.workload for key in suite.benchmarks}), required=True)
    parser.add_argument("--variant", help="default: the framework's first")
    parser.add_argument("--rounds", type=int, default=1, help="0: only the first call")
    parser.add_argument("--in-turns", action="store_true", help="a round whenever standard input brings a line")
    parser.add_argument("--seconds", type=float, default=0.6, help="least time of samples in a round")
    return parser.parse_args(arguments)


def default_variant(suite: Suite, options: argparse.Namespace) -> str:
    variants = [k.variant for k in suite.benchmarks if (k.workload, k.framework) == (options.workload, options.framework)]
    return variants[0] if variants else ""
