"""Layers that get the same types and shapes again: plans of their calls give the bits, gradients and states of the calls as they are written."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.keras.layers import plans

L = tf.keras.layers
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.standard_normal((4, 6)).astype(np.float32)
STEPS = RANDOM.standard_normal((2, 6, 4)).astype(np.float32)
IMAGES = RANDOM.standard_normal((2, 6, 6, 4)).astype(np.float32)
TRAINING = {"training": True}
CASES: dict[str, tuple[Callable[[], Any], Any, dict[str, Any]]] = {
    "dense": (lambda: L.Dense(5), ROWS, {}),
    "dense_steps": (lambda: L.Dense(5, "gelu", bias_initializer="normal"), STEPS, {}),
    "dense_softmax": (lambda: L.Dense(5, "softmax"), ROWS, {}),
    "dense_float16": (lambda: L.Dense(5, "relu", dtype="mixed_float16"), ROWS.astype("float16"), {}),
    "dense_bfloat16": (lambda: L.Dense(5, dtype="bfloat16"), tf.cast(ROWS, "bfloat16"), {}),
    "dense_adapted": (lambda: L.Dense(5, lora_rank=2), ROWS, {}),
    "einsum": (lambda: L.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), STEPS, {}),
    "relu": (lambda: L.ReLU(max_value=1.0, negative_slope=0.1), ROWS, {}),
    "prelu": (lambda: L.PReLU("normal"), ROWS, {}),
    "softmax": (lambda: L.Softmax(axis=(1, 2)), STEPS, {}),
    "activation": (lambda: L.Activation("swish"), ROWS, {}),
    "sigmoid": (lambda: L.Activation("sigmoid"), 300 * ROWS, {}),
    "layer_norm": (lambda: L.LayerNormalization(axis=(1, 2), beta_initializer="normal"), STEPS, {}),
    "layer_norm_float16": (lambda: L.LayerNormalization(dtype="mixed_float16"), STEPS.astype("float16"), {}),
    "rms_norm": (lambda: L.RMSNormalization(), STEPS, {}),
    "unit_norm": (lambda: L.UnitNormalization(), STEPS, {}),
    "group_norm": (lambda: L.GroupNormalization(2), IMAGES, {}),
    "batch_norm": (lambda: L.BatchNormalization(), IMAGES, TRAINING),
    "batch_norm_inference": (lambda: L.BatchNormalization(), IMAGES, {}),
    "batch_norm_renorm": (lambda: L.BatchNormalization(renorm=True), ROWS, TRAINING),
    "dropout": (lambda: L.Dropout(0.4), ROWS, TRAINING),
    "dropout_inference": (lambda: L.Dropout(0.4), ROWS, {}),
    "spatial_dropout": (lambda: L.SpatialDropout2D(0.4, seed=1), IMAGES, TRAINING),
    "alpha_dropout": (lambda: L.AlphaDropout(0.4, seed=1), ROWS, TRAINING),
    "noise": (lambda: L.GaussianNoise(0.4, seed=1), ROWS, TRAINING),
    "conv": (lambda: L.Conv2D(3, 3, strides=2, padding="same", activation="relu"), IMAGES, {}),
    "conv1d": (lambda: L.Conv1D(3, 2, padding="causal", dilation_rate=2), STEPS, {}),
    "separable": (lambda: L.SeparableConv2D(3, 3), IMAGES, {}),
    "depthwise": (lambda: L.DepthwiseConv2D(3, depth_multiplier=2), IMAGES, {}),
    "transposed": (lambda: L.Conv2DTranspose(3, 3, strides=2), IMAGES, {}),
    "max_pool": (lambda: L.MaxPooling2D(3, 2, "same"), IMAGES, {}),
    "average_pool": (lambda: L.AveragePooling2D(3, 2, "same"), IMAGES, {}),
    "adaptive_pool": (lambda: L.AdaptiveAveragePooling2D(4), IMAGES, {}),
    "global_pool": (lambda: L.GlobalAveragePooling1D(), STEPS, {}),
    "global_max": (lambda: L.GlobalMaxPooling2D(keepdims=True), IMAGES, {}),
    "flatten": (lambda: L.Flatten(), IMAGES, {}),
    "reshape": (lambda: L.Reshape((-1, 8)), IMAGES, {}),
    "permute": (lambda: L.Permute((2, 1)), STEPS, {}),
    "repeat": (lambda: L.RepeatVector(3), ROWS, {}),
    "padded": (lambda: L.ZeroPadding2D((1, 2)), IMAGES, {}),
    "cropped": (lambda: L.Cropping2D(1), IMAGES, {}),
    "upsampled": (lambda: L.UpSampling2D(2, interpolation="bilinear"), IMAGES, {}),
    "heads": (lambda: L.MultiHeadAttention(2, 3), (STEPS, STEPS), {}),
    "heads_causal": (lambda: L.MultiHeadAttention(2, 3, dropout=0.2, seed=1), (STEPS, STEPS), {"use_causal_mask": True, "training": True}),
    "embedded": (lambda: L.Embedding(7, 3), np.array([[1, 2], [6, 2]]), {}),
    "added": (lambda: L.Add(), [STEPS, STEPS], {}),
    "joined": (lambda: L.Concatenate(), [STEPS, STEPS[..., :3]], {}),
    "each_step": (lambda: L.TimeDistributed(L.Dense(3)), STEPS, {}),
    "sequential": (lambda: tf.keras.Sequential([L.Dense(5, "relu"), L.BatchNormalization(), L.Dropout(0.3, seed=2), L.Dense(2)]), ROWS, TRAINING),
    "functional": (lambda: functional(), ROWS, TRAINING),
    "images": (lambda: tf.keras.Sequential([L.Conv2D(3, 3), L.MaxPooling2D(), L.Flatten(), L.Dense(2, "softmax")]), IMAGES, {}),
}  # fmt: skip


def functional() -> Any:
    start = tf.keras.Input((6,))
    x = L.Dense(5, "relu")(start)
    x = L.Add()([x, L.Dense(5)(x)]) + x
    return tf.keras.Model(start, tf.keras.Sequential([L.LayerNormalization(), L.Dropout(0.5, seed=3), L.Dense(2)])(x))


def everything(layer: Any, x: Any, options: Any, taped: bool) -> list[Any]:
    """Results, gradients by inputs and weights, and the state after it."""
    x = tf.nest.map_structure(tf.constant, x)
    given = x if isinstance(x, tuple) else (x,)
    if not taped:
        return [np.asarray(t) for t in (layer(*given, **options), *layer.variables)]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = layer(*given, **options)
        total = tf.reduce_sum(tf.cast(y, "float32") ** 2)
    found = tape.gradient(total, [x, layer.trainable_variables], unconnected_gradients="zero")
    return [np.asarray(tf.convert_to_tensor(t)) for t in (y, *tf.nest.flatten(found), *layer.variables)]


def frames(function: Callable[[], Any]) -> int:
    """How many Python functions a call enters."""
    entered = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal entered
        entered += event == "call"

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return entered - 1


@pytest.mark.parametrize("taped", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_plans_give_the_same_bits(name: str, taped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    make, x, options = CASES[name]
    seen = []
    for planned in (True, False):
        tf.keras.utils.set_random_seed(1)
        layer = make()
        if not planned:
            monkeypatch.setattr(plans, "again", lambda *_: None)
        seen.append([everything(layer, x, options, taped) for _ in range(4)])
        if planned:
            assert any(callable(p) for p in layer._plans.values())
    for a, b in zip(*seen, strict=True):
        for p, q in zip(a, b, strict=True):
            np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize(("name", "most"), [("dense", 30), ("layer_norm", 40), ("batch_norm", 80), ("dropout", 70), ("relu", 20), ("flatten", 20),
                                            ("added", 25), ("sequential", 120), ("functional", 90)])  # fmt: skip
def test_calls_that_come_again_take_few_steps(name: str, most: int) -> None:
    make, x, options = CASES[name]
    layer, x = make(), tf.nest.map_structure(tf.constant, x)
    for _ in range(3):
        layer(x, **options)
    assert frames(lambda: layer(x, **options)) <= most


def test_what_is_set_after_calls_counts() -> None:
    layer = L.Dense(6)
    for _ in range(3):
        layer(ROWS)
    x = tf.constant(ROWS)
    plain = layer(x)
    layer.activation = tf.keras.activations.relu
    np.testing.assert_array_equal(layer(x), tf.nn.relu(plain))
    layer.bias.assign_add(tf.ones(6))
    np.testing.assert_array_equal(layer(x), tf.nn.relu(plain + 1.0))
    layer.call = lambda inputs: inputs
    assert layer(x) is x
    del layer.call
    layer.kernel_constraint = None
    layer._apply = lambda x, weight: 0 * x
    assert all([not np.any(layer(x) - layer.bias) for _ in range(3)])
    norm = L.BatchNormalization()
    for _ in range(3):
        norm(x, training=True)
    before = norm.moving_mean.numpy()
    norm.trainable = False
    norm(x, training=True)
    np.testing.assert_array_equal(norm.moving_mean, before)
    assert not norm.trainable_variables


def test_a_layer_frozen_from_outside_stays_as_it_is() -> None:
    model = tf.keras.Sequential([L.BatchNormalization(), L.Dense(2)])
    for _ in range(4):
        model(ROWS, training=True)
    before = model.layers[0].moving_mean.numpy()
    model.trainable = False
    model(ROWS, training=True)
    np.testing.assert_array_equal(model.layers[0].moving_mean, before)


def test_a_model_knows_what_is_set_in_its_layers() -> None:
    model, x = functional(), tf.constant(ROWS)
    for _ in range(3):
        before = model(x)
    inner = model.layers[1]
    inner.activation = tf.keras.activations.tanh
    after = model(x)
    assert not np.allclose(before, after)
    for _ in range(3):
        np.testing.assert_array_equal(model(x), after)
    model.layers[-1].layers[0].epsilon = 10.0
    assert not np.allclose(model(x), after)


def test_compiled_models_are_planned_too() -> None:
    model, x = functional(), tf.constant(ROWS)
    model.compile("adam", tf.keras.losses.MeanSquaredError(), metrics=["mae"])
    model.fit(ROWS, ROWS[:, :2], verbose=0)
    for _ in range(3):
        before = model(x)
    assert frames(lambda: model(x)) <= 90
    model.fit(ROWS, ROWS[:, :2], verbose=0)
    assert not np.any(model(x).numpy() == before.numpy())
    np.testing.assert_allclose(model(x), model.predict(ROWS, verbose=0), atol=1e-6)


def test_layers_that_change_all_the_time_are_not_planned_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []
    trace = plans.trace
    monkeypatch.setattr(plans, "trace", lambda *args: traced.append(args) or trace(*args))
    layer, model, x = L.Dense(3), tf.keras.Sequential([L.Dense(3)]), tf.constant(ROWS)
    for i in range(60):
        layer.trainable = model.layers[0].trainable = i % 2 == 0
        for _ in range(3):
            layer(x), model(x)
    assert len(traced) < 50


def test_a_model_is_planned_and_not_its_layers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []
    trace = plans.trace
    monkeypatch.setattr(plans, "trace", lambda call, specs, name: traced.append(name) or trace(call, specs, name))
    model, x = functional(), tf.constant(ROWS)
    for _ in range(8):
        model(x)
    assert traced == [model.name]


def test_models_with_code_of_the_users_own_run_it() -> None:
    seen = []

    class Own(L.Layer):
        def call(self, x):
            seen.append("called")
            return x

    class Operation(tf.keras.Operation):
        def call(self, x):
            seen.append("called")
            return x

    start = tf.keras.Input((6,))
    for model in (tf.keras.Sequential([L.Dense(3), Own()]), tf.keras.Model(start, Operation()(L.Dense(3)(start)))):
        model(ROWS)
        seen.clear()
        for _ in range(4):
            model(tf.constant(ROWS))
        assert len(seen) == 4


def test_masks_that_layers_make_are_there_each_time() -> None:
    model = tf.keras.Sequential([tf.keras.Input((6, 4)), L.Masking(), L.Dense(3)])
    embedded = tf.keras.Sequential([L.Embedding(5, 4, mask_zero=True), L.Dense(3)])
    for _ in range(4):
        assert model(tf.constant(STEPS))._keras_mask.shape == (2, 6)
        assert embedded(tf.constant([[1, 0]]))._keras_mask.numpy().tolist() == [[True, False]]


def test_training_of_the_outer_call_counts() -> None:
    class Outer(L.Layer):
        def __init__(self):
            super().__init__()
            self.inner = L.Dropout(0.5, seed=1)

        def call(self, x):
            return self.inner(x)

    outer, x = Outer(), tf.ones((4, 50))
    for _ in range(3):
        assert np.all(outer(x) == 1.0) and not np.all(outer(x, training=True) == 1.0)


def test_code_of_the_users_own_runs_each_time() -> None:
    seen = []

    class Own(L.Dense):
        def _apply(self, x, weight):
            seen.append("layer")
            return super()._apply(x, weight)

    def activation(x):
        seen.append("activation")
        return x

    def penalty(x):
        seen.append("penalty")
        return tf.reduce_sum(x)

    x = tf.constant(ROWS)
    made = (Own(3), L.Dense(3, activation), L.Activation(activation), L.Conv1D(3, 1, activation=activation), L.Dense(3, activity_regularizer=penalty))
    for layer, what in zip(made, ("layer", "activation", "activation", "activation", "penalty"), strict=True):
        given = x[None] if isinstance(layer, L.Conv1D) else x
        layer(given)
        seen.clear()
        for _ in range(3):
            layer(given)
        assert seen == [what] * 3
    assert len(made[-1].losses) == 1


def test_masks_go_through() -> None:
    layer, x = L.Dense(3), tf.constant(STEPS)
    for _ in range(3):
        assert not hasattr(layer(x), "_keras_mask")
    masked = L.Masking()(x)
    assert layer(masked)._keras_mask is masked._keras_mask
    soft, mask = L.Softmax(), np.ones((4, 6), bool)
    mask[:, 3:] = False
    for _ in range(3):
        assert not np.any(soft(tf.constant(ROWS), mask=mask)[:, 3:]) and np.all(soft(tf.constant(ROWS)) > 0)


def test_other_types_shapes_and_mistakes() -> None:
    layer = L.Dense(3)
    for _ in range(3):
        layer(tf.constant(ROWS))
    assert layer(ROWS.astype("float64")).dtype == "float32" and layer(tf.constant(ROWS[:2])).shape == (2, 3)
    with pytest.raises(ValueError, match=f'Input 0 of layer "{layer.name}" is incompatible'):
        layer(tf.ones((4, 5)))
    symbolic = tf.keras.Input((6,))
    assert layer(symbolic).shape == (None, 3)
    assert tf.function(layer)(tf.constant(ROWS)).shape == (4, 3)
    kept = []
    tf.function(lambda x: kept.append(x) or x)(tf.constant(ROWS))
    with pytest.raises(Exception, match="kept from another traced function"):
        layer(kept[0])


def test_places_outside_of_a_table_are_refused_each_time() -> None:
    layer = L.Embedding(5, 2)
    model = tf.keras.Sequential([layer, L.Dense(1)])
    for made in (layer, model):
        for _ in range(3):
            made(tf.constant([1, 4]))
        for wrong in ([1, 5], [-1, 2]):
            with pytest.raises(ValueError, match="out of range"):
                made(tf.constant(wrong))


def test_copies_have_weights_of_their_own() -> None:
    layer, x = L.Dense(3), tf.constant(ROWS)
    for _ in range(3):
        layer(x)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        other.set_weights([0 * w for w in other.get_weights()])
        for _ in range(3):
            assert not np.any(other(x)) and np.any(layer(x))
    shallow, before = copy.copy(layer), layer(x)
    shallow.activation = tf.keras.activations.relu
    for _ in range(3):
        np.testing.assert_array_equal(shallow(x), tf.nn.relu(before))
        np.testing.assert_array_equal(layer(x), before)


def test_states_given_from_outside_are_read() -> None:
    layer, x = L.BatchNormalization(), tf.constant(ROWS)
    for _ in range(3):
        layer(x)
    moved = [v + 1.0 for v in layer.non_trainable_variables]
    y, _ = layer.stateless_call(layer.trainable_variables, moved, x)
    assert not np.allclose(y, layer(x))


def test_losses_of_an_earlier_call_go() -> None:
    class Penalized(L.Layer):
        def call(self, x):
            self.add_loss(tf.reduce_sum(x))
            return x

    model = tf.keras.Sequential([L.Dense(3), Penalized()])
    dense, x = L.Dense(3), tf.constant(ROWS)
    for _ in range(4):
        model(x)
        dense(x)
    assert len(model.losses) == 1
    dense.add_loss(1.0)
    assert len(dense.losses) == 1
    assert frames(lambda: dense(x)) <= 40 and not dense.losses
