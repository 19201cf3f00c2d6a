"""How long a user waits for the first result of a program: tracing, compiling and one run, after the import and after the model is made.

`cold`: the caches on disk are empty. `warm`: another process did the same before. PyTorch eager and TensorFlow keep nothing; JAX's cache on disk,
which is off by default, is switched on.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import common
import scaling
import transformers
import vision
from common import Key, Run, Suite

SUITE = Suite("first.py", alone=True)
MEASURED = {"resnet18_first": (vision.SUITE, "resnet18_train"), "bert_first": (transformers.SUITE, "bert")}
MEASURED |= {f"gpt_{n}_first": (scaling.SUITE, f"gpt_{n}") for n in scaling.DEPTHS}
COLD, WARM = 2, 3  # samples; one more run fills the caches


def unused() -> Run:
    raise NotImplementedError("first.py measures whole processes")


def caches(folder: str) -> dict[str, str]:
    """Where each framework keeps what it compiled, as environment variables."""
    places = {name: str(Path(folder) / name) for name in ("TENFOLD_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR")}
    everything = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
    return {**os.environ, **places, **everything}


def first_call(key: Key, folder: str) -> dict[str, Any]:
    name, _, _ = key.workload.rpartition("_")
    suite, workload = MEASURED[name]
    command = [sys.executable, str(Path(__file__).with_name(suite.file)), "--workload", workload, "--framework", key.framework]
    done = subprocess.run([*command, "--variant", key.variant, "--rounds", "0"], capture_output=True, check=True, text=True, env=caches(folder))
    return dict(json.loads(done.stdout.splitlines()[-1]))


def results(key: Key) -> list[dict[str, Any]]:
    """Cold: a new folder each time."""
    samples: list[dict[str, Any]] = []
    for _ in range(COLD if key.workload.endswith("cold") else 1):
        with tempfile.TemporaryDirectory() as folder:
            samples.append(first_call(key, folder))
            if key.workload.endswith("warm"):
                samples = [first_call(key, folder) for _ in range(WARM)]
    return samples


def register() -> None:
    for name, (suite, workload) in MEASURED.items():
        for key in suite.benchmarks:
            if key.workload == workload and key.variant not in ("train_on_batch", "predict_on_batch"):
                SUITE.add(f"{name}_cold", key.framework, key.variant)(unused)
                SUITE.add(f"{name}_warm", key.framework, key.variant)(unused)


register()


def main() -> None:
    options = common.parse(SUITE, None)
    common.prepare_process()
    key = Key(options.workload, options.framework, options.variant or common.default_variant(SUITE, options))
    found = results(key)
    times = [r["first_call_s"] for r in found]
    figures = {"first_s": found[0]["first_s"], "median_s": statistics.median(times), "min_s": min(times), "samples": len(times)}
    print(json.dumps({**found[0], **vars(key), **figures}))


if __name__ == "__main__":
    main()
