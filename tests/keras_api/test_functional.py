"""Functional models, nesting, sharing, and what they refuse."""

import numpy as np
import pytest

import tenfold as tf

keras = tf.keras
layers = keras.layers


def ones(*shape):
    return np.ones(shape, "float32")


def test_operators_and_indexing_make_a_model():
    x = keras.Input((4,), name="x")
    y = (x * 2.0 + 1.0)[:, 1:3] - x[:, :2] / 4.0
    model = keras.Model(x, y)
    np.testing.assert_allclose(model(ones(3, 4)), np.full((3, 2), 2.75), rtol=1e-6)
    assert tuple(y.shape) == (None, 2)


def test_reflected_operators_and_comparison():
    x = keras.Input((2,))
    model = keras.Model(x, [1.0 - x, 2.0 / x, -x, abs(-x), x > 0.5])
    found = model(ones(1, 2))
    assert [float(np.asarray(f)[0, 0]) for f in found] == [0.0, 2.0, -1.0, 1.0, 1.0]


def test_shared_layer_has_one_set_of_weights():
    shared = layers.Dense(3)
    a, b = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([a, b], layers.Add()([shared(a), shared(b)]))
    assert len(model.weights) == 2
    x = np.random.rand(2, 4).astype("float32")
    np.testing.assert_allclose(model([x, x]), 2 * np.asarray(shared(x)), rtol=1e-6)


def test_inputs_by_dict_and_outputs_by_dict():
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    model = keras.Model({"a": a, "b": b}, {"sum": layers.Concatenate()([a, b]), "left": layers.Dense(1, name="left")(a)})
    found = model({"b": ones(5, 3), "a": ones(5, 2)})
    assert set(found) == {"sum", "left"} and tuple(found["sum"].shape) == (5, 5)


def test_list_model_takes_a_dict_by_name():
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    model = keras.Model([a, b], layers.Concatenate()([b, a]))
    x, y = ones(1, 2), 2 * ones(1, 3)
    np.testing.assert_array_equal(model({"a": x, "b": y}), model([x, y]))


def test_nested_model_and_get_layer():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="deep")], name="inner")
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2)(inner(x)))
    assert model.get_layer("inner").get_layer("deep").units == 3
    assert len(model.weights) == 4
    with pytest.raises(ValueError, match=r"No such layer: nothing.*inner"):
        model.get_layer("nothing")


def test_model_from_the_middle_of_another():
    x = keras.Input((4,))
    h = layers.Dense(3, activation="relu", name="h")(x)
    y = layers.Dense(2, name="y")(h)
    whole, head, body = keras.Model(x, y), keras.Model(h, y), keras.Model(x, h)
    data = np.random.rand(3, 4).astype("float32")
    np.testing.assert_allclose(head(body(data)), whole(data), rtol=1e-6)


def test_subclass_with_functional_arguments():
    class Mine(keras.Model):
        def twice(self, x):
            return 2 * self(x)

    x = keras.Input((2,))
    model = Mine(x, x * 3.0)
    assert isinstance(model, Mine)
    np.testing.assert_allclose(model.twice(ones(1, 2)), [[6.0, 6.0]])


def test_subclassed_model_builds_on_first_call():
    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(3, activation="relu"), layers.Dense(2)]

        def call(self, inputs, training=None):
            for block in self.blocks:
                inputs = block(inputs)
            return inputs

    model = Two()
    assert not model.built
    assert tuple(model(ones(2, 5)).shape) == (2, 2)
    assert [tuple(w.shape) for w in model.weights] == [(5, 3), (3,), (3, 2), (2,)]
    other = Two()
    other.build((None, 5))
    assert len(other.weights) == 4


def test_sequential_add_pop_and_deferred_build():
    model = keras.Sequential()
    model.add(layers.Dense(3, input_shape=(4,)))
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)
    model.pop()
    assert model.output_shape == (None, 3)
    deferred = keras.Sequential([layers.Dense(3), layers.Dense(2)])
    assert not deferred.built
    deferred(ones(1, 4))
    assert deferred.built and deferred.input_shape == (None, 4)


def test_rank_is_adjusted_by_a_last_axis_of_one():
    x = keras.Input((4, 1))
    model = keras.Model(x, layers.Flatten()(x))
    assert tuple(model(ones(2, 4)).shape) == (2, 4)


def test_integer_images_are_converted():
    model = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(1)])
    assert model(np.ones((3, 2, 2, 1), "uint8")).dtype == "float32"


def test_disconnected_graph_is_named():
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    with pytest.raises(ValueError, match="input 'b', which is not among"):
        keras.Model(a, layers.Add()([a, b]))


def test_double_names_are_refused():
    x = keras.Input((2,))
    with pytest.raises(ValueError, match='name "same" is used 2 times'):
        keras.Model(x, layers.Dense(1, name="same")(layers.Dense(2, name="same")(x)))


