"""Optimizers against formulas in float64: eager = compiled; schedules, clipping, decay, averages, accumulation, state, mistakes."""

import numpy as np
import pytest

import tenfold as tf

O = tf.keras.optimizers
S = O.schedules
START = [np.array([1.0, -2.0, 3.0]), np.array([[0.5], [-0.25]])]
STEPS = 6


def gradients(t):
    random = np.random.RandomState(t)
    return [random.standard_normal(w.shape) * (1 + t) for w in START]


def run(optimizer, compiled=False, clipped=lambda gs: gs, steps=STEPS):
    variables = [tf.Variable(w.astype("float32"), name=n) for w, n in zip(START, "ab", strict=True)]

    def update(*gs):
        optimizer.apply_gradients(zip(gs, variables, strict=True))

    step = tf.function(update) if compiled else update
    for t in range(steps):
        step(*(tf.constant(g.astype("float32")) for g in gradients(t)))
    return [v.numpy() for v in variables]


def simulate(rule, prepare=lambda gs, ws: gs, steps=STEPS):
    """rule(w, g, state, t) -> new w; state is a dict per variable."""
    weights, states = [w.copy() for w in START], [{}, {}]
    for t in range(1, steps + 1):
        gs = prepare(gradients(t - 1), weights)
        weights = [rule(w, g, s, t) for w, g, s in zip(weights, gs, states, strict=True)]
    return weights


def sgd(rate, momentum=0.0, nesterov=False):
    def rule(w, g, s, t):
        s["v"] = momentum * s.get("v", 0) - rate * g
        return w + (momentum * s["v"] - rate * g if nesterov else s["v"])

    return rule


def adam(rate, b1=0.9, b2=0.999, eps=1e-7, amsgrad=False, decay=0.0):
    def rule(w, g, s, t):
        w = w * (1 - rate * decay)
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
        s["top"] = np.maximum(s.get("top", 0), s["v"]) if amsgrad else s["v"]
        return w - rate * np.sqrt(1 - b2**t) / (1 - b1**t) * s["m"] / (np.sqrt(s["top"]) + eps)

    return rule


def rmsprop(rate, rho=0.9, momentum=0.0, eps=1e-7, centered=False):
    def rule(w, g, s, t):
        s["v"] = rho * s.get("v", 0) + (1 - rho) * g * g
        s["mean"] = rho * s.get("mean", 0) + (1 - rho) * g
        s["m"] = momentum * s.get("m", 0) + rate * g / np.sqrt(s["v"] - (s["mean"] ** 2 if centered else 0) + eps)
        return w - s["m"]

    return rule


def adagrad(rate):
    def rule(w, g, s, t):
        s["a"] = s.get("a", 0.1) + g * g
        return w - rate * g / np.sqrt(s["a"] + 1e-7)

    return rule


def adamax(rate):
    def rule(w, g, s, t):
        s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
        s["u"] = np.maximum(0.999 * s.get("u", 0), np.abs(g))
        return w - rate / (1 - 0.9**t) * s["m"] / (s["u"] + 1e-7)

    return rule


def norm(gs):
    return np.sqrt(sum((g * g).sum() for g in gs))


