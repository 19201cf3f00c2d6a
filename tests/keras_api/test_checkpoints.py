"""Keras's objects in TensorFlow's checkpoints: as Keras 3 and Keras 2 name what they hold, and `save_weights` of Keras 2."""

import os

import numpy as np
import pytest

import tenfold as tf
from tests.recorded.cases import checkpoints as cases

keras = tf.keras
RECORDED = os.path.join(os.path.dirname(__file__), "..", "recorded", "checkpoints")
KEY = "{}/.ATTRIBUTES/VARIABLE_VALUE".format

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def recorded(name):
    return os.path.join(RECORDED, name)


def values(model):
    return [w.numpy() for w in model.weights]


def blank(model):
    for w in model.weights:
        w.assign(w * 0)
    return model


def assert_equal(model, expected):
    for mine, other in zip(values(model), values(expected), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_functional_model_and_its_optimizer_of_keras_3():
    model = blank(cases.functional(tf))
    optimizer = keras.optimizers.Adam()
    model.compile(optimizer, "mse")
    status = tf.train.Checkpoint(model=model, optimizer=optimizer).read(recorded("functional"))
    assert_equal(model, cases.functional(tf))
    assert optimizer.iterations.numpy() == 1 and not optimizer.built
    optimizer.build(model.trainable_variables)  # its lists get their values as they come
    reader = tf.train.load_checkpoint(recorded("functional"))
    for i, slot in enumerate(optimizer.variables[2:]):
        np.testing.assert_array_equal(slot.numpy(), reader.get_tensor(KEY(f"optimizer/_variables/{i + 2}")))
    assert any(np.abs(slot.numpy()).max() > 0 for slot in optimizer.variables[2:])
    status.assert_consumed()


@pytest.mark.parametrize("name", ["functional2", "functional2_slots"])
def test_a_functional_model_of_keras_2(name):
    model = blank(cases.functional(tf))
    status = model.load_weights(recorded(name))
    status.assert_existing_objects_matched()
    assert_equal(model, cases.functional(tf))
    reader = tf.train.load_checkpoint(recorded(name))
    slots = model.optimizer._velocities
    keys = [f"layer_with_weights-{i}/{n}/.OPTIMIZER_SLOT/optimizer/v" for i, n in
            ((0, "kernel"), (0, "bias"), (1, "gamma"), (1, "beta"), (2, "kernel"), (2, "bias"))]  # fmt: skip
    keys = keys if "slots" in name else [f"optimizer/_variables/{2 * i + 2}" for i in range(6)]
    for slot, key in zip(slots, keys, strict=True):
        np.testing.assert_array_equal(slot.numpy(), reader.get_tensor(KEY(key)))
    assert model.optimizer.iterations.numpy() == 1


@pytest.mark.parametrize(("name", "read"), [("stack", lambda m, p: tf.train.Checkpoint(m).read(p)), ("stack2", lambda m, p: m.load_weights(p))])
@pytest.mark.parametrize("built", [True, False])
def test_a_stack(name, read, built):
    model = cases.stack(tf, built)
    status = read(blank(model) if built else model, recorded(name))
    model(np.zeros((1, 4), "int32"))
    status.assert_consumed()
    assert_equal(model, cases.stack(tf))


def test_a_subclass_that_is_built_later():
    model = cases.subclass(tf, built=False)
    status = model.load_weights(recorded("subclass2"))
    model.predict(np.ones((1, 3), "float32"), verbose=0)
    status.assert_consumed()
    np.testing.assert_array_equal(model(np.ones((2, 3), "float32")), cases.subclass(tf)(np.ones((2, 3), "float32")))


def test_names_are_those_of_the_documentation(tmp_path):
    path = tf.train.Checkpoint(net=cases.subclass(tf), model=cases.functional(tf)).save(tmp_path / "ckpt")
    names = dict(tf.train.list_variables(path))
    assert names[KEY("net/first/kernel")] == [3, 2] and names[KEY("net/blocks/1/bias")] == [2] and names[KEY("net/heads/out/kernel")] == [2, 1]
    assert names[KEY("model/layer_with_weights-0/kernel")] == [3, 4] and names[KEY("model/layer_with_weights-1/moving_mean")] == [4]


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adadelta", "adamax", "nadam", "ftrl", "lion", "adafactor", "lamb"])
def test_training_goes_on_with_the_same_bits(tmp_path, optimizer):
    def made():
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
        model.compile(keras.optimizers.get(optimizer), "mse")
        return model

    x, y = np.random.default_rng(0).random((8, 3), "float32"), np.ones((8, 1), "float32")
    model = made()
    model.fit(x, y, batch_size=4, verbose=0)
    path = tf.train.Checkpoint(model).write(tmp_path / "ckpt")
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    other = made()
    status = tf.train.Checkpoint(other).read(path)
    other.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    status.assert_consumed()
    assert_equal(other, model)


def test_weights_as_checkpoints(tmp_path):
    model = cases.functional(tf)
    with pytest.warns(DeprecationWarning, match=r"best\.weights\.h5"):
        model.save_weights(tmp_path / "best")
    with pytest.raises(ValueError, match="overwrite=False"):
        model.save_weights(tmp_path / "best", overwrite=False)
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "best")
    other = blank(cases.functional(tf))
    with pytest.warns(DeprecationWarning):
        other.load_weights(tmp_path / "best").assert_consumed()
    assert_equal(other, model)
    with pytest.raises(ValueError, match="nothing in"):
        cases.subclass(tf).load_weights(tmp_path / "best")
    with pytest.raises(ValueError, match="by_name"):
        other.load_weights(tmp_path / "best", by_name=True)
    model.save_weights(tmp_path / "named.h5", save_format="tf")
    assert os.path.exists(tmp_path / "named.h5.index")
    with pytest.raises(ValueError, match=r"absent\.index"):
        model.load_weights(tmp_path / "absent")


