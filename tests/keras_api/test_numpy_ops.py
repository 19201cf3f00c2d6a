"""keras.ops' NumPy functions: against NumPy, eagerly and compiled; what symbolic calls promise; and Keras's result types."""

import numpy as np
import pytest

import tenfold as tf
from tenfold.keras.base.promotion import result_type

keras = tf.keras
ops = keras.ops
X = np.array([[1.0, -2.0, 3.5], [0.5, 0.0, -1.0]], "float32")
P = np.abs(X) + 1.25
N = np.array([[6, -4, 9], [2, 0, 15]], "int32")
M = np.array([[4, 6, 3], [8, 5, 10]], "int32")
V = np.array([3.0, 1.0, 2.0, 1.0], "float32")
W = np.array([1.0, -1.0, 0.5], "float32")
H = np.array([[1.0, np.nan, -3.0], [np.nan, 2.0, np.nan]], "float32")
OF_ONE = [
    (X, "abs arcsinh arctan ceil cos cosh exp exp2 expm1 fabs floor isfinite negative sign signbit sin sinc sinh square tan tanh trunc deg2rad "
        "rad2deg i0 sum prod mean std var max min ptp median any all argmax argmin cumsum cumprod ravel fliplr flipud count_nonzero average sort "
        "argsort transpose tril triu diagonal trace rot90 corrcoef diff nan_to_num isreal real imag conj angle zeros_like ones_like isposinf"),
    (P, "sqrt log log1p log2 log10 arccosh reciprocal cbrt"),
    (H, "nansum nanprod nanmean nanvar nanstd nancumsum nancumprod nanmax nanmin nanargmax nanmedian isnan isinf nan_to_num"),
    (N, "abs square sum mean std cumsum argmax trunc sign bitwise_invert trace"),
]  # fmt: skip
OF_TWO = [
    (X, P, "add subtract multiply divide true_divide floor_divide mod fmod maximum minimum fmax fmin arctan2 hypot logaddexp logaddexp2 heaviside "
           "equal less greater_equal not_equal isclose logical_and logical_xor append nextafter"),
    (N, M, "add multiply divide floor_divide mod fmod bitwise_and bitwise_or bitwise_xor gcd lcm kron outer isin vdot inner"),
    (V, W, "outer correlate kron"),
]  # fmt: skip
OTHER = {
    "cross": ("cross", (X, P)),
    "dot": ("dot", (X, P.T)),
    "tensordot": ("tensordot", (X, P), {"axes": ((1,), (1,))}),
    "vector @ matrices": ("matmul", (W, np.stack([P.T, X.T]))),
    "power": ("power", (P, 1.5)),
    "ldexp": ("ldexp", (X, N)),
    "left_shift": ("left_shift", (M, 2)),
    "clip": ("clip", (X, -1, 1)),
    "round": ("round", (X * 1.2345,), {"decimals": 2}),
    "roll": ("roll", (X, (1, 2)), {"axis": (0, 1)}),
    "flip": ("flip", (X,), {"axis": 1}),
    "moveaxis": ("moveaxis", (np.zeros((2, 3, 4)), (0, 1), (-1, 0))),
    "swapaxes": ("swapaxes", (X, 0, -1)),
    "take from the end": ("take", (X, np.array([-1, 0])), {"axis": 1}),
    "take_along_axis": ("take_along_axis", (X, np.array([[2], [0]])), {"axis": 1}),
    "quantiles": ("quantile", (X, np.array([0.1, 0.5])), {"axis": 1, "keepdims": True}),
    "percentile": ("percentile", (X, 30.0), {"method": "nearest"}),
    "nanquantile": ("nanquantile", (H, 0.3), {"axis": 1}),
    "searchsorted": ("searchsorted", (np.sort(V), W), {"side": "right"}),
    "digitize": ("digitize", (X, np.array([-1.0, 0.25, 2.0]))),
    "bincount": ("bincount", (np.array([1, 0, 3, 1]),), {"minlength": 5}),
    "average": ("average", (X,), {"axis": 1, "weights": P[0]}),
    "trapezoid": ("trapezoid", (X, P[0])),
    "vander": ("vander", (V, 3)),
    "diag": ("diag", (V,), {"k": -1}),
    "diagonal": ("diagonal", (X,), {"offset": 1}),
    "pad": ("pad", (X, ((1, 0), (2, 1))), {"mode": "reflect"}),
    "tile": ("tile", (X, (2, 1, 2))),
    "repeat": ("repeat", (X, 2), {"axis": 0}),
    "linspace": ("linspace", (X, P, 5), {"endpoint": False, "axis": 1}),
    "logspace": ("logspace", (0.0, V), {"num": 4}),
    "geomspace": ("geomspace", (1.0, 100.0 * V), {"num": 4}),
    "unravel_index": ("unravel_index", (np.array([1, 5]), (2, 3))),
    "meshgrid": ("meshgrid", (V, W)),
    "array_split": ("array_split", (V, 3)),
    "vstack": ("vstack", ([W, X],)),
    "dstack": ("dstack", ([X, P],)),
    "hstack": ("hstack", ([X, P],)),
    "column_stack": ("column_stack", ([V, V],)),
    "select": ("select", ([X > 1, X < 0], [X, -X], 7.0)),
    "histogram": ("histogram", (V, 4)),
}
CASES = {f"{name}-{i}": (name, (x,), {}) for i, (x, names) in enumerate(OF_ONE) for name in names.split()}
CASES |= {f"{name}--{i}": (name, (x, y), {}) for i, (x, y, names) in enumerate(OF_TWO) for name in names.split()}
CASES |= {key: (name, args, rest[0] if rest else {}) for key, (name, args, *rest) in OTHER.items()}
DEPEND_ON_VALUES = ("bincount", "histogram")


def flat(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


@pytest.mark.parametrize("key", CASES)
def test_as_numpy(key):
    name, args, options = CASES[key]
    expected = flat(getattr(np, name)(*args, **options))
    function = getattr(ops, name)
    arrays = [i for i, x in enumerate(args) if isinstance(x, np.ndarray)]
    eager = flat(function(*args, **options))

    def call(*tensors):
        given = dict(zip(arrays, tensors, strict=True))
        return function(*(given.get(i, x) for i, x in enumerate(args)), **options)

    assert len(eager) == len(expected)
    for y, e in zip(eager, expected, strict=True):
        np.testing.assert_allclose(np.asarray(y), e, rtol=2e-5, atol=1e-5)
    if name in DEPEND_ON_VALUES:
        return
    compiled = flat(tf.function(call)(*(tf.constant(args[i]) for i in arrays)))
    symbols = flat(call(*(keras.KerasTensor(args[i].shape, args[i].dtype) for i in arrays))) if arrays else eager
    for y, c, s in zip(eager, compiled, symbols, strict=True):
        np.testing.assert_allclose(np.asarray(c), np.asarray(y), rtol=1e-5, atol=1e-5)
        assert (tuple(s.shape), s.dtype) == (tuple(y.shape), y.dtype)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (("int8", "uint8"), "int16"), (("uint32", "int32"), "int64"), (("int64", "float16"), "float16"), (("bfloat16", "float16"), "float32"),
        (("bool", int), "int32"), (("uint8", int), "uint8"), (("int32", float), "float32"), (("float16", float), "float16"), ((), "float32"),
        (("float32", "complex64"), "complex64"), (("bool", "bool"), "bool"),
    ],
)  # fmt: skip
def test_result_types(types, expected):
    assert result_type(*types) == result_type(*reversed(types)) == keras.backend.result_type(*types) == expected


def test_types_of_results():
    small, half = ops.ones((2,), "int8"), ops.ones((2,), "float16")
    assert [ops.add(small, 1).dtype, ops.add(small, 1.0).dtype, ops.add(half, 1.0).dtype] == ["int8", "float32", "float16"]
    assert [ops.sum(small).dtype, ops.cumsum(small).dtype] == ["int32", "int8"]
    assert [ops.exp(small).dtype, ops.mean(half).dtype, ops.divide(small, small).dtype, ops.where(small > 0, small, half).dtype] == [
        "float32", "float16", "float32", "float16"]  # fmt: skip
    assert float(ops.multiply(ops.ones((), "float64"), 0.1)) == 0.1 == float(ops.array(0.1, "float64"))
    assert ops.matmul(ops.ones((2, 2), "int8"), ops.ones((2, 2), "int8")).dtype == "int32"
    with pytest.raises(ValueError, match="float8"):
        result_type("float8_e4m3fn", "float32")