def test_tensorflow_function_on_symbolic_tensor():
    with pytest.raises(ValueError, match=r"only layers, operators and keras\.ops"):
        tf.reduce_sum(keras.Input((2,)))


def test_deep_model_does_not_exhaust_the_stack():
    x = y = keras.Input((2,))
    for _ in range(1200):
        y = y + 1.0
    assert float(np.asarray(keras.Model(x, y)(ones(1, 2)))[0, 0]) == 1201.0


def test_config_round_trip():
    x = keras.Input((4,), name="x")
    shared = layers.Dense(4, name="shared")
    y = layers.Dense(2, name="out")(shared(shared(x)) * 2.0 + x[:, :4])
    model = keras.Model({"x": x}, {"y": y}, name="m")
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    data = {"x": np.random.rand(2, 4).astype("float32")}
    np.testing.assert_allclose(again(data)["y"], model(data)["y"], rtol=1e-6)
    assert again.get_config() == model.get_config()


def test_clone_has_new_weights():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    functional = keras.Model(model.inputs[0], model.outputs[0])
    for m in (model, functional):
        copy = keras.models.clone_model(m)
        assert not {id(w) for w in copy.weights} & {id(w) for w in m.weights}
        assert copy.output_shape == m.output_shape


def test_summary_shows_layers_and_counts():
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.Add(name="plus")([layers.Dense(3, name="a")(x), layers.Dense(3, name="b")(x)]), name="net")
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert 'Model: "net"' in text and "plus (Add)" in text and "a[0][0]" in text and "Total params: 30 (120.00 B)" in text


def test_summary_of_a_subclass_shows_shapes_of_what_was_built():
    class Two(layers.Layer):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(10), layers.Dense(11)

        def call(self, x):
            return {"a": self.a(x), "b": self.b(x)}

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.attend = layers.Dense(32), layers.MultiHeadAttention(2, 2, output_shape=(4,))
            self.two, self.late = Two(), layers.Dense(1, name="late")

        def call(self, x):
            x = self.first(x)
            return self.two(self.attend(x, x))

    model, lines = Mine(), []
    model(np.zeros((5, 3, 16)))
    model.summary(print_fn=lines.append, line_length=120)
    shapes = [line.split("│")[2].strip() for line in lines if line.count("│") == 4]
    assert shapes == ["(5, 3, 32)", "(5, 3, 4)", "[(5, 3, 10), (5, 3, 11)]", "?"]


def test_summary_of_unbuilt_and_nested():
    lines: list[str] = []
    keras.Sequential([layers.Dense(2, name="late")]).summary(print_fn=lines.append)
    assert "0 (unbuilt)" in "\n".join(lines)
    inner = keras.Sequential([keras.Input((2,)), layers.Dense(2, name="within")], name="inner")
    lines.clear()
    keras.Sequential([inner]).summary(print_fn=lines.append, expand_nested=True, show_trainable=True)
    assert "within (Dense)" in "\n".join(lines)


def test_a_sequential_model_that_learnt_its_input_takes_other_sizes_if_its_layers_do():
    model = keras.Sequential([keras.layers.Dense(2)])
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
    assert model(x[:, :1]).shape == (3, 1, 2)
    np.testing.assert_allclose(model(x), x @ model.weights[0].numpy(), rtol=1e-5, atol=1e-6)
    assert model.predict(x, verbose=0).shape == (3, 4, 2)
    with pytest.raises(ValueError, match="incompatible"):
        model(x[..., :4])


class MaskedSoftmax(keras.layers.Layer):
    """Takes its mask for granted, as a model with `mask_zero` may."""

    def call(self, inputs, mask=None):
        weights = tf.exp(inputs) * tf.expand_dims(tf.cast(mask, "float32"), -1)
        return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


@pytest.mark.filterwarnings("ignore:Layer 'masked_softmax")
def test_masks_are_known_while_a_model_is_written(tmp_path):
    tokens = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(10, 4, mask_zero=True)(tokens)
    scores = keras.layers.Dense(1)(vectors)
    assert scores._keras_mask.shape == (None, None) and scores._keras_mask.dtype == "bool"
    assert MaskedSoftmax()(scores)._keras_mask is None  # it does not support masking
    lengths = keras.ops.sum(keras.ops.cast(scores._keras_mask, "int32"), axis=1)
    model = keras.Model(tokens, [MaskedSoftmax()(scores), lengths])
    data = np.array([[1, 2, 0], [3, 0, 0]])
    weights, found = model.predict(data, verbose=0)
    np.testing.assert_allclose(weights.sum(1), [[1.0], [1.0]], rtol=1e-6)
    np.testing.assert_array_equal(weights[:, :, 0] == 0, data == 0)
    np.testing.assert_array_equal(found, [2, 1])
    counting = keras.Model(tokens, lengths)
    counting.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "m.keras").predict(data, verbose=0), [2, 1])
