"""Updates in a loop in Python: the bits of those in `tf.function`, from the first on, whatever is changed between them."""

import copy
import gc
import threading
import weakref

import numpy as np
import pytest

import tenfold as tf

O = tf.keras.optimizers
START = {"matrix": (3, 4), "vector": (4,), "table": (6, 2)}
MAKE = {
    "sgd": lambda: O.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: O.Adam(0.1, amsgrad=True),
    "adamw": lambda: O.AdamW(0.1, weight_decay=0.2),
    "nadam": lambda: O.Nadam(0.1),
    "adamax": lambda: O.Adamax(0.1),
    "rmsprop": lambda: O.RMSprop(0.1, centered=True),
    "adagrad": lambda: O.Adagrad(0.1),
    "adadelta": lambda: O.Adadelta(1.0),
    "adafactor": lambda: O.Adafactor(0.1),
    "ftrl": lambda: O.Ftrl(0.1),
    "lion": lambda: O.Lion(0.1),
    "lamb": lambda: O.Lamb(0.1),
    "muon": lambda: O.Muon(0.1),
    "schedule_free": lambda: O.ScheduleFreeAdamW(0.1),
    "clipnorm": lambda: O.Adam(0.1, clipnorm=0.5),
    "global_clipnorm": lambda: O.Adam(0.1, global_clipnorm=0.5),
    "ema": lambda: O.Adam(0.1, use_ema=True, ema_overwrite_frequency=3),
    "accumulation": lambda: O.Adam(0.1, gradient_accumulation_steps=2),
    "loss_scale": lambda: O.SGD(0.1, loss_scale_factor=3.0),
    "scaled": lambda: O.LossScaleOptimizer(O.Adam(0.1), initial_scale=8.0),
}  # fmt: skip


class Plain(O.Adam):
    """Adam of the user's own, which is not compiled outside of functions."""

    def update_step(self, gradient, variable, learning_rate):
        self.__dict__["seen"] = self.__dict__.get("seen", 0) + 1
        super().update_step(gradient, variable, learning_rate)


def variables():
    random = np.random.default_rng(1)
    return [tf.keras.Variable(random.standard_normal(s).astype("float32"), name=n) for n, s in START.items()]


def gradients(t, slices=True):
    """A gradient for each variable; that of the table by rows, a few more in each step, some twice."""
    random = np.random.default_rng(t)
    matrix, vector = (tf.constant(random.standard_normal(START[n]).astype("float32")) for n in ("matrix", "vector"))
    rows = tf.IndexedSlices(tf.constant(random.standard_normal((2 + t % 3, 2)).astype("float32")), random.integers(0, 6, 2 + t % 3), (6, 2))
    return [matrix, vector, rows if slices else tf.convert_to_tensor(rows)]


def states(optimizer, vs):
    return [v.numpy() for v in (*vs, *optimizer.variables)]


