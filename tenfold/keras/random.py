"""Seeds: `SeedGenerator` gives a fresh seed for each draw, from a Variable, so that compiled steps draw anew every time."""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, as_dtype
from tenfold.keras.base.defaults import floatx
from tenfold.keras.base.naming import auto_name
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor
from tenfold.keras.base.variables import Variable, name_scope
from tenfold.ops import distributions
from tenfold.ops import random as ops
from tenfold.primitives.arithmetic import cast, select
from tenfold.primitives.gather import gather
from tenfold.tensor.tensor import Tensor
from tenfold.transform import drawing

MODULE = "keras.random"
SEEDS = 2**31 - 2  # integers that differ by a multiple of this are the same seed, as in Keras


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


def global_seed_generator() -> SeedGenerator:
    """The generator behind what is drawn without a seed."""
    if not _default:
        _default.append(SeedGenerator(name="global_seed_generator"))
    return _default[0]


def draw_seed(seed: Any) -> Any:
    """A pair of integers for the stateless generators, from a SeedGenerator, an int, or None (the global generator).

    Raises:
        ValueError: `seed` is nothing of these.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return as_tensor(np.array([int(seed) % SEEDS, 0], np.uint32))
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, (Tensor, np.ndarray, list, tuple)):
        return as_tensor(seed)
    raise ValueError(f"Argument `seed` must be either an integer or an instance of `SeedGenerator`. Received: seed={seed} (of type {type(seed)})")


def _dtype(dtype: Any) -> DType:
    return as_dtype(dtype or floatx())


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normally distributed numbers.

    Example:
        >>> normal((2, 3), seed=1).shape
        TensorShape([2, 3])
    """
    return drawing.normal(draw_seed(seed), shape, mean, stddev, _dtype(dtype))


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers spread evenly over [minval, maxval).

    Raises:
        ValueError: `dtype` is no floating-point type.
    """
    want = _dtype(dtype)
    if not want.is_floating:
        raise ValueError(f"`keras.random.uniform` requires a floating point `dtype`. Received: dtype={want.name}. Try keras.random.randint.")
    return drawing.uniform(draw_seed(seed), shape, minval, maxval, want)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normally distributed numbers, none farther than two standard deviations from the mean."""
    return drawing.truncated_normal(draw_seed(seed), shape, mean, stddev, _dtype(dtype))


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers from minval to maxval - 1.

    Raises:
        ValueError: `dtype` is no integer type.
    """
    want = as_dtype(dtype)
    if not want.is_integer:
        raise ValueError(f"`keras.random.randint` requires an integer `dtype`. Received: dtype={want.name}. Try keras.random.uniform.")
    return drawing.uniform(draw_seed(seed), shape, minval, maxval, want)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """`num_samples` class numbers for each row of logits.

    Raises:
        ValueError: the logits are not [batch, classes].
    """
    x = as_tensor(logits)
    if x.ndim != 2:
        raise ValueError(f"`logits` must be 2D: [batch, classes]. Received: logits.shape={x.shape}")
    return cast(ops.stateless_categorical(x, num_samples, draw_seed(seed)), as_dtype(dtype))


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Gamma distributed numbers of concentration `alpha` and rate 1.

    Example:
        >>> gamma((2, 3), 1.5, seed=1).shape
        TensorShape([2, 3])
    """
    return distributions.gamma(draw_seed(seed), shape, alpha, _dtype(dtype))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Beta distributed numbers: between 0 and 1, on average alpha / (alpha + beta)."""
    return distributions.beta(draw_seed(seed), shape, alpha, beta, _dtype(dtype))


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Any:
    """How many of `counts` trials succeed, each with the given probability."""
    return distributions.binomial(draw_seed(seed), shape, counts, probabilities, _dtype(dtype))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """`x` with its slices along `axis` in another order.

    Example:
        >>> sorted(shuffle([1, 2, 3], seed=1).numpy().tolist())
        [1, 2, 3]
    """
    values = as_tensor(x)
    return gather(values, ops.permutation(draw_seed(seed), values.sizes[axis]), axis)


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
    return select(kept, x * (1 / (1 - rate) if rate < 1 else 0), 0)


__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip
