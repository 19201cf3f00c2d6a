"""Draws the digits that come with Tenfold out of MNIST: python tools/make_digits.py path/to/mnist.npz"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

OUT = Path(__file__).parents[1] / "tenfold" / "data" / "digits" / "digits.npz"
SEED = 20
TRAIN, TEST = 10_000, 2_000


def balanced(labels: NDArray[np.uint8], count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Positions of `count` examples, as many of each class, in random order."""
    per_class = [generator.choice(np.flatnonzero(labels == digit), count // 10, replace=False) for digit in range(10)]
    return generator.permutation(np.concatenate(per_class))


def main(path: str) -> None:
    generator = np.random.default_rng(SEED)
    with np.load(path, allow_pickle=False) as mnist:
        chosen = {part: balanced(mnist[f"y_{part}"], count, generator) for part, count in (("train", TRAIN), ("test", TEST))}
        arrays = {f"{name}_{part}": mnist[f"{name}_{part}"][chosen[part]] for part in chosen for name in "xy"}
    np.savez_compressed(OUT, **arrays)
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
