"""Random numbers: a global generator for `tf.random.uniform` and its like, generators of one's own, and stateless functions.

A generator is a key and a counter in a Variable of two uint32: each call uses the counter's value as part of its seed and advances it, in
compiled functions too. The numbers themselves are a function of the seed alone (Philox, see primitives/random.py). They are not the
numbers that TensorFlow draws for equal seeds.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype, float32, int32, int64, uint32
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError
from tenfold.core.shapes import Sym, broadcast
from tenfold.ops import distributions
from tenfold.ops.reducing import argmax
from tenfold.ops.sorting import argsort
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import random as p
from tenfold.primitives.gather import as_sizes, gather
from tenfold.primitives.movement import expand_dims, transpose
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.tensor.variable import Variable
from tenfold.transform import drawing
from tenfold.transform.trace import init_scope

DEFAULT_SEED = 87654321  # TensorFlow's, for operations with a seed while there is no global one


def _key(*seeds: int) -> int:
    """A 32-bit key from integers of any size."""
    return int(np.random.SeedSequence([abs(int(s)) * 2 + (s < 0) for s in seeds]).generate_state(1)[0])


class Generator:
    """A random number generator with a state of its own, as `tf.random.Generator`.

    Example:
        >>> import tenfold as tf
        >>> g = tf.random.Generator.from_seed(1)
        >>> g.normal([2, 3]).shape
        TensorShape([2, 3])
    """

    def __init__(self, copy_from: Generator | None = None, state: Any = None, alg: Any = None) -> None:
        if copy_from is not None:
            state = copy_from.state.numpy()
        if state is None:
            raise InvalidArgumentError("[Generator] needs a state. Try tf.random.Generator.from_seed(seed).")
        with init_scope():
            self._state = Variable(np.asarray(state).astype(np.uint32).reshape(-1)[:2], trainable=False, name="random_state")

    @classmethod
    def from_seed(cls, seed: int, alg: Any = None) -> Generator:
        """A generator whose numbers follow from `seed`."""
        return cls(state=[_key(int(seed)), 0])

    @classmethod
    def from_state(cls, state: Any, alg: Any = None) -> Generator:
        """A generator that continues from another's `state`."""
        return cls(state=state.numpy() if hasattr(state, "numpy") else state)

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Generator:
        """A generator that starts somewhere else each time."""
        return cls(state=[int.from_bytes(os.urandom(4), "little"), 0])

    @classmethod
    def from_key_counter(cls, key: int, counter: Any, alg: Any = None) -> Generator:
        """A generator from its key and its counter."""
        return cls(state=[int(key) & 0xFFFFFFFF, int(np.asarray(counter).reshape(-1)[0])])

    @property
    def state(self) -> Variable:
        """Key and counter."""
        return self._state

    @property
    def key(self) -> Tensor:
        """The first word of the state."""
        return self._state.read_value()[0]

    @property
    def algorithm(self) -> int:
        """TensorFlow's number for Philox."""
        return 1

    def next_seed(self) -> Tensor:
        """The seed for one call; advances the generator."""
        seed = self._state.read_value()
        self._state.assign(a.add(seed, wrap(np.array([0, 1], np.uint32))))
        return seed

    def reset(self, state: Any) -> None:
        """Continues from `state`."""
        self._state.assign(a.cast(as_tensor(state), uint32))

    def reset_from_seed(self, seed: int) -> None:
        """Starts anew from `seed`."""
        self._state.assign(wrap(np.array([_key(int(seed)), 0], np.uint32)))

    def skip(self, delta: int) -> Variable:
        """Advances the generator by `delta` calls."""
        return self._state.assign_add(wrap(np.array([0, int(delta)], np.uint32)))

    def make_seeds(self, count: int = 1) -> Tensor:
        """Seeds [2, count] for stateless functions."""
        return transpose(p.split(self.next_seed(), count))

    def split(self, count: int = 1) -> list[Generator]:
        """`count` independent generators."""
        keys = p.split(self.next_seed(), count).numpy()
        return [Generator(state=[int(k[0]), 0]) for k in keys]

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, name: str | None = None) -> Tensor:
        """Normally distributed numbers."""
        return drawing.normal(self.next_seed(), shape, mean, stddev, dtype)

    def truncated_normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, name: str | None = None) -> Tensor:
        """Normally distributed numbers within two standard deviations."""
        return drawing.truncated_normal(self.next_seed(), shape, mean, stddev, dtype)

    def uniform(self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32, name: str | None = None) -> Tensor:
        """Uniform numbers in [minval, maxval)."""
        return drawing.uniform(self.next_seed(), shape, minval, maxval, dtype)

    def uniform_full_int(self, shape: Any, dtype: Any = int32, name: str | None = None) -> Tensor:
        """Uniform over all values of an integer type."""
        return drawing.uniform(self.next_seed(), shape, None, None, dtype)


