"""How long a fresh process needs for `import`, and for `import` and one addition (names may load late); files in the system's cache already."""

import json
import statistics
import subprocess
import sys

import common
from common import Run, Suite

SUITE = Suite("startup.py", alone=True)
TIMED = "import time; start = time.perf_counter(); {work}; print(time.perf_counter() - start)"
ADD_TF = "import {0} as tf; (tf.constant([1.0]) + 2.0).numpy()"
WORK = {
    ("import", "tenfold"): "import tenfold",
    ("import", "tensorflow"): "import tensorflow",
    ("import", "torch"): "import torch",
    ("import", "jax"): "import jax, jax.numpy",
    ("import_and_add", "tenfold"): ADD_TF.format("tenfold"),
    ("import_and_add", "tensorflow"): ADD_TF.format("tensorflow"),
    ("import_and_add", "torch"): "import torch; (torch.tensor([1.0]) + 2.0).numpy()",
    ("import_and_add", "jax"): "import jax.numpy as jnp; (jnp.asarray([1.0]) + 2.0).block_until_ready()",
}
FLOOR = "import numpy, llvmlite.binding"
ALONE = "numpy + llvmlite alone"


def seconds_to_do(work: str) -> float:
    command = [sys.executable, "-c", TIMED.format(work=work)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[-1])


def unused() -> Run:
    raise NotImplementedError("startup.py measures whole processes")


for each in WORK:
    SUITE.add(*each)(unused)
SUITE.add("import", "tenfold", ALONE)(unused)


def main() -> None:
    options = common.parse(SUITE, None)
    common.prepare_process()
    variant = options.variant or "plain"
    work = FLOOR if variant == ALONE else WORK[options.workload, options.framework]
    first = seconds_to_do(work)
    samples = [seconds_to_do(work) for _ in range(2 + 3 * options.rounds)]
    result = {"first_s": first, "median_s": statistics.median(samples), "min_s": min(samples), "samples": len(samples)}
    identity = {"workload": options.workload, "framework": options.framework, "variant": variant, "version": "?"}
    print(json.dumps({**identity, "threads": common.THREADS, **result}))


if __name__ == "__main__":
    main()
