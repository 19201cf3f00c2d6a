"""`.keras` and `.weights.h5`: round trips, custom classes, atomic writing."""

import json
import os
import zipfile

import numpy as np
import pytest

import tenfold as tf

keras = tf.keras
layers = keras.layers
X = np.random.default_rng(0).random((16, 6, 6, 2), "float32")
Y = np.arange(16) % 3


def network():
    x = keras.Input((6, 6, 2), name="image")
    h = layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")(x)
    h = layers.BatchNormalization()(h)
    h = layers.Dropout(0.3)(layers.Flatten()(h))
    model = keras.Model(x, layers.Dense(3, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def trained():
    model = network()
    model.fit(X, Y, epochs=2, verbose=0)
    return model


def test_whole_model_comes_back_and_trains_on(trained, tmp_path):
    path = tmp_path / "m.keras"
    trained.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), trained.predict(X, verbose=0))
    assert loaded.name == trained.name and [layer.name for layer in loaded.layers] == [layer.name for layer in trained.layers]
    assert int(np.asarray(loaded.optimizer.iterations)) == 2
    for a, b in zip(loaded.optimizer.variables, trained.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert loaded.evaluate(X, Y, verbose=0) == pytest.approx(trained.evaluate(X, Y, verbose=0))
    loaded.fit(X, Y, verbose=0)


def test_optimizer_state_makes_training_go_on_exactly(tmp_path):
    def fresh():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="softmax")])
        model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
        return model

    x = X[:, 0, :3].reshape(16, 6)
    model = fresh()
    model.fit(x, Y, epochs=3, shuffle=False, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    a = model.fit(x, Y, epochs=2, shuffle=False, verbose=0).history["loss"]
    b = loaded.fit(x, Y, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert a == b


def test_weights_round_trip(trained, tmp_path):
    trained.save_weights(tmp_path / "w.weights.h5")
    other = network()
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), trained.predict(X, verbose=0))
    trained.save(tmp_path / "m.keras")
    again = network()
    again.load_weights(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.get_weights()[0], trained.get_weights()[0])


def test_uncompiled_and_without_compile(trained, tmp_path):
    trained.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", compile=False)
    assert not loaded.compiled
    loaded.save(tmp_path / "again.keras")
    assert not keras.models.load_model(tmp_path / "again.keras").compiled


def test_archive_has_keras_members_and_layout(trained, tmp_path):
    h5py = pytest.importorskip("h5py")
    trained.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        config = json.loads(archive.read("config.json"))
        with h5py.File(archive.open("model.weights.h5")) as file:
            assert tuple(file["layers/conv2d/vars/0"].shape) == (3, 3, 2, 4)
            assert file["layers/conv2d/vars"].attrs["name"] == trained.layers[1].name
            assert "optimizer/vars/0" in file
    assert config["class_name"] == "Functional" and config["compile_config"]["loss"] == "sparse_categorical_crossentropy"


@keras.saving.register_keras_serializable("tests")
class Twice(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.shift = self.add_weight((input_shape[-1],), "ones", name="shift")

    def call(self, inputs):
        return inputs * self.factor + self.shift

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


@keras.saving.register_keras_serializable("tests")
def halved(x):
    return x / 2


@keras.saving.register_keras_serializable("tests")
class Chain(keras.Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [layers.Dense(units), layers.Dense(units)]
        self.by_name = {"out": layers.Dense(1)}

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.by_name["out"](x)

    def get_config(self):
        return {"units": self.units, "name": self.name}


def test_registered_layer_function_and_model(tmp_path):
    x = np.ones((2, 4), "float32")
    for model in (keras.Sequential([keras.Input((4,)), Twice(3.0), layers.Dense(2, activation=halved)]), Chain(5)):
        model(x)
        model.save(tmp_path / "m.keras")
        np.testing.assert_allclose(keras.models.load_model(tmp_path / "m.keras")(x), model(x), rtol=1e-6)


def test_unregistered_class_needs_custom_objects(tmp_path):
    class Plain(layers.Layer):
        def call(self, x):
            return x + 1.0

    model = keras.Sequential([keras.Input((4,)), Plain()])
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"Could not locate 'Plain'.*custom_objects"):
        keras.models.load_model(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", custom_objects={"Plain": Plain})
    np.testing.assert_array_equal(loaded(np.zeros((1, 4), "float32")), [[1.0] * 4])
    with keras.saving.CustomObjectScope({"Plain": Plain}):
        keras.models.load_model(tmp_path / "m.keras")


def test_unregistered_loss_is_named_with_both_remedies(tmp_path):
    def my_loss(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", my_loss)
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"my_loss.*custom_objects.*compile=False"):
        keras.models.load_model(tmp_path / "m.keras")
    assert not keras.models.load_model(tmp_path / "m.keras", compile=False).compiled
    assert keras.models.load_model(tmp_path / "m.keras", custom_objects={"my_loss": my_loss}).loss is my_loss


def test_saving_a_lambda_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation=lambda x: x)])
    with pytest.raises(ValueError, match="files hold no code"):
        model.save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["model", "model.pb", "model.weights.h5"])
def test_other_endings_are_refused(name, trained, tmp_path):
    with pytest.raises(ValueError, match=r"'\.keras'"):
        trained.save(tmp_path / name)


def test_overwrite_false(trained, tmp_path):
    trained.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="overwrite=True"):
        trained.save(tmp_path / "m.keras", overwrite=False)


def test_missing_file_and_folder(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.keras"):
        keras.models.load_model(tmp_path / "nothing.keras")
    with pytest.raises(FileNotFoundError, match=r"os\.makedirs"):
        trained.save(tmp_path / "no" / "m.keras")


def test_full_disk_leaves_the_old_file(trained, tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    trained.save(path)
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(tf.errors.ResourceExhaustedError, match="no space left"):
        trained.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_interrupted_save_leaves_the_old_file(trained, tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    trained.save(path)
    before = path.read_bytes()

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_weights_of_another_model_change_nothing(trained, tmp_path):
    trained.save_weights(tmp_path / "w.weights.h5")
    other = keras.Sequential([keras.Input((4,)), layers.Conv2D(4, 1) if False else layers.Dense(4), layers.Dense(3)])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"w\.weights\.h5.*does not fit the model"):
        other.load_weights(tmp_path / "w.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights(), strict=True))
    with pytest.warns(UserWarning, match="does not fit"):
        other.load_weights(tmp_path / "w.weights.h5", skip_mismatch=True)


def test_unbuilt_model_is_named(tmp_path):
    with pytest.raises(ValueError, match="not yet been built"):
        keras.Sequential([layers.Dense(2)]).save_weights(tmp_path / "w.weights.h5")


def test_bfloat16_weights(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="bfloat16")])
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.weights[0].dtype == "bfloat16"
    np.testing.assert_array_equal(np.asarray(loaded.weights[0]), np.asarray(model.weights[0]))


def test_compiled_model_that_was_never_trained(tmp_path):
    model = tf.keras.Sequential([tf.keras.layers.Input((300,)), tf.keras.layers.Dense(200)])
    model.compile("adam", "mse")
    path = str(tmp_path / "m.keras")
    model.save(path)
    with pytest.warns(UserWarning, match="optimizer"):  # its state is not in the file
        again = tf.keras.models.load_model(path)
    np.testing.assert_array_equal(again.layers[0].kernel, model.layers[0].kernel)
    assert again.optimizer.built