CASES = {
    "sgd": (lambda: O.SGD(0.1), simulate(sgd(0.1))),
    "momentum": (lambda: O.SGD(0.1, momentum=0.9), simulate(sgd(0.1, 0.9))),
    "nesterov": (lambda: O.SGD(0.1, momentum=0.9, nesterov=True), simulate(sgd(0.1, 0.9, True))),
    "adam": (lambda: O.Adam(0.1), simulate(adam(0.1))),
    "adam_options": (lambda: O.Adam(0.1, 0.8, 0.9, 1e-3), simulate(adam(0.1, 0.8, 0.9, 1e-3))),
    "amsgrad": (lambda: O.Adam(0.1, amsgrad=True), simulate(adam(0.1, amsgrad=True))),
    "adamw": (lambda: O.AdamW(0.1, weight_decay=0.2), simulate(adam(0.1, decay=0.2))),
    "rmsprop": (lambda: O.RMSprop(0.1), simulate(rmsprop(0.1))),
    "rmsprop_all": (lambda: O.RMSprop(0.1, 0.8, 0.5, 1e-4, True), simulate(rmsprop(0.1, 0.8, 0.5, 1e-4, True))),
    "adagrad": (lambda: O.Adagrad(0.1), simulate(adagrad(0.1))),
    "adamax": (lambda: O.Adamax(0.1), simulate(adamax(0.1))),
    "clipvalue": (lambda: O.SGD(0.1, clipvalue=0.5), simulate(sgd(0.1), lambda gs, ws: [np.clip(g, -0.5, 0.5) for g in gs])),
    "clipnorm": (lambda: O.SGD(0.1, clipnorm=0.5), simulate(sgd(0.1), lambda gs, ws: [g * min(1, 0.5 / norm([g])) for g in gs])),
    "global_clipnorm": (
        lambda: O.SGD(0.1, global_clipnorm=0.5), simulate(sgd(0.1), lambda gs, ws: [g * min(1, 0.5 / norm(gs)) for g in gs]),
    ),
    "schedule": (
        lambda: O.SGD(S.ExponentialDecay(0.1, 2, 0.5)), simulate(lambda w, g, s, t: w - 0.1 * 0.5 ** ((t - 1) / 2) * g),
    ),
    "loss_scale": (lambda: O.SGD(0.1, loss_scale_factor=4.0), simulate(sgd(0.1), lambda gs, ws: [g / 4 for g in gs])),
}  # fmt: skip


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", CASES)
def test_optimizer(name, compiled):
    make, expected = CASES[name]
    optimizer = make()
    for found, wanted in zip(run(optimizer, compiled), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6)
    assert int(optimizer.iterations) == STEPS
    again = O.deserialize(O.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "lion", "Adam"])
