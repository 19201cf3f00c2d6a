"""tf.image: against NumPy, Pillow and the standard library's colorsys."""

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ops_checks import check, differentiates, normal, same
from PIL import Image

import tenfold as tf

IMAGES = np.random.default_rng(0).uniform(size=(2, 5, 6, 3)).astype("float32")
ONE = IMAGES[0]


def bilinear(x, height, width):
    """By loops, with half-pixel centres."""
    y = np.zeros((height, width, x.shape[-1]), "float32")
    for i, j in np.ndindex(height, width):
        at = [min(max((p + 0.5) * n / m - 0.5, 0), n - 1) for p, n, m in zip((i, j), x.shape, (height, width), strict=False)]
        low = [int(v) for v in at]
        high = [min(v + 1, n - 1) for v, n in zip(low, x.shape, strict=False)]
        (a, b), (f, g) = zip(low, high, strict=True), (at[0] - low[0], at[1] - low[1])
        y[i, j] = (x[a[0], b[0]] * (1 - g) + x[a[0], b[1]] * g) * (1 - f) + (x[a[1], b[0]] * (1 - g) + x[a[1], b[1]] * g) * f
    return y


@pytest.mark.parametrize("size", [(10, 12), (3, 4), (5, 6), (7, 1), (1, 9)])
def test_bilinear(size):
    same(tf.image.resize(ONE, size), bilinear(ONE, *size), 1e-5)
    same(tf.image.resize(IMAGES, size)[1], bilinear(IMAGES[1], *size), 1e-5)


@pytest.mark.parametrize("size", [(10, 12), (3, 4), (2, 2)])
def test_nearest(size):
    i, j = (np.floor((np.arange(m) + 0.5) * n / m).astype(int) for n, m in zip(ONE.shape, size, strict=False))
    same(tf.image.resize((ONE * 255).astype("uint8"), size, "nearest"), (ONE * 255).astype("uint8")[i][:, j])


PILLOW = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC, "lanczos3": Image.Resampling.LANCZOS}


@pytest.mark.parametrize("method", PILLOW)
def test_antialiased_sizes_against_pillow(method):
    channel = np.random.default_rng(1).uniform(size=(16, 20)).astype("float32")
    expected = np.asarray(Image.fromarray(channel).resize((7, 5), PILLOW[method]))
    same(tf.image.resize(channel[..., None], [5, 7], method, antialias=True)[..., 0], expected, 2e-3)


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "area", "gaussian", "lanczos3", "lanczos5", "mitchellcubic", "nearest"])
def test_constant_images_stay_constant(method):
    for size in ((3, 3), (9, 11)):
        same(tf.image.resize(tf.fill([5, 5, 1], 0.5), size, method), np.full([*size, 1], 0.5, np.float32), 1e-5)


def test_area_averages_blocks():
    x = normal(1, 4, 6, 1)
    same(tf.image.resize(x, [2, 3], "area"), x.reshape(2, 2, 3, 2, 1).mean((1, 3)), 1e-5)


def test_resize_compiles_and_differentiates():
    check(lambda x: tf.image.resize(x, [3, 3]), lambda x: np.stack([bilinear(i, 3, 3) for i in x]), IMAGES, tolerance=1e-5)
    differentiates(lambda x: tf.image.resize(x, [3, 4]), normal(1, 1, 2, 3, 1), tolerance=1e-3, step=1e-1)  # linear, in float32
    assert tf.image.resize(IMAGES, [10, 10], preserve_aspect_ratio=True).shape == [2, 8, 10, 3]


def test_turning():
    same(tf.image.flip_left_right(IMAGES), IMAGES[:, :, ::-1])
    same(tf.image.flip_up_down(ONE), ONE[::-1])
    same(tf.image.transpose(ONE), ONE.swapaxes(0, 1))
    for k in range(-1, 5):
        same(tf.image.rot90(IMAGES, k), np.rot90(IMAGES, k, (1, 2)))


def test_cropping_and_padding():
    same(tf.image.central_crop(ONE, 0.5), ONE[1:4, 1:5])
    same(tf.image.crop_to_bounding_box(IMAGES, 1, 2, 3, 4), IMAGES[:, 1:4, 2:6])
    same(tf.image.pad_to_bounding_box(ONE, 1, 2, 8, 9), np.pad(ONE, [(1, 2), (2, 1), (0, 0)]))
    same(tf.image.resize_with_crop_or_pad(ONE, 3, 8), np.pad(ONE[1:4], [(0, 0), (1, 1), (0, 0)]))
    same(tf.image.resize_with_pad(tf.ones([4, 8, 1]), 4, 4)[:, 0, 0], [0, 1, 1, 0])
    assert tf.image.random_crop(IMAGES, [2, 3, 3, 3]).shape == [2, 3, 3, 3]
    found = tf.image.stateless_random_crop(np.arange(20).reshape(4, 5), [2, 2], seed=[1, 2]).numpy()
    assert (np.diff(found, axis=1) == 1).all() and (np.diff(found, axis=0) == 5).all()


