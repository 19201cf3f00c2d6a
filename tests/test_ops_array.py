"""tf.*: making, shaping, joining, choosing: against NumPy, eager and compiled, sizes open or not; gradients; messages."""

import numpy as np
import pytest
from ops_checks import check, differentiates, normal, same

import tenfold as tf
from tenfold.core import dtypes

X, Y = normal(1, 3, 4), normal(2, 3, 4)
CUBE = normal(3, 2, 3, 4)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1, "int32"), (1.5, "float32"), (True, "bool"), (1j, "complex128"), ([1, 2.5], "float32"), (2**40, "int64"), ([[]], "float32"),
     (np.float64(1), "float64"), (np.arange(3), "int64"), (np.float16([1]), "float16")],
)  # fmt: skip
def test_constant_types(value, dtype):
    assert tf.constant(value).dtype == dtype


def test_constant_shapes():
    same(tf.constant([1, 2, 3, 4], shape=[2, 2]), np.array([[1, 2], [3, 4]], np.int32))
    same(tf.constant(0.5, shape=[2, 3]), np.full([2, 3], 0.5, np.float32))
    with pytest.raises(ValueError, match="expected 6 elements"):
        tf.constant([1, 2], shape=[2, 3])
    with pytest.raises(ValueError, match="different lengths"):
        tf.constant([[1, 2], [3]])


def test_convert_to_tensor():
    assert tf.convert_to_tensor([1, 2], tf.float32).dtype == tf.float32
    assert tf.convert_to_tensor([1, 2], dtype_hint=tf.float64).dtype == tf.float64
    with pytest.raises(TypeError, match=r"tf\.cast"):
        tf.convert_to_tensor(tf.constant([1.0]), tf.int32)
    with pytest.raises(ValueError, match="None cannot become a tensor"):
        tf.convert_to_tensor(None)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "bfloat16", "float64", "complex64"])
def test_filled(dtype):
    want = tf.as_dtype(dtype).as_numpy_dtype
    same(tf.zeros([2, 3], dtype), np.zeros([2, 3], want))
    same(tf.ones(4, dtype), np.ones(4, want))
    same(tf.zeros_like(X, dtype), np.zeros_like(X, want))
    same(tf.eye(2, 3, dtype=dtype), np.eye(2, 3).astype(want))


def test_filled_with_open_sizes():
    check(lambda x: tf.ones_like(x) + tf.zeros([tf.shape(x)[0], 4]), np.ones_like, X)
    check(lambda x: tf.fill(tf.shape(x), 3.0) * x, lambda x: 3 * x, X)
    check(lambda x: tf.eye(tf.shape(x)[0]), lambda x: np.eye(3, dtype="float32"), X)
    check(lambda x: tf.range(tf.shape(x)[0]), lambda x: np.arange(3, dtype="int32"), X)
    same(tf.eye(2, batch_shape=[3]), np.broadcast_to(np.eye(2, dtype="float32"), (3, 2, 2)))


def test_range_and_linspace():
    for arguments in ((5,), (2, 9, 3), (5, 0, -2), (0, 0), (0.0, 1.0, 0.25), (1.0, 0.0, -0.5)):
        same(tf.range(*arguments), np.arange(*arguments).astype("float32" if isinstance(arguments[0], float) else "int32"))
    same(tf.range(3, dtype=tf.int64), np.arange(3))
    assert tf.range(0.1, 1.1, 0.1).shape == (10,)  # counted in float32, as in TensorFlow: in float64 it were 11
    same(tf.linspace(0.0, 1.0, 5), np.linspace(0, 1, 5).astype("float32"))
    same(tf.linspace([0.0, 1.0], [1.0, 3.0], 3, axis=-1), np.linspace([0, 1], [1, 3], 3, axis=-1).astype("float32"))
    assert tf.linspace(0, 10, 3).dtype == tf.float64
    with pytest.raises(ValueError, match="delta must not be 0"):
        tf.range(0, 3, 0)
    with pytest.raises(ValueError, match="leads away"):
        tf.range(3, 0)


def test_one_hot():
    same(tf.one_hot([0, 2, -1, 7], 3), np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]], np.float32))
    same(tf.one_hot([0, 1], 2, on_value=5, off_value=-1), np.array([[5, -1], [-1, 5]], np.int32))
    same(tf.one_hot([0, 2], 3, axis=0), np.eye(3, dtype="float32")[[0, 2]].T)
    same(tf.one_hot([1], 2, dtype=tf.bool), np.array([[False, True]]))
    check(lambda i: tf.one_hot(i, 3), lambda i: np.eye(3, dtype="float32")[i], np.array([2, 0], np.int32))
    with pytest.raises(TypeError, match="integer indices"):
        tf.one_hot([1.0], 2)


SHAPING = {
    "reshape": (lambda x: tf.reshape(x, [-1, 2]), lambda x: x.reshape(-1, 2)),
    "reshape_by_shape": (lambda x: tf.reshape(x, [tf.shape(x)[0], -1]), lambda x: x.reshape(len(x), -1)),
    "transpose": (lambda x: tf.transpose(x), lambda x: x.T),
    "transpose_perm": (lambda x: tf.transpose(x, [1, 0, 2]), lambda x: x.transpose(1, 0, 2)),
    "concat": (lambda x: tf.concat([x, 2 * x], -1), lambda x: np.concatenate([x, 2 * x], -1)),
    "concat_first": (lambda x: tf.concat([x, x], 0), lambda x: np.concatenate([x, x], 0)),
    "stack": (lambda x: tf.stack([x, x + 1], 1), lambda x: np.stack([x, x + 1], 1)),
    "unstack": (lambda x: tf.unstack(x, axis=1), lambda x: list(np.moveaxis(x, 1, 0))),
    "split": (lambda x: tf.split(x, 3, 1), lambda x: np.split(x, 3, 1)),
    "split_sizes": (lambda x: tf.split(x, [1, -1], axis=1), lambda x: np.split(x, [1], 1)),
    "tile": (lambda x: tf.tile(x, [2, 1, 3]), lambda x: np.tile(x, [2, 1, 3])),
    "repeat": (lambda x: tf.repeat(x, 2, axis=0), lambda x: np.repeat(x, 2, 0)),
    "repeat_flat": (lambda x: tf.repeat(x, 2), lambda x: np.repeat(x, 2)),
    "repeat_each": (lambda x: tf.repeat(x, [2, 0, 1], axis=1), lambda x: np.repeat(x, [2, 0, 1], 1)),
    "expand": (lambda x: tf.expand_dims(x, -2), lambda x: np.expand_dims(x, -2)),
    "squeeze": (lambda x: tf.squeeze(x[:, :1], 1), lambda x: x[:, 0]),
    "broadcast": (lambda x: tf.broadcast_to(x, [2, *x.shape[1:]]), lambda x: x),
    "reverse": (lambda x: tf.reverse(x, [0, -1]), lambda x: x[::-1, :, ::-1]),
    "roll": (lambda x: tf.roll(x, [1, -2], [0, 2]), lambda x: np.roll(x, [1, -2], [0, 2])),
    "pad": (lambda x: tf.pad(x, [[1, 0], [0, 2], [1, 1]], constant_values=5.0), lambda x: np.pad(x, [[1, 0], [0, 2], [1, 1]], constant_values=5)),
    "pad_reflect": (lambda x: tf.pad(x, [[0, 0], [2, 1], [1, 3]], "REFLECT"), lambda x: np.pad(x, [[0, 0], [2, 1], [1, 3]], "reflect")),
    "pad_symmetric": (lambda x: tf.pad(x, [[0, 0], [3, 1], [1, 4]], "SYMMETRIC"), lambda x: np.pad(x, [[0, 0], [3, 1], [1, 4]], "symmetric")),
    "slice": (lambda x: tf.slice(x, [0, 1, 0], [-1, 2, 3]), lambda x: x[:, 1:, :3]),
    "strided": (lambda x: tf.strided_slice(x, [0, 2, 0], [2, 0, 4], [1, -1, 2]), lambda x: x[0:2, 2:0:-1, 0:4:2]),
    "strided_masks": (lambda x: tf.strided_slice(x, [0, 1], [0, 2], [1, 1], end_mask=1, shrink_axis_mask=2), lambda x: x[:, 1]),
    "shape": (lambda x: tf.shape(x), lambda x: np.array(x.shape, np.int32)),
    "size": (lambda x: tf.size(x, tf.int64), lambda x: np.int64(x.size)),
    "rank": (lambda x: tf.rank(x) + 0 * tf.shape(x)[0], lambda x: np.int32(3)),
    "where": (lambda x: tf.where(x > 0, x, 0.0), lambda x: np.where(x > 0, x, np.float32(0))),
    "sort": (lambda x: tf.sort(x, 1), lambda x: np.sort(x, 1)),
    "sort_down": (lambda x: tf.sort(x, direction="DESCENDING"), lambda x: -np.sort(-x)),
    "argsort": (lambda x: tf.argsort(x, 0), lambda x: np.argsort(x, 0).astype("int32")),
    "gather": (lambda x: tf.gather(x, [[2, 0], [1, 1]], axis=1), lambda x: x[:, [[2, 0], [1, 1]]]),
    "gather_nd": (lambda x: tf.gather_nd(x, [[1, 2], [0, 0]]), lambda x: x[[1, 0], [2, 0]]),
    "add_at": (lambda x: tf.tensor_scatter_nd_add(x, [[0], [0]], x[:2]), lambda x: np.stack([x[0] + x[0] + x[1], x[1]])),
    "update": (lambda x: tf.tensor_scatter_nd_update(x, [[1, 0]], x[0, :1]), lambda x: np.stack([x[0], np.concatenate([x[0, :1], x[1, 1:]])])),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPING)
