"""Layers that augment images: traced and eager alike, each image by itself, nothing outside of training."""

import numpy as np
import pytest

import tenfold as tf

L = tf.keras.layers
LAYERS = {
    "AugMix": {}, "CenterCrop": {"height": 4, "width": 12}, "ContrastLimitedAdaptiveHistogramEqualization": {"tile_grid_size": (2, 2)},
    "CutMix": {}, "Equalization": {}, "MixUp": {}, "RandAugment": {}, "RandomBrightness": {"factor": 0.5},
    "RandomColorDegeneration": {"factor": 0.5}, "RandomColorJitter": {"brightness_factor": 0.2, "saturation_factor": 0.5, "hue_factor": 0.2},
    "RandomContrast": {"factor": 0.5}, "RandomCrop": {"height": 4, "width": 5}, "RandomElasticTransform": {}, "RandomErasing": {"fill_value": 7},
    "RandomFlip": {}, "RandomGaussianBlur": {}, "RandomGrayscale": {}, "RandomInvert": {"factor": 0.5}, "RandomPerspective": {},
    "RandomPosterization": {"factor": (1, 8)}, "RandomRotation": {"factor": 0.5}, "RandomSharpness": {"factor": 0.5},
    "RandomShear": {"x_factor": 0.3, "y_factor": 0.2}, "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.2}, "Resizing": {"height": 4, "width": 4}, "Solarization": {"addition_factor": 0.3},
}  # fmt: skip
IMAGES = np.random.RandomState(0).uniform(0, 255, (4, 8, 10, 3)).astype("float32")


def made(name):
    tf.keras.utils.set_random_seed(3)
    options = LAYERS[name] if name in ("CenterCrop", "Resizing", "Equalization") or "Contrast" in name else {**LAYERS[name], "seed": 5}
    return getattr(L, name)(**{k: v for k, v in options.items() if name != "ContrastLimitedAdaptiveHistogramEqualization" or k != "seed"})


@pytest.mark.parametrize("name", LAYERS)
def test_traced_for_all_batch_sizes_and_eager_alike(name):
    layer, again = made(name), made(name)
    expected = layer(IMAGES, training=True).numpy()
    tf.keras.utils.set_random_seed(3)
    function = tf.function(lambda x: again(x, training=True), input_signature=[tf.TensorSpec([None, 8, 10, 3])])
    np.testing.assert_allclose(function(IMAGES).numpy(), expected, rtol=1e-4, atol=0.05)
    revived = type(layer).from_config(layer.get_config())
    assert revived.get_config() == layer.get_config()


@pytest.mark.parametrize("name", ["RandomBrightness", "RandomZoom", "RandomHue", "RandomErasing", "RandomRotation"])
def test_each_image_draws_for_itself_and_only_in_training(name):
    options = {"RandomZoom": {"height_factor": 0.9}, "RandomErasing": {"factor": (1.0, 1.0)}}.get(name, {"factor": 0.9})
    layer, same = getattr(L, name)(seed=1, **options), np.repeat(IMAGES[:1], 4, 0)
    y = layer(same, training=True).numpy()
    assert len({row.tobytes() for row in y}) == 4
    assert not np.array_equal(layer(same, training=True).numpy(), y)
    np.testing.assert_array_equal(layer(same, training=False).numpy(), same)


def test_labels_boxes_and_masks_follow():
    boxes = {"boxes": np.tile(np.array([[1, 2, 5, 7]], "float32"), (4, 1, 1)), "labels": np.ones((4, 1), "int32")}
    masks = (IMAGES[..., :1] > 100).astype("uint8")
    data = {"images": IMAGES, "labels": np.eye(4, dtype="float32"), "bounding_boxes": boxes, "segmentation_masks": masks}
    result = L.RandomFlip("horizontal", seed=0, bounding_box_format="xyxy")(data)
    flipped = np.array([not np.array_equal(a, b) for a, b in zip(result["images"].numpy(), IMAGES, strict=True)])
    assert 0 < flipped.sum() < 4
    for i, turned in enumerate(flipped):
        assert result["bounding_boxes"]["boxes"].numpy()[i, 0].tolist() == ([5, 2, 9, 7] if turned else [1, 2, 5, 7])
        np.testing.assert_array_equal(result["segmentation_masks"].numpy()[i], masks[i, :, ::-1] if turned else masks[i])
    with pytest.raises(ValueError, match="bounding box format"):
        L.RandomFlip()(data)


def test_images_of_unknown_size():
    images = tf.keras.Input((None, None, 3))
    model = tf.keras.Model(images, L.RandomZoom(0.3)(L.RandomTranslation(0.2, 0.2)(images, training=True), training=True))
    assert model(IMAGES).shape == IMAGES.shape and model(IMAGES[:2, :6]).shape == (2, 6, 10, 3)


def test_one_random_number_has_no_axes():
    assert tf.random.uniform(()).shape == () and tf.bitcast(tf.constant(1.0), "int32").shape == ()
