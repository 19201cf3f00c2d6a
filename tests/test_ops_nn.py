"""tf.nn: activations, convolutions, pooling, normalization, losses from logits: against plain loops and Python's math."""

import itertools
import math

import numpy as np
import pytest
from ops_checks import check, differentiates, normal, same

import tenfold as tf

X = normal(1, 3, 4)


def each(function):
    return lambda x: np.vectorize(function, otypes=[np.float64])(x.astype("float64")).astype(x.dtype)


ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
ACTIVATIONS = {
    "relu": lambda v: max(v, 0), "relu6": lambda v: min(max(v, 0), 6), "leaky_relu": lambda v: v if v > 0 else 0.2 * v,
    "elu": lambda v: v if v > 0 else math.expm1(v), "selu": lambda v: SCALE * (v if v > 0 else ALPHA * math.expm1(v)),
    "gelu": lambda v: v * 0.5 * math.erfc(-v / math.sqrt(2)), "silu": lambda v: v / (1 + math.exp(-v)), "softsign": lambda v: v / (1 + abs(v)),
    "softplus": lambda v: math.log1p(math.exp(v)), "sigmoid": lambda v: 1 / (1 + math.exp(-v)), "tanh": math.tanh,
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    check(getattr(tf.nn, name), each(ACTIVATIONS[name]), 3 * X, tolerance=1e-5)
    differentiates(getattr(tf.nn, name), 3 * X)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_activations_keep_the_type(name, dtype):
    x = tf.cast(X, dtype)
    y = getattr(tf.nn, name)(x)
    assert y.dtype == dtype
    exact = each(ACTIVATIONS[name])(tf.cast(x, "float64").numpy())
    same(tf.cast(y, "float64"), exact, {"float16": 3e-3, "bfloat16": 2e-2, "float64": 1e-12}[dtype])


def test_activations_far_away():
    far = tf.constant([-1e4, 1e4])
    for name, expected in (("elu", [-1, 1e4]), ("silu", [0, 1e4]), ("gelu", [0, 1e4]), ("softplus", [0, 1e4]), ("sigmoid", [0, 1])):
        same(getattr(tf.nn, name)(far), expected)
        with tf.GradientTape() as tape:
            tape.watch(far)
            y = getattr(tf.nn, name)(far)
        assert np.isfinite(tape.gradient(y, far).numpy()).all()
    same(tf.nn.gelu(X, approximate=True), each(lambda v: 0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))))(X), 1e-5)
    same(tf.nn.crelu([[1.0, -2.0]]), [[1, 0, 0, 2]])


def softmax(x, axis=-1):
    e = np.exp(x.astype("float64") - x.max(axis, keepdims=True))
    return (e / e.sum(axis, keepdims=True)).astype(x.dtype)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_softmax(axis):
    check(lambda x: tf.nn.softmax(x, axis), lambda x: softmax(x, axis), 5 * X)
    check(lambda x: tf.nn.log_softmax(x, axis), lambda x: np.log(softmax(x.astype("float64"), axis)).astype("float32"), 5 * X, tolerance=1e-5)
    differentiates(lambda x: tf.nn.softmax(x, axis), X)
    differentiates(lambda x: tf.nn.log_softmax(x, axis), X)


def test_softmax_borders():
    same(tf.nn.softmax([1e30, 1e30, -1e30]), [0.5, 0.5, 0])
    same(tf.nn.softmax([-math.inf, 0.0]), [0, 1])
    same(tf.nn.log_softmax([0.0, -1000.0]), [0, -1000])
    with pytest.raises(TypeError, match="floating-point"):
        tf.nn.softmax([1, 2])
    with pytest.raises(ValueError, match="scalar"):
        tf.nn.softmax(1.0)


