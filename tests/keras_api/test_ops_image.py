"""keras.ops.image: warps, sizes and patches against pixel by pixel NumPy; the same compiled, and with the channels first."""

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.keras import ops

image = ops.image
RNG = np.random.default_rng(0)
OUTSIDE = {  # NumPy's names of what is outside
    "nearest": "edge", "wrap": "wrap", "mirror": "reflect", "reflect": "symmetric",
}  # fmt: skip


def read(x: np.ndarray, row: float, column: float, mode: str) -> Any:
    """Bilinear interpolation on an image with wide margins."""
    margin = 40
    wide = np.pad(x, [(margin, margin)] * 2 + [(0, 0)], **({"constant_values": 9.0} if mode == "constant" else {"mode": OUTSIDE[mode]}))
    i, j = int(np.floor(row)), int(np.floor(column))
    a, b = row - i, column - j
    corner = wide[margin + i : margin + i + 2, margin + j : margin + j + 2]
    return corner[0, 0] * (1 - a) * (1 - b) + corner[0, 1] * (1 - a) * b + corner[1, 0] * a * (1 - b) + corner[1, 1] * a * b


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_affine_transform(mode: str) -> None:
    x = RNG.standard_normal((2, 5, 7, 2))
    transforms = np.array([[1.1, 0.4, -3.0, -0.3, 0.9, 2.2, 0, 0], [0.5, 0, 4.0, 0.1, 1, -6.3, 0.01, 0.02]], np.float32)
    want = np.empty_like(x)
    for n, (a0, a1, a2, b0, b1, b2, c0, c1) in enumerate(transforms):
        for row, column in np.ndindex(5, 7):
            k = c0 * column + c1 * row + 1
            want[n, row, column] = read(x[n], (b0 * column + b1 * row + b2) / k, (a0 * column + a1 * row + a2) / k, mode)
    found = image.affine_transform(x, transforms, fill_mode=mode, fill_value=9.0)
    np.testing.assert_allclose(found, want, atol=1e-4)
    first = tf.function(lambda x: image.affine_transform(x, transforms, fill_mode=mode, fill_value=9.0, data_format="channels_first"))
    np.testing.assert_allclose(first(tf.constant(x.transpose(0, 3, 1, 2))), want.transpose(0, 3, 1, 2), atol=1e-4)


def test_perspective_moves_corners() -> None:
    x = RNG.uniform(size=(8, 8, 1)).astype(np.float32)
    start, end = np.array([[0, 0], [7, 0], [0, 7], [7, 7]]), np.array([[1, 2], [6, 1], [0, 7], [7, 5]])
    found = image.perspective_transform(x, start, end).numpy()
    for (sx, sy), (ex, ey) in zip(start, end, strict=True):
        np.testing.assert_allclose(found[ey, ex], x[sy, sx], atol=1e-3)


def test_map_coordinates_of_any_rank_has_a_gradient() -> None:
    x, at = tf.constant(RNG.standard_normal((4, 3, 5))), RNG.uniform(-1, 5, (3, 6))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(image.map_coordinates(x, at, 1, "mirror"))
    step = RNG.standard_normal(x.shape)
    moved = ops.sum(image.map_coordinates(x + step, at, 1, "mirror")) - y  # it is linear
    np.testing.assert_allclose(float(ops.sum(tape.gradient(y, x) * step)), float(moved))