def test_names_and_loss_falls(name):
    optimizer = O.get(name)
    optimizer.learning_rate = 0.05
    w = tf.Variable([2.0, -3.0])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w * w)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    losses = [float(step()) for _ in range(20)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_accumulation_updates_with_the_mean(compiled):
    found = run(O.Adam(0.1, gradient_accumulation_steps=3), compiled)
    weights, states = [w.copy() for w in START], [{}, {}]
    for t in (1, 2):
        mean = [sum(gradients(3 * (t - 1) + i)[k] for i in range(3)) / 3 for k in (0, 1)]
        weights = [adam(0.1)(w, g, s, t) for w, g, s in zip(weights, mean, states, strict=True)]
    for a, b in zip(found, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_moving_average_overwrites(compiled):
    optimizer = O.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3)
    found = run(optimizer, compiled)
    weights, averages = [w.copy() for w in START], None
    for t in range(STEPS):
        weights = [w - 0.1 * g for w, g in zip(weights, gradients(t), strict=True)]
        averages = weights if averages is None else [0.5 * a + 0.5 * w for a, w in zip(averages, weights, strict=True)]
        if (t + 1) % 3 == 0:
            weights = averages
    for a, b in zip(found, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_weight_decay_leaves_out_what_is_named():
    a, b = tf.Variable([1.0], name="kernel"), tf.Variable([1.0], name="bias")
    optimizer = O.SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.apply([tf.constant([0.0]), tf.constant([0.0])], [a, b])
    assert (round(float(a[0]), 4), float(b[0])) == (0.95, 1)


def test_state_goes_to_files_and_back():
    optimizer = O.Adam(0.1)
    run(optimizer, steps=2)
    store = {}
    optimizer.save_own_variables(store)
    assert len(store) == 2 + 4
    again = O.Adam(0.1)
    again.build([tf.Variable(w.astype("float32")) for w in START])
    again.load_own_variables(store)
    assert int(again.iterations) == 2
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(again.variables, optimizer.variables, strict=True))


def test_learning_rate_can_be_set_and_compiled_steps_see_it():
    optimizer, w = O.SGD(1.0), tf.Variable(1.0)
    step = tf.function(lambda: optimizer.apply_gradients([(tf.constant(1.0), w)]))
    step()
    optimizer.learning_rate = 0.25
    step()
    optimizer.learning_rate.assign(0.5)
    step()
    assert float(w) == 1 - 1 - 0.25 - 0.5
    with pytest.raises(TypeError, match="not settable"):
        O.SGD(S.CosineDecay(0.1, 10)).learning_rate = 0.1


SCHEDULES = {
    "ExponentialDecay": (S.ExponentialDecay(0.1, 10, 0.5), lambda t: 0.1 * 0.5 ** (t / 10)),
    "staircase": (S.ExponentialDecay(0.1, 10, 0.5, staircase=True), lambda t: 0.1 * 0.5 ** (t // 10)),
    "InverseTimeDecay": (S.InverseTimeDecay(0.1, 10, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 10)),
    "PiecewiseConstantDecay": (S.PiecewiseConstantDecay([5, 20], [1.0, 0.5, 0.1]), lambda t: 1 if t <= 5 else 0.5 if t <= 20 else 0.1),
    "PolynomialDecay": (S.PolynomialDecay(0.1, 20, 0.01, 2.0), lambda t: 0.09 * (1 - min(t, 20) / 20) ** 2 + 0.01),
    "CosineDecay": (S.CosineDecay(0.1, 20, 0.1), lambda t: 0.1 * (0.9 * 0.5 * (1 + np.cos(np.pi * min(t, 20) / 20)) + 0.1)),
    "CosineDecayRestarts": (S.CosineDecayRestarts(0.1, 10, 1.0), lambda t: 0.1 * 0.5 * (1 + np.cos(np.pi * (t % 10) / 10))),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name):
    schedule, formula = SCHEDULES[name]
    compiled = tf.function(lambda step: schedule(step), input_signature=[tf.TensorSpec([], tf.int64)])
    for t in (0, 1, 4, 5, 6, 10, 15, 19, 21, 40):
        np.testing.assert_allclose(float(schedule(t)), formula(t), rtol=2e-5, atol=1e-8)
        np.testing.assert_allclose(float(compiled(tf.constant(t, tf.int64))), formula(t), rtol=2e-5, atol=1e-8)
    assert S.deserialize(S.serialize(schedule)).get_config() == schedule.get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: O.get("adm"), "Did you mean 'adam'"),
        (lambda: O.SGD(momentum=2.0), "momentum"),
        (lambda: O.Adam(clipnorm=1.0, clipvalue=1.0), "Only one"),
        (lambda: O.Adam("fast"), "learning_rate"),
        (lambda: O.Adam(rate=0.1), "not recognized"),
        (lambda: O.Adam(gradient_accumulation_steps=1), "gradient_accumulation_steps"),
        (lambda: O.SGD().apply([None], [tf.Variable(1.0)]), "No gradients"),
        (lambda: O.SGD().apply([tf.constant(1.0)]), "build"),
        (lambda: S.PiecewiseConstantDecay([1, 2], [1.0]), "boundaries"),
        (lambda: S.ExponentialDecay(0.1, 0, 0.5), "decay_steps"),
    ],
)
def test_mistake(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_unknown_variables_and_missing_gradients():
    optimizer, a, b = O.SGD(), tf.Variable(1.0), tf.Variable(2.0)
    optimizer.apply([tf.constant(1.0)], [a])
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply([tf.constant(1.0)], [b])
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        O.SGD().apply([tf.constant(1.0), None], [a, b])


def draws(count, *shape):
    return np.random.RandomState(4).standard_normal((count, *shape)).astype("float32")


def test_schedule_free_adam_is_the_mean_of_where_adam_would_be():
    """As on TensorFlow, where Keras reads z after its update: then beta_1 drops out."""
    optimizer = O.ScheduleFreeAdamW(0.05, beta_1=0.8, warmup_steps=3)
    start = np.array([1.0, -2.0, 0.5])
    v = tf.keras.Variable(start.astype("float32"))
    z, x, square = start.copy(), start.copy(), np.zeros(3)
    for t, g in enumerate(draws(12, 3), 1):
        optimizer.apply([tf.constant(g)], [v])
        square = 0.999 * square + 0.001 * g.astype("float64") ** 2
        z = z - 0.05 * min(t / 3, 1) * g / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
        x = (1 - 1 / t) * x + z / t
        np.testing.assert_allclose(v.numpy(), x, rtol=1e-4)


@pytest.mark.parametrize("scaled", [False, True])
def test_adafactor_counts_its_placeholders_as_keras_does(scaled):
    """Files number the variables: for a vector Keras counts two that hold nothing, but not within a LossScaleOptimizer."""
    optimizer = O.LossScaleOptimizer(O.Adafactor()) if scaled else O.Adafactor()
    optimizer.build([tf.keras.Variable(np.ones(3, "float32"), name="a"), tf.keras.Variable(np.ones((3, 2), "float32"), name="b")])
    found = [(v.path.rpartition("/")[2], tuple(v.shape), v.dtype.name) for v in optimizer.variables[-4 if scaled else -6 :]]
    own = [("a_velocity", (3,), "float32"), ("b", (3,), "float32"), ("b", (2,), "float32"), ("b_velocity", (3, 2), "float32")]
    assert found == ([] if scaled else [("a", (), "int32")] * 2) + own


def test_older_spellings():
    with pytest.warns(DeprecationWarning, match="learning_rate"):
        assert float(O.Adam(lr=0.5).learning_rate) == 0.5
    with pytest.warns(UserWarning, match="ignored.*InverseTimeDecay"):
        O.SGD(0.1, decay=1e-4)
    with pytest.raises(ValueError, match=r"not recognized.*'beta'"):
        O.Adam(beta=0.5)


def test_a_step_can_be_a_function_of_the_state():
    optimizer = O.Adam(0.1)
    v = tf.keras.Variable([1.0, 2.0])
    optimizer.build([v])
    twin, twin_optimizer = tf.keras.Variable([1.0, 2.0]), O.Adam(0.1)
    values, state = [v.value], [s.value for s in optimizer.variables]
    step = tf.function(lambda values, state, g: optimizer.stateless_apply(state, [g], values))
    for g in draws(3, 2):
        values, state = step(values, state, tf.constant(g))
        twin_optimizer.apply([tf.constant(g)], [twin])
    np.testing.assert_allclose(values[0].numpy(), twin.numpy(), rtol=1e-6)
    assert v.numpy().tolist() == [1, 2] and int(optimizer.iterations.numpy()) == 0
    with pytest.raises(ValueError, match="1:1"):
        optimizer.stateless_apply(state[1:], [tf.constant(g)], values)


@pytest.mark.parametrize("name", ["Adam", "Adafactor", "Muon", "Ftrl", "Nadam"])
def test_accumulated_gradients_are_one_step_with_their_mean(name):
    """In a compiled step, too, where both branches are code; between updates nothing but the sums changes."""
    once, often = getattr(O, name)(0.1), getattr(O, name)(0.1, gradient_accumulation_steps=3)
    a, b = tf.keras.Variable(np.eye(3, dtype="float32"), name="w"), tf.keras.Variable(np.eye(3, dtype="float32"), name="w")
    often.build([b])
    step = tf.function(lambda g: often.apply([g], [b]))
    for gs in draws(4, 3, 3, 3):
        once.apply([tf.constant(gs.mean(0))], [a])
        before = b.numpy()
        for i, g in enumerate(gs):
            step(tf.constant(g))
            assert (b.numpy() == before).all() == (i < 2)
    np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=2e-4, atol=1e-5)
    assert int(np.asarray(often.iterations)) == 4