def test_types():
    same(tf.image.convert_image_dtype(np.uint8([0, 128, 255]), tf.float32), np.float32([0, 128 / 255, 1]), 1e-6)
    same(tf.image.convert_image_dtype([0.0, 0.5, 1.0], tf.uint8), np.uint8([0, 127, 255]))
    same(tf.image.convert_image_dtype(np.uint8([255]), tf.uint16), np.uint16([255 * 256]))
    same(tf.image.convert_image_dtype(np.uint16([65535]), tf.uint8), np.uint8([255]))
    assert tf.image.adjust_brightness((ONE * 255).astype("uint8"), 0.9).dtype == tf.uint8


def test_colours():
    hsv = np.array([[colorsys.rgb_to_hsv(*p) for p in row] for row in ONE.astype("float64")], np.float32)
    same(tf.image.rgb_to_hsv(ONE), hsv, 1e-5)
    same(tf.image.hsv_to_rgb(hsv), ONE, 1e-5)
    same(tf.image.rgb_to_grayscale(ONE), (ONE @ np.float32([0.2989, 0.587, 0.114]))[..., None], 1e-5)
    same(tf.image.grayscale_to_rgb(ONE[..., :1]), np.repeat(ONE[..., :1], 3, -1))
    same(tf.image.adjust_brightness(ONE, 0.25), ONE + np.float32(0.25))
    same(tf.image.adjust_contrast(ONE, 2.0), (ONE - ONE.mean((0, 1))) * 2 + ONE.mean((0, 1)), 1e-5)
    same(tf.image.adjust_saturation(ONE, 1.0), ONE, 1e-5)
    same(tf.image.adjust_hue(ONE, 1.0), ONE, 1e-5)
    same(tf.image.adjust_gamma(ONE, 2.0, 3.0), 3 * ONE**2, 1e-5)
    standard = tf.image.per_image_standardization(IMAGES).numpy()
    same(standard.mean((1, 2, 3)), [0, 0], 1e-5)
    same(tf.image.total_variation(ONE), np.abs(np.diff(ONE, axis=0)).sum() + np.abs(np.diff(ONE, axis=1)).sum(), 1e-4)
    same(tf.image.psnr(ONE, ONE + 0.1, 1.0), 20.0, 1e-4)


@pytest.mark.parametrize("size", [128, 4])
@pytest.mark.parametrize(
    "change", [lambda x: tf.image.adjust_hue(x, 0.1), lambda x: tf.image.adjust_saturation(x, 2.0), tf.image.rgb_to_hsv, tf.image.hsv_to_rgb]
)
def test_colours_are_three(change, size):
    with pytest.raises(ValueError, match="three colours"):
        change(tf.zeros([size, size, 4]))


@pytest.mark.parametrize(
    "change",
    [lambda x: tf.image.random_brightness(x, 0.2), lambda x: tf.image.random_contrast(x, 0.5, 1.5), lambda x: tf.image.random_saturation(x, 0.5, 1.5),
     lambda x: tf.image.random_hue(x, 0.3)],
)  # fmt: skip
def test_random_changes_differ(change):
    assert change(IMAGES).shape == IMAGES.shape
    assert len({change(IMAGES).numpy().tobytes() for _ in range(4)}) > 1


def test_random_flips():
    flips = [tf.image.random_flip_left_right(ONE).numpy() for _ in range(40)]
    turned = [np.array_equal(f, ONE[:, ::-1]) for f in flips]
    assert all(t or np.array_equal(f, ONE) for t, f in zip(turned, flips, strict=True)) and 5 < sum(turned) < 35
    many = np.repeat(ONE[None], 40, 0)
    decided = {f.tobytes() for f in tf.image.random_flip_up_down(many).numpy()}
    assert len(decided) == 2


BOXES = [[0, 0, 1, 1], [0, 0.1, 1, 1.1], [1, 1, 0, -0.1], [0, 10, 1, 11], [0, 10.1, 1, 11.1], [0, 100, 1, 101], [5, 5, 5, 6]]
SCORES = np.array([0.9, 0.75, 0.6, 0.95, 0.5, 0.3, 0.4], "float32")


