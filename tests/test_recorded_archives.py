"""Archives written by Keras 3: Tenfold loads them, predicts the same, and trains on from the stored optimizer state."""

from pathlib import Path

import numpy as np
import pytest
from recorded.cases.archives import MODELS, TRAINED, predictions, train

import tenfold as tf

FOLDER = Path(__file__).parent / "recorded" / "archives"


def assert_predicts(model, name):
    with np.load(FOLDER / f"{name}.npz") as expected:
        for key, value in predictions(model, MODELS[name][1]).items():
            np.testing.assert_allclose(value, expected[key], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", MODELS)
def test_whole_model_predicts_as_in_keras(name):
    assert_predicts(tf.keras.models.load_model(FOLDER / f"{name}.keras"), name)


@pytest.mark.parametrize("name", MODELS)
def test_weights_predict_as_in_keras(name):
    model = MODELS[name][0](tf)
    model.load_weights(FOLDER / f"{name}.weights.h5")
    assert_predicts(model, name)


@pytest.mark.parametrize("name", TRAINED)
def test_training_goes_on_where_keras_stopped(name):
    model = tf.keras.models.load_model(FOLDER / f"{name}.keras")
    with np.load(FOLDER / f"{name}.npz") as expected:
        np.testing.assert_allclose(train(model, MODELS[name][1]), expected["next_losses"], rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_loaded_model_survives_saving_again(name, tmp_path):
    tf.keras.models.load_model(FOLDER / f"{name}.keras").save(tmp_path / "again.keras")
    assert_predicts(tf.keras.models.load_model(tmp_path / "again.keras"), name)


@pytest.mark.parametrize("name", MODELS)
def test_config_equals_the_one_rebuilt(name):
    loaded = tf.keras.models.load_model(FOLDER / f"{name}.keras")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in MODELS[name][0](tf).layers]
    assert [tuple(w.shape) for w in loaded.weights] == [tuple(w.shape) for w in MODELS[name][0](tf).weights]