def test_each_of_several_optimizers_has_its_rate():
    first, rest = O.SGD(0.1, name="first"), O.SGD(0.01, name="rest")
    model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(2, name="one"), tf.keras.layers.Dense(1, name="two")])
    model.compile(O.MultiOptimizer(O.OptimizerMap(rest, {".*one/.*": first})), "mse")
    halve = tf.keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, verbose=0, callbacks=[halve]).history
    np.testing.assert_allclose(history["learning_rate_first"], [0.05, 0.025], rtol=1e-6)
    np.testing.assert_allclose(history["learning_rate_rest"], [0.005, 0.0025], rtol=1e-6)
    with pytest.raises(AttributeError, match="sub-optimizers"):
        model.optimizer.learning_rate  # noqa: B018


def test_legacy_decay_is_a_schedule():
    with pytest.warns(DeprecationWarning, match="keras.optimizers.SGD"):
        old = O.legacy.SGD(lr=1.0, decay=0.5, momentum=0.9)
    v = tf.keras.Variable([0.0])
    rates = []
    for _ in range(3):
        rates.append(float(old.learning_rate))
        old.apply([tf.constant([0.0])], [v])
    np.testing.assert_allclose(rates, [1, 1 / 1.5, 1 / 2], rtol=1e-6)
    assert isinstance(old, O.Optimizer) and issubclass(O.SGD, O.legacy.Optimizer)