def window(x, low, wide, gap):
    """The window of [spatial..., channels] data that begins at `low`; zeros outside."""
    out = np.zeros((*wide, x.shape[-1]))
    for place in np.ndindex(*wide):
        at = tuple(lo + p * g for lo, p, g in zip(low, place, gap, strict=True))
        if all(0 <= i < n for i, n in zip(at, x.shape[:-1], strict=True)):
            out[place] = x[at]
    return out


def convolve(x, w, stride, padding, gap):
    """By loops over output places and groups."""
    spatial, kernel = x.shape[1:-1], w.shape[:-2]
    reach = [(k - 1) * g + 1 for k, g in zip(kernel, gap, strict=True)]
    if padding == "SAME":
        size = [-(-n // s) for n, s in zip(spatial, stride, strict=True)]
        low = [max((o - 1) * s + r - n, 0) // 2 for o, s, r, n in zip(size, stride, reach, spatial, strict=True)]
    elif padding == "VALID":
        size, low = [(n - r) // s + 1 for n, r, s in zip(spatial, reach, stride, strict=True)], [0] * len(spatial)
    else:
        size = [(n + sum(p) - r) // s + 1 for n, p, r, s in zip(spatial, padding, reach, stride, strict=True)]
        low = [p[0] for p in padding]
    groups = x.shape[-1] // w.shape[-2]
    y = np.zeros((x.shape[0], *size, w.shape[-1]))
    for n, *place in itertools.product(range(x.shape[0]), *map(range, size)):
        seen = window(x[n], [p * s - lo for p, s, lo in zip(place, stride, low, strict=True)], kernel, gap)
        for c in range(w.shape[-1]):
            g = c // (w.shape[-1] // groups)
            y[(n, *place, c)] = (seen[..., g * w.shape[-2] : (g + 1) * w.shape[-2]] * w[..., c]).sum()
    return y.astype(x.dtype)


CONVOLUTIONS = [((5, 6), (3, 2), 3, 1, 1), ((5, 6), (3, 3), 3, 2, 1), ((7, 6), (3, 2), 3, 1, 2), ((5, 4), (2, 2), 1, 1, 1), ((4, 4), (1, 1), 3, 3, 1)]


@pytest.mark.parametrize(("spatial", "kernel", "per_group", "stride", "gap"), CONVOLUTIONS)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_conv2d(spatial, kernel, per_group, stride, gap, padding):
    x, w = normal(1, 2, *spatial, 3), normal(2, *kernel, per_group, 6)

    def ours(a, b):
        return tf.nn.conv2d(a, b, stride, padding, dilations=gap)

    expected = convolve(x, w, (stride,) * 2, padding, (gap,) * 2)
    check(lambda a: ours(a, w), lambda a: expected, x, tolerance=2e-5)
    first = tf.nn.conv2d(x.transpose(0, 3, 1, 2), w, stride, padding, data_format="NCHW", dilations=gap)
    same(first, expected.transpose(0, 3, 1, 2), 2e-5)


def test_conv2d_with_explicit_padding_and_strides_per_dimension():
    x, w = normal(1, 1, 5, 6, 2), normal(2, 3, 2, 2, 4)
    expected = convolve(x, w, (1, 2), ((2, 1), (0, 3)), (1, 1))
    same(tf.nn.conv2d(x, w, [1, 1, 2, 1], [[0, 0], [2, 1], [0, 3], [0, 0]]), expected, 1e-5)
    same(tf.nn.convolution(x, w, [1, 2], [[2, 1], [0, 3]]), expected, 1e-5)


def test_conv1d_conv3d_and_convolution():
    x, w = normal(1, 2, 7, 3), normal(2, 3, 3, 4)
    same(tf.nn.conv1d(x, w, 2, "SAME"), convolve(x, w, (2,), "SAME", (1,)), 1e-5)
    same(tf.nn.conv1d(x.transpose(0, 2, 1), w, 2, "SAME", data_format="NCW"), convolve(x, w, (2,), "SAME", (1,)).transpose(0, 2, 1), 1e-5)
    same(tf.nn.convolution(x, w, padding="VALID", dilations=2), convolve(x, w, (1,), "VALID", (2,)), 1e-5)
    x, w = normal(1, 1, 3, 4, 4, 2), normal(2, 2, 2, 3, 2, 3)
    same(tf.nn.conv3d(x, w, [1, 1, 2, 1, 1], "SAME"), convolve(x, w, (1, 2, 1), "SAME", (1, 1, 1)), 1e-5)
    same(tf.nn.conv1d(normal(1, 2, 5, 7, 3), normal(2, 3, 3, 4), 1, "SAME").shape, (2, 5, 7, 4))


def test_depthwise_and_separable():
    x, w = normal(1, 2, 5, 6, 3), normal(2, 3, 3, 3, 2)
    flat = w.reshape(3, 3, 1, 6)
    same(tf.nn.depthwise_conv2d(x, w, [1, 2, 2, 1], "SAME"), convolve(x, flat, (2, 2), "SAME", (1, 1)), 1e-5)
    point = normal(3, 1, 1, 6, 4)
    mixed = convolve(convolve(x, flat, (1, 1), "VALID", (1, 1)), point, (1, 1), "VALID", (1, 1))
    same(tf.nn.separable_conv2d(x, w, point, [1] * 4, "VALID"), mixed, 1e-4)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_transposed_convolution_is_the_adjoint(padding):
    """<conv(x), g> = <x, conv_transpose(g)> for all x and g."""
    x, w = normal(1, 2, 7, 6, 3), normal(2, 3, 2, 3, 4)
    y = tf.nn.conv2d(x, w, 2, padding)
    g = normal(3, *y.shape)
    back = tf.nn.conv2d_transpose(g, w, x.shape, 2, padding)
    assert math.isclose(float(tf.reduce_sum(y * g)), float(tf.reduce_sum(x * back)), rel_tol=1e-4)
    first = tf.nn.conv2d_transpose(g.transpose(0, 3, 1, 2), w, [2, 3, 7, 6], 2, padding, data_format="NCHW")
    same(first, back.numpy().transpose(0, 3, 1, 2), 1e-5)
    check(lambda t: tf.nn.conv2d_transpose(t, w, [tf.shape(t)[0], 7, 6, 3], 2, padding), lambda t: back.numpy(), g, tolerance=1e-5)


def test_gradients_of_convolutions():
    x, w = normal(1, 1, 4, 5, 2), normal(2, 2, 3, 2, 2)
    differentiates(lambda a, b: tf.nn.conv2d(a, b, 2, "SAME"), x, w)
    differentiates(lambda a, b: tf.nn.depthwise_conv2d(a, b, [1] * 4, "VALID"), x, w)
    differentiates(lambda a, b: tf.nn.conv2d_transpose(a, b, [1, 8, 10, 2], 2), x, w)


def pooled(x, size, stride, padding, reduce):
    pad = [(0, 0)] * 2
    spatial = x.shape[1:-1]
    count = [-(-n // stride) for n in spatial] if padding == "SAME" else [(n - size) // stride + 1 for n in spatial]
    if padding == "SAME":
        total = [max((c - 1) * stride + size - n, 0) for c, n in zip(count, spatial, strict=True)]
        pad = [(t // 2, t - t // 2) for t in total]
    wide = np.pad(x.astype("float64"), [(0, 0), *pad, (0, 0)], constant_values=np.nan)
    y = np.zeros((x.shape[0], *count, x.shape[-1]))
    for i, j in np.ndindex(*count):
        y[:, i, j] = reduce(wide[:, i * stride : i * stride + size, j * stride : j * stride + size], axis=(1, 2))
    return y.astype(x.dtype)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 1), (3, 2)])
def test_pooling(size, stride, padding):
    x = normal(1, 2, 6, 7, 3)
    for name, reduce in (("max_pool", np.nanmax), ("avg_pool", np.nanmean)):
        expected = pooled(x, size, stride, padding, reduce)
        check(lambda t, n=name: getattr(tf.nn, f"{n}2d")(t, size, stride, padding), lambda t, e=expected: e, x, tolerance=1e-5)
        first = getattr(tf.nn, name)(x.transpose(0, 3, 1, 2), size, stride, padding, data_format="NCHW")
        same(first, expected.transpose(0, 3, 1, 2), 1e-5)
        differentiates(lambda t, n=name: getattr(tf.nn, n)(t, [1, size, size, 1], [1, stride, stride, 1], padding), x[:1, :4, :4, :2])


def test_other_pooling():
    x = normal(1, 2, 8, 3)
    same(tf.nn.max_pool1d(x, 2, 2, "VALID"), x.reshape(2, 4, 2, 3).max(2))
    same(tf.nn.avg_pool1d(x, 2, 2, "VALID"), x.reshape(2, 4, 2, 3).mean(2), 1e-6)
    same(tf.nn.pool(x, [2], "AVG", [2]), x.reshape(2, 4, 2, 3).mean(2), 1e-6)
    same(tf.nn.max_pool3d(tf.ones([1, 2, 2, 2, 1]), 2, 2, "VALID"), np.ones([1, 1, 1, 1, 1], "float32"))
    image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    y, at = tf.nn.max_pool_with_argmax(image, 2, 2, "VALID")
    same(at, image.reshape(-1)[y.numpy().astype(int)].astype("int64"))


def test_normalization():
    x = normal(1, 2, 3, 4, 5)
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    same(mean, x.mean((0, 1, 2)), 1e-5)
    same(variance, x.var((0, 1, 2)), 1e-5)
    same(tf.nn.moments(x, [1], keepdims=True)[1], x.var(1, keepdims=True), 1e-5)
    expected = (x - x.mean()) / np.sqrt(x.var() + 0.1) * 2 + 3
    same(tf.nn.batch_normalization(x, x.mean(), x.var(), 3.0, 2.0, 0.1), expected, 1e-5)
    differentiates(lambda t: list(tf.nn.moments(t, [0])), normal(2, 3, 2))
    differentiates(lambda t, m, v: tf.nn.batch_normalization(t, m, tf.exp(v), m, v, 1e-3), normal(2, 3, 2), normal(3, 2), normal(4, 2))
    weighted = tf.nn.weighted_moments([1.0, 2.0, 3.0], [0], [1.0, 0.0, 1.0])
    same(weighted[0], np.float32(2))
    same(weighted[1], np.float32(1))
    lrn = tf.nn.local_response_normalization(x, 1, 1.0, 0.5, 0.75)
    padded = np.pad(x * x, [(0, 0)] * 3 + [(1, 1)])
    same(lrn, x / (1 + 0.5 * sum(padded[..., i : i + 5] for i in range(3))) ** 0.75, 1e-5)


def test_cross_entropies():
    x, z = 4 * normal(1, 5, 3), softmax(normal(2, 5, 3))
    labels = np.array([0, 2, 1, 1, 0], np.int32)
    logs = np.log(softmax(x.astype("float64")))
    dense, sparse = -(z * logs).sum(1).astype("float32"), -logs[np.arange(5), labels].astype("float32")
    check(lambda a: tf.nn.softmax_cross_entropy_with_logits(z, a), lambda a: dense, x, tolerance=1e-5, open_sizes=False)
    check(tf.nn.sparse_softmax_cross_entropy_with_logits, lambda i, a: sparse, labels, x, tolerance=1e-5, open_sizes=False)
    p = 1 / (1 + np.exp(-x.astype("float64")))
    sigmoid = -z * np.log(p) - (1 - z) * np.log1p(-p)
    check(lambda a: tf.nn.sigmoid_cross_entropy_with_logits(z, a), lambda a: sigmoid.astype("float32"), x, tolerance=1e-5, open_sizes=False)
    weighted = -3 * z * np.log(p) - (1 - z) * np.log1p(-p)
    same(tf.nn.weighted_cross_entropy_with_logits(z, x, 3.0), weighted.astype("float32"), 1e-5)
    same(tf.nn.log_poisson_loss([0.0, 3.0], [1.0, 2.0], True), [math.e, math.exp(2) - 6 + 3 * math.log(3) - 3 + 0.5 * math.log(6 * math.pi)], 1e-5)


def test_sparse_labels_with_an_open_batch():
    f = tf.function(tf.nn.sparse_softmax_cross_entropy_with_logits, input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, 3])])
    same(f(tf.constant([1, 1, 0], tf.int64), tf.zeros([3, 3])), np.full(3, math.log(3), np.float32), 1e-6)


def test_gradients_of_cross_entropies():
    x, z = normal(1, 4, 3), softmax(normal(2, 4, 3).astype("float64"))
    differentiates(lambda a: tf.nn.softmax_cross_entropy_with_logits(z, a), x)
    differentiates(lambda a: tf.nn.sparse_softmax_cross_entropy_with_logits([0, 2, 1, 1], a), x)
    differentiates(lambda a, b: tf.nn.sigmoid_cross_entropy_with_logits(b, a), x, z)
    differentiates(lambda a: tf.nn.weighted_cross_entropy_with_logits(z, a, 2.0), x)


def test_cross_entropies_far_away_and_at_zero():
    x = tf.constant([-1e4, 0.0, 1e4])
    for loss in (tf.nn.sigmoid_cross_entropy_with_logits, lambda labels, logits: tf.nn.weighted_cross_entropy_with_logits(labels, logits, 1.0)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = loss([1.0, 1.0, 1.0], x)
        same(y, [1e4, math.log(2), 0], 1e-6)
        same(tape.gradient(y, x), [-1, -0.5, 0])
    same(tf.nn.sparse_softmax_cross_entropy_with_logits([1], [[-math.inf, 0.0]]), [0])


@pytest.mark.parametrize("label", [3, -1])
def test_labels_out_of_range(label):
    with pytest.raises(ValueError, match=r"label is out of range\. Expected 0 <= label < 3"):
        tf.nn.sparse_softmax_cross_entropy_with_logits([label], tf.zeros([1, 3]))
    f = tf.function(lambda i: tf.nn.sparse_softmax_cross_entropy_with_logits(i, tf.zeros([1, 3])))
    with pytest.raises(ValueError, match="label is out of range"):
        f(tf.constant([label]))


def test_dropout():
    x = tf.ones([100, 100])
    y = tf.nn.dropout(x, 0.25)
    assert set(np.unique(y.numpy())) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(float(tf.reduce_mean(y)) - 1) < 0.05
    same(tf.nn.dropout(x, 0), x.numpy())
    rows = tf.nn.dropout(x, 0.5, noise_shape=[None, 1]).numpy()
    assert (rows == rows[:, :1]).all()
    f = tf.function(lambda t: tf.nn.dropout(t, 0.5), input_signature=[tf.TensorSpec([None, 100])])
    assert not np.array_equal(f(x), f(x))
    for rate in (1.0, -0.1):
        with pytest.raises(ValueError, match="0 <= rate < 1"):
            tf.nn.dropout(x, rate)


def test_gradient_of_dropout_follows_the_decisions():
    x = tf.ones([50])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.dropout(x, 0.5)
    same(tape.gradient(y, x), y.numpy())


def test_small_functions():
    same(tf.nn.bias_add(np.ones([1, 2, 2, 3], "float32"), [1.0, 2.0, 3.0])[0, 0, 0], [2, 3, 4])
    same(tf.nn.bias_add(np.ones([1, 3, 2, 2], "float32"), [1.0, 2.0, 3.0], data_format="NCHW")[0, :, 0, 0], [2, 3, 4])
    same(tf.nn.l2_loss([3.0, 4.0]), np.float32(12.5))
    same(tf.nn.embedding_lookup(X, [2, 0]), X[[2, 0]])
    norms = np.linalg.norm(tf.nn.embedding_lookup(X, [0, 1, 2], max_norm=0.5).numpy(), axis=1)
    assert (norms <= 0.5 + 1e-6).all()
    image = normal(1, 1, 4, 6, 2)
    same(tf.nn.depth_to_space(tf.nn.space_to_depth(image, 2), 2), image)
    same(tf.nn.compute_average_loss([1.0, 3.0], sample_weight=[1.0, 0.0]), np.float32(0.5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tf.nn.conv2d(tf.zeros([1, 4, 4, 3]), tf.zeros([3, 3, 2, 4]), 1, "SAME"), "channels differ"),
        (lambda: tf.nn.conv2d(tf.zeros([4, 4, 3]), tf.zeros([3, 3, 3, 4]), 1, "SAME"), "rank 4"),
        (lambda: tf.nn.conv2d(tf.zeros([1, 4, 4, 3]), tf.zeros([3, 3, 3, 4]), 1, "CIRCULAR"), "'SAME', 'VALID'"),
        (lambda: tf.nn.conv2d(tf.zeros([1, 4, 4, 3]), tf.zeros([3, 3, 3, 4]), [2, 1, 1, 1], "SAME"), "must be 1"),
        (lambda: tf.nn.conv2d(tf.zeros([1, 4, 4, 3]), tf.zeros([3, 3, 3, 4]), 1, "SAME", data_format="CHWN"), "expected data_format"),
        (lambda: tf.nn.depthwise_conv2d(tf.zeros([1, 4, 4, 3]), tf.zeros([3, 3, 2, 1]), [1] * 4, "SAME"), "channels differ"),
        (lambda: tf.nn.max_pool2d(tf.zeros([4, 4, 3]), 2, 2, "SAME"), "rank 4"),
        (lambda: tf.nn.bias_add(tf.zeros([2, 3]), tf.zeros([2])), "one bias per channel"),
        (lambda: tf.nn.softmax_cross_entropy_with_logits(tf.zeros([2, 3]), tf.zeros([2, 4])), "one shape"),
        (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.zeros([2, 1], tf.int32), tf.zeros([2, 4])), "one label for each row"),
    ],
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_float_labels_are_refused():
    with pytest.raises(TypeError, match="class numbers"):
        tf.nn.sparse_softmax_cross_entropy_with_logits([0.0], tf.zeros([1, 3]))


def test_ctc_loss_of_every_spelling():
    """The probability of a labelling is the sum over all the paths that spell it."""
    steps, classes, blank = 4, 3, 1
    logits = normal(7, steps, 2, classes)
    labels, sizes = np.array([[0, 2], [2, -1]]), np.array([2, 1])
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    wanted = np.zeros(2)
    for path in itertools.product(range(classes), repeat=steps):
        spelled = [c for c, _ in itertools.groupby(path) if c != blank]
        for b in range(2):
            if spelled == labels[b, : sizes[b]].tolist():
                wanted[b] += math.prod(p[t, b, c] for t, c in enumerate(path))
    for function in (tf.nn.ctc_loss, tf.function(tf.nn.ctc_loss)):
        found = function(labels, logits, sizes, [steps, steps], blank_index=blank)
        np.testing.assert_allclose(found, -np.log(wanted), rtol=1e-5)
    assert np.isinf(tf.nn.ctc_loss([[0, 0, 2]], logits[:, :1], [3], [3], blank_index=blank)[0])
    with pytest.raises(ValueError, match="blank_index"):
        tf.nn.ctc_loss(tf.SparseTensor([[0, 0]], [1], (1, 1)), logits[:, :1], None, [4])
