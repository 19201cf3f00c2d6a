"""The functions of Keras 2's `keras.backend`, for programs that still use them: `keras.ops` under their older names.

They take tensors, arrays, and the symbolic tensors of functional models. New programs use `keras.ops`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras import ops, random
from tenfold.keras.base.defaults import epsilon, floatx
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.base.variables import Variable
from tenfold.keras.models.model import Model
from tenfold.ops.sparse import SparseTensor
from tenfold.ops.sparse import to_dense as dense_of
from tenfold.tensor.tensor import Tensor
from tenfold.transform.function import function as compiled


def cast(x: Any, dtype: Any) -> Any:
    """`x` with another element type."""
    return ops.cast(x, dtype)


def cast_to_floatx(x: Any) -> Any:
    """`x` with Keras's default type: a tensor, or an array where `x` is no tensor."""
    return ops.cast(x, floatx()) if isinstance(x, (Tensor, Variable, KerasTensor)) else np.asarray(x, floatx())


def pow(x: Any, a: Any) -> Any:
    """`x` to the power of `a`."""
    return ops.power(x, a)


def dot(x: Any, y: Any) -> Any:
    """The sum over the last axis of `x` and the last but one of `y`."""
    return ops.dot(x, y)


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """Products of the elements of two batches, summed over one axis of each (never the first)."""
    ranks = len(x.shape), len(y.shape)
    if axes is None:
        axes = (ranks[0] - 1, 1 if ranks[1] == 2 else ranks[1] - 2)
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % ranks[0], second % ranks[1]
    letters = "abcdefghijkl"
    left = [letters[i] for i in range(ranks[0])]
    right = ["a"] + [letters[ranks[0] + i] for i in range(1, ranks[1])]
    right[second] = left[first]
    result = [c for c in left + right[1:] if c != left[first]]
    y = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(result)}", x, y)
    return ops.expand_dims(y, 1) if len(result) == 1 else y


def transpose(x: Any) -> Any:
    """The axes of `x` in reverse order."""
    return ops.transpose(x)


def permute_dimensions(x: Any, pattern: Any) -> Any:
    """The axes of `x` in another order."""
    return ops.transpose(x, tuple(pattern))


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each element `rep` times along an axis."""
    return ops.repeat(x, rep, axis)


def repeat(x: Any, n: int) -> Any:
    """A batch of vectors as a batch of `n` equal steps."""
    return ops.repeat(ops.expand_dims(x, 1), n, 1)


def flatten(x: Any) -> Any:
    """All elements as one vector."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """The elements of each example as one vector."""
    return ops.reshape(x, (-1, int(np.prod([int(n) for n in x.shape[1:]]))))


def gather(reference: Any, indices: Any) -> Any:
    """Rows of `reference`."""
    return ops.take(reference, ops.cast(indices, "int32"), axis=0)


def reverse(x: Any, axes: Any) -> Any:
    """`x` backwards along axes."""
    return ops.flip(x, axes)


def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Zeros before and after the steps of a batch of sequences."""
    return ops.pad(x, ((0, 0), tuple(padding), (0, 0)))


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """`x` plus a value for each channel."""
    if data_format == "channels_first" and len(x.shape) > 2:
        bias = ops.reshape(bias, (1, -1, *(1 for _ in x.shape[2:])))
    return ops.add(x, bias)


def batch_normalization(x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3) -> Any:
    """gamma * (x - mean) / sqrt(var + epsilon) + beta; what is None is left out. The vectors broadcast as they are: `axis` has no effect."""
    scale = ops.rsqrt(ops.add(var, epsilon))
    scale = scale if gamma is None else scale * gamma
    shifted = ops.multiply(ops.subtract(x, mean), scale)
    return shifted if beta is None else shifted + beta


