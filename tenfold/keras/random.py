"""Seeds: `SeedGenerator` gives a fresh seed for each draw, from a Variable, so that compiled steps draw anew every time."""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.naming import auto_name
from tenfold.keras.registry import register
from tenfold.keras.untyped import as_tensor
from tenfold.keras.variables import Variable, name_scope
from tenfold.ops import random as ops
from tenfold.primitives.arithmetic import select
from tenfold.tensor.tensor import Tensor
from tenfold.transform import drawing

MODULE = "keras.random"


def make_default_seed() -> int:
    """A seed drawn from Python's generator, which `set_random_seed` seeds."""
    return python_random.randint(1, int(1e9))


def set_random_seed(seed: int) -> None:
    """Seeds Python's, NumPy's and Tenfold's generators: what follows is repeatable.

    Example:
        >>> set_random_seed(1); a = make_default_seed(); set_random_seed(1); a == make_default_seed()
        True
    """
    if not isinstance(seed, int):
        raise ValueError(f"Expected `seed` argument to be an integer. Received: seed={seed} (of type {type(seed)})")
    python_random.seed(seed)
    np.random.seed(seed)
    ops.set_seed(seed)
    _default.clear()


@register(MODULE)
class SeedGenerator:
    """A sequence of seeds; its state is a Variable.

    Args:
        seed: where the sequence starts; None: drawn from the global generator.
        name: names the variable.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {sorted(kwargs)}")
        if seed is not None and not isinstance(seed, (int, np.integer)):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed!r}")
        if seed is not None and seed < 0:
            raise ValueError(f"Argument `seed` must be non-negative. Received: seed={seed}")
        self.name = name or auto_name("SeedGenerator")
        self._initial_seed = seed
        start = make_default_seed() if seed is None else int(seed)
        with name_scope(self.name):
            self.state = Variable(np.array([start % 2**32, 0], np.uint32), dtype="uint32", trainable=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """The next seed: two integers. The state moves on by one."""
        seed: Tensor = self.state.value
        self.state.assign(seed + _ONE)
        return seed

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator from its config."""
        return cls(**config)


_ONE = as_tensor(np.array([0, 1], np.uint32))
_default: list[SeedGenerator] = []


def draw_seed(seed: Any) -> Any:
    """A pair of integers for the stateless generators, from a SeedGenerator, an int, or None (the global generator).

    Raises:
        ValueError: `seed` is nothing of these.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return as_tensor(np.array([int(seed) % 2**32, 0], np.uint32))
    if seed is None:
        if not _default:
            _default.append(SeedGenerator(name="global_seed_generator"))
        return _default[0].next()
    if isinstance(seed, (Tensor, np.ndarray, list, tuple)):
        return as_tensor(seed)
    raise ValueError(f"Argument `seed` must be either an integer or an instance of `SeedGenerator`. Received: seed={seed} (of type {type(seed)})")


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normally distributed numbers."""
    return drawing.normal(draw_seed(seed), shape, mean, stddev, as_dtype(dtype or "float32"))


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers spread evenly over [minval, maxval)."""
    return drawing.uniform(draw_seed(seed), shape, minval, maxval, as_dtype(dtype or "float32"))


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normally distributed numbers, none farther than two standard deviations from the mean."""
    return drawing.truncated_normal(draw_seed(seed), shape, mean, stddev, as_dtype(dtype or "float32"))


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers from minval to maxval - 1."""
    return drawing.uniform(draw_seed(seed), shape, minval, maxval, as_dtype(dtype))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """`num_samples` class numbers for each row of logits."""
    return ops.stateless_categorical(logits, num_samples, draw_seed(seed), as_dtype(dtype))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """`x` with its slices along `axis` in another order.

    Raises:
        ValueError: `axis` is not 0.
    """
    if axis != 0:
        raise ValueError(f"[shuffle] only axis=0 is supported. Received: axis={axis}. Try moving the axis with tf.transpose.")
    return ops.stateless_shuffle(x, draw_seed(seed))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """`inputs` with a share `rate` of the elements set to 0 and the others divided by 1 - rate."""
    x = as_tensor(inputs)
    if noise_shape is None:
        shape = x.sizes
    else:
        if len(noise_shape) != x.ndim:
            raise ValueError(f"[dropout] noise_shape needs one size per dimension. Received: noise_shape={noise_shape}, inputs.shape={x.shape}")
        shape = tuple(m if n is None else n for n, m in zip(noise_shape, x.sizes, strict=True))
    kept = uniform(shape, dtype=x.dtype if x.dtype.size > 2 else "float32", seed=seed) >= rate
    return select(kept, x * (1 / (1 - rate)), 0)


__all__ = [
    "SeedGenerator", "categorical", "dropout", "normal", "randint", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip
