"""What a case is: one function against TensorFlow's public names, recorded from TensorFlow and replayed on Tenfold.

Only NumPy is imported here: the package under test arrives as the argument `tf`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """`run(tf)` gives named arrays; `tolerance` is for float32, relative to the largest expected magnitude.

    `kind` is the public class that the case is of, if it is of one; `policy` the types that it computes in.
    """

    run: Callable[[Any], Arrays]
    tolerance: float = 1e-5
    kind: str = ""
    policy: str = "float32"


def random(seed: int) -> np.random.RandomState:
    """The legacy generator: its stream is frozen by NumPy, so nothing random needs to be stored."""
    return np.random.RandomState(seed)


def normal(seed: int, *shape: int, dtype: str = "float32") -> np.ndarray:
    return random(seed).standard_normal(shape).astype(dtype)


def uniform(seed: int, low: float, high: float, *shape: int, dtype: str = "float32") -> np.ndarray:
    return random(seed).uniform(low, high, shape).astype(dtype)


def integers(seed: int, low: int, high: int, *shape: int, dtype: str = "int32") -> np.ndarray:
    return random(seed).randint(low, high, shape).astype(dtype)


def distinct(seed: int, vocabulary: int, *shape: int) -> np.ndarray:
    """Word numbers from 1 on, none twice.

    Keras on TensorFlow squares the gradients of a row that a batch uses twice one by one before it adds them (Adam, RMSprop); Tenfold, like
    Keras on JAX or PyTorch, adds first.
    """
    return (1 + random(seed).permutation(vocabulary - 1)[: int(np.prod(shape))]).reshape(shape).astype("int32")


def array(value: Any) -> np.ndarray:
    """A tensor, variable, number or list as an array."""
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def arrays(**values: Any) -> Arrays:
    return {name: array(value) for name, value in values.items()}


def outputs(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def with_gradients(tf: Any, function: Callable[..., Any], *inputs: np.ndarray, seed: int = 99) -> Arrays:
    """Outputs, and the gradient of sum(output * fixed random numbers) with respect to each floating input."""
    xs = [tf.constant(x) for x in inputs]
    watched = [x for x, raw in zip(xs, inputs, strict=True) if raw.dtype.kind in "fc"]
    with tf.GradientTape() as tape:
        for x in watched:
            tape.watch(x)
        ys = outputs(function(*xs))
        cotangents = [tf.constant(normal(seed + i, *y.shape, dtype=array(y).dtype)) for i, y in enumerate(ys)]
        loss = sum(tf.reduce_sum(y * c) for y, c in zip(ys, cotangents, strict=True))
    found = {f"y{i}": array(y) for i, y in enumerate(ys)}
    grads = tape.gradient(loss, watched)
    return found | {f"dx{i}": array(tf.convert_to_tensor(g)) for i, g in enumerate(grads) if g is not None}


def fill_weights(weights: list[Any], seed: int) -> None:
    """Gives every weight a value that depends on the seed, its place, its name and its shape only."""
    for i, weight in enumerate(weights):
        weight.assign(weight_value(weight.name.split(":")[0].split("/")[-1], tuple(weight.shape), seed + i, weight.dtype))


def weight_value(name: str, shape: tuple[int, ...], seed: int, dtype: Any) -> np.ndarray:
    noise = normal(seed, *shape, dtype="float64")
    name_of_dtype = dtype if isinstance(dtype, str) else dtype.name
    if name == "moving_mean":
        value = 0.1 * noise
    elif name == "moving_variance":
        value = 1 + 0.2 * np.abs(noise)
    elif name == "gamma":
        value = 1 + 0.1 * noise
    elif name in ("bias", "beta"):
        value = 0.1 * noise
    elif name == "embeddings":
        value = 0.5 * noise
    else:
        value = noise * np.sqrt(2.0 / max(1, int(np.prod(shape[:-1]))))
    return value.astype(name_of_dtype)
