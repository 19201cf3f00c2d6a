"""keras.applications: the models that Keras has, layer by layer."""

import json
from pathlib import Path

import numpy as np
import pytest
from recorded.architectures import described

import tenfold as tf

A = tf.keras.applications
RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "values" / "applications.json").read_text())
TESTED = ["ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2",
          "MobileNetV3Large", "MobileNetV3Small", "NASNetMobile", "ResNet50", "ResNet50V2", "VGG16", "Xception"]  # fmt: skip


@pytest.fixture
def empty(monkeypatch):
    """Weights are zeros: nobody reads them."""
    monkeypatch.setattr(tf.keras.initializers.VarianceScaling, "__call__", lambda self, shape, dtype=None: tf.zeros(shape, dtype or "float32"))


@pytest.mark.parametrize("name", [n for n in TESTED if n in RECORDED])
def test_architecture(name, empty):
    tf.keras.backend.clear_session()
    assert described(getattr(A, name)(weights=None)) == RECORDED[name]


def test_a_model_trains_and_takes_a_tensor_and_a_file(tmp_path):
    start = tf.keras.Input((40, 40, 3), name="mine")
    model = A.MobileNetV2(input_tensor=start, alpha=0.35, weights=None, include_top=False, pooling="avg")
    assert model.inputs[0] is start and model.output_shape == (None, 1280)
    path = tmp_path / "m.weights.h5"
    model.save_weights(path)
    again = A.MobileNetV2(input_shape=(40, 40, 3), alpha=0.35, weights=str(path), include_top=False, pooling="avg")
    x = np.random.RandomState(0).uniform(0, 255, (2, 40, 40, 3)).astype("float32")
    x = A.mobilenet_v2.preprocess_input(x)
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(x, np.zeros((2, 1280), "float32")))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"weights": "nowhere"}, "`weights` argument should be"),
        ({"weights": "imagenet", "classes": 10}, "`classes` should be 1000"),
        ({"weights": None, "input_shape": (16, 16, 3)}, "at least 32x32"),
        ({"weights": None, "input_shape": (None, None, 3)}, "static `input_shape`"),
    ],
)
def test_arguments_are_checked(arguments, text):
    with pytest.raises(ValueError, match=text):
        A.ResNet50(**arguments)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_preprocessing(mode):
    x = np.random.RandomState(1).uniform(0, 255, (2, 4, 5, 3)).astype("float32")
    before = x.copy()
    got = A.imagenet_utils.preprocess_input(x, mode=mode)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(A.imagenet_utils.preprocess_input(tf.constant(x), mode=mode).numpy(), got, atol=1e-4)
    first = A.imagenet_utils.preprocess_input(x.transpose(0, 3, 1, 2), data_format="channels_first", mode=mode)
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), got, atol=1e-4)
    expected = {"caffe": x[..., ::-1] - [103.939, 116.779, 123.68], "tf": x / 127.5 - 1,
                "torch": (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]}[mode]  # fmt: skip
    np.testing.assert_allclose(got, expected, atol=1e-4)
