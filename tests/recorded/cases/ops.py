"""TensorFlow's own operations where NumPy has no equal or TensorFlow differs: values and gradients."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, arrays, integers, normal, with_gradients

CASES: dict[str, Case] = {}


def add(name: str, function: Callable[..., Any], *inputs: np.ndarray, tolerance: float = 1e-5) -> None:
    """`function(tf, *tensors)`, its outputs and gradients."""
    CASES[name] = Case(lambda tf: with_gradients(tf, lambda *xs: function(tf, *xs), *inputs), tolerance)


UNARY: dict[str, tuple[float, float]] = {
    "math.erf": (-4, 4),
    "math.erfc": (-4, 4),
    "math.lgamma": (0.1, 20),
    "math.digamma": (0.1, 20),
    "math.expm1": (-5, 5),
    "math.log1p": (-0.9, 9),
    "math.sigmoid": (-20, 20),
    "math.log_sigmoid": (-20, 20),
    "math.softplus": (-20, 20),
    "math.sin": (-20, 20),
    "math.cos": (-20, 20),
    "math.tan": (-1.4, 1.4),
    "math.asin": (-0.99, 0.99),
    "math.acos": (-0.99, 0.99),
    "math.atan": (-9, 9),
    "math.sinh": (-5, 5),
    "math.cosh": (-5, 5),
    "math.tanh": (-9, 9),
    "math.asinh": (-9, 9),
    "math.acosh": (1.1, 9),
    "math.atanh": (-0.95, 0.95),
    "math.rsqrt": (0.1, 9),
    "math.sqrt": (0.1, 9),
    "math.square": (-9, 9),
    "math.reciprocal": (0.1, 9),
    "math.exp": (-9, 9),
    "math.log": (0.05, 20),
    "math.round": (-4.5, 4.5),
    "math.rint": (-4.5, 4.5),
    "math.floor": (-4.5, 4.5),
    "math.ceil": (-4.5, 4.5),
    "nn.relu": (-4, 4),
    "nn.relu6": (-3, 9),
    "nn.elu": (-4, 4),
    "nn.selu": (-4, 4),
    "nn.softsign": (-4, 4),
    "nn.silu": (-9, 9),
    "nn.gelu": (-5, 5),
    "nn.leaky_relu": (-4, 4),
}
ROUNDED_CONSTANTS = ("nn.gelu", "nn.leaky_relu")  # TensorFlow's constants there are float32, in float64 too
for path, (low, high) in UNARY.items():
    for dtype in ("float32", "float64"):
        x = np.linspace(low, high, 37).astype(dtype)
        add(
            f"{path}_{dtype}",
            lambda tf, t, p=path: attrgetter(p)(tf)(t),
            x,
            tolerance=1e-5 if dtype == "float32" else 0.1 if path in ROUNDED_CONSTANTS else 1e-4,
        )

a34, b45, v4 = normal(1, 3, 4), normal(2, 4, 5), normal(3, 4)
add("matmul_transpose_a", lambda tf, a, b: tf.matmul(a, b, transpose_a=True), normal(4, 4, 3), b45)
add("matmul_transpose_b", lambda tf, a, b: tf.matmul(a, b, transpose_b=True), a34, normal(5, 5, 4))
add("matmul_batched", lambda tf, a, b: tf.matmul(a, b), normal(6, 2, 3, 3, 4), normal(7, 2, 3, 4, 5))
add("matmul_broadcast", lambda tf, a, b: tf.matmul(a, b), normal(8, 2, 1, 3, 4), normal(9, 3, 4, 5))
add("matvec", lambda tf, a, b: tf.linalg.matvec(a, b), a34, v4)
add("tensordot", lambda tf, a, b: tf.tensordot(a, b, axes=[[1, 2], [0, 1]]), normal(10, 2, 3, 4), normal(11, 3, 4, 5))
EINSUMS: dict[str, list[tuple[int, ...]]] = {
    "ij,jk->ik": [(3, 4), (4, 5)],
    "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)],
    "ij->ji": [(3, 4)],
    "ii->": [(4, 4)],
    "ii->i": [(4, 4)],
    "bqhd,bkhd->bhqk": [(2, 3, 2, 4), (2, 5, 2, 4)],
    "bhqk,bkhd->bqhd": [(2, 2, 3, 5), (2, 5, 2, 4)],
    "...ij,...jk->...ik": [(2, 3, 4), (2, 4, 5)],
    "i,j->ij": [(3,), (4,)],
    "ijk->k": [(2, 3, 4)],
    "ab,bc,cd->ad": [(2, 3), (3, 4), (4, 5)],
    "ij,ij->": [(3, 4), (3, 4)],
}
for i, (equation, shapes) in enumerate(EINSUMS.items()):
    operands = [normal(200 + 10 * i + j, *shape) for j, shape in enumerate(shapes)]
    add(f"einsum_{i}", lambda tf, *xs, e=equation: tf.einsum(e, *xs), *operands)

image, odd = normal(12, 2, 8, 7, 4), normal(13, 1, 9, 11, 3)
for padding in ("SAME", "VALID"):
    for stride in (1, 2, 3):
        tag = f"{padding.lower()}_stride{stride}"
        add(f"conv2d_{tag}", lambda tf, x, w, s=stride, p=padding: tf.nn.conv2d(x, w, s, p), odd, normal(14, 3, 2, 3, 5))
        add(f"depthwise_{tag}", lambda tf, x, w, s=stride, p=padding: tf.nn.depthwise_conv2d(x, w, [1, s, s, 1], p), odd, normal(15, 3, 3, 3, 2))
        add(f"max_pool_{tag}", lambda tf, x, s=stride, p=padding: tf.nn.max_pool2d(x, 3, s, p), odd)
        add(f"avg_pool_{tag}", lambda tf, x, s=stride, p=padding: tf.nn.avg_pool2d(x, 3, s, p), odd)
    add(f"conv2d_dilated_{padding.lower()}", lambda tf, x, w, p=padding: tf.nn.conv2d(x, w, 1, p, dilations=2), odd, normal(16, 3, 3, 3, 2))
    size = {"SAME": (16, 14), "VALID": (17, 15)}[padding]
    add(
        f"conv2d_transpose_{padding.lower()}",
        lambda tf, x, w, s=size, p=padding: tf.nn.conv2d_transpose(x, w, (2, *s, 3), strides=2, padding=p),
        image,
        normal(17, 3, 3, 3, 4),
    )
add("conv2d_transpose_odd", lambda tf, x, w: tf.nn.conv2d_transpose(x, w, (2, 15, 13, 3), strides=2, padding="SAME"), image, normal(17, 3, 3, 3, 4))
add("conv2d_explicit", lambda tf, x, w: tf.nn.conv2d(x, w, [1, 2, 1, 1], [[0, 0], [2, 1], [0, 3], [0, 0]]), odd, normal(18, 3, 3, 3, 2))
add("conv2d_grouped", lambda tf, x, w: tf.nn.conv2d(x, w, 1, "SAME"), image, normal(19, 3, 3, 2, 6))
add("conv1d", lambda tf, x, w: tf.nn.conv1d(x, w, 2, "SAME"), normal(20, 2, 9, 3), normal(21, 3, 3, 5))
add("separable", lambda tf, x, d, p: tf.nn.separable_conv2d(x, d, p, [1, 1, 1, 1], "SAME"), odd, normal(22, 3, 3, 3, 1), normal(23, 1, 1, 3, 4))
add("bias_add", lambda tf, x, b: tf.nn.bias_add(x, b), image, v4)

logits, labels = normal(24, 6, 5) * 4, integers(25, 0, 5, 6)
add("softmax", lambda tf, x: tf.nn.softmax(x), logits)
add("softmax_axis0", lambda tf, x: tf.nn.softmax(x, axis=0), logits)
add("log_softmax", lambda tf, x: tf.nn.log_softmax(x), logits)
add("logsumexp", lambda tf, x: tf.reduce_logsumexp(x, axis=1, keepdims=True), logits)
add("softmax_ce", lambda tf, x: tf.nn.softmax_cross_entropy_with_logits(np.eye(5, dtype="float32")[labels], x), logits)
add("sparse_softmax_ce", lambda tf, x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x), logits)
add("sigmoid_ce", lambda tf, x: tf.nn.sigmoid_cross_entropy_with_logits(np.eye(5, dtype="float32")[labels], x), logits * 5)
spoken, words = normal(300, 7, 3, 5) * 2, np.array([[1, 2, 2], [3, 1, 0], [4, 4, 4]], "int32")  # [steps, batch, classes]
word_sizes, step_counts = np.array([3, 1, 2], "int32"), np.array([7, 5, 6], "int32")
add("ctc_loss", lambda tf, x: tf.nn.ctc_loss(words, x, word_sizes, step_counts), spoken)
add("ctc_loss_last_blank", lambda tf, x: tf.nn.ctc_loss(words - 1, x, [3, 0, 2], step_counts, blank_index=-1), spoken)
add(
    "ctc_loss_batch_major",
    lambda tf, x: tf.nn.ctc_loss(words, x, word_sizes, [4, 4, 4], logits_time_major=False, blank_index=0),
    normal(301, 3, 4, 5),
)
SPARSE_WORDS = [[0, 0], [0, 1], [0, 2], [1, 0], [2, 0], [2, 1]], [1, 2, 2, 3, 0, 0], [3, 3]
add(
    "ctc_loss_sparse",
    lambda tf, x: tf.nn.ctc_loss(tf.SparseTensor(SPARSE_WORDS[0], np.int32(SPARSE_WORDS[1]), SPARSE_WORDS[2]), x, None, step_counts, blank_index=-1),
    spoken,
)


def _decoded(decoder: str, **options: Any) -> Callable[[Any], Arrays]:
    def run(tf: Any) -> Arrays:
        paths, scores = getattr(tf.nn, decoder)(spoken, step_counts, **options)
        found = {f"{part}{k}": getattr(p, part) for k, p in enumerate(paths) for part in ("indices", "values", "dense_shape")}
        return arrays(scores=scores, **found)

    return run


CASES["ctc_greedy"] = Case(_decoded("ctc_greedy_decoder"))
CASES["ctc_greedy_first_blank"] = Case(_decoded("ctc_greedy_decoder", merge_repeated=False, blank_index=0))
CASES["ctc_beam_search"] = Case(_decoded("ctc_beam_search_decoder", beam_width=60, top_paths=3))
ORDERS, POINTS = np.float64([0, 1, 2, 3, 4, 1, 2, 3]), np.float64([0.3, 1, 2.5, 12, 40, -0.4, -1.6, -3.2])
add("polygamma", lambda tf, x: tf.math.polygamma(ORDERS, x), POINTS, tolerance=1e-4)
add("polygamma_float32", lambda tf, x: tf.math.polygamma(np.float32(ORDERS[:5]), x), np.float32(POINTS[:5]))
add("zeta", lambda tf, q: tf.math.zeta(np.float64([2, 3, 4, 1.5, 2.5]), q), np.float64([1, 0.5, 7, 1.25, 30]), tolerance=1e-4)
CASES["zeta_edges"] = Case(lambda tf: arrays(y=tf.math.zeta(np.float64([1, 0.5, 2, 3, 2.5]), np.float64([2, 2, -1, -0.5, -0.5]))))
NEIGHBOURS = [0, -0.0, 1, 1, -1, np.inf, 3, np.nan], [1, -1, 2, 0, 0, 0, 3, 1]
for width in ("float32", "float64"):
    CASES[f"nextafter_{width}"] = Case(
        lambda tf, t=width: arrays(y=tf.math.nextafter(tf.constant(NEIGHBOURS[0], t), tf.constant(NEIGHBOURS[1], t))), tolerance=0.0
    )
add("moments", lambda tf, x: tf.nn.moments(x, axes=[0, 1]), image)
add("batch_normalization", lambda tf, x, m, v, o, s: tf.nn.batch_normalization(x, m, tf.exp(v), o, s, 1e-3), image, v4, v4 / 3, v4 + 1, v4 - 2)
add("l2_normalize", lambda tf, x: tf.math.l2_normalize(x, axis=1), a34)

for exclusive in (False, True):
    for reverse in (False, True):
        tag = f"{'exclusive' if exclusive else 'plain'}_{'reverse' if reverse else 'forward'}"
        options = {"axis": 1, "exclusive": exclusive, "reverse": reverse}
        add(f"cumsum_{tag}", lambda tf, x, o=options: tf.cumsum(x, **o), a34)
        add(f"cumprod_{tag}", lambda tf, x, o=options: tf.math.cumprod(x, **o), a34)
add("top_k", lambda tf, x: tf.math.top_k(x, 3)[0], logits)
CASES["top_k_indices"] = Case(lambda tf: arrays(i=tf.math.top_k(logits, 3)[1], ties=tf.math.top_k(np.float32([1, 3, 3, 2, 3]), 2)[1]))
segments = np.array([0, 0, 1, 3, 3, 3], "int32")
for kind in ("sum", "mean", "max", "min", "prod"):
    add(f"segment_{kind}", lambda tf, x, k=kind: getattr(tf.math, f"segment_{k}")(x, segments), normal(26, 6, 3))
    shuffled = np.array([2, 0, 1, 0, 2, 2], "int32")
    add(f"unsorted_segment_{kind}", lambda tf, x, k=kind, s=shuffled: getattr(tf.math, f"unsorted_segment_{k}")(x, s, 3), normal(27, 6, 3))
add("gather", lambda tf, x: tf.gather(x, [[2, 0], [1, 1]]), a34)
add("gather_axis1", lambda tf, x: tf.gather(x, [3, 0, 3], axis=1), a34)
add("gather_batch", lambda tf, x: tf.gather(x, [[0, 1], [3, 3], [2, 0]], axis=1, batch_dims=1), a34)
add("gather_nd", lambda tf, x: tf.gather_nd(x, [[0, 1], [2, 3], [2, 3]]), a34)
add("scatter_nd", lambda tf, x: tf.scatter_nd([[1], [3], [1]], x, [5, 4]), a34)
add("scatter_update", lambda tf, x, u: tf.tensor_scatter_nd_update(x, [[2], [0]], u), a34, normal(28, 2, 4))
add("boolean_mask", lambda tf, x: tf.boolean_mask(x, [True, False, True]), a34)
add("where", lambda tf, x, y: tf.where(x > 0, x, y), a34, normal(29, 3, 4))
add("one_hot", lambda tf, x: tf.one_hot(labels, 5, on_value=2.0, off_value=-1.0) * x, logits)
add("pad_reflect", lambda tf, x: tf.pad(x, [[1, 2], [2, 1]], "REFLECT"), a34)
add("pad_symmetric", lambda tf, x: tf.pad(x, [[1, 2], [2, 1]], "SYMMETRIC"), a34)
add("pad_constant", lambda tf, x: tf.pad(x, [[1, 2], [0, 1]], constant_values=7.0), a34)
add("roll", lambda tf, x: tf.roll(x, [1, -2], [0, 1]), a34)
add("reverse", lambda tf, x: tf.reverse(x, [1]), a34)
add("tile", lambda tf, x: tf.tile(x, [2, 3]), a34)
add("repeat", lambda tf, x: tf.repeat(x, [2, 0, 3], axis=0), a34)
add("stack", lambda tf, x, y: tf.stack([x, y], axis=1), a34, a34 * 2)
add("unstack", lambda tf, x: tf.unstack(x, axis=1), a34)
add("split", lambda tf, x: tf.split(x, [1, 3], axis=1), a34)
add("concat", lambda tf, x, y: tf.concat([x, y], -1), a34, a34[:, :2])
add("transpose", lambda tf, x: tf.transpose(x, [2, 0, 3, 1]), image)
add("squeeze_expand", lambda tf, x: tf.squeeze(tf.expand_dims(x, 1), 1), a34)
add("broadcast_to", lambda tf, x: tf.broadcast_to(x, [2, 3, 4]), a34)
add("sequence_mask", lambda tf, x: tf.sequence_mask([1, 3, 2], 4, tf.float32) * x, a34)
add("reduce_std", lambda tf, x: tf.math.reduce_std(x, axis=1), a34)
add("reduce_variance", lambda tf, x: tf.math.reduce_variance(x), a34)
add("reduce_prod", lambda tf, x: tf.reduce_prod(x, axis=0), a34)
add("reduce_mean", lambda tf, x: tf.reduce_mean(x, axis=[0, 1], keepdims=True), a34)
add("norm", lambda tf, x: tf.norm(x), a34)
add("norm_1", lambda tf, x: tf.norm(x, ord=1, axis=1), a34)
add("global_norm", lambda tf, x, y: tf.linalg.global_norm([x, y]), a34, v4)
add("clip_by_norm", lambda tf, x: tf.clip_by_norm(x, 1.5, axes=[1]), a34)
add("clip_by_global_norm", lambda tf, x, y: tf.clip_by_global_norm([x, y], 2.0)[0], a34, v4)
add("band_part", lambda tf, x: tf.linalg.band_part(x, 0, -1), a34)
add("diag_part", lambda tf, x: tf.linalg.diag_part(x), a34)
add("diag", lambda tf, x: tf.linalg.diag(x), v4)
add("trace", lambda tf, x: tf.linalg.trace(x), normal(30, 4, 4))
add("atan2", lambda tf, x, y: tf.math.atan2(x, y), a34, a34.T.reshape(3, 4) + 0.3)
add("xlogy", lambda tf, x, y: tf.math.xlogy(x, y), np.float32([0, 1, 2, 0]), np.float32([0, 2, 3, 5]))
add("divide_no_nan", lambda tf, x, y: tf.math.divide_no_nan(x, y), v4, np.float32([0, 2, 0, 4]))
add("multiply_no_nan", lambda tf, x, y: tf.math.multiply_no_nan(x, y), v4, np.float32([0, 2, 0, 4]))
add("squared_difference", lambda tf, x, y: tf.math.squared_difference(x, y), a34, v4)
add("add_n", lambda tf, x, y: tf.add_n([x, y, x]), a34, a34 + 1)
add("cast_chain", lambda tf, x: tf.cast(tf.cast(x, tf.float64) * 2, tf.float32), a34)
add("scan", lambda tf, x: tf.scan(lambda c, e: tf.tanh(c + e), x, initializer=np.zeros(4, "float32")), a34)
add("while", lambda tf, x: tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, tf.sin(v) * 1.5), [tf.constant(0), x])[1], a34)
add("cond", lambda tf, x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * x, lambda: -x), a34)
add("map_fn", lambda tf, x: tf.map_fn(lambda row: row * tf.reduce_sum(row), x), a34)

INDEX: dict[str, Callable[[Any], Any]] = {
    "row": lambda x: x[1],
    "last": lambda x: x[-1],
    "slice": lambda x: x[1:],
    "steps": lambda x: x[::2, 1::2],
    "negative": lambda x: x[::-1, ::-2],
    "newaxis": lambda x: x[:, None, 1:3],
    "ellipsis": lambda x: x[..., 2],
    "mixed": lambda x: x[-1, ..., None, :2],
    "empty": lambda x: x[2:1],
    "beyond": lambda x: x[1:99, -99:2],
    "both": lambda x: x[1, 2],
    "down": lambda x: x[2:0:-1],
}
for name, index in INDEX.items():
    add(f"index_{name}", lambda tf, x, i=index: i(x), a34)


def third_order(tf: Any) -> Arrays:
    x = tf.Variable(np.float32([0.3, -1.2]))
    with tf.GradientTape() as t3:
        with tf.GradientTape() as t2:
            with tf.GradientTape() as t1:
                y = tf.reduce_sum(tf.sin(x) * tf.exp(x))
            first = t1.gradient(y, x)
        second = t2.gradient(first, x)
    return arrays(first=first, second=second, third=t3.gradient(second, x))


def jacobian(tf: Any) -> Arrays:
    x = tf.constant(a34)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.nn.softmax(tf.matmul(x, tf.constant(b45)))
    return arrays(whole=tape.jacobian(y, x), batched=tape.batch_jacobian(y, x))


CASES["third_order"] = Case(third_order)
CASES["jacobian"] = Case(jacobian)
CASES["range"] = Case(
    lambda tf: arrays(
        i=tf.range(5), j=tf.range(2, 9, 3), f=tf.range(0.0, 1.0, 0.25), d=tf.range(5, 0, -2), l=tf.linspace(0.0, 1.0, 5), e=tf.eye(3, 4)
    )
)
CASES["unique"] = Case(lambda tf: {f"u{i}": array(t) for i, t in enumerate(tf.unique([3, 1, 3, 2, 1]))})
CASES["sort"] = Case(
    lambda tf: arrays(
        up=tf.sort(a34), down=tf.sort(a34, direction="DESCENDING"), arg=tf.argsort(a34, axis=0), stable=tf.argsort([2, 1, 2, 1], stable=True)
    )
)
CASES["argmax"] = Case(
    lambda tf: arrays(a=tf.argmax(a34, axis=1), b=tf.argmin(a34), ties=tf.argmax([1, 3, 3]), small=tf.argmax(a34, axis=1, output_type=tf.int32))
)
CASES["where_indices"] = Case(lambda tf: arrays(w=tf.where([[True, False], [True, True]])))
CASES["reduce_bool"] = Case(lambda tf: arrays(a=tf.reduce_any(a34 > 1, axis=1), b=tf.reduce_all(a34 > -2, axis=0), n=tf.math.count_nonzero(a34 > 0)))
CASES["bincount"] = Case(lambda tf: arrays(b=tf.math.bincount([1, 1, 4, 0]), c=tf.math.confusion_matrix([0, 1, 2, 1], [0, 2, 2, 1])))
CASES["in_top_k"] = Case(lambda tf: arrays(k=tf.math.in_top_k(labels, logits, 2)))