class _Global:
    """The global generator, and one for each seed that an operation was given."""

    def __init__(self) -> None:
        self.seed: int | None = None
        self.generator: Generator | None = None
        self.by_seed: dict[int, Generator] = {}

    def reset(self, seed: int | None) -> None:
        self.seed = seed
        if self.generator is not None:
            self.generator.reset([self._first_key(), 0])
        for own, generator in self.by_seed.items():
            generator.reset([_key(DEFAULT_SEED if seed is None else seed, own), 0])

    def _first_key(self) -> int:
        return int.from_bytes(os.urandom(4), "little") if self.seed is None else _key(self.seed)

    def for_operation(self, seed: int | None) -> Generator:
        if seed is None:
            if self.generator is None:
                self.generator = Generator(state=[self._first_key(), 0])
            return self.generator
        if seed not in self.by_seed:
            self.by_seed[seed] = Generator(state=[_key(DEFAULT_SEED if self.seed is None else self.seed, seed), 0])
        return self.by_seed[seed]


_global = _Global()


def next_seed(seed: Any = None) -> Tensor:
    """The seed for one call of an operation that was given `seed` (or none)."""
    return _global.for_operation(None if seed is None else int(seed)).next_seed()


def set_seed(seed: int) -> None:
    """Starts the global generator, and those of operations with a seed, anew.

    Example:
        >>> import tenfold as tf
        >>> tf.random.set_seed(1); first = tf.random.uniform([])
        >>> tf.random.set_seed(1); bool(first == tf.random.uniform([]))
        True
    """
    _global.reset(int(seed))


def get_global_generator() -> Generator:
    """The generator behind operations without a seed."""
    return _global.for_operation(None)


def set_global_generator(generator: Generator) -> None:
    """Makes `generator` the one behind operations without a seed."""
    _global.generator = generator


def uniform(shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32, seed: Any = None, name: str | None = None) -> Tensor:
    """Uniform random numbers in [minval, maxval); integers need a maxval.

    Example:
        >>> import tenfold as tf
        >>> x = tf.random.uniform([1000], 2.0, 3.0)
        >>> bool(tf.reduce_all((x >= 2.0) & (x < 3.0)))
        True
    """
    if as_dtype(dtype).is_integer and maxval is None:
        raise InvalidArgumentError(f"[random.uniform] maxval must be given for integers. Received dtype={as_dtype(dtype).name} without one.")
    return drawing.uniform(next_seed(seed), shape, minval, maxval, dtype)


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, seed: Any = None, name: str | None = None) -> Tensor:
    """Normally distributed random numbers.

    Example:
        >>> import tenfold as tf
        >>> tf.random.normal([2, 3]).shape
        TensorShape([2, 3])
    """
    return drawing.normal(next_seed(seed), shape, mean, stddev, dtype)


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, seed: Any = None, name: str | None = None) -> Tensor:
    """Normally distributed random numbers within two standard deviations of the mean.

    Example:
        >>> import tenfold as tf
        >>> bool(tf.reduce_max(tf.abs(tf.random.truncated_normal([1000]))) <= 2.0)
        True
    """
    return drawing.truncated_normal(next_seed(seed), shape, mean, stddev, dtype)


def gamma(shape: Any, alpha: Any, beta: Any = None, dtype: Any = float32, seed: Any = None, name: str | None = None) -> Tensor:
    """Gamma distributed random numbers of concentration `alpha` and rate `beta` (default: 1): `shape` of them for each element of these.

    Example:
        >>> import tenfold as tf
        >>> tf.random.gamma([1000], [2.0, 6.0], beta=2.0, seed=1).numpy().mean(0).round()
        array([1., 3.], dtype=float32)
    """
    concentration, rate = as_tensor(alpha, hint=as_dtype(dtype)), as_tensor(1 if beta is None else beta, hint=as_dtype(dtype))
    sizes = (*as_sizes(shape), *broadcast("gamma", concentration.sizes, rate.sizes))
    draws = distributions.gamma(next_seed(seed), sizes, concentration, dtype)
    return draws if beta is None else draws / a.cast(rate, draws.dtype)


def permutation(seed: Any, n: Any) -> Tensor:
    """The numbers from 0 to n - 1 in an order that follows from `seed`: that of random numbers."""
    if isinstance(n, Sym):
        raise InvalidArgumentError("[shuffle] the size of the dimension must be known while the function is traced.")
    return argsort(a.bitcast(p.random_bits(p.as_seed(seed), (n,)), int32), stable=True)


def shuffle(value: Any, seed: Any = None, name: str | None = None) -> Tensor:
    """`value` with its rows in random order.

    Example:
        >>> import tenfold as tf
        >>> sorted(tf.random.shuffle([1, 2, 3]).numpy().tolist())
        [1, 2, 3]
    """
    x = as_tensor(value)
    if x.ndim == 0:
        raise ShapeError("[shuffle] expected at least one dimension; received a scalar.")
    return gather(x, permutation(next_seed(seed), x.sizes[0]))


def categorical(logits: Any, num_samples: Any, dtype: Any = None, seed: Any = None, name: str | None = None) -> Tensor:
    """`num_samples` class numbers for each row of logits, drawn by the largest of logits + Gumbel noise (Gumbel, 1954).

    Example:
        >>> import tenfold as tf
        >>> tf.random.categorical([[0.0, -1e9]], 3).numpy()
        array([[0, 0, 0]])
    """
    return _categorical(next_seed(seed), logits, num_samples, dtype)


def _categorical(seed: Tensor, logits: Any, num_samples: Any, dtype: Any) -> Tensor:
    x = as_tensor(logits)
    if x.ndim != 2 or not x.dtype.is_floating:
        raise DTypeError(f"[categorical] expected floating-point logits [batch, classes]; received {x.spec}.")
    (samples,) = as_sizes([num_samples])
    unit: Any = drawing.uniform(seed, (x.sizes[0], samples, x.sizes[1]), dtype=float32)
    noise = -a.log(-e.log1p(-unit))
    return argmax(a.cast(expand_dims(x, 1), float32) + noise, -1, int64 if dtype is None else dtype)


def stateless_uniform(shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32, name: str | None = None,
                      alg: Any = "auto_select") -> Tensor:  # fmt: skip
    """Uniform random numbers that follow from `seed`, two integers.

    Example:
        >>> import tenfold as tf
        >>> x = tf.random.stateless_uniform([3], seed=[1, 2])
        >>> bool(tf.reduce_all(x == tf.random.stateless_uniform([3], seed=[1, 2])))
        True
    """
    return drawing.uniform(seed, shape, minval, maxval, dtype)


def stateless_normal(shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, name: str | None = None,
                     alg: Any = "auto_select") -> Tensor:  # fmt: skip
    """Normally distributed random numbers that follow from `seed`, two integers."""
    return drawing.normal(seed, shape, mean, stddev, dtype)


def stateless_truncated_normal(shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, name: str | None = None,
                               alg: Any = "auto_select") -> Tensor:  # fmt: skip
    """Random numbers within two standard deviations that follow from `seed`, two integers."""
    return drawing.truncated_normal(seed, shape, mean, stddev, dtype)


def stateless_categorical(logits: Any, num_samples: Any, seed: Any, dtype: Any = int64, name: str | None = None) -> Tensor:
    """Class numbers for each row of logits that follow from `seed`, two integers."""
    return _categorical(p.as_seed(seed), logits, num_samples, dtype)


def fold_in(seed: Any, data: Any, alg: Any = "auto_select") -> Tensor:
    """A new seed from `seed` and an integer.

    Example:
        >>> import tenfold as tf
        >>> tf.random.fold_in([1, 2], 7).shape
        TensorShape([2])
    """
    return p.fold_in(seed, data)


def split(seed: Any, num: int = 2, alg: Any = "auto_select") -> Tensor:
    """`num` new seeds [num, 2].

    Example:
        >>> import tenfold as tf
        >>> tf.random.split([1, 2], 3).shape
        TensorShape([3, 2])
    """
    return p.split(seed, num)


def stateless_shuffle(value: Any, seed: Any, alg: Any = "auto_select", name: str | None = None) -> Tensor:
    """`value` with its rows in an order that follows from `seed`, two integers."""
    x = as_tensor(value)
    return gather(x, permutation(seed, x.sizes[0]))


__all__ = [
    "Generator", "categorical", "fold_in", "gamma", "get_global_generator", "normal", "set_global_generator", "set_seed", "shuffle", "split",
    "stateless_categorical", "stateless_normal", "stateless_shuffle", "stateless_truncated_normal", "stateless_uniform",
    "truncated_normal", "uniform",
]  # fmt: skip
