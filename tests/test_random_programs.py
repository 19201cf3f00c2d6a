"""Random programs: what the compiler makes of a traced function, with its gradients and updates, equals the oracles, node by node.

Every seed is a program of up to 18 operations on tensors of related shapes, its gradient, and variables that are changed in place.
"""

import random

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler import pipeline
from tenfold.ir import reference

LARGEST = 300_000
UNARY = ("tanh", "sigmoid", "abs", "square", "softplus", "negative", "exp", "sin")
REDUCTIONS = ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min")


class Skip(Exception):
    """The chosen operation does not fit the chosen operands."""


def broadcastable(a, b):
    try:
        np.broadcast_shapes(tuple(a.shape), tuple(b.shape))
    except ValueError:
        raise Skip from None


def need(condition):
    if not condition:
        raise Skip


def binary(r, a, b, weights):
    broadcastable(a, b)
    return r.choice(
        [lambda: a + b, lambda: a - b, lambda: a * b * 0.5, lambda: tf.maximum(a, b), lambda: tf.minimum(a, b), lambda: a / (b * b + 1.0)]
    )()


def unary(r, a, b, weights):
    return getattr(tf.math, r.choice(UNARY))(tf.clip_by_value(a, -3.0, 3.0))


def reduction(r, a, b, weights):
    axes = sorted(r.sample(range(len(a.shape)), r.randint(0, len(a.shape))))
    return tf.clip_by_value(getattr(tf, r.choice(REDUCTIONS))(a, axis=axes, keepdims=r.random() < 0.5), -20.0, 20.0)


def transpose(r, a, b, weights):
    return tf.transpose(a, r.sample(range(len(a.shape)), len(a.shape)))


def product(r, a, b, weights):
    need(len(a.shape) == 2)
    y = a @ weights(int(a.shape[1]), r.choice([1, 5, 16, 40]))
    return tf.nn.relu(y) if r.random() < 0.5 else y


def softmax(r, a, b, weights):
    need(len(a.shape) > 0)
    return tf.nn.softmax(a, axis=r.randrange(len(a.shape)))


def normalize(r, a, b, weights):
    need(len(a.shape) > 0)
    mean, variance = tf.nn.moments(a, axes=[r.randrange(len(a.shape))], keepdims=True)
    return (a - mean) / tf.sqrt(variance + 0.1)


def choose(r, a, b, weights):
    broadcastable(a, b)
    return tf.where(a > b, a, b * 0.5)


def cut(r, a, b, weights):
    need(len(a.shape) > 0 and a.shape[0] > 1)
    return r.choice([lambda: a[1:], lambda: a[::2], lambda: a[..., ::-1], lambda: a[:-1]])()


def reshape(r, a, b, weights):
    return tf.reshape(a, r.choice([[-1], [1, -1], [-1, 1]]))


def pool(r, a, b, weights):
    need(len(a.shape) == 4)
    return r.choice([tf.nn.max_pool2d, tf.nn.avg_pool2d])(a, 2, r.choice([1, 2]), "SAME")


def convolution(r, a, b, weights):
    need(len(a.shape) == 4 and a.shape[1] >= 3 and a.shape[2] >= 3)
    return tf.nn.conv2d(a, weights(r.choice([1, 2, 3]), 3, int(a.shape[3]), r.choice([1, 4, 16, 20])), r.choice([1, 2]), r.choice(["SAME", "VALID"]))


def join(r, a, b, weights):
    need(len(a.shape) > 0)
    return tf.concat([a, a * 2.0], r.randrange(len(a.shape)))


def running(r, a, b, weights):
    need(len(a.shape) > 0)
    return tf.clip_by_value(tf.cumsum(a, axis=r.randrange(len(a.shape))), -9.0, 9.0)


def pad(r, a, b, weights):
    return tf.pad(a, [[1, 2]] * len(a.shape)) if len(a.shape) else a


OPERATIONS = (
    *(binary, binary, binary, unary, unary, reduction, reduction, transpose, product, softmax, normalize, choose),
    *(cut, reshape, pool, convolution, join, running, pad),
)


