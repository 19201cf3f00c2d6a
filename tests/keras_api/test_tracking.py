"""What layers hold is remembered between steps: every way to change it is seen at once."""

import copy
import warnings

import numpy as np

import tenfold as tf

keras = tf.keras
layers = keras.layers
X = np.ones((2, 3), "float32")


def dense(units=2):
    layer = layers.Dense(units)
    layer.build((None, 3))
    return layer


class Holder(layers.Layer):
    """Holds layers in an attribute, a list, a map and a list in a tuple in a map."""

    def __init__(self):
        super().__init__()
        self.one = dense()
        self.many = [dense(), dense()]
        self.named = {"a": dense()}
        self.deep = {"pair": (dense(), [dense()])}


def names(layer):
    """All that can be asked for, as identities."""
    asked = (layer.weights, layer.variables, layer.trainable_weights, layer._flatten_layers(), layer.metrics)
    return [list(map(id, group)) for group in asked]


def seen(layer):
    """The same, as found by one that remembers nothing."""
    for part in layer._flatten_layers():
        part.__dict__.pop("_remembered", None)
    return names(layer)


CHANGES = (
    lambda h: setattr(h, "one", dense()),
    lambda h: setattr(h, "more", dense()),
    lambda h: delattr(h, "more"),
    lambda h: h.many.append(dense()),
    lambda h: h.many.__setitem__(0, dense()),
    lambda h: h.many.pop(),
    lambda h: h.named.update(b=dense()),
    lambda h: h.named.update(a=dense()),
    lambda h: h.deep["pair"][1].append(dense()),
    lambda h: setattr(h, "empty", []),
    lambda h: h.empty.append(dense()),
    lambda h: h.one.add_weight((1,)),
    lambda h: setattr(h.one, "inner", dense()),
    lambda h: setattr(h.many[0], "figure", keras.metrics.Mean()),
    lambda h: setattr(h.many[0], "noise", keras.random.SeedGenerator(1)),
    lambda h: setattr(h.one, "trainable", False),
    lambda h: setattr(h.many[0].kernel, "trainable", False),
    lambda h: setattr(h.one, "raw", tf.Variable(1.0)),
    lambda h: h.one._untrack_variable(h.one._made_weights[-1]),
)


def test_every_change_of_what_a_layer_holds_is_seen():
    holder, outer = Holder(), layers.Layer()
    outer.inner = holder
    before = names(outer)
    assert before == seen(outer) == names(outer)
    for i, change in enumerate(CHANGES):
        change(holder)
        after = names(outer)
        assert after == seen(outer), i
        assert (after != before) == (i != 9), i  # an empty list changes nothing yet
        before = after


def test_lists_are_the_callers_own():
    holder = Holder()
    holder.weights.clear()
    holder._flatten_layers().clear()
    assert len(holder.weights) == 12 and len(holder._flatten_layers()) == 7


def test_a_copied_layer_does_not_remember_for_the_other():
    holder = Holder()
    holder.build((None, 3))
    assert len(holder.weights) == 12
    for other in (copy.copy(holder), copy.deepcopy(holder)):
        assert other._flatten_layers()[0] is other
        other.one = layers.Layer()
        assert len(other.weights) == 10 and len(holder.weights) == 12
    assert all(w is not v for w in copy.deepcopy(holder).weights for v in holder.weights)


def test_a_metric_by_name_is_seen():
    class Reporting(layers.Layer):
        def call(self, x):
            self.add_metric(tf.reduce_sum(x), "sum")
            return x

    layer = Reporting()
    assert layer.metrics == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer(X)
    assert [m.name for m in layer.metrics] == ["sum"]


def test_steps_see_layers_that_were_frozen_or_added():
    dense_after = layers.Dense(1)
    model = keras.Sequential([keras.Input((3,)), dense(4), dense_after])
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    y = np.zeros((2, 1), "float32")
    model.train_on_batch(X, y)
    first, last = model.layers[0].get_weights(), dense_after.get_weights()
    model.layers[0].trainable = False
    model.train_on_batch(X, y)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], first[0])
    assert not np.array_equal(dense_after.get_weights()[0], last[0])
    model.layers[0].kernel.trainable = True
    model.train_on_batch(X, y)
    assert not np.array_equal(model.layers[0].get_weights()[0], first[0])
    added = layers.Dense(1)
    model.add(added)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = added.get_weights()[0]
    model.train_on_batch(X, y + 1)
    assert not np.array_equal(added.get_weights()[0], before)


def test_figures_of_a_step_are_those_of_its_batch():
    """Against NumPy, batch after batch, and with a step of fit between; the metrics start anew each time."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=["mae"])
    rng = np.random.default_rng(0)
    for i in range(6):
        x, y = rng.random((4 + i % 2, 3), "float32"), rng.random((4 + i % 2, 1), "float32")
        off = x.sum(1, keepdims=True, dtype="float64") - y
        expected = [(off**2).mean(), np.abs(off).mean()]
        np.testing.assert_allclose(model.train_on_batch(x, y), expected, rtol=1e-5)
        np.testing.assert_allclose(model.test_on_batch(x, y), expected, rtol=1e-5)
        assert all(type(v) is float for v in model.train_on_batch(x, y))
        if i == 2:
            model.fit(x, y, verbose=0)
