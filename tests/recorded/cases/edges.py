"""Borders: ties, kinks and zeros in gradients; integer division of negative numbers; casts; NaN and infinities."""

from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, arrays

CASES: dict[str, Case] = {}


def gradient(tf: Any, function: Callable[..., Any], inputs: tuple[Any, ...]) -> Arrays:
    """Plain gradient of the sum, so that who receives how much at a tie can be read off."""
    xs = [tf.constant(np.asarray(x, "float32")) for x in inputs]
    with tf.GradientTape() as tape:
        for x in xs:
            tape.watch(x)
        y = function(*xs)
    grads = tape.gradient(y, xs)
    return {"y": array(y)} | {f"dx{i}": array(tf.convert_to_tensor(g)) for i, g in enumerate(grads) if g is not None}


def add(name: str, function: Callable[..., Any], *inputs: Any) -> None:
    CASES[name] = Case(lambda tf: gradient(tf, lambda *xs: function(tf, *xs), inputs))


KINKS = [-1.0, -0.0, 0.0, 1.0, 6.0]
for name in ("relu", "relu6", "elu", "selu", "leaky_relu", "softsign", "softplus", "silu", "gelu"):
    add(f"kink_{name}", lambda tf, x, n=name: getattr(tf.nn, n)(x), KINKS)
for name in ("abs", "sign", "sqrt", "square", "rsqrt", "log", "reciprocal", "floor", "round", "log1p"):
    add(f"zero_{name}", lambda tf, x, n=name: getattr(tf.math, n)(x), [0.0, 1.0, 2.5, 0.5])
add("hard_sigmoid", lambda tf, x: tf.keras.activations.hard_sigmoid(x), [-4, -3, -2.5, 0, 2.5, 3, 4])
add("maximum_tie", lambda tf, x, y: tf.maximum(x, y), [1, 2, 3], [1, 3, 2])
add("minimum_tie", lambda tf, x, y: tf.minimum(x, y), [1, 2, 3], [1, 3, 2])
add("maximum_scalar_tie", lambda tf, x: tf.maximum(x, 0.0), [-1, 0, 1])
add("reduce_max_tie", lambda tf, x: tf.reduce_max(x, axis=1), [[1, 3, 3, 3], [2, 2, 1, 0]])
add("reduce_min_tie", lambda tf, x: tf.reduce_min(x), [[1, 3, 1], [2, 2, 1]])
add("max_pool_tie", lambda tf, x: tf.nn.max_pool2d(tf.reshape(x, [1, 4, 4, 1]), 2, 2, "VALID"), [1, 1, 0, 2, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0])
add(
    "max_pool_overlap_tie",
    lambda tf, x: tf.nn.max_pool2d(tf.reshape(x, [1, 4, 4, 1]), 3, 1, "SAME"),
    [1, 1, 0, 2, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0],
)
add("max_pool_negative_same", lambda tf, x: tf.nn.max_pool2d(tf.reshape(x, [1, 3, 3, 1]), 2, 2, "SAME"), [-5, -4, -3, -9, -8, -7, -1, -2, -6])
add("clip_borders", lambda tf, x: tf.clip_by_value(x, 0.0, 1.0), [-0.5, 0.0, 0.5, 1.0, 1.5])
add("pow_zero", lambda tf, x, y: tf.pow(x, y), [0, 0, 2, 2], [2, 1, 0, 3])  # at 0 ** 0 TensorFlow says NaN, Tenfold 0
add("pow_half", lambda tf, x: tf.pow(x, 2.0), [0, -3, 2])
add("prod_zero", lambda tf, x: tf.reduce_prod(x), [2, 0, 3])
add("prod_two_zeros", lambda tf, x: tf.reduce_prod(x), [2, 0, 0])
add("norm_zero", lambda tf, x: tf.norm(x), [0, 0])
add("l2_normalize_zero", lambda tf, x: tf.math.l2_normalize(x), [0, 0])
add("std_constant", lambda tf, x: tf.math.reduce_std(x), [2, 2])
add("divide_by_zero", lambda tf, x, y: x / y, [1, -1, 0], [0, 0, 0])
add("atan2_zero", lambda tf, x, y: tf.math.atan2(x, y), [0, 0, 0], [1, -1, 0])
add("top_k_tie", lambda tf, x: tf.math.top_k(x, 2)[0], [1, 3, 3, 3])
add("sort_tie", lambda tf, x: tf.sort(x), [2, 1, 2, 1])
add("where_nan", lambda tf, x: tf.where(x > 0, tf.math.log(x), 0.0), [0.0, 1.0])
add("stop_gradient", lambda tf, x: x * tf.stop_gradient(x), [2, 3])
add("logsumexp_infinite", lambda tf, x: tf.reduce_logsumexp(x), [-np.inf, 0, 1])
add("softmax_infinite", lambda tf, x: tf.nn.softmax(x), [-np.inf, 0, 1])
add("softmax_equal_large", lambda tf, x: tf.nn.softmax(x), [1e30, 1e30, -1e30])
add("mod_float", lambda tf, x, y: tf.math.floormod(x, y), [5.5, -5.5, 5.5, -5.5], [2, 2, -2, -2])
add("floordiv_float", lambda tf, x, y: tf.math.floordiv(x, y), [5.5, -5.5, 5.5, -5.5], [2, 2, -2, -2])
add("reduce_max_nan", lambda tf, x: tf.reduce_max(x), [1, np.nan, 2])
add("maximum_nan", lambda tf, x, y: tf.maximum(tf.stop_gradient(x), tf.stop_gradient(y)) + 0 * (x + y), [1, np.nan, 2], [np.nan, 1, 3])
add("relu_nan", lambda tf, x: tf.nn.relu(x), [np.nan, -1, 1])
add("sigmoid_far", lambda tf, x: tf.sigmoid(x), [-200, -90, 90, 200])
add("tanh_far", lambda tf, x: tf.tanh(x), [-200, -20, 20, 200])