def test_shaping(name):
    ours, oracle = SHAPING[name]
    check(ours, oracle, CUBE, open_sizes=name not in ("argsort", "add_at"))


@pytest.mark.parametrize("name", "tile repeat_each roll pad_reflect pad_symmetric gather gather_nd add_at update split_sizes strided".split())
def test_gradients(name):
    differentiates(SHAPING[name][0], CUBE)


def test_shape_of_an_open_size_computes():
    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def halves(x):
        n = tf.shape(x)[0]
        return tf.reshape(x, [n * 2, 2]), x[: n // 2], n

    whole, half, n = halves(tf.ones([6, 4]))
    assert (whole.shape, half.shape, int(n)) == ([12, 2], [3, 4], 6)


def test_batches_of_gathers():
    x, i = normal(5, 2, 3, 4), np.array([[0, 2], [1, 1]], np.int32)
    check(lambda a, b: tf.gather(a, b, axis=1, batch_dims=1), lambda a, b: np.stack([a[n][b[n]] for n in range(2)]), x, i, open_sizes=False)
    check(lambda a, b: tf.gather_nd(a, b, batch_dims=1), lambda a, b: np.stack([a[n, b[n, 0], b[n, 1]] for n in range(2)]), x, i, open_sizes=False)
    with pytest.raises(ValueError, match="out of range"):
        tf.gather([1, 2, 3], [3])
    with pytest.raises(ValueError, match="out of range"):
        tf.gather_nd([[1, 2], [3, 4]], [[0, 2]])


def test_scatter_nd():
    same(tf.scatter_nd([[1], [3], [1]], [5, 6, 7], [4]), np.array([0, 12, 0, 6], np.int32))
    same(tf.scatter_nd([[0, 1]], [[1.0, 2.0]], [2, 2, 2]), np.array([[[0, 0], [1, 2]], [[0, 0], [0, 0]]], np.float32))
    same(tf.tensor_scatter_nd_sub([3, 3], [[1]], [1]), np.array([3, 2], np.int32))
    with pytest.raises(ValueError, match="expected updates of shape"):
        tf.scatter_nd([[1]], [1, 2], [4])
    with pytest.raises(ValueError, match="one index per dimension"):
        tf.gather_nd([1, 2], [[0, 0]])


def test_scatter_nd_drops_what_is_out_of_range_when_compiled():
    f = tf.function(lambda i: tf.scatter_nd(i, [1.0, 2.0], [3]))
    same(f(tf.constant([[0], [7]])), np.array([1, 0, 0], np.float32))


def test_masks_and_unique():
    mask = X > 0
    same(tf.boolean_mask(X, mask), X[mask])
    same(tf.boolean_mask(X, [True, False, True]), X[[0, 2]])
    same(tf.boolean_mask(X, [True, False, True, True], axis=1), X[:, [0, 2, 3]])
    same(tf.where(mask), np.argwhere(mask))
    values, places, counts = tf.unique_with_counts([5, 1, 5, 2, 1])
    same(values, np.array([5, 1, 2], np.int32))
    same(places, np.array([0, 1, 0, 2, 1], np.int32))
    same(counts, np.array([2, 2, 1], np.int32))
    differentiates(lambda x: tf.boolean_mask(x, mask), X)
    for function in (lambda x: tf.where(x > 0), lambda x: tf.boolean_mask(x, x > 0), lambda x: tf.unique(x[0])):
        with pytest.raises(TypeError, match="while the function is traced"):
            tf.function(function)(tf.constant(X))
    with pytest.raises(ValueError, match="both be given"):
        tf.where(mask, X)


def test_other_places():
    same(tf.sequence_mask([1, 0, 3]), [[True, False, False], [False] * 3, [True] * 3])
    check(lambda n: tf.sequence_mask(n, 4, tf.float32), lambda n: (np.arange(4) < n[:, None]).astype("float32"), np.array([1, 3], np.int32))
    same(tf.reverse_sequence([[1, 2, 3], [4, 5, 6]], [2, 3], seq_axis=1), np.array([[2, 1, 3], [6, 5, 4]], np.int32))
    same(tf.math.invert_permutation([2, 0, 1]), np.array([1, 2, 0], np.int32))
    same(tf.searchsorted([1.0, 3.0, 5.0], [3.0, 4.0], side="right"), np.array([2, 2], np.int32))
    x, y = tf.meshgrid([1, 2, 3], [4, 5], indexing="ij")
    same(x, np.meshgrid([1, 2, 3], [4, 5], indexing="ij")[0].astype("int32"))
    same(y, np.meshgrid([1, 2, 3], [4, 5], indexing="ij")[1].astype("int32"))
    same(tf.broadcast_dynamic_shape([2, 1], [3]), np.array([2, 3], np.int32))
    assert tf.broadcast_static_shape(tf.TensorShape([2, 1]), tf.TensorShape([3])) == [2, 3]


def test_variables_lists_and_arrays_are_taken():
    v = tf.Variable([[1.0, 2.0]])
    same(tf.concat([v, [[3.0, 4.0]], np.float32([[5, 6]])], 0), np.float32([[1, 2], [3, 4], [5, 6]]))
    same(tf.reduce_sum(v * 2), np.float32(6))
    assert tf.is_tensor(v) and tf.is_tensor(tf.constant(1)) and not tf.is_tensor([1])


def test_cast():
    same(tf.cast([1.9, -1.9], tf.int32), np.array([1, -1], np.int32))
    same(tf.cast([0.0, 0.5], tf.bool), [False, True])
    same(tf.bitcast(np.float32([1]), tf.uint32), np.float32([1]).view(np.uint32))
    with pytest.raises(ValueError, match="element sizes differ"):
        tf.bitcast([1.0], tf.float64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tf.reshape(tf.zeros([6]), [4]), r"6 elements.*received shape \(4,\)"),
        (lambda: tf.reshape(tf.zeros([6]), [4, -1]), "do not divide"),
        (lambda: tf.concat([tf.zeros([2, 3]), tf.zeros([2, 4])], 0), "agree except along axis 0"),
        (lambda: tf.concat([1, 2], 0), "Try tf.stack"),
        (lambda: tf.stack([tf.zeros([2]), tf.zeros([3])]), "one shape"),
        (lambda: tf.split(tf.zeros([5]), 2), "do not divide into 2"),
        (lambda: tf.split(tf.zeros([5]), [2, 2]), "add up to 5"),
        (lambda: tf.squeeze(tf.zeros([2, 1]), 0), "expected size 1"),
        (lambda: tf.transpose(tf.zeros([2, 3]), [0, 0]), "permutation"),
        (lambda: tf.tile(tf.zeros([2, 3]), [2]), "one multiple per dimension"),
        (lambda: tf.pad(tf.zeros([2]), [[1, 1], [1, 1]]), "one pair of paddings"),
        (lambda: tf.pad(tf.zeros([2]), [[2, 0]], "REFLECT"), "must not exceed 1"),
        (lambda: tf.pad(tf.zeros([2]), [[2, 0]], "WRAP"), "expected mode"),
        (lambda: tf.slice(tf.zeros([4]), [2], [3]), "out of range"),
        (lambda: tf.unstack(tf.zeros([2]), num=3), "expected num=2"),
        (lambda: tf.expand_dims(tf.zeros([2]), 3), "is out of bounds"),
        (lambda: tf.broadcast_to(tf.zeros([3]), [2, 2]), "does not broadcast"),
        (lambda: tf.sort([1], direction="UP"), "ASCENDING"),
        (lambda: tf.linspace(0.0, 1.0, 0), "num must be positive"),
        (lambda: tf.fill([2], [1, 2]), "scalar"),
        (lambda: tf.zeros([-1]), "negative"),
    ],
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("key", [(1, slice(None)), (Ellipsis, 0), slice(0, 1), (slice(None, None, -1), [2, 0]), np.array([True, False])])
@pytest.mark.parametrize("traced", [False, True])
def test_a_part_of_a_variable_is_replaced(key, traced):
    start = np.arange(6, dtype="float32").reshape(2, 3)
    v, expected = tf.Variable(start), start.copy()
    expected[key] = new = -1 - np.arange(expected[key].size, dtype="float32").reshape(expected[key].shape)

    def assign():
        v[key].assign(new)
        return v[0]

    np.testing.assert_array_equal((tf.function(assign) if traced else assign)(), expected[0])
    np.testing.assert_array_equal(v.numpy(), expected)
    assert not hasattr(tf.constant([1])[0], "assign")


@pytest.mark.parametrize("dtype", [d for d in dtypes.ALL if d.kind in ("int", "uint", "float")], ids=lambda d: d.name)
def test_python_integers_take_the_type_of_the_other_operand(dtype):
    x = tf.constant([3, 4, 5], dtype)
    for n in (0, 1, 2, 100, 127, *([] if dtype.name == "int8" else [128])):
        for got, want in ((tf.convert_to_tensor(n, dtype), n), (x * 0 + n, n), (tf.minimum(x, n), np.minimum([3, 4, 5], n))):
            assert got.dtype is dtype
            np.testing.assert_array_equal(got.numpy().astype("float64"), np.broadcast_to(want, got.shape))
    for n, refused in ((-1, dtype.kind == "uint"), (-128, dtype.kind == "uint"), (128, dtype.name == "int8"), (70000, dtype.size < 4)):
        if refused and dtype.kind != "float":
            with pytest.raises((ValueError, TypeError)):
                tf.convert_to_tensor(n, dtype)
        elif dtype.kind == "int":
            assert int(tf.convert_to_tensor(n, dtype)) == n
    with pytest.raises((ValueError, TypeError)):
        tf.convert_to_tensor(1, tf.bool)