def test_layers_without_weights_may_be_put_between(tmp_path):
    def made(*between):
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), *between, keras.layers.Dense(3)])

    model, other = made(), made(keras.layers.Dropout(0.5))
    model.save_weights(tmp_path / "ckpt")
    other.load_weights(tmp_path / "ckpt").assert_consumed()
    assert_equal(other, model)


def test_the_callback_writes_checkpoints(tmp_path):
    model = cases.functional(tf)
    callback = keras.callbacks.ModelCheckpoint(tmp_path / "cp-{epoch:02d}.ckpt", save_weights_only=True)
    model.fit(np.ones((4, 3)), np.ones((4, 2)), epochs=2, verbose=0, callbacks=[callback])
    other = blank(cases.functional(tf))
    other.load_weights(tf.train.latest_checkpoint(tmp_path))
    assert_equal(other, model)
    assert os.path.exists(tmp_path / "cp-01.ckpt.index")
    with pytest.raises(ValueError, match=r"weights\.h5"):
        keras.callbacks.ModelCheckpoint(tmp_path / "x.keras", save_weights_only=True)


def test_a_custom_loop_with_a_manager(tmp_path):
    def made():
        model, optimizer = cases.subclass(tf), keras.optimizers.Adam()
        return model, optimizer, tf.train.Checkpoint(step=tf.Variable(1), optimizer=optimizer, net=model)

    def step(model, optimizer):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(np.ones((4, 3), "float32")) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True))

    model, optimizer, checkpoint = made()
    step(model, optimizer)
    manager = tf.train.CheckpointManager(checkpoint, tmp_path, max_to_keep=3)
    manager.save()
    step(model, optimizer)
    other, other_optimizer, again = made()
    status = again.restore(manager.latest_checkpoint)
    step(other, other_optimizer)
    status.assert_consumed()
    assert_equal(other, model)


def test_whole_models_as_folders(tmp_path):
    model = cases.functional(tf)
    with pytest.warns(DeprecationWarning, match="no SavedModel"):
        model.save(tmp_path / "whole", save_format="tf")
    other = keras.models.load_model(tmp_path / "whole")
    assert_equal(other, model)
    assert other.optimizer.iterations.numpy() == 1


def test_names_of_both_kerases(tmp_path):
    attention, depthwise = keras.layers.MultiHeadAttention(1, 2), keras.layers.DepthwiseConv1D(2)
    attention(np.ones((1, 2, 3), "float32"), np.ones((1, 2, 3), "float32"))
    depthwise(np.ones((1, 4, 3), "float32"))
    normalization = keras.layers.Normalization()
    normalization.adapt(np.ones((2, 3), "float32"))
    assert {"query_dense", "_query_dense", "_output_dense"} <= set(attention._trackable_children())
    assert {"kernel", "depthwise_kernel"} <= set(depthwise._trackable_children())
    assert normalization.count.dtype == tf.int64  # as in Keras: checkpoints do not convert
    old = tf.Module()
    old.depthwise_kernel, old.bias = tf.Variable(depthwise.kernel * 2), tf.Variable(depthwise.bias)
    tf.train.Checkpoint(depthwise).read(tf.train.Checkpoint(old).write(tmp_path / "old")).assert_consumed()
    np.testing.assert_array_equal(depthwise.kernel, old.depthwise_kernel)
