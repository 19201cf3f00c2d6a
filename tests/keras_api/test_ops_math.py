"""keras.ops: segments, Fourier transforms, decompositions and forward derivatives, against NumPy."""

import numpy as np
import pytest

import tenfold as tf
from tenfold.core.errors import TraceError
from tenfold.keras import ops

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("window", "center", "length"), [("hann", True, None), ("hamming", False, None), (None, False, None), ("hann", True, 25)])
def test_istft_undoes_stft(window: str | None, center: bool, length: int | None) -> None:
    x = RNG.standard_normal((2, 32))
    stride = 8 if window is None else 2
    back = ops.istft(ops.stft(x, 8, stride, 8, window, center), 8, stride, 8, length, window, center).numpy()
    inner = slice(8, back.shape[-1] - 8)  # at the ends fewer frames overlap
    np.testing.assert_allclose(back[:, inner], x[:, inner], atol=1e-9)
    assert length is None or back.shape == (2, length)


def test_frames_of_unknown_length_in_models() -> None:
    inputs = tf.keras.Input((None,))
    model = tf.keras.Model(inputs, ops.extract_sequences(inputs, 3, 2))
    assert model.output_shape == (None, None, 3)
    np.testing.assert_array_equal(model(np.arange(8.0)[None])[0], [[0, 1, 2], [2, 3, 4], [4, 5, 6]])


def test_overlap_and_add_is_the_transpose_of_frame() -> None:
    x, frames = RNG.standard_normal((2, 11)), RNG.standard_normal((2, 3, 5))
    np.testing.assert_allclose(np.sum(tf.signal.frame(x, 5, 3) * frames), np.sum(x * tf.signal.overlap_and_add(frames, 3).numpy()))


def test_segments() -> None:
    data, ids = RNG.standard_normal((6, 2)), np.array([0, 2, 0, -1, 2, 0])
    rows = [data[ids == k] for k in range(3)]
    np.testing.assert_allclose(ops.segment_sum(data, ids), [r.sum(0) for r in rows])
    np.testing.assert_allclose(ops.segment_prod(data, ids, num_segments=3), [r.prod(0) for r in rows])
    np.testing.assert_array_equal(ops.segment_max(data, ids, 3).numpy()[[0, 2]], [rows[0].max(0), rows[2].max(0)])
    assert ops.segment_sum(tf.keras.KerasTensor((None, 4)), tf.keras.KerasTensor((None,), "int32")).shape == (None, 4)
    with pytest.raises(TraceError, match="num_segments"):
        tf.function(ops.segment_sum)(tf.constant(data), tf.constant(ids))


def test_lu() -> None:
    x = RNG.standard_normal((3, 4, 4))
    factors, pivots = (t.numpy() for t in ops.lu_factor(x))
    product = (np.tril(factors, -1) + np.eye(4)) @ np.triu(factors)
    np.testing.assert_allclose(np.take_along_axis(product, pivots[..., None], 1), x, atol=1e-12)
    assert np.abs(np.tril(factors, -1)).max() <= 1
    with pytest.raises(ValueError, match="singular"):
        ops.lu_factor(np.ones((2, 2)))


def test_lu_has_a_gradient() -> None:
    x, weights, step, h = RNG.standard_normal((4, 4)), RNG.standard_normal((4, 4)), RNG.standard_normal((4, 4)), 1e-6

    def value(x: tf.Tensor) -> tf.Tensor:
        return ops.sum(ops.lu_factor(x)[0] * weights)

    t = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(t)
        y = value(t)
    slope = float(value(x + h * step) - value(x - h * step)) / (2 * h)
    np.testing.assert_allclose(float(ops.sum(tape.gradient(y, t) * step)), slope, rtol=1e-6)


@pytest.mark.parametrize("rcond", [None, 0.5, -1.0])
def test_least_squares_without_full_rank(rcond: float | None) -> None:
    a, b = RNG.standard_normal((6, 2)) @ RNG.standard_normal((2, 4)), RNG.standard_normal((6, 3))
    np.testing.assert_allclose(ops.lstsq(a, b, rcond), np.linalg.lstsq(a, b, rcond)[0], atol=1e-9)


def test_jvp_through_structures_and_in_models() -> None:
    def f(x: tf.Tensor, y: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"product": x * y["k"], "constant": tf.constant([1.0, 1.0])}

    value, slope = ops.jvp(f, ([1.0, 2.0], {"k": 3.0}), ([0.5, 0.0], {"k": 1.0}))
    np.testing.assert_allclose(value["product"], [3.0, 6.0])
    np.testing.assert_allclose(slope["product"], [2.5, 2.0])
    np.testing.assert_allclose(slope["constant"], [0.0, 0.0])
    inputs = tf.keras.Input((2,))
    model = tf.keras.Model(inputs, ops.jvp(lambda x: x * x, (inputs,), (inputs,)))
    np.testing.assert_allclose(model(np.array([[3.0, 4.0]], np.float32))[1], [[18.0, 32.0]])