def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Whether each target class is among the k classes with the largest predictions."""
    return ops.in_top_k(targets, predictions, k)


def is_sparse(tensor: Any) -> bool:
    """Whether `tensor` keeps its elements that are not zero alone."""
    return isinstance(tensor, SparseTensor)


def to_dense(tensor: Any) -> Any:
    """A sparse tensor with all its elements; others as they are."""
    return dense_of(tensor) if is_sparse(tensor) else tensor


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """`x` divided by its norm."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


def dropout(x: Any, level: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """`x` with a part of its elements zero, and the others larger."""
    return random.dropout(x, level, noise_shape, seed)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two values (or of what two functions give), element by element."""
    if callable(then_expression) or callable(else_expression):
        return ops.cond(condition, *(f if callable(f) else (lambda f=f: f) for f in (then_expression, else_expression)))
    condition = ops.cast(condition, "bool")
    missing = len(then_expression.shape) - len(condition.shape)
    return ops.where(ops.reshape(condition, (*ops.shape(condition), *([1] * missing))), then_expression, else_expression)


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` in training, else `alt`; both may be functions."""
    chosen = x if training else alt
    return chosen() if callable(chosen) else chosen


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`alt` in training, else `x`; both may be functions."""
    return in_train_phase(alt, x, training)


def shape(x: Any) -> Any:
    """The sizes as a tensor of int32."""
    return ops.shape(x) if isinstance(x, KerasTensor) else ops.convert_to_tensor(ops.shape(x), "int32")


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The sizes as Python numbers; None where unknown."""
    return tuple(x.shape)


def dtype(x: Any) -> str:
    """The name of the element type."""
    return str(as_dtype(x.dtype).name)


def count_params(x: Any) -> int:
    """The number of elements."""
    return int(np.prod([int(n) for n in x.shape]))


# --- tensors and variables ---------------------------------------------------------------------------------------------------------


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """A tensor of `value`."""
    x = ops.convert_to_tensor(value, dtype or floatx())
    return x if shape is None else ops.broadcast_to(x, shape)


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A variable that begins with `value`."""
    made = Variable(ops.convert_to_tensor(value, dtype or floatx()), name=name)
    made.constraint = constraint
    return made


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Zeros."""
    return ops.zeros(shape, dtype or floatx())


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Ones."""
    return ops.ones(shape, dtype or floatx())


def eye(size: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Ones on the diagonal."""
    return ops.eye(*(size if isinstance(size, (tuple, list)) else (size,)), dtype=dtype or floatx())


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Any:
    """Numbers in equal steps."""
    return ops.arange(start, stop, step, dtype)


def get_value(x: Any) -> Any:
    """The value of a variable or tensor as an array."""
    return np.asarray(x)


def eval(x: Any) -> Any:
    """The value of a tensor as an array."""
    return np.asarray(x)


def set_value(x: Any, value: Any) -> None:
    """Gives a variable another value."""
    x.assign(value)


def batch_get_value(tensors: Any) -> list[Any]:
    """The values of variables as arrays."""
    return [np.asarray(x) for x in tensors]


def batch_set_value(tuples: Any) -> None:
    """Gives variables other values: pairs of variable and value."""
    for x, value in tuples:
        x.assign(value)


def update(x: Any, new_x: Any) -> Any:
    """Gives a variable another value."""
    x.assign(new_x)
    return x


def update_add(x: Any, increment: Any) -> Any:
    """Adds to a variable."""
    x.assign_add(increment)
    return x


def update_sub(x: Any, decrement: Any) -> Any:
    """Subtracts from a variable."""
    x.assign_sub(decrement)
    return x


def moving_average_update(x: Any, value: Any, momentum: float) -> Any:
    """Moves a variable towards `value`, to momentum * x + (1 - momentum) * value."""
    return update_sub(x, (x - ops.cast(value, x.dtype)) * (1 - momentum))


# --- random numbers ----------------------------------------------------------------------------------------------------------------


def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal random numbers."""
    return random.normal(shape, mean, stddev, dtype or floatx(), seed)


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Uniform random numbers."""
    return random.uniform(shape, minval, maxval, dtype or floatx(), seed)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal random numbers within two deviations."""
    return random.truncated_normal(shape, mean, stddev, dtype or floatx(), seed)


def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None) -> Any:
    """Ones with probability `p`, else zeros."""
    return ops.cast(random.uniform(shape, 0.0, 1.0, floatx(), seed) < p, dtype or floatx())


def random_normal_variable(shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: Any = None) -> Variable:
    """A variable of normal random numbers."""
    return variable(random_normal(shape, mean, scale, dtype, seed), dtype, name)


def random_uniform_variable(shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: Any = None) -> Variable:
    """A variable of uniform random numbers."""
    return variable(random_uniform(shape, low, high, dtype, seed), dtype, name)


# --- losses, functions, gradients --------------------------------------------------------------------------------------------------


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Cross-entropy with one-hot targets."""
    return ops.categorical_crossentropy(target, output, from_logits, axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Cross-entropy with class numbers."""
    return ops.sparse_categorical_crossentropy(target, output, from_logits, axis)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Cross-entropy of two classes, element by element."""
    return ops.binary_crossentropy(target, output, from_logits)


def binary_focal_crossentropy(target: Any, output: Any, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
                              from_logits: bool = False) -> Any:  # fmt: skip
    """Binary cross-entropy times (1 - p)^gamma, p the probability given to the true class, element by element."""
    p = ops.sigmoid(output) if from_logits else ops.convert_to_tensor(output)
    right = target * p + (1 - target) * (1 - p)
    loss = ops.power(1.0 - right, gamma) * binary_crossentropy(target, output, from_logits)
    return (target * alpha + (1 - target) * (1 - alpha)) * loss if apply_class_balancing else loss


def categorical_focal_crossentropy(target: Any, output: Any, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False,
                                   axis: int = -1) -> Any:  # fmt: skip
    """-sum(alpha * (1 - p)^gamma * target * log(p))."""
    p = ops.softmax(output, axis) if from_logits else ops.convert_to_tensor(output)
    p = ops.clip(p / ops.sum(p, axis=axis, keepdims=True), epsilon(), 1.0 - epsilon())
    return ops.sum(ops.power(1.0 - p, gamma) * alpha * -target * ops.log(p), axis=axis)


def function(inputs: Any, outputs: Any, updates: Any = None, name: str | None = None, **kwargs: Any) -> Callable[..., Any]:
    """A compiled function from symbolic inputs of a model to symbolic tensors that are computed from them.

    Raises:
        NotImplementedError: `updates` are given: assign to variables instead.
    """
    if updates or kwargs:
        raise NotImplementedError("[backend.function] updates are not supported. Try a tf.function that assigns to the variables.")
    model = Model(inputs, outputs)
    several = isinstance(outputs, (list, tuple))
    call = compiled(lambda *x: model(list(x) if len(x) > 1 else x[0], training=False))

    def run(values: Any) -> Any:
        given = values if isinstance(values, (list, tuple)) and isinstance(inputs, (list, tuple)) else [values]
        found = call(*(ops.convert_to_tensor(v) for v in given))
        arrays = [np.asarray(y) for y in (found if isinstance(found, (list, tuple)) else [found])]
        return arrays if several else arrays[0]

    return run


def gradients(loss: Any, variables: Any) -> Any:
    """Not available without sessions.

    Raises:
        RuntimeError: always; `tf.GradientTape` is the way.
    """
    raise RuntimeError("tf.keras.backend.gradients needs the sessions of TensorFlow 1. Try `with tf.GradientTape() as tape: ...`.")


def learning_phase() -> int:
    """0: layers are told by their argument `training`."""
    return 0


def set_learning_phase(value: Any) -> None:
    """Not available.

    Raises:
        RuntimeError: always; the argument `training` is the way.
    """
    raise RuntimeError("tf.keras.backend.set_learning_phase is gone since Keras 3. Try model(x, training=True).")


def fuzz_factor() -> float:
    """The same as `epsilon`."""
    return epsilon()
