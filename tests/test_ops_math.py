"""tf.math: values against NumPy and Python's math, in eager and compiled functions; gradients; borders; messages."""

import math

import numpy as np
import pytest
from ops_checks import check, differentiates, normal, same

import tenfold as tf

X, Y = normal(1, 3, 4), normal(2, 3, 4)
POSITIVE = np.abs(X) + 0.5
INTEGERS = np.array([[7, -7, 0], [3, -2, 9]], np.int32)
UNARY = {
    "abs": np.abs, "acosh": lambda x: np.arccosh(x), "ceil": np.ceil, "cos": np.cos, "exp": np.exp, "floor": np.floor, "log": np.log,
    "negative": np.negative, "reciprocal": lambda x: 1 / x, "round": np.round, "rsqrt": lambda x: 1 / np.sqrt(x), "sign": np.sign, "sin": np.sin,
    "sqrt": np.sqrt, "square": np.square, "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "is_finite": np.isfinite,
    "log_sigmoid": lambda x: -np.log1p(np.exp(-x)), "softplus": lambda x: np.log1p(np.exp(x)), "softsign": lambda x: x / (1 + np.abs(x)),
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    x = POSITIVE + 1 if name == "acosh" else POSITIVE
    check(getattr(tf.math, name), lambda a: np.asarray(UNARY[name](a), UNARY[name](a).dtype), x, tolerance=5e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int8", "int32", "int64", "uint8"])
def test_arithmetic_keeps_the_type(dtype):
    a = tf.cast([5, 7], dtype)
    for result in (tf.add(a, 2), tf.subtract(a, 2), tf.multiply(a, 2), tf.maximum(a, 6), tf.reduce_sum(a), tf.reduce_mean(a), tf.square(a)):
        assert result.dtype == dtype
    same(tf.add(a, 2).numpy().astype("float64"), [7, 9])
    same(tf.reduce_mean(a).numpy().astype("float64"), 6.0)


def test_binary_with_names_and_lists():
    same(tf.add([1, 2], 3, name="sum"), np.array([4, 5], np.int32))
    same(tf.greater(X, Y), X > Y)
    same(tf.greater_equal([1, 2], [2, 2]), [False, True])
    same(tf.atan2(y=[1.0], x=[0.0]), [math.pi / 2], 1e-6)
    same(tf.divide([1, 2], 2), np.array([0.5, 1.0]))
    same(tf.math.floormod([-7, 7], [3, -3]), np.array([2, -2], np.int32))
    same(tf.truncatediv(INTEGERS, 2), np.trunc(INTEGERS / 2).astype("int32"))


def test_careful_functions_at_their_borders():
    inf, nan = math.inf, math.nan
    same(tf.math.divide_no_nan([1.0, 0.0, 3.0], [0.0, 0.0, 2.0]), [0, 0, 1.5])
    same(tf.math.multiply_no_nan([inf, nan, 2.0], [0.0, 0.0, 3.0]), [0, 0, 6])
    same(tf.math.xlogy([0.0, 2.0], [0.0, math.e]), [0, 2], 1e-6)
    same(tf.math.xlog1py([0.0, 2.0], [-1.0, math.e - 1]), [0, 2], 1e-6)
    same(tf.math.xdivy([0.0, 2.0], [0.0, 4.0]), [0, 0.5])
    same(tf.math.reciprocal_no_nan([0.0, 4.0]), [0, 0.25])
    same(tf.math.log_sigmoid([-1000.0, 1000.0]), [-1000, 0])
    same(tf.sign(tf.constant([3 + 4j, 0])), [0.6 + 0.8j, 0])


@pytest.mark.parametrize("name", ["divide_no_nan", "xlogy", "xlog1py", "xdivy", "multiply_no_nan", "squared_difference"])
def test_gradients_of_careful_functions(name):
    differentiates(getattr(tf.math, name), np.array([1.5, -2.0, 0.5]), np.array([2.0, 3.0, 0.7]))


def test_gradients_at_zeros_are_finite():
    x, y = tf.constant([0.0, 0.0, 2.0]), tf.constant([0.0, 3.0, 0.0])
    for name in ("divide_no_nan", "xlogy", "xlog1py", "xdivy"):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            last = 3 if name in ("divide_no_nan", "xlog1py") else 2  # elsewhere 2 / 0 and 2 * log(0) are infinite
            z = tf.reduce_sum(getattr(tf.math, name)(x[:last], y[:last]))
        assert all(np.isfinite(tf.convert_to_tensor(g).numpy()).all() for g in tape.gradient(z, [x, y]))


def test_clip_by_value():
    check(lambda x: tf.clip_by_value(x, -0.5, 0.5), lambda x: np.clip(x, -0.5, 0.5), X)
    with pytest.raises(ValueError, match="limits must broadcast"):
        tf.clip_by_value(tf.zeros([2]), tf.zeros([3, 2]), 1.0)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, [0, 1], (1,), []])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(axis, keepdims):
    at = tuple(axis) if isinstance(axis, list) else axis
    for ours, theirs in ((tf.reduce_sum, np.sum), (tf.reduce_mean, np.mean), (tf.reduce_max, np.max), (tf.reduce_min, np.min),
                         (tf.reduce_prod, np.prod), (tf.math.reduce_variance, np.var), (tf.math.reduce_std, np.std)):  # fmt: skip
        same(ours(X, axis, keepdims), theirs(X.astype("float64"), axis=at, keepdims=keepdims).astype("float32"), 1e-5)
    same(tf.reduce_any(X > 1, axis, keepdims), np.any(X > 1, axis=at, keepdims=keepdims))
    same(tf.reduce_all(X > -1, axis, keepdims), np.all(X > -1, axis=at, keepdims=keepdims))
    same(tf.math.count_nonzero(X > 0, axis, keepdims), np.sum(X > 0, axis=at, keepdims=keepdims).astype("int64"))
    expected = np.log(np.sum(np.exp(X.astype("float64")), axis=at, keepdims=keepdims))
    same(tf.reduce_logsumexp(X, axis, keepdims), expected.astype("float32"), 1e-5)


