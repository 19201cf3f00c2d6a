"""The hardware's bound: how many multiplications and additions this machine can do, and what the workloads ask for at least.

`python bound.py` prints what chains of float32 multiply-adds in registers reach on two threads, and what NumPy's matrix product does (operations
per second, the best of many tries).
"""

import itertools
import json
import time
from collections.abc import Iterator

import common
import recurrent
import vision_jax
import vision_torch

SIZE = 1536
MLP = ((784, 128), (128, 10))
CNN_POSITIONS = 30 * 30, 13 * 13, 1, 1
CNN = ((27, 32), (288, 64), (2304, 128), (128, 10))


def products(layers: tuple[tuple[int, int], ...], positions: tuple[int, ...], batch: int) -> float:
    """Operations of forward, weight gradient and, but for the first layer, input gradient."""
    return training([2.0 * n * m * p * batch for (n, m), p in zip(layers, positions, strict=True)])


def training(forward: list[float]) -> float:
    return 3 * sum(forward) - forward[0]


def transformer(layers: int, size: int, steps: int, batch: int, last: int = 0, causal: bool = False) -> float:
    """Operations of a forward pass: projections, attention (half of it if causal) and a last product."""
    attention = 4.0 * steps * size * (0.5 if causal else 1.0)
    return batch * steps * (layers * (24.0 * size * size + attention) + 2.0 * size * last)


def resnet18() -> Iterator[float]:
    """Operations of each convolution for one image, and of the last product."""
    yield 2.0 * 112**2 * 49 * 3 * 64
    size, inputs = 56, 64
    for filters, stride in vision_jax.STAGES:
        size //= stride
        yield 2.0 * size**2 * 9 * inputs * filters
        yield 2.0 * size**2 * 9 * filters * filters
        if inputs != filters:
            yield 2.0 * size**2 * inputs * filters
        inputs = filters
    yield 2.0 * 512 * 1000


def mobilenetv2() -> Iterator[float]:
    yield 2.0 * 112**2 * 27 * 32
    size, inputs = 112, 32
    for expansion, filters, count, first in vision_torch.MOBILENET:
        for stride in itertools.islice(itertools.chain([first], itertools.repeat(1)), count):
            wide = expansion * inputs
            yield 2.0 * size**2 * inputs * wide if expansion > 1 else 0.0
            size //= stride
            yield 2.0 * size**2 * wide * (9 + filters)
            inputs = filters
    yield 2.0 * size**2 * 320 * 1280 + 2.0 * 1280 * 1000


def lstm() -> float:
    """Products with inputs and states, forward and both gradients."""
    return 3 * 2.0 * recurrent.BATCH * recurrent.STEPS * 2 * recurrent.SIZE * 4 * recurrent.SIZE


def gpt(layers: int) -> float:
    return 3 * transformer(layers, 384, 256, 8, 65, causal=True)


OPERATIONS = {
    "mlp_b128": products(MLP, (1, 1), 128),
    "cnn_b32": products(CNN, CNN_POSITIONS, 32),
    "cnn_b256": products(CNN, CNN_POSITIONS, 256),
    "resnet18_train": 16 * training(list(resnet18())),
    "resnet18_b1": sum(resnet18()),
    "mobilenetv2_b1": sum(mobilenetv2()),
    "lstm": lstm(),
    "gpt": gpt(6),
    "bert": transformer(12, 768, 128, 1),
    "fit_mlp": products(MLP, (1, 1), 128),
    "fit_cnn_b32": products(CNN, CNN_POSITIONS, 32),
}


def matrix_product(seconds: float = 1.0) -> float:
    import numpy as np

    a, b = (np.random.default_rng(i).random((SIZE, SIZE), dtype="float32") for i in (0, 1))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2.0 * SIZE**3 / best


def multiply_adds() -> float:
    """As tf.profiler measures it; the best figure of all measurements on this machine."""
    from tenfold.compiler.peaks import peaks

    return peaks(again=True).flops


if __name__ == "__main__":
    common.prepare_process()
    print(json.dumps({"operations_per_second": multiply_adds(), "numpy": matrix_product()}))
