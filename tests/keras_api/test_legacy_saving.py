"""keras.legacy.saving, and keras.wrappers where scikit-learn is installed."""

import numpy as np
import pytest

import tenfold as tf

keras = tf.keras


def test_configs_without_modules():
    config = keras.legacy.saving.serialize_keras_object(keras.layers.Dense(3, name="d"))
    assert set(config) == {"class_name", "config"}
    assert keras.legacy.saving.deserialize_keras_object(config).units == 3
    with pytest.raises(ValueError, match="Unknown layer"):
        keras.legacy.saving.deserialize_keras_object("nothing", printable_module_name="layer")


def build(X, y, units=8):
    outputs = 1 if np.ndim(y) == 1 else y.shape[1]
    model = keras.Sequential([keras.Input((X.shape[1],)), keras.layers.Dense(units, "tanh"), keras.layers.Dense(outputs)])
    model.compile(keras.optimizers.Adam(0.03), "mse")
    return model


def test_wrappers_in_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection")
    rng = np.random.default_rng(0)
    x = rng.random((60, 3))
    keras.utils.set_random_seed(0)
    regressor = keras.wrappers.SKLearnRegressor(build, model_kwargs={"units": 16}, fit_kwargs={"epochs": 60, "verbose": 0})
    assert selection.cross_val_score(regressor, x, x.sum(1), cv=2).mean() > 0.5
    classifier = keras.wrappers.SKLearnClassifier(build, fit_kwargs={"epochs": 60, "verbose": 0})
    labels = np.where(x[:, 0] > 0.5, "high", "low")
    assert classifier.fit(x, labels).score(x, labels) > 0.8 and set(classifier.classes_) == {"high", "low"}
    assert keras.wrappers.SKLearnTransformer(build, fit_kwargs={"verbose": 0}).fit(x, x).transform(x).shape == (60, 3)