def test_reductions_compiled():
    check(lambda x: tf.reduce_mean(x, 0), lambda x: x.mean(0), X)
    check(lambda x: tf.reduce_mean(x), lambda x: x.mean(), X)
    check(lambda x: tf.math.reduce_std(x, 1), lambda x: x.std(1), X)
    check(lambda x: tf.reduce_logsumexp(x, 1), lambda x: np.log(np.exp(x).sum(1)), X)


def test_integer_mean_rounds_toward_zero():
    same(tf.reduce_mean([1, 2, 4]), np.int32(2))
    same(tf.reduce_mean([-1, -2, -4]), np.int32(-2))


def test_half_precision_is_summed_in_float32():
    assert float(tf.reduce_mean(tf.ones([100_000], tf.float16))) == 1.0


def test_empty_reductions():
    empty = tf.zeros([0, 3])
    same(tf.reduce_sum(empty, 0), np.zeros(3, "float32"))
    same(tf.reduce_logsumexp(empty), np.float32(-np.inf))
    assert np.isnan(tf.reduce_mean(empty).numpy())


def test_logsumexp_borders():
    assert float(tf.reduce_logsumexp([-math.inf, -math.inf])) == -math.inf
    assert float(tf.reduce_logsumexp([math.inf, 0.0])) == math.inf
    same(tf.reduce_logsumexp([1e4, 1e4]), 1e4 + math.log(2), 1e-3)


@pytest.mark.parametrize("function", [tf.math.reduce_variance, tf.math.reduce_std, tf.reduce_logsumexp, tf.reduce_mean])
def test_gradients_of_reductions(function):
    differentiates(lambda x: function(x, 1), normal(3, 2, 4, dtype="float64"))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions(name):
    for axis in (0, 1, -1):
        check(lambda x, a=axis: getattr(tf, name)(x, a), lambda x, a=axis: getattr(np, name)(x, a), X)
    ties = np.array([[1, 3, 3], [2, 2, 2]], np.int32)
    check(lambda x: getattr(tf, name)(x, 1, tf.int32), lambda x: getattr(np, name)(x, 1).astype("int32"), ties)
    same(getattr(tf, name)(X), getattr(np, name)(X, 0))


