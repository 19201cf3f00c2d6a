"""keras.distribution describes meshes and layouts; what needs more than the one device is refused."""

import numpy as np
import pytest

import tenfold as tf

distribution = tf.keras.distribution


def test_layouts_by_paths() -> None:
    mesh = distribution.DeviceMesh((2, 4), ["batch", "model"], np.arange(8))
    layouts = distribution.LayoutMap(mesh)
    layouts[".*/kernel"] = (None, "model")
    parallel = distribution.ModelParallel(layout_map=layouts)
    dense = tf.keras.layers.Dense(4)
    dense.build((None, 3))
    assert parallel.get_variable_layout(dense.kernel).axes == (None, "model")
    assert parallel.get_variable_layout(dense.bias).axes == (None,)
    assert parallel.get_data_layout((8, 3)).axes == ("batch", None) and parallel.num_model_replicas == 2
    with pytest.raises(ValueError, match="already exist"):
        layouts[".*/kernel"] = (None,)
    with pytest.raises(ValueError, match="Invalid axis names"):
        layouts["other"] = ("nowhere",)
    layouts["dense.*"] = ("model",)
    with pytest.raises(ValueError, match="multiple layout"):
        layouts["dense/kernel"]
    with pytest.raises(NotImplementedError, match="one device"), parallel.scope():
        pass


def test_one_device() -> None:
    assert distribution.list_devices() == ["cpu:0"] and distribution.get_device_count("gpu") == 0
    with distribution.DataParallel().scope():
        model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
        assert distribution.distribution().num_model_replicas == 1
        assert model(np.ones((2, 3), np.float32)).shape == (2, 1)
    assert distribution.distribution() is None
