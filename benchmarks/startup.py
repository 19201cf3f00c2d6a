"""How long `import` takes in a fresh process, files already in the operating system's cache; processes of their own, so no `Run` is needed."""

import json
import statistics
import subprocess
import sys

import common
from common import Run, Suite

SUITE = Suite("startup.py")
MODULES = {"tenfold": "tenfold", "tensorflow": "tensorflow", "torch": "torch", "jax": "jax, jax.numpy"}
PROGRAM = "import time; start = time.perf_counter(); import {modules}; print(time.perf_counter() - start)"
FLOOR = "numpy, llvmlite.binding"


def seconds_to_import(modules: str) -> float:
    command = [sys.executable, "-c", PROGRAM.format(modules=modules)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[-1])


def unused() -> Run:
    raise NotImplementedError("startup.py measures whole processes")


for framework in MODULES:
    SUITE.add("import", framework)(unused)
SUITE.add("import", "tenfold", "numpy + llvmlite alone")(unused)


def main() -> None:
    options = common.parse(SUITE, None)
    common.limit_threads()
    modules = FLOOR if options.variant and options.variant != "plain" else MODULES[options.framework]
    first = seconds_to_import(modules)
    samples = [seconds_to_import(modules) for _ in range(2 + 3 * options.rounds)]
    result = {"first_s": first, "median_s": statistics.median(samples), "min_s": min(samples), "samples": len(samples)}
    identity = {"workload": "import", "framework": options.framework, "variant": options.variant or "plain", "version": "?"}
    print(json.dumps({**identity, "threads": common.THREADS, **result}))


if __name__ == "__main__":
    main()