def test_blur_is_a_product_of_two_bells() -> None:
    x = np.zeros((1, 9, 9, 1), np.float32)
    x[0, 4, 4] = 1
    rows, columns = (np.exp(-0.5 * ((np.arange(n) - n // 2) / s) ** 2) for n, s in ((5, 2.0), (3, 0.7)))
    want = np.outer(rows / rows.sum(), columns / columns.sum())
    np.testing.assert_allclose(image.gaussian_blur(x, (5, 3), (0.7, 2.0)).numpy()[0, 2:7, 3:6, 0], want, rtol=1e-5)


def test_patches_of_images_and_volumes() -> None:
    x = RNG.standard_normal((2, 6, 7, 8, 3))
    found = image.extract_patches_3d(x, (2, 3, 1), strides=(2, 1, 3), dilation_rate=(1, 2, 1)).numpy()
    np.testing.assert_array_equal(found[1, 2, 1, 2], x[1, 4:6, 1:7:2, 6:7].ravel())
    flat = tf.image.extract_patches(x[:, 0], [1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME")
    np.testing.assert_array_equal(image.extract_patches(x[:, 0], 2, 1, padding="same"), flat)
    assert image.extract_patches(tf.keras.Input((8, 8, 3)), 4).shape == (None, 2, 2, 48)


def test_sizes_in_proportion() -> None:
    x = np.arange(32.0, dtype=np.float32).reshape(1, 4, 8, 1)
    np.testing.assert_array_equal(image.resize(x, (4, 4), crop_to_aspect_ratio=True), x[:, :, 2:6])
    padded = image.resize(x, (8, 8), pad_to_aspect_ratio=True, fill_value=-1.0, interpolation="nearest").numpy()
    np.testing.assert_array_equal(padded[:, 2:6], x)
    assert (padded[:, :2] == -1).all()
    small = image.resize(np.array([[[0], [255]]], np.uint8), (1, 3))
    assert small.dtype == "uint8" and small.numpy().ravel().tolist() == [0, 128, 255]


def test_scale_and_translate_is_a_resize_without_translation() -> None:
    x = RNG.standard_normal((5, 6, 2)).astype(np.float32)
    for method in ("cubic", "lanczos3"):
        found = image.scale_and_translate(x, (10, 3, 2), [2.0, 0.5], [0.0, 0.0], (0, 1), method)
        want = image.resize(x, (10, 3), "bicubic" if method == "cubic" else method, antialias=True)
        np.testing.assert_allclose(found, want, atol=1e-5)


def test_margins_by_two_of_three_numbers() -> None:
    inputs = tf.keras.KerasTensor((None, None, 6, 1))
    assert image.pad_images(inputs, top_padding=1, left_padding=1, target_height=9, right_padding=2).shape == (None, 9, 9, 1)
    assert image.crop_images(inputs, top_cropping=1, left_cropping=1, target_height=4, right_cropping=2).shape == (None, 4, 3, 1)
    with pytest.raises(ValueError, match="exactly two of left_padding, right_padding, target_width"):
        image.pad_images(inputs, 1, 1, target_height=9)
    with pytest.raises(ValueError, match="bottom_cropping must be >= 0"):
        image.crop_images(np.ones((4, 4, 1)), 2, 0, target_height=3, target_width=4)


def test_elastic_transform_moves_smoothly() -> None:
    x = np.tile(np.arange(32.0, dtype=np.float32)[None, :, None], (32, 1, 1))
    y = image.elastic_transform(x, alpha=3.0, sigma=4.0, seed=1, fill_mode="nearest").numpy()
    assert 0.1 < np.abs(y - x).mean() < 6 and np.abs(np.diff(y, axis=0)).max() < 2
    np.testing.assert_array_equal(y, image.elastic_transform(x, alpha=3.0, sigma=4.0, seed=1, fill_mode="nearest"))


@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "area", "gaussian", "lanczos3", "lanczos5", "mitchellcubic"])
def test_images_of_unknown_size_are_resized(method: str) -> None:
    for antialias in (False, True):

        def resized(x: tf.Tensor, antialias: bool = antialias) -> tf.Tensor:
            return tf.image.resize(x, (7, 5), method, antialias=antialias)

        traced = tf.function(resized, input_signature=[tf.TensorSpec([None, None, None, 2])])
        for height, width in ((5, 6), (17, 29), (7, 1)):
            x = RNG.standard_normal((2, height, width, 2)).astype(np.float32)
            np.testing.assert_allclose(traced(x), resized(x), atol=1e-5)
        assert traced.experimental_get_tracing_count() == 1


def test_pipelines_resize_images_of_different_sizes() -> None:
    images = [RNG.integers(0, 255, (n, n + 1, 3), np.uint8) for n in (3, 5, 8)]
    data = tf.data.Dataset.from_generator(lambda: iter(images), output_signature=tf.TensorSpec([None, None, 3], tf.uint8))
    (found,) = data.map(lambda x: ops.image.resize(x, (4, 4))).batch(3)
    np.testing.assert_array_equal(found, [ops.image.resize(x, (4, 4)) for x in images])