NUMERATORS, DENOMINATORS = [7, -7, 7, -7, 6, -6], [2, 2, -2, -2, 3, 3]


def integer_division(tf: Any, dtype: str) -> Arrays:
    a, b = tf.constant(NUMERATORS, dtype), tf.constant(DENOMINATORS, dtype)
    return arrays(
        floordiv=a // b,
        mod=a % b,
        truncatediv=tf.truncatediv(a, b),
        truncatemod=tf.truncatemod(a, b),
        divide=a / b,
        negative=-a,
        power=tf.pow(a, tf.constant([0, 1, 2, 3, 1, 2], dtype)),
    )


for dtype in ("int32", "int64"):
    CASES[f"integer_division_{dtype}"] = Case(lambda tf, d=dtype: integer_division(tf, d))


def casts(tf: Any) -> Arrays:
    x = tf.constant(np.float32([-2.7, -0.5, 0.0, 0.5, 2.7, 100.9]))
    small = tf.constant(np.int32([-1, 0, 127, 128, 255, 256, 70000]))
    found = arrays(
        int32=tf.cast(x, tf.int32),
        int64=tf.cast(x, tf.int64),
        int8=tf.cast(x, tf.int8),
        bool=tf.cast(x, tf.bool),
        half=tf.cast(x, tf.float16),
        double=tf.cast(x, tf.float64),
        wrap_int8=tf.cast(small, tf.int8),
        wrap_uint8=tf.cast(small, tf.uint8),
        wrap_int16=tf.cast(small, tf.int16),
        from_bool=tf.cast([True, False], tf.float32),
        half_overflow=tf.cast([70000.0], tf.float16),
        saturate=tf.saturate_cast(small, tf.int8),
        saturate_float=tf.saturate_cast([300.0, -5.0, 12.7], tf.uint8),
    )
    return found


def integer_edges(tf: Any) -> Arrays:
    top = tf.constant([2147483647], tf.int32)
    return arrays(
        overflow=top + 1,
        product=top * 2,
        absolute=tf.abs(tf.constant([-2147483648], tf.int32)),
        mean=tf.reduce_mean([1, 2, 4]),
        negative_mean=tf.reduce_mean([-1, -2, -4]),
        unsigned=tf.constant([3], tf.uint8) - tf.constant([5], tf.uint8),
        shift=tf.bitwise.left_shift([1, 3], [4, 2]),
        invert=tf.bitwise.invert(tf.constant([0, 5])),
    )


def round_half(tf: Any) -> Arrays:
    x = tf.constant([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    return arrays(round=tf.round(x), rint=tf.math.rint(x), floor=tf.floor(x), ceil=tf.math.ceil(x))


def empty(tf: Any) -> Arrays:
    x = tf.zeros([0, 3])
    return arrays(
        sum=tf.reduce_sum(x),
        sum0=tf.reduce_sum(x, axis=0),
        prod=tf.reduce_prod(x),
        max0=tf.reduce_max(x, axis=0),
        min0=tf.reduce_min(x, axis=0),
        mean=tf.reduce_mean(x),
        mean0=tf.reduce_mean(x, axis=0),
        all=tf.reduce_all(x > 0),
        matmul=tf.matmul(x, tf.ones([3, 2])),
        inner=tf.matmul(tf.ones([2, 0]), tf.ones([0, 3])),
        concat=tf.concat([x, tf.ones([1, 3])], 0),
    )


def unconnected(tf: Any) -> Arrays:
    x, y = tf.Variable([1.0, 2.0]), tf.Variable([3.0])
    with tf.GradientTape(persistent=True) as tape:
        z = x * 2
    none = tape.gradient(z, y)
    zeros = tape.gradient(z, y, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return {"none": np.array(none is None), "zeros": array(zeros), "weighted": array(tape.gradient(z, x, output_gradients=tf.constant([10.0, 1.0])))}


def assigned(tf: Any, traced: bool) -> Arrays:
    """No gradient flows through an assignment: what is read after it is a new value of the variable."""
    v, a = tf.Variable([1.0, 2.0, 3.0]), tf.constant([10.0, 20.0, 30.0])

    def step() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(a)
            y = a * v
            v.assign(tf.tanh(y) + v)
            z = tf.reduce_sum(y * v + v * v)
        return z, *tape.gradient(z, [a, v])

    z, da, dv = (tf.function(step) if traced else step)()
    return arrays(z=z, da=da, dv=dv, v=v)


def promotion(tf: Any) -> Arrays:
    """What a Python number or list becomes beside each dtype."""
    x = {d: tf.ones([2], getattr(tf, d)) for d in ("float16", "float32", "float64", "int8", "int32", "int64", "uint8")}
    names = [array(t + 1).dtype.name for t in x.values()] + [array(tf.constant(v)).dtype.name for v in (1, 1.5, True, [1, 2], [1.0, 2], 1j)]
    return {"names": np.array(names, dtype="U"), "half": array(x["float16"] * 2.5), "truediv": array(x["int32"] / 2), "int8": array(x["int8"] * 100)}


CASES["casts"] = Case(casts)
CASES["integer_edges"] = Case(integer_edges)
CASES["round_half"] = Case(round_half)
CASES["empty"] = Case(empty)
CASES["unconnected"] = Case(unconnected)
CASES["promotion"] = Case(promotion)
CASES["assigned"] = Case(lambda tf: assigned(tf, False))
CASES["assigned_traced"] = Case(lambda tf: assigned(tf, True))