def test_positions_with_nan_infinities_and_bools():
    nan = math.nan
    assert int(tf.argmax([nan, 1.0, 2.0])) == 2
    assert int(tf.argmin([nan, 2.0, 1.0])) == 2
    assert int(tf.argmax([nan, nan])) == 0
    assert int(tf.argmax([-math.inf, -math.inf])) == 0
    assert int(tf.argmax([False, True])) == 1
    with pytest.raises(ValueError, match="nothing to choose from"):
        tf.argmax(tf.zeros([0]))
    with pytest.raises(ValueError, match="is out of bounds"):
        tf.argmax(tf.zeros([2]), axis=1)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_running(exclusive, reverse):
    def oracle(x, start, combine):
        x = np.flip(x, 1) if reverse else x
        if exclusive:
            x = np.concatenate([np.full_like(x[:, :1], start), x[:, :-1]], 1)
        y = combine(x, axis=1)
        return np.flip(y, 1) if reverse else y

    options = {"axis": 1, "exclusive": exclusive, "reverse": reverse}
    check(lambda x: tf.cumsum(x, **options), lambda x: oracle(x, 0, np.cumsum), X)
    check(lambda x: tf.math.cumprod(x, **options), lambda x: oracle(x, 1, np.cumprod), X)
    check(lambda x: tf.math.cumulative_logsumexp(x, **options), lambda x: oracle(x, -np.inf, np.logaddexp.accumulate), X, tolerance=1e-5)


def test_gradient_of_cumulative_logsumexp():
    differentiates(lambda x: tf.math.cumulative_logsumexp(x, 1), normal(4, 2, 3, dtype="float64"))


def test_matmul_and_relatives():
    a, b = normal(5, 2, 3, 4), normal(6, 2, 5, 4)
    check(lambda x, y: tf.matmul(x, y, transpose_b=True), lambda x, y: x @ y.swapaxes(1, 2), a, b, tolerance=1e-5)
    check(lambda x: tf.linalg.matvec(x, b[0, 0]), lambda x: x @ b[0, 0], a, tolerance=1e-5)
    check(lambda x: tf.tensordot(x, b, [[2], [2]]), lambda x: np.tensordot(x, b, [[2], [2]]), a, tolerance=1e-5)
    same(tf.tensordot(a, a, 3), np.tensordot(a, a, 3), 1e-5)
    c = tf.constant(np.array([[1 + 2j, 3j]]))
    same(tf.matmul(c, c, adjoint_b=True), c.numpy() @ c.numpy().conj().T)
    with pytest.raises(ValueError, match="expected matrices"):
        tf.matmul([1.0], [1.0])
    with pytest.raises(ValueError, match="inner dimensions differ"):
        tf.matmul(tf.zeros([2, 3]), tf.zeros([2, 3]))


EINSUMS = {
    "ij,jk->ik": ((2, 3), (3, 4)), "bij,bjk->bik": ((2, 2, 3), (2, 3, 4)), "ij->ji": ((2, 3),), "ij": ((2, 3),), "ji": ((2, 3),), "ii": ((3, 3),),
    "ii->i": ((3, 3),), "iji->j": ((3, 2, 3),), "i,j->ij": ((2,), (3,)), "i,i->i": ((3,), (3,)), "ij,ij->": ((2, 3), (2, 3)), "ijk->": ((2, 3, 4),),
    "...ij,...jk->...ik": ((2, 3, 4), (4, 2)), "...i,i->...": ((2, 3, 4), (4,)), "...,...->...": ((2, 1, 3), (4, 3)),
    "bqhd,bkhd->bhqk": ((2, 3, 2, 4), (2, 5, 2, 4)), "ab,bc,cd->ad": ((2, 3), (3, 4), (4, 5)), "ab,ab,ab->a": ((2, 3), (2, 3), (2, 3)),
    "a,b,c->cba": ((2,), (3,), (4,)), "ij,k->ik": ((2, 3), (4,)), "xy,yz": ((2, 3), (3, 4)),
}  # fmt: skip


