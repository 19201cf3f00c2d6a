"""keras.ops.nn: what has no layer or loss with tests of its own, against formulas in NumPy."""

import itertools

import numpy as np
import pytest

import tenfold as tf
from tenfold.keras import ops

RNG = np.random.default_rng(0)


def spelled(path: tuple[int, ...]) -> tuple[int, ...]:
    """What a path of CTC outputs spells: repetitions, then blanks (0) left out."""
    return tuple(k for k, _ in itertools.groupby(path) if k)


def spellings(logits: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of each label sequence, summed over all paths."""
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        key = spelled(path)
        found[key] = found.get(key, 0.0) + float(np.prod([row[c] for row, c in zip(p, path, strict=True)]))
    return found


def test_ctc_loss_is_the_sum_over_all_paths() -> None:
    logits = RNG.standard_normal((5, 5, 3))
    labels, length, steps = np.array([[1, 2], [1, 1], [2, 0], [0, 0], [1, 1]]), [2, 2, 1, 0, 2], [5, 5, 4, 3, 2]
    want = [-np.log(spellings(x[:t]).get(tuple(y[:n]), 0.0) or 1e-300) for x, y, n, t in zip(logits, labels, length, steps, strict=True)]
    found = ops.ctc_loss(labels, logits, length, steps).numpy()
    np.testing.assert_allclose(found[:4], want[:4], rtol=1e-9)
    assert np.isinf(found[4])  # two equal labels need a blank between


def test_ctc_loss_has_a_gradient_in_compiled_functions() -> None:
    x = tf.constant(RNG.standard_normal((1, 4, 3)), tf.float64)

    @tf.function
    def gradient(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = ops.ctc_loss([[1, 2]], x, [2], [4])
        return tape.gradient(loss, x)

    step, h = RNG.standard_normal((1, 4, 3)), 1e-5
    up, down = (float(ops.ctc_loss([[1, 2]], x + s * step, [2], [4])[0]) for s in (h, -h))
    np.testing.assert_allclose(float(tf.reduce_sum(gradient(x) * step)), (up - down) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_wide_beam_finds_the_likeliest_labels(compiled: bool) -> None:
    logits = RNG.standard_normal((2, 4, 3))
    decode = tf.function(ops.ctc_decode) if compiled else ops.ctc_decode
    labels, scores = decode(logits, [4, 3], strategy="beam_search", beam_width=40, top_paths=3)
    for k, steps in enumerate([4, 3]):
        best = sorted(spellings(logits[k, :steps]).items(), key=lambda item: -item[1])[:3]
        assert [tuple(int(c) for c in row if c >= 0) for row in labels.numpy()[:, k]] == [key for key, _ in best]
        np.testing.assert_allclose(scores.numpy()[k], [np.log(p) for _, p in best], rtol=1e-9)


def test_fold_is_the_transpose_of_unfold() -> None:
    options = {"kernel_size": (3, 2), "dilation": (1, 2), "padding": (1, 0), "stride": (2, 1)}
    x = RNG.standard_normal((2, 3, 7, 8))
    y = ops.unfold(x, **options)
    g = RNG.standard_normal(y.shape)
    np.testing.assert_allclose(float(ops.sum(y * g)), float(ops.sum(x * ops.fold(g, (7, 8), **options))), rtol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_adaptive_pools(size: int) -> None:
    x = RNG.standard_normal((2, 5, 3)).astype(np.float32)
    windows = [x[:, i * 5 // size : -(-(i + 1) * 5 // size)] for i in range(size)]
    np.testing.assert_allclose(ops.adaptive_average_pool(x, size), np.stack([w.mean(1) for w in windows], 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ops.adaptive_max_pool(x, size), np.stack([w.max(1) for w in windows], 1))


def test_softmax_over_several_axes() -> None:
    x = RNG.standard_normal((2, 3, 4))
    np.testing.assert_allclose(ops.softmax(x, axis=(0, 2)), np.exp(x) / np.exp(x).sum((0, 2), keepdims=True))
    np.testing.assert_allclose(ops.log_softmax(x, axis=None), x - np.log(np.exp(x).sum()))


def test_sparsemax_is_the_nearest_point_among_probabilities() -> None:
    x = RNG.standard_normal((4, 6)) * 2
    p = ops.sparsemax(x).numpy()
    np.testing.assert_allclose(p.sum(-1), 1)
    assert (p >= 0).all() and (p == 0).any()
    for q in RNG.dirichlet(np.ones(6), 500):
        assert (((p - x) ** 2).sum(-1) <= ((q - x) ** 2).sum(-1) + 1e-12).all()


def test_strides_and_dilation_together() -> None:
    x, w = RNG.standard_normal((1, 12, 2)), RNG.standard_normal((3, 2, 4))
    plain = ops.conv(x, w, dilation_rate=2)
    np.testing.assert_allclose(ops.conv(x, w, strides=2, dilation_rate=2), plain[:, ::2])


@pytest.mark.parametrize(("padding", "extra", "size"), [("valid", None, 9), ("valid", 1, 10), ("same", None, 8), ("same", 0, 7)])
def test_transposed_convolutions_are_the_gradient_of_convolutions(padding: str, extra: int | None, size: int) -> None:
    x, w = RNG.standard_normal((2, 4, 3)), RNG.standard_normal((3, 5, 3))
    y = ops.conv_transpose(x, w, 2, padding, extra)
    assert y.shape == (2, size, 5)
    if extra is None:
        z = RNG.standard_normal(y.shape)
        np.testing.assert_allclose(float(ops.sum(y * z)), float(ops.sum(x * ops.conv(z, w, 2, padding))), rtol=1e-9)


def test_channels_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="input channels must match the kernel"):
        ops.conv(np.ones((1, 5, 3)), np.ones((2, 2, 4)))


def test_operations_in_models_come_back_from_their_config() -> None:
    inputs = tf.keras.Input((4, 4, 8))
    x = ops.depth_to_space(ops.layer_normalization(inputs, axis=(1, 2)), 2)
    model = tf.keras.Model(inputs, ops.multi_hot(ops.cast(ops.normalize(x, order=1) > 0, "int32"), 3))
    again = tf.keras.Model.from_config(model.get_config())
    data = RNG.standard_normal((2, 4, 4, 8)).astype(np.float32)
    np.testing.assert_array_equal(model(data), again(data))


def test_leaky_relu_of_integers_is_floating() -> None:
    np.testing.assert_allclose(ops.leaky_relu([1, -2]).numpy(), np.float32([1.0, -0.4]))