def inputs(seed):
    r, noise = random.Random(seed), np.random.RandomState(seed)
    rows, channels, side = r.choice([1, 2, 3, 8, 32]), r.choice([1, 3, 4, 16, 17, 33, 64]), r.choice([1, 4, 7, 9])
    if r.random() < 0.3:
        rows, side = 32, r.choice([13, 16])
    shapes = [(rows, channels), (rows, side, side, channels), (channels,), (rows, 1), (1, channels), (rows, side, side, 1), ()]
    return [(r.choice(["constant", "argument", "variable"]), noise.standard_normal(s).astype("float32")) for s in shapes]


def program(seed, xs):
    r, noise = random.Random(seed + 1), np.random.RandomState(seed + 1)

    def weights(*shape):
        return tf.constant((noise.standard_normal(shape) * 0.25).astype("float32"))

    values = list(xs)
    for _ in range(r.randint(4, 18)):
        operation, a, b = r.choice(OPERATIONS), r.choice(values[-6:] + xs), r.choice(values[-6:] + xs)
        try:
            y = operation(r, a, b, weights)
        except Skip:
            continue
        if 0 < np.prod(y.shape) <= LARGEST:
            values.append(y)
    return values[-3:]


def run(seed):
    """Twice, so that what the first run changed is read by the second."""
    made = inputs(seed)
    variables = [tf.Variable(x) for kind, x in made if kind == "variable"]

    @tf.function
    def step(*arguments):
        remaining, mine = iter(arguments), iter(variables)
        with tf.GradientTape() as tape:
            xs = [next(remaining) if kind == "argument" else next(mine) if kind == "variable" else tf.constant(x) for kind, x in made]
            watched = [x for (kind, _), x in zip(made, xs, strict=True) if kind != "constant"]
            tape.watch([x for x in watched if not isinstance(x, tf.Variable)])
            results = program(seed, xs)
            loss = sum(tf.reduce_mean(tf.sin(y)) for y in results)
        grads = [g for g in tape.gradient(loss, watched) if g is not None]
        for v in variables:
            for g in grads:
                if tuple(g.shape) == tuple(v.shape):
                    v.assign_sub(0.1 * g + 0.01 * g * g * v)
                    break
        return results + grads

    arguments = [tf.constant(x) for kind, x in made if kind == "argument"]
    for _ in range(2):
        step(*arguments)


@pytest.fixture
def compared(monkeypatch):
    """Every compiled program that runs is run by the oracles too; the list holds what differed."""
    problems = []
    make, call = pipeline.Program.__init__, pipeline.Program.__call__

    def remember(self, graph, updates=(), *more):
        self.original, self.updates = graph, dict(updates)
        make(self, graph, updates, *more)

    def both(self, given, variables=(), versions=(), repeat=None):
        assert repeat is None, "one run at a time is compared"
        arrays = [*given, *variables]
        before = [np.array(a) for a in arrays]
        with np.errstate(all="ignore"):
            expected = reference.run(self.original, before)
        returned = call(self, given, variables, versions)
        rest = iter(returned)
        for k, wanted in enumerate(expected):
            received = arrays[self.updates[k]] if k in self.updates else next(rest)
            scale = np.abs(wanted).max(initial=0) + 1e-2
            error = np.abs(np.asarray(wanted, "float64") - received).max(initial=0)
            if not error <= 2e-3 * scale:
                problems.append(f"output {k} of shape {np.shape(wanted)} is off by {error:.3g} at scale {scale:.3g}")
        problems.extend(f"input {i} was changed" for i in untouched(self, arrays) if not np.array_equal(before[i], arrays[i]))
        return returned

    monkeypatch.setattr(pipeline.Program, "__init__", remember)
    monkeypatch.setattr(pipeline.Program, "__call__", both)
    return problems


def untouched(made, arrays):
    return [i for i in range(len(arrays)) if i not in made.updates.values()]


@pytest.mark.parametrize("seed", range(60))
def test_compiled_equals_oracles(seed, compared):
    run(seed)
    assert not compared


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 3000))
def test_compiled_equals_oracles_more(seed, compared):
    run(seed)
    assert not compared
