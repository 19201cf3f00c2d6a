"""The hardware's bound: how fast this machine multiplies matrices, and what the workloads ask for at least.

`python bound.py` prints the rate of NumPy's BLAS at two threads (floating-point operations per second, the best of many tries).
"""

import json
import time

import common

SIZE = 1536
MLP = ((784, 128), (128, 10))
CNN_POSITIONS = 30 * 30, 13 * 13, 1, 1
CNN = ((27, 32), (288, 64), (2304, 128), (128, 10))


def products(layers: tuple[tuple[int, int], ...], positions: tuple[int, ...], batch: int) -> float:
    """Operations of forward, weight gradient and, but for the first layer, input gradient."""
    forward = [2.0 * n * m * p * batch for (n, m), p in zip(layers, positions, strict=True)]
    return 3 * sum(forward) - forward[0]


def transformer(layers: int, size: int, steps: int, batch: int, last: int = 0, causal: bool = False) -> float:
    """Operations of a forward pass: projections, attention (half of it if causal) and a last product."""
    attention = 4.0 * steps * size * (0.5 if causal else 1.0)
    return batch * steps * (layers * (24.0 * size * size + attention) + 2.0 * size * last)


OPERATIONS = {
    "gpt": 3 * transformer(6, 384, 256, 8, 65, causal=True),
    "bert": transformer(12, 768, 128, 1),
    "mlp_b128": products(MLP, (1, 1), 128),
    "cnn_b32": products(CNN, CNN_POSITIONS, 32),
    "cnn_b256": products(CNN, CNN_POSITIONS, 256),
    "fit_mlp": products(MLP, (1, 1), 128),
    "fit_cnn_b32": products(CNN, CNN_POSITIONS, 32),
}


def measured_rate(seconds: float = 2.0) -> float:
    import numpy as np

    a, b = (np.random.default_rng(i).random((SIZE, SIZE), dtype="float32") for i in (0, 1))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2.0 * SIZE**3 / best


if __name__ == "__main__":
    common.prepare_process()
    print(json.dumps({"operations_per_second": measured_rate()}))
