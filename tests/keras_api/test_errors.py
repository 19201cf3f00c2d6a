"""Mistakes with layers: each gives a typed error that names the layer and says what to do."""

import numpy as np
import pytest

import tenfold as tf

L = tf.keras.layers


def x(*shape):
    return np.ones(shape, "float32")


def built(layer, *shape):
    layer(x(*shape))
    return layer


MISTAKES = {
    "rank 1 into Dense": (lambda: L.Dense(2, name="d")(x(3)), r'layer "d".*min_ndim=2, found ndim=1'),
    "another width": (lambda: built(L.Dense(2, name="d"), 4, 3)(x(4, 5)), r'layer "d".*axis -1.*value 3.*\(4, 5\)'),
    "images without channels": (lambda: L.Conv2D(2, 3, name="c")(x(8, 28, 28)), r'layer "c".*ndim=3.*x\[\.\.\., None\]'),
    "another number of channels": (lambda: built(L.Conv2D(2, 3), 1, 8, 8, 3)(x(1, 8, 8, 1)), r"axis -1.*value 3"),
    "a kernel larger than the image": (lambda: L.Conv2D(2, 5)(x(1, 3, 3, 1)), r"zero or negative.*padding='same'"),
    "pooling what is too small": (lambda: L.MaxPooling2D(4)(x(1, 3, 3, 1)), r"zero or negative"),
    "groups that do not divide": (lambda: L.Conv2D(4, 3, groups=2)(x(1, 8, 8, 3)), r"channels.*groups"),
    "filters that do not divide": (lambda: L.Conv2D(3, 3, groups=2), r"filters.*groups"),
    "strides with dilation": (lambda: L.Conv2D(3, 3, strides=2, dilation_rate=2), r"strides > 1"),
    "no filters": (lambda: L.Conv2D(0, 3), r"filters"),
    "a kernel with three sizes": (lambda: L.Conv2D(2, (3, 3, 3)), r"kernel_size.*2 integers"),
    "an unknown padding": (lambda: L.Conv2D(2, 3, padding="full"), r"padding.*full"),
    "causal images": (lambda: L.Conv2D(2, 3, padding="causal"), r"padding"),
    "an unknown data format": (lambda: L.Conv2D(2, 3, data_format="NHWC"), r"channels_last"),
    "units of zero": (lambda: L.Dense(0), r"units.*positive integer"),
    "units with a fraction": (lambda: L.Dense(2.5), r"units.*positive integer"),
    "an unknown activation": (lambda: L.Dense(2, activation="rellu"), r"rellu"),
    "an unknown initializer": (lambda: L.Dense(2, kernel_initializer="glorot"), r"Did you mean 'glorot"),
    "an unknown regularizer": (lambda: L.Dense(2, kernel_regularizer="l3"), r"Did you mean 'l"),
    "an unknown argument": (lambda: L.Dense(2, unit=3), r"Unrecognized keyword arguments.*unit"),
    "a rate above 1": (lambda: L.Dropout(1.5), r"rate.*between 0 and 1"),
    "an index out of range": (lambda: L.Embedding(5, 2, name="e")(np.array([[5]])), r"Expected 0 <= index < 5.*input_dim"),
    "a list instead of an array": (lambda: L.Dense(2, name="d")([[1.0, 2.0]]), r'Layer "d" received 1\.0.*np\.array'),
    "one input for Add": (lambda: L.Add()(x(2, 3)), r"list of inputs"),
    "inputs that do not fit": (lambda: L.Add()([x(2, 3), x(2, 4)]), r"incompatible shapes.*\(2, 3\) and \(2, 4\)"),
    "three inputs for Subtract": (lambda: L.Subtract()([x(2, 3)] * 3), r"exactly 2"),
    "Concatenate with other sizes": (lambda: L.Concatenate()([x(2, 3, 1), x(2, 4, 1)]), r"matching shapes except"),
    "Dot with other sizes": (lambda: L.Dot(axes=1)([x(2, 3), x(2, 4)]), r"axis values 3.*!= 4"),
    "Reshape to another size": (lambda: L.Reshape((5,))(x(2, 6)), r"total size.*\(6,\).*\(5,\)"),
    "two open sizes": (lambda: L.Reshape((-1, -1)), r"at most one unknown"),
    "Permute from 0": (lambda: L.Permute((0, 1)), r"start from 1"),
    "Cropping everything": (lambda: L.Cropping2D(4)(x(1, 8, 8, 1)), r"cropping"),
    "BatchNormalization of another axis": (lambda: L.BatchNormalization(axis=3)(x(4, 5)), r"Invalid axis.*axis=3"),
    "groups of GroupNormalization": (lambda: L.GroupNormalization(3)(x(4, 4)), r"groups \(3\).*channels \(4\)"),
    "a name with a slash": (lambda: L.Dense(2, name="a/b"), r"name.*a/b"),
    "mean without variance": (lambda: L.Normalization(mean=1.0), r"both `mean` and `variance`"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name):
    make, message = MISTAKES[name]
    with pytest.raises((ValueError, TypeError), match=message) as error:
        make()
    assert not isinstance(error.value, AssertionError)


def test_not_supported_says_so():
    for make in (lambda: L.BatchNormalization(synchronized=True), lambda: L.TFSMLayer("folder"), lambda: L.TorchModuleWrapper(None)):
        with pytest.raises(NotImplementedError, match="Try"):
            make()


def test_forgotten_super_init():
    class Mine(L.Layer):
        def __init__(self):
            self.x = 1

        def call(self, inputs):
            return inputs

    with pytest.raises(RuntimeError, match=r"super\(\).__init__\(\)"):
        Mine()(x(1, 1))


def test_call_missing():
    class Empty(L.Layer):
        pass

    with pytest.raises(NotImplementedError, match="call"):
        Empty()(x(1, 1))


def test_unbuilt_layers_say_so():
    with pytest.raises(ValueError, match="isn't built"):
        L.Dense(2).count_params()
    with pytest.raises(AttributeError, match="never been called"):
        _ = L.Dense(2).output


def test_mixed_types_in_own_layers_name_the_layer():
    class Mixed(L.Layer):
        def call(self, inputs):
            return inputs + tf.constant([1], tf.int64)

    with pytest.raises(TypeError, match=r"Mixed\.call\(\)[\s\S]*tf\.cast"):
        Mixed()(x(2, 2))
