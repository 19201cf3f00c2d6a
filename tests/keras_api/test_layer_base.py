"""Layer: tracking, training and masks in nested calls, losses, configs, weights, errors."""

import numpy as np
import pytest

import tenfold as tf

L = tf.keras.layers
X = np.ones((2, 3), "float32")


class Scale(L.Layer):
    def __init__(self, power=1, **kwargs):
        super().__init__(**kwargs)
        self.power = power

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")

    def call(self, inputs):
        return inputs * self.factor**self.power


class Block(L.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = L.Dense(4)
        self.more = [L.Dense(4), L.BatchNormalization()]
        self.named = {"drop": L.Dropout(0.5), "out": L.Dense(2)}

    def call(self, inputs):
        x = self.first(inputs)
        for layer in self.more:
            x = layer(x)
        return self.named["out"](self.named["drop"](x))


def test_nested_layers_are_tracked_in_lists_and_dicts():
    block = Block(name="block")
    assert block.weights == []
    block(X)
    assert [w.path.split("/")[-1] for w in block.weights] == [
        "kernel", "bias", "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias",
    ]  # fmt: skip
    assert len(block.trainable_weights) == 8
    assert len(block.variables) == 11  # and the dropout's seed
    assert block.first.kernel.path == f"block/{block.first.name}/kernel"
    assert block.count_params() == 16 + 20 + 16 + 10


def test_trainable_reaches_nested_layers():
    block = Block()
    block(X)
    block.trainable = False
    assert block.trainable_weights == []
    assert len(block.non_trainable_weights) == 10
    block.trainable = True
    assert len(block.trainable_weights) == 8
    block.more[1].trainable = False
    assert len(block.trainable_weights) == 6


def test_variables_assigned_as_attributes_are_weights():
    class Counter(L.Layer):
        def __init__(self):
            super().__init__()
            self.step = tf.Variable(0.0, trainable=False)

        def call(self, inputs):
            self.step.assign_add(1.0)
            return inputs + self.step

    counter = Counter()
    assert len(counter.weights) == 1
    traced = tf.function(counter)
    traced(X)
    assert float(traced(X).numpy()[0, 0]) == 3


def test_training_is_explicit_or_from_the_outer_call_or_the_default():
    seen = []

    class Inner(L.Layer):
        def call(self, inputs, training=None):
            seen.append(training)
            return inputs

    class Outer(L.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, inputs, training=None):
            self.inner(inputs, training=False)
            return self.inner(inputs)

    Outer()(X)
    Outer()(X, training=True)
    Inner()(X)
    L.Dense(1)(X, training=True)
    assert seen == [False, None, False, True, None]


def test_weights_are_made_once_inside_a_traced_function():
    layer = L.Dense(2)
    step = tf.function(lambda v: layer(v))
    np.testing.assert_allclose(step(X).numpy(), layer(X).numpy(), rtol=1e-6)
    assert len(layer.weights) == 2


def test_several_inputs_reach_build_by_name():
    class Pair(L.Layer):
        def build(self, first_shape, second_shape):
            self.shapes = first_shape, second_shape

        def call(self, first, second):
            return first + second

    pair = Pair()
    pair(np.ones((2, 3), "float32"), np.ones((2, 1), "float32"))
    assert pair.shapes == ((2, 3), (2, 1))
    assert pair.get_build_config() == {"first_shape": (2, 3), "second_shape": (2, 1)}


def test_losses_are_those_of_the_last_call():
    class Penalty(L.Layer):
        def call(self, inputs):
            self.add_loss(tf.reduce_sum(inputs))
            return inputs

    layer = Penalty()
    layer(X)
    layer(X)
    assert [float(v) for v in layer.losses] == [6]
    dense = L.Dense(2, kernel_regularizer=tf.keras.regularizers.L2(0.5), activity_regularizer="l1", kernel_initializer="ones")
    dense(X)
    assert [round(float(v), 4) for v in dense.losses] == [0.06, 3.0]
    dense.trainable = False
    assert len(dense.losses) == 1


def test_configs_are_made_automatically_and_say_so_when_they_cannot():
    layer = Scale(power=2, name="scale")
    config = layer.get_config()
    assert config["power"] == 2
    again = Scale.from_config(config)
    assert (again.power, again.name) == (2, "scale")

    class Holder(L.Layer):
        def __init__(self, thing):
            super().__init__()
            self.thing = thing

    with pytest.raises(NotImplementedError, match="get_config"):
        Holder(object()).get_config()


def test_get_build_config_builds_again():
    layer = Scale()
    layer(X)
    again = Scale.from_config(layer.get_config())
    again.build_from_config(layer.get_build_config())
    assert again.built
    again.set_weights([np.array([1, 2, 3], "float32")])
    assert again(X).numpy()[0].tolist() == [1, 2, 3]


def test_input_shape_argument_is_kept_for_sequential():
    assert L.Conv2D(2, 3, input_shape=(8, 8, 3))._input_shape_arg == (8, 8, 3)
    assert L.Dense(2, input_dim=4)._input_shape_arg == (4,)
    model = tf.keras.Sequential([L.Dense(2, input_shape=(3,))])
    assert model.built


def test_names_count_up():
    tf.keras.backend.clear_session()
    assert [L.Dense(1).name, L.Dense(1).name, L.MaxPooling2D().name] == ["dense", "dense_1", "max_pooling2d"]


def test_a_failing_call_names_the_layer_and_its_arguments():
    class Wrong(L.Layer):
        def call(self, inputs):
            return inputs + np.ones((7,), "float32")

    with pytest.raises(ValueError, match=r"calling Wrong\.call\(\)") as error:
        Wrong(name="oops")(X)
    text = str(error.value)
    assert '"oops"' in text and "broadcast" in text
    assert "Arguments received by Wrong.call():\n  • inputs=tf.Tensor(shape=(2, 3), dtype=float32)" in text


def test_only_the_innermost_layer_explains():
    class Outer(L.Layer):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(2)
            self.dense.build((None, 5))

        def call(self, inputs):
            return self.dense(inputs)

    with pytest.raises(ValueError, match='layer "dense') as error:
        Outer()(X)
    assert str(error.value).count("Arguments received") <= 1


def test_set_weights_checks():
    layer = L.Dense(2)
    with pytest.raises(ValueError, match="not built"):
        layer.set_weights([X])
    layer(X)
    with pytest.raises(ValueError, match=r"\(3, 2\)"):
        layer.set_weights([np.ones((2, 2)), np.ones(2)])
    layer.set_weights([np.ones((3, 2)), np.zeros(2)])
    assert layer(X).numpy().tolist() == [[3, 3], [3, 3]]


def test_layer_names_stand_in_traced_graphs_places():
    with pytest.raises(tf.errors.InvalidArgumentError, match="layer"):
        tf.function(lambda v: L.Lambda(lambda u: tf.matmul(u, u), name="square")(v))(X)


def test_constraints_hold_after_each_update():
    layer = L.Dense(2, kernel_constraint="non_neg", kernel_initializer="ones")
    layer(X)
    optimizer = tf.keras.optimizers.SGD(10.0)
    optimizer.apply([tf.constant(X.T[:, :2]), tf.constant([0.0, 0.0])], layer.trainable_variables)
    assert (layer.kernel.numpy() == 0).all()


def test_regularizers_and_constraints_compute_what_they_say():
    w = np.array([[3.0, -1.0], [-4.0, 2.0]], "float32")
    R, C = tf.keras.regularizers, tf.keras.constraints
    assert float(R.L1(0.5)(w)) == 5
    assert float(R.L2(0.5)(w)) == 15
    assert float(R.L1L2(0.5, 0.5)(w)) == 20
    assert float(R.get("l1_l2")(w)) == 0
    rows = w / np.linalg.norm(w, axis=1, keepdims=True)
    np.testing.assert_allclose(float(R.OrthogonalRegularizer(1.0)(w)), abs((rows @ rows.T)[0, 1]), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(C.MaxNorm(1.0)(w).numpy(), axis=0), [1, 1], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(C.UnitNorm(axis=1)(w).numpy(), axis=1), [1, 1], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(C.MinMaxNorm(6.0, 7.0, rate=0.5)(w).numpy(), axis=0), [5.5, (np.sqrt(5) + 6) / 2], rtol=1e-5)
    for module, made in ((R, R.L1L2(0.1, 0.2)), (C, C.MinMaxNorm(0.5))):
        again = module.deserialize(module.serialize(made))
        assert again.get_config() == made.get_config()


def test_losses_after_fit_are_those_that_have_a_value():
    model = tf.keras.Sequential([tf.keras.Input((3,)), L.Dense(2, kernel_regularizer="l2", activity_regularizer="l1")])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], verbose=0)
    assert len(model.losses) == 1  # the penalty of the activity belonged to the traced step
    model(X)
    assert len([float(v) for v in model.losses]) == 2