def test_unique():
    x = np.array([[3, 1, 3], [1, 1, 3]], "int32")
    for axis in (None, 0, 1):
        for ours, theirs in zip(ops.unique(x, True, True, True, True, axis), np.unique(x, True, True, True, axis=axis), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(ops.unique(x, size=4, fill_value=-1), [1, 3, -1, -1])
    assert ops.unique(keras.KerasTensor((2, 3)), axis=1).shape == (2, None)


def test_bytes_seen_as_another_type():
    for x, dtype in ((X, "uint8"), (X, "int32"), (np.arange(24, dtype="uint8").reshape(2, 12), "float32"), (N.astype("int64"), "uint16")):
        np.testing.assert_array_equal(ops.view(x, dtype), x.view(dtype))
    with pytest.raises(ValueError, match="divisible"):
        ops.view(X.astype("uint8"), "float64")


@pytest.mark.parametrize("x", [0.0, 0.5, 7.0, 14.9, 15.1, 40.0])
def test_bessel_function_and_its_slope(x):
    np.testing.assert_allclose(float(tf.math.bessel_i0(tf.constant(x, tf.float64))), float(np.i0(x)), rtol=1e-12)
    with tf.GradientTape() as tape:
        v = tf.Variable(x, dtype=tf.float64)
        y = tf.math.bessel_i0(v)
    np.testing.assert_allclose(float(tape.gradient(y, v)), float(np.i0(x + 1e-6) - np.i0(x - 1e-6)) / 2e-6, rtol=1e-6, atol=1e-6)


def test_functions_of_vectors():
    cosine = ops.vectorize(lambda x, y: ops.sum(x * y) / ops.sqrt(ops.sum(x * x) * ops.sum(y * y)), signature="(n),(n)->()")
    a, b = np.arange(12.0, dtype="float32").reshape(2, 2, 3), np.array([1.0, 2.0, 0.5], "float32")
    expected = (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum())
    np.testing.assert_allclose(cosine(a, b), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="inconsistent size"):
        cosine(a, b[:2])


def test_sparse_tensors_stay_sparse_where_zeros_stay_zeros():
    sparse = tf.SparseTensor([[0, 1], [1, 2]], [2.0, -3.0], (2, 3))
    whole = np.array([[0, 2, 0], [0, 0, -3]], "float32")
    for result, expected in ((ops.square(sparse), whole**2), (ops.multiply(sparse, X), whole * X), (ops.add(sparse, sparse), 2 * whole)):
        assert isinstance(result, tf.SparseTensor)
        np.testing.assert_allclose(ops.convert_to_numpy(result), expected)
    for result, expected in ((ops.cos(sparse), np.cos(whole)), (ops.add(sparse, X), whole + X)):
        assert isinstance(result, tf.Tensor)
        np.testing.assert_allclose(result, expected, rtol=1e-6)
    rows = tf.IndexedSlices(X[:1], [1], (2, 3))
    assert isinstance(ops.tanh(rows), tf.IndexedSlices) and ops.tanh(keras.KerasTensor((2, 3), sparse=True)).sparse


def test_operations_of_ones_own():
    class Scaled(keras.Operation):
        def __init__(self, factor, name=None):
            super().__init__(name=name)
            self.factor = factor

        def call(self, x):
            return x * self.factor

    x = keras.Input((3,))
    operation = Scaled(3.0)
    model = keras.Model(x, operation(x))
    np.testing.assert_allclose(model(X), 3 * X)
    assert operation.output.shape == (None, 3) and operation.get_config() == {"factor": 3.0, "name": "scaled"}


def test_variables_promote_as_keras_and_a_scope_keeps_them():
    v = keras.Variable([1, 2], dtype="int8", trainable=False)
    assert [(v * 0.5).dtype, (v + v).dtype, (v / v).dtype, (2.0 - v).dtype] == ["float32", "int8", "float32", "float32"]
    w = keras.Variable("zeros", shape=(2,), name="w")
    with keras.StatelessScope([(w, [1.0, 2.0])]) as scope:
        w.assign_add([1.0, 1.0])
        np.testing.assert_array_equal(w + 0.0, [2.0, 3.0])
    np.testing.assert_array_equal(scope.get_current_value(w), [2.0, 3.0])
    np.testing.assert_array_equal(w, [0.0, 0.0])
    w.assign(np.ones(2, "float64"))
    with keras.name_scope("outer"), keras.name_scope("inner"):
        assert w.dtype == "float32" and keras.Variable(0.0, name="b").path == "outer/inner/b"


def test_rows_of_a_sparse_tensor_are_counted_without_the_zeros_nobody_gave() -> None:
    rows = tf.SparseTensor([[0, 1], [0, 3], [1, 0], [1, 4]], [2, 2, 0, 1], (2, 5))
    counts = keras.ops.bincount(rows, minlength=4)
    assert isinstance(counts, tf.SparseTensor)
    np.testing.assert_array_equal(tf.sparse.to_dense(counts), [[0, 0, 2, 0], [1, 1, 0, 0]])


def test_only_int8_with_int8_is_summed_in_int32() -> None:
    x, y = np.array([[100, 100]], "int8"), np.array([[True], [True]])
    for product in (keras.ops.matmul, lambda a, b: keras.ops.einsum("ij,jk->ik", a, b)):
        assert product(x, np.array([[2], [2]], "int8")).numpy() == 400
        assert product(x, y).dtype == "int8"
        assert product(y.T, y).dtype == "bool"
        assert product(x, y.astype("float16")).dtype == "float16"


def test_truths_are_digitized() -> None:
    np.testing.assert_array_equal(keras.ops.digitize([True, False], [False, True]), [2, 1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_nan_and_infinities_become_numbers_of_any_type(dtype: str) -> None:
    x = tf.cast([np.nan, np.inf, -np.inf, 1.0], dtype)
    found = keras.ops.nan_to_num(x, nan=2.0)
    assert found.dtype == dtype
    np.testing.assert_array_equal(tf.cast(found, "float64"), [2.0, float(x.dtype.max), float(x.dtype.min), 1.0])


def test_extremes_of_truths_with_a_first_value() -> None:
    assert keras.ops.max([False, False], initial=1).numpy() and not keras.ops.max([False, False], initial=0).numpy()
    assert keras.ops.min([True, True], initial=1).numpy() and not keras.ops.min([True, True], initial=0).numpy()
