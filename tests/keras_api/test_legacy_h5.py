"""`.h5` files of whole models, shards, folders and the editor of files."""

import io
import json

import h5py
import numpy as np
import pytest

import tenfold as tf
from tenfold.core.errors import DataLossError

keras = tf.keras
layers = keras.layers
X = np.random.default_rng(0).random((12, 6), "float32")
pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


def made(optimizer="adam"):
    x = keras.Input((6,))
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(4, "tanh"), layers.BatchNormalization()], name="inner")
    shared = layers.Dense(6, name="shared")
    model = keras.Model(x, layers.Dense(1)(inner(shared(shared(x)))))
    model.compile(optimizer, "mse", metrics=["mae"])
    model.fit(X, X[:, :1], verbose=0)
    return model


@pytest.fixture(scope="module")
def model():
    return made()


def test_h5_keeps_weights_and_the_optimizer(model, tmp_path):
    model.save(tmp_path / "a.h5")
    loaded = keras.models.load_model(tmp_path / "a.h5")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    for a, b in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    other = made("sgd")
    other.load_weights(tmp_path / "a.h5", by_name=True)
    np.testing.assert_array_equal(other.get_layer("shared").kernel.numpy(), model.get_layer("shared").kernel.numpy())


def test_a_file_in_the_spelling_of_keras_2(tmp_path):
    kernel, bias = X[:6, :2], X[0, :2]
    dense = {"name": "d", "batch_input_shape": [None, 6], "units": 2, "activation": "relu", "time_major": False,
             "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}}}  # fmt: skip
    norm = {"name": "n", "axis": [1], "epsilon": 0.001}
    config = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": dense}, {"class_name": "BatchNormalization", "config": norm}]}
    training = {
        "optimizer_config": {"class_name": "Adam", "config": {"lr": 0.25, "decay": 0.0}},
        "loss": "mse",
        "metrics": ["mae"],
        "loss_weights": None,
    }
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["model_config"], file.attrs["training_config"] = json.dumps(config), json.dumps(training).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"d", b"n"]
        values = {
            "d": {"d/kernel:0": kernel, "d/bias:0": bias},
            "n": {f"n/{k}:0": np.ones(2, "float32") for k in ("gamma", "beta", "mean", "variance")},
        }
        for name, arrays in values.items():
            group.create_group(name).attrs["weight_names"] = [k.encode() for k in arrays]
            for key, value in arrays.items():
                group[name][key] = value
    model = keras.models.load_model(tmp_path / "old.h5")
    expected = (np.maximum(X @ kernel + bias, 0) - 1) / np.sqrt(1.001) + 1
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)
    assert float(np.asarray(model.optimizer.learning_rate)) == 0.25 and model.evaluate(X, expected, verbose=0)[1] < 1e-5


def test_hostile_h5_files(model, tmp_path):
    model.save(tmp_path / "good.h5")
    victim = tmp_path / "victim.h5"
    with h5py.File(victim, "w") as file:
        file["secret"] = np.ones(3)
    good = (tmp_path / "good.h5").read_bytes()

    def changed(change):
        buffer = io.BytesIO(good)
        with h5py.File(buffer, "r+") as file:
            change(file)
        (tmp_path / "bad.h5").write_bytes(buffer.getvalue())
        return tmp_path / "bad.h5"

    def link(kind):
        def change(file):
            del file["model_weights/shared"]
            file["model_weights/shared"] = kind

        return change

    def code(file):
        config = json.loads(file.attrs["model_config"])
        evil = {"class_name": "Lambda", "config": {"name": "l", "function": ["4wEAAAA=", None, None], "function_type": "lambda"}}
        config["config"]["layers"].append({**evil, "name": "l", "inbound_nodes": []})
        file.attrs["model_config"] = json.dumps(config)

    def bomb(file):
        name = file["model_weights/shared"].attrs["weight_names"][0]
        del file["model_weights/shared"][name]
        file["model_weights/shared"].create_dataset(name, (10**9, 10**9), "float32", chunks=(1, 1))

    for change in (link(h5py.ExternalLink(str(victim), "/secret")), link(h5py.SoftLink("/model_weights/inner")), bomb):
        with pytest.raises(DataLossError):
            keras.models.load_model(changed(change))
    with pytest.raises(ValueError, match="Python code"):
        keras.models.load_model(changed(code))
    for size in (0, 7, 600, len(good) // 2):
        (tmp_path / "bad.h5").write_bytes(good[:size])
        with pytest.raises(DataLossError):
            keras.models.load_model(tmp_path / "bad.h5")


def test_shards(model, tmp_path):
    model.save_weights(tmp_path / "w.weights.json", max_shard_size=300 / 1024**3)
    shards = sorted(tmp_path.glob("w_*.weights.h5"))
    table = json.loads((tmp_path / "w.weights.json").read_text())
    assert len(shards) > 2 and set(table) == {"metadata", "weight_map"}
    other = made()
    other.load_weights(tmp_path / "w.weights.json")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    table["weight_map"]["/vars"] = "../secret.weights.h5"
    (tmp_path / "w.weights.json").write_text(json.dumps(table))
    with pytest.raises(ValueError, match="outside"):
        other.load_weights(tmp_path / "w.weights.json")
    with pytest.raises(ValueError, match="exceeds the maximum shard size"):
        model.save_weights(tmp_path / "x.weights.json", max_shard_size=8 / 1024**3)


def test_a_folder_and_the_editor(model, tmp_path):
    model.save(tmp_path / "folder", zipped=False)
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "folder").predict(X, verbose=0), model.predict(X, verbose=0))
    model.save(tmp_path / "a.keras")
    editor = keras.saving.KerasFileEditor(tmp_path / "a.keras")
    assert editor.compare(model)["status"] == "success"
    editor.rename_object("layers/dense", "renamed")
    assert editor.compare(model)["error_count"] == 2
    editor.rename_object("renamed", "dense")
    editor.save(tmp_path / "b.weights.h5")
    other = made()
    other.load_weights(tmp_path / "b.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def test_weights_by_layers(model, tmp_path):
    with pytest.warns(DeprecationWarning, match=r"w\.weights\.h5"):
        model.save_weights(tmp_path / "w.h5")
    other = made()
    other.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    with pytest.raises(ValueError, match="save_format"):
        model.save_weights(tmp_path / "w.h5", save_format="pickle")


def test_exports_are_refused_with_the_way_out(model, tmp_path):
    with pytest.raises(NotImplementedError, match=r"\.keras"):
        model.export(tmp_path / "out")