@pytest.mark.parametrize(
    ("options", "kept", "scores"),  # recorded from TensorFlow 2.21
    [
        ({}, [3, 0, 6, 5], [0.95, 0.9, 0.4, 0.3]),
        ({"iou_threshold": 0.95}, [3, 0, 1, 2, 4], [0.95, 0.9, 0.75, 0.6, 0.5]),
        ({"score_threshold": 0.45}, [3, 0], [0.95, 0.9]),
        ({"soft_nms_sigma": 0.5}, [3, 0, 6, 1, 5], [0.95, 0.9, 0.4, 0.384, 0.3]),
        ({"soft_nms_sigma": 0.5, "score_threshold": 0.35}, [3, 0, 6, 1], [0.95, 0.9, 0.4, 0.384]),
    ],
)
def test_boxes_that_overlap_better_ones_are_left_out(options, kept, scores):
    found = tf.image.non_max_suppression_with_scores(np.array(BOXES, "float32"), SCORES, 5, **options)
    assert found[0].numpy().tolist() == kept and found[0].dtype == "int32"
    np.testing.assert_allclose(found[1], scores, atol=1e-5)
    if "soft_nms_sigma" not in options:
        assert tf.image.non_max_suppression(BOXES, SCORES, 5, **options).numpy().tolist() == kept
    assert tf.image.non_max_suppression(np.zeros((0, 4), "float32"), [], 5).shape == (0,)
    assert tf.image.non_max_suppression([[0, 0, 1, 1], [0, 0, 1, 1]], [1, 2], 5).numpy().tolist() == [1]  # Python's integers are numbers


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tf.image.resize(tf.zeros([4, 4]), [2, 2]), r"\[height, width, channels\]"),
        (lambda: tf.image.resize(ONE, [2, 2], "best"), "unknown method"),
        (lambda: tf.image.resize(ONE, [2]), "height and width"),
        (lambda: tf.image.crop_to_bounding_box(ONE, 3, 3, 4, 4), "not inside"),
        (lambda: tf.image.pad_to_bounding_box(ONE, 0, 0, 4, 9), "exceeds"),
        (lambda: tf.image.central_crop(ONE, 1.5), "central_fraction"),
        (lambda: tf.image.random_crop(ONE, [9, 9, 3]), "at most"),
        (lambda: tf.image.random_hue(ONE, 0.9), "max_delta"),
        (lambda: tf.image.non_max_suppression(np.ones((2, 3)), [1.0, 2.0], 5), r"expected boxes \[n, 4\]"),
        (lambda: tf.image.non_max_suppression(BOXES, SCORES, 5, iou_threshold=2.0), "from 0 to 1"),
    ],
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_boxes_of_integer_tensors_are_refused():
    with pytest.raises(TypeError, match="expected floats"):
        tf.image.non_max_suppression(tf.zeros([2, 4], tf.int32), [1.0, 2.0], 5)


def windows(x, size, strides, rates, padding):
    """Patches, one after the other."""
    reach = [(n - 1) * rate + 1 for n, rate in zip(size, rates, strict=True)]
    if padding == "SAME":
        counts = [-(-n // step) for n, step in zip(x.shape[1:3], strides, strict=True)]
        missing = [max((c - 1) * step + r - n, 0) for c, step, r, n in zip(counts, strides, reach, x.shape[1:3], strict=True)]
        x = np.pad(x, ((0, 0), *((m // 2, m - m // 2) for m in missing), (0, 0)))
    else:
        counts = [max((n - r) // step + 1, 0) for n, r, step in zip(x.shape[1:3], reach, strides, strict=True)]
    result = np.zeros((len(x), *counts, size[0] * size[1] * x.shape[-1]), x.dtype)
    for i, j in np.ndindex(*counts):
        top, left = i * strides[0], j * strides[1]
        result[:, i, j] = x[:, top : top + reach[0] : rates[0], left : left + reach[1] : rates[1]].reshape(len(x), -1)
    return result


PAIRS = st.tuples(st.integers(1, 6), st.integers(1, 6))


@given(st.tuples(st.integers(1, 18), st.integers(1, 18)), st.integers(1, 4), PAIRS, PAIRS, st.sampled_from([(1, 1), (1, 1), (2, 1), (3, 2)]),
       st.sampled_from(["SAME", "VALID"]))  # fmt: skip
@settings(max_examples=60)
def test_patches_are_those_of_a_loop(image, channels, size, strides, rates, padding):
    x = np.arange(2 * image[0] * image[1] * channels, dtype="float32").reshape(2, *image, channels)
    got = tf.image.extract_patches(x, [1, *size, 1], [1, *strides, 1], [1, *rates, 1], padding)
    np.testing.assert_array_equal(got, windows(x, size, strides, rates, padding))


@pytest.mark.parametrize("strides", [(8, 8), (4, 4), (3, 5)])
def test_patches_of_images_of_unknown_sizes(strides):
    patches = tf.function(lambda x: tf.image.extract_patches(x, [1, 8, 8, 1], [1, *strides, 1], [1, 1, 1, 1], "VALID"),
                          input_signature=[tf.TensorSpec((None, None, None, 3))])  # fmt: skip
    for shape in ((2, 16, 20, 3), (1, 9, 8, 3)):
        x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
        np.testing.assert_array_equal(patches(x), windows(x, (8, 8), strides, (1, 1), "VALID"))


@pytest.mark.parametrize("which", ["sizes", "strides", "rates"])
def test_patches_need_positive_numbers(which):
    given = {"sizes": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "rates": [1, 1, 1, 1], which: [1, 0, 2, 1]}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[extract_patches\] expected .* all positive; received .*\[1, 0, 2, 1\]"):
        tf.image.extract_patches(tf.ones([1, 8, 8, 3]), padding="SAME", **given)