@pytest.mark.parametrize("equation", EINSUMS)
def test_einsum(equation):
    arrays = [normal(i, *shape) for i, shape in enumerate(EINSUMS[equation])]
    check(lambda *xs: tf.einsum(equation, *xs), lambda *xs: np.einsum(equation, *xs), *arrays, tolerance=1e-5, open_sizes=False)


def test_einsum_with_an_open_size():
    check(lambda x: tf.einsum("bi,ij->bj", x, Y), lambda x: x @ Y, normal(7, 5, 3), tolerance=1e-5)
    check(lambda x: tf.einsum("bi->b", x), lambda x: x.sum(1), X, tolerance=1e-5)


def test_einsum_gradient():
    differentiates(lambda x, y: tf.einsum("bij,bjk->bik", x, y), normal(1, 2, 2, 3, dtype="float64"), normal(2, 2, 3, 2, dtype="float64"))
    differentiates(lambda x: tf.einsum("ii->i", x), normal(1, 3, 3, dtype="float64"))


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij,jk->ik", [(2, 3)], "names 2 operands"),
        ("ij,jk->ik", [(2, 3), (4, 5)], "sizes differ for 'j'"),
        ("ij->k", [(2, 3)], "must name dimensions"),
        ("ij->ii", [(2, 3)], "must name dimensions"),
        ("ijk->i", [(2, 3)], "rank 2"),
        ("i1->i", [(2, 3)], "expected letters"),
    ],
)
def test_einsum_mistakes(equation, shapes, message):
    with pytest.raises(ValueError, match=message):
        tf.einsum(equation, *(np.zeros(s, "float32") for s in shapes))


def segments(reduce, start, x, ids, n):
    return np.stack([reduce(x[ids == i], axis=0) if (ids == i).any() else np.full(x.shape[1:], start, x.dtype) for i in range(n)])


LOWEST, HIGHEST = np.finfo("float32").min, np.finfo("float32").max
KINDS = {"sum": (np.sum, 0), "mean": (np.mean, 0), "max": (np.max, LOWEST), "min": (np.min, HIGHEST), "prod": (np.prod, 1)}


@pytest.mark.parametrize("kind", KINDS)
def test_segments(kind):
    reduce, start = KINDS[kind]
    x, ids = normal(8, 6, 2), np.array([2, 0, 3, 0, 2, -1], np.int32)
    unsorted = getattr(tf.math, f"unsorted_segment_{kind}")
    check(lambda a, i: unsorted(a, i, 4), lambda a, i: segments(reduce, start, a, i, 4), x, ids, tolerance=1e-5)
    ascending = np.array([0, 0, 1, 3, 3, 3], np.int32)
    empty = 1 if kind == "prod" else 0
    same(getattr(tf.math, f"segment_{kind}")(x, ascending), segments(reduce, empty, x, ascending, 4), 1e-5)
    with pytest.raises(ValueError, match="ascend"):
        getattr(tf.math, f"segment_{kind}")(x, ids)


def test_counts():
    same(tf.math.bincount([1, 1, 4]), np.bincount([1, 1, 4]).astype("int32"))
    same(tf.math.bincount([1, 1, 4], minlength=7), np.bincount([1, 1, 4], minlength=7).astype("int32"))
    same(tf.math.bincount([1, 1, 4], maxlength=3), np.array([0, 2, 0], np.int32))
    same(tf.math.bincount([1, 1, 2], weights=[0.5, 1.0, 2.0]), np.array([0, 1.5, 2], np.float32))
    same(tf.math.bincount([[0, 1, 1], [2, 2, 2]], axis=-1), np.array([[1, 2, 0], [0, 0, 3]], np.int32))
    same(tf.math.confusion_matrix([0, 1, 2, 1], [0, 2, 2, 1]), np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]], np.int32))
    with pytest.raises(ValueError, match="out of range"):
        tf.math.confusion_matrix([0, 5], [0, 1], num_classes=2)