def same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def close(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", MAKE)
def test_updates_have_the_bits_of_compiled_ones(name):
    """Each of seven: so it makes no difference how many were made before."""
    ours, theirs = MAKE[name](), MAKE[name]()
    vs, ws = variables(), variables()
    theirs.build(ws)
    by_rows = name not in ("adafactor", "muon", "scaled")

    @tf.function
    def step(matrix, vector, table, *indices):
        theirs.apply([matrix, vector, tf.IndexedSlices(table, *indices, (6, 2)) if by_rows else table], ws)

    for t in range(7):
        *gs, table = gradients(t, by_rows)
        ours.apply_gradients(zip([*gs, table], vs, strict=True))
        step(*gs, *((table.values, table.indices) if by_rows else (table,)))
        same(states(ours, vs), states(theirs, ws))


def test_updates_are_compiled_once():
    optimizer, vs = O.Adam(0.1), variables()
    for t in range(6):
        optimizer.apply_gradients(zip(gradients(t), vs, strict=True))
        optimizer.learning_rate = 0.1 / (t + 1)
        optimizer.learning_rate.assign(0.2 / (t + 1))
    assert len(optimizer._compiled._made) == 1 and optimizer._compiled._changes == 0


def changed(optimizer, t):
    """What users change between steps: the rate in both ways, and any other option."""
    if t == 1:
        optimizer.learning_rate = 0.02
    elif t == 2:
        optimizer.learning_rate.assign(0.05)
    elif t == 3:
        optimizer.beta_1, optimizer.epsilon = 0.5, 1e-3
    elif t == 4:
        optimizer.weight_decay = 0.1
    elif t == 5:
        optimizer.clipvalue = 0.3
    elif t >= 6:
        optimizer.weight_decay = 0.1 / t


def test_whatever_is_changed_counts():
    """The same as one operation after the other, with a change in every step; what changes always is not compiled again and again."""
    ours, theirs = O.Adam(0.1), Plain(0.1)
    vs, ws = variables(), variables()
    for t in range(20):
        changed(ours, t)
        changed(theirs, t)
        ours.apply_gradients(zip(gradients(t), vs, strict=True))
        theirs.apply_gradients(zip(gradients(t), ws, strict=True))
        close(states(ours, vs), states(theirs, ws))
    assert not ours._compiled._made


def test_code_of_the_users_own_runs_in_every_step():
    optimizer, vs = Plain(0.1), variables()
    rates = iter([0.1, 0.2, 0.3, 0.4])
    called = O.SGD(lambda: next(rates))
    before = vs[1].numpy()
    for t in range(4):
        optimizer.apply_gradients([(gradients(t)[0], vs[0])])
        called.apply_gradients([(tf.ones(4), vs[1])])
    assert optimizer.seen == 4
    np.testing.assert_allclose(vs[1].numpy(), before - 1.0, rtol=1e-6)


def test_a_schedule_is_asked_in_every_step():
    class Steps(O.schedules.LearningRateSchedule):
        factor = 1.0

        def __call__(self, step):
            return self.factor * (tf.cast(step, tf.float32) + 1.0)

    schedule = Steps()
    optimizer, v = O.SGD(schedule, weight_decay=0.1), tf.Variable(10.0)
    for factor, expected in ((1.0, 8.0), (0.5, 6.2), (2.0, -3.52)):  # v -= 0.1 * rate * v; v -= rate
        schedule.factor = factor
        optimizer.apply_gradients([(tf.constant(1.0), v)])
        np.testing.assert_allclose(float(v), expected, rtol=1e-5)


def test_what_was_read_before_stays():
    optimizer, vs = O.SGD(0.1), variables()
    for t in range(3):
        held = [v.read_value() for v in vs]
        kept = [h.numpy() for h in held]
        with tf.GradientTape() as tape:
            loss = sum(tf.reduce_sum(v * v) for v in vs)
            if t == 2:  # inside of a tape, too
                optimizer.apply_gradients([(tf.ones_like(v), v) for v in vs])
        optimizer.apply_gradients(zip(tape.gradient(loss, vs), vs, strict=True))
        same([h.numpy() for h in held], kept)
    optimizer.apply_gradients([(v.read_value(), v) for v in vs])
    assert int(optimizer.iterations) == 5


def test_memory_that_a_weight_left_is_taken_again_only_if_nobody_holds_it():
    """A weight that is read in every step goes to and fro between two arrays. What holds elements of either, even a part of them, keeps them; and
    compiled functions see each new value."""
    optimizer, v = O.SGD(1.0), tf.Variable(np.zeros((64, 64), np.float32))
    product = tf.function(lambda x: x @ v)
    arrays, held = [], []
    for t in range(12):
        arrays.append(weakref.ref(v.read_value()._array))
        if t in (4, 5, 8):
            held.append((t, {4: v.read_value(), 5: tf.reshape(v, (-1,)), 8: v[:2]}[t]))
        assert (product(tf.ones((1, 64))).numpy() == -64.0 * t).all()
        optimizer.apply_gradients([(tf.ones((64, 64)), v)])
    assert all((h.numpy() == -t).all() for t, h in held)
    assert arrays[0]() is arrays[2]() is not None and arrays[1]() is arrays[3]() is not None
    assert arrays[4]() is not arrays[6]() and arrays[5]() is not arrays[7]() and arrays[8]() is not arrays[10]()


def test_memory_that_a_weight_left_is_given_back_once_nobody_reads_any_more():
    v = tf.Variable(np.zeros((64, 64), np.float32))
    step = tf.function(lambda: v.assign_add(tf.ones((64, 64))))
    step()
    old = weakref.ref(v.read_value()._array)
    step()
    assert old() is not None
    step()
    assert old() is None and (v.numpy() == 3).all()


def test_constraints_and_gradients_that_are_missing():
    v, w = tf.keras.Variable([3.0, -1.0], constraint=tf.keras.constraints.NonNeg()), tf.keras.Variable([1.0])
    optimizer = O.SGD(1.0)
    optimizer.build([v, w])
    for gs in ([[1.0, 1.0], [1.0]], [[1.0, -5.0], [1.0]]):
        optimizer.apply_gradients(zip([tf.constant(g) for g in gs], [v, w], strict=True))
    np.testing.assert_array_equal(v.numpy(), [1.0, 5.0])
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply_gradients([(tf.constant([1.0, 1.0]), v), (None, w)])
    np.testing.assert_array_equal([*v.numpy(), *w.numpy()], [0.0, 4.0, -1.0])


def test_wrong_gradients_change_nothing():
    optimizer, vs = O.Adam(0.1), variables()
    before = [v.numpy() for v in vs]
    for _ in range(2):
        with pytest.raises(ValueError, match="shape"):
            optimizer.apply_gradients([(tf.ones((3, 4)), vs[0]), (tf.ones(5), vs[1])])
    same([v.numpy() for v in vs], before)


def test_copies_and_freedom():
    """An optimizer that was used can be copied, and goes with its variables when nobody needs it."""
    optimizer, vs = O.Adam(0.1), variables()
    optimizer.apply_gradients(zip(gradients(0), vs, strict=True))
    assert copy.deepcopy(optimizer).get_config() == optimizer.get_config()
    gone = [weakref.ref(optimizer), *map(weakref.ref, vs), weakref.ref(optimizer.variables[2])]
    del optimizer, vs
    gc.collect()
    assert [r() for r in gone] == [None] * len(gone)


def test_several_sets_of_variables_in_turns():
    """As in adversarial training, or with layers that are trained later."""
    ours, theirs = O.Adam(0.1), Plain(0.1)
    vs, ws = variables(), variables()
    ours.build(vs)
    theirs.build(ws)
    for t in range(8):
        chosen = [[0], [0, 1], [2, 1], [0, 1, 2]][t % 4]
        gs = gradients(t)
        ours.apply_gradients([(gs[i], vs[i]) for i in chosen])
        theirs.apply_gradients([(gs[i], ws[i]) for i in chosen])
    close(states(ours, vs), states(theirs, ws))


def test_threads_with_optimizers_of_their_own():
    def train(result):
        optimizer, vs = O.Adam(0.1), variables()
        for t in range(10):
            optimizer.apply_gradients(zip(gradients(t), vs, strict=True))
        result += states(optimizer, vs)

    results = [[] for _ in range(4)]
    threads = [threading.Thread(target=train, args=(r,)) for r in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for r in results[1:]:
        same(r, results[0])


def test_eagerly_if_asked_for():
    tf.config.run_functions_eagerly(True)
    try:
        optimizer, vs = O.Adam(0.1), variables()
        optimizer.apply_gradients(zip(gradients(0), vs, strict=True))
        assert not optimizer._compiled._made
    finally:
        tf.config.run_functions_eagerly(False)