def test_top_k():
    x = normal(9, 3, 6)
    check(lambda a: tf.math.top_k(a, 2), lambda a: [-np.sort(-a, -1)[:, :2], np.argsort(-a, -1, kind="stable")[:, :2].astype("int32")], x)
    found = tf.math.top_k([1, 3, 3, 2], k=3)
    same(found.indices, np.array([1, 2, 3], np.int32))
    same(tf.math.in_top_k([1, 0], [[0.1, 0.9, 0.9], [0.2, 0.3, 0.1]], 1), [True, False])
    with pytest.raises(ValueError, match="out of range"):
        tf.math.top_k([1, 2], k=3)


def test_small_functions():
    same(tf.math.polyval([1.0, 2.0, 3.0], 2.0), np.float32(11))
    same(tf.add_n([X, Y, X]), X + Y + X, 1e-6)
    same(tf.math.l2_normalize(X, 1), X / np.linalg.norm(X, axis=1, keepdims=True), 1e-5)
    same(tf.saturate_cast([-5, 300], tf.uint8), np.array([0, 255], np.uint8))
    same(tf.math.zero_fraction([0, 1, 0, 2]), np.float32(0.5))
    same(tf.math.angle(tf.constant([1j, -1 + 0j])), [math.pi / 2, math.pi])
    same(tf.math.ndtri([0.5, 0.975]), [0, 1.959964], 1e-5)
    same(tf.bitwise.bitwise_xor([5], [3]), np.array([6], np.int32))
    with pytest.raises(ValueError, match="one shape"):
        tf.add_n([tf.zeros([2]), tf.zeros([3])])


@pytest.mark.parametrize("function", [tf.exp, tf.sigmoid, tf.nn.softmax, tf.math.log, tf.math.reduce_std, tf.math.rsqrt])
def test_integers_are_refused_where_tensorflow_refuses_them(function):
    with pytest.raises(TypeError, match=r"tf\.cast"):
        function(tf.constant([1, 2]))


def test_mixed_types_are_refused():
    with pytest.raises(TypeError, match=r"data types differ.*tf\.cast"):
        tf.add(tf.constant([1.0]), tf.constant([1]))


@pytest.mark.parametrize(
    ("x", "y", "dtype"),
    [
        (np.ones(2), 42, "float64"),
        (42, np.ones(2), "float64"),
        (np.ones(2), 4.5, "float64"),
        (4.5, np.ones(2), "float32"),
        (np.ones(2, "int64"), np.ones(2, "int32"), "int64"),
        ([1, 2], np.ones(2), "float64"),
        (np.ones(2), np.ones(2, "float32"), "float64"),
        (tf.constant([1.0, 2.0]), np.ones(2), "float32"),
        (2.5, np.ones(2, "int32"), "float32"),
    ],
)
def test_numbers_and_arrays_take_one_type(x, y, dtype):
    """The first tensor's, else the first array's or float's, as in TensorFlow, but that Python integers never cut off an array's fractions."""
    total = tf.add(x, y)
    assert total.dtype == dtype
    np.testing.assert_allclose(total, np.asarray(x) + np.asarray(y))
    assert tf.where([True, False], x, y).dtype == dtype
    if np.ndim(x) and np.ndim(y):
        assert tf.concat([x, y], 0).dtype == dtype


def test_an_array_of_integers_takes_no_fraction():
    with pytest.raises(TypeError, match="data types differ"):
        tf.multiply(np.ones(2, "int32"), 2.5)
    np.testing.assert_array_equal(tf.one_hot(np.array([1.0, 0.0]), 2), [[0, 1], [1, 0]])
    with pytest.raises(TypeError, match="expected integer indices"):
        tf.one_hot(np.array([0.5]), 2)
