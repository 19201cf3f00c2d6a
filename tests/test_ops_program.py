"""tf.debugging, tf.print, tf.Module, tf.config, tf.nest, Python functions inside programs, scopes."""

import io
import warnings

import numpy as np
import pytest
from ops_checks import same

import tenfold as tf

FAILING = {
    "assert_equal": ([1, 2], [1, 3]), "assert_none_equal": ([1, 2], [0, 2]), "assert_less": ([1, 2], [2, 2]), "assert_less_equal": ([3], [2]),
    "assert_greater": ([2], [2]), "assert_greater_equal": ([1], [2]), "assert_near": ([1.0], [1.1]), "assert_positive": ([0, 1],),
    "assert_negative": ([0],), "assert_non_negative": ([-1],), "assert_non_positive": ([1],), "check_numerics": ([np.nan], "loss"),
}  # fmt: skip
HOLDING = {
    "assert_equal": ([1, 2], [1, 2]), "assert_none_equal": ([1], [2]), "assert_less": ([1], [2]), "assert_less_equal": ([2], [2]),
    "assert_greater": ([3], [2]), "assert_greater_equal": ([2], [2]), "assert_near": ([1.0], [1.0000001]), "assert_positive": ([1],),
    "assert_negative": ([-1],), "assert_non_negative": ([0],), "assert_non_positive": ([0],), "check_numerics": ([1.0], "loss"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILING)
def test_assertions(name):
    function = getattr(tf.debugging, name)
    function(*HOLDING[name])
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"\[{name}\]"):
        function(*FAILING[name])


@pytest.mark.parametrize("name", ["assert_equal", "assert_positive", "check_numerics"])
def test_assertions_in_compiled_functions(name):
    function = getattr(tf.debugging, name)

    @tf.function
    def run(x, *rest):
        function(x, *rest)
        return x

    first, *rest = HOLDING[name]
    run(tf.constant(first), *rest)
    first, *rest = FAILING[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"\[{name}\]"):
        run(tf.constant(first), *rest)


def test_static_assertions():
    x = tf.zeros([2, 3])
    tf.debugging.assert_shapes([(x, ("n", "m")), (tf.zeros([3]), ("m",)), (x, (None, 3)), (x, ("*", 3))])
    tf.debugging.assert_rank(x, 2)
    tf.debugging.assert_rank_at_least(x, 1)
    tf.debugging.assert_rank_in(x, [1, 2])
    tf.debugging.assert_type(x, tf.float32)
    tf.debugging.Assert(True, [x])
    for call in (
        lambda: tf.debugging.assert_shapes([(x, ("n", "n"))]),
        lambda: tf.debugging.assert_shapes([(x, (3,))]),
        lambda: tf.debugging.assert_rank(x, 1, "here"),
        lambda: tf.debugging.assert_rank_at_least(x, 3),
        lambda: tf.debugging.assert_rank_in(x, [0, 1]),
        lambda: tf.debugging.assert_scalar(x),
        lambda: tf.debugging.Assert(tf.constant(1) > 2, ["because", tf.constant(5)]),
        lambda: tf.debugging.assert_type(x, tf.int32),
        lambda: tf.debugging.assert_integer(x),
    ):
        with pytest.raises(ValueError, match=r"\["):
            call()


def printed(*values, **options):
    stream = io.StringIO()
    tf.print(*values, output_stream=stream, **options)
    return stream.getvalue()


def test_print():
    assert printed("x =", tf.constant([1, 2])) == "x = [1 2]\n"
    assert printed(tf.constant(1.5), 2, sep="|", end="") == "1.5|2"
    assert printed(tf.range(10)) == "[0 1 2 ... 7 8 9]\n"
    assert printed(tf.range(10), summarize=-1) == "[0 1 2 3 4 5 6 7 8 9]\n"
    assert printed({"a": tf.constant(1)}, [tf.constant(2), "b"]) == "{'a': 1} [2, b]\n"


def test_print_in_a_compiled_function(capsys):
    @tf.function
    def run(x):
        tf.print("value", x * 2)
        return x

    run(tf.constant(3))
    run(tf.constant(4))
    assert capsys.readouterr().err == "value 6\nvalue 8\n"


class Dense(tf.Module):
    def __init__(self, n, m, name=None):
        super().__init__(name)
        self.w = tf.Variable(tf.ones([n, m]), name="w")
        self.b = tf.Variable(tf.zeros([m]), name="b")
        self.steps = tf.Variable(0, trainable=False)

    @tf.Module.with_name_scope
    def __call__(self, x):
        return x @ self.w + self.b


class Chain(tf.Module):
    def __init__(self):
        super().__init__()
        self.layers = [Dense(2, 3), Dense(3, 1)]
        self.shared = self.layers[0]
        self.table = {"scale": tf.Variable(2.0)}


def test_module():
    chain = Chain()
    assert (len(chain.variables), len(chain.trainable_variables), len(chain.non_trainable_variables)) == (7, 5, 2)
    assert [type(m) for m in chain.submodules] == [Dense, Dense]
    assert chain.variables[0] is chain.table["scale"]
    assert (chain.name, Dense(1, 1, name="encoder").name) == ("chain", "encoder")
    same(chain.layers[0](tf.ones([1, 2])), np.full([1, 3], 2, np.float32))
    with pytest.raises(ValueError, match="not a valid module name"):
        Dense(1, 1, name="a b")


def test_module_trains_in_a_compiled_function():
    layer = Dense(2, 1)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x))
        for v, g in zip(layer.trainable_variables, tape.gradient(loss, layer.trainable_variables), strict=True):
            v.assign_sub(g)

    step(tf.ones([1, 2]))
    same(layer.w, np.zeros([2, 1], "float32"))


def test_scopes():
    with tf.name_scope("outer"), tf.name_scope("inner") as scope:
        assert scope == "outer/inner/"
    with tf.control_dependencies([tf.constant(1)]), tf.device("/CPU:0"):
        assert tf.executing_eagerly()
    assert not tf.function(lambda: tf.constant(1) if tf.executing_eagerly() else tf.constant(0))()


def test_devices():
    assert tf.config.list_physical_devices("GPU") == []
    assert tf.config.list_logical_devices()[0].name == "/device:CPU:0"
    assert tf.test.gpu_device_name() == "" and not tf.test.is_gpu_available()
    tf.config.experimental.set_memory_growth(tf.config.list_physical_devices()[0], True)
    with pytest.warns(UserWarning, match="no '/GPU:0' on this machine"), tf.device("/GPU:0"):
        pass
    tf.config.set_soft_device_placement(False)
    try:
        with pytest.raises(ValueError, match="no '/GPU:0'"), tf.device("/GPU:0"):
            pass
    finally:
        tf.config.set_soft_device_placement(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tf.device(None):
            pass


def test_switches():
    calls = []
    f = tf.function(lambda x: calls.append(1) or x)
    f(tf.constant(1))
    f(tf.constant(1))
    assert len(calls) == 1
    tf.config.run_functions_eagerly(True)
    try:
        f(tf.constant(1))
        assert len(calls) == 2 and tf.config.functions_run_eagerly()
    finally:
        tf.config.run_functions_eagerly(False)
    tf.config.threading.set_intra_op_parallelism_threads(2)
    assert tf.config.threading.get_intra_op_parallelism_threads() == 2
    tf.config.threading.set_intra_op_parallelism_threads(0)
    tf.config.optimizer.set_jit(True)
    tf.config.experimental.enable_op_determinism()


def test_nest():
    nested = {"b": [1, (2,)], "a": 3}
    assert tf.nest.flatten(nested) == [3, 1, 2]
    assert tf.nest.pack_sequence_as(nested, [4, 5, 6]) == {"a": 4, "b": [5, (6,)]}
    assert tf.nest.map_structure(lambda x, y: x + y, nested, nested) == {"a": 6, "b": [2, (4,)]}
    assert tf.nest.is_nested([1]) and not tf.nest.is_nested(1)
    with pytest.raises(ValueError, match="differ"):
        tf.nest.assert_same_structure([1], [1, 2])


def test_python_functions():
    same(tf.numpy_function(np.sin, [tf.constant([0.0, 1.0])], tf.float32), np.sin(np.float32([0, 1])))
    a, b = tf.py_function(lambda x: (x + 1, x * 2.0), [tf.constant(3.0)], [tf.float32, tf.float32])
    assert (float(a), float(b)) == (4, 6)
    f = tf.function(lambda x: tf.numpy_function(lambda a: a * 2, [x], tf.float32, shapes=[2]) + 1)
    same(f(tf.constant([1.0, 2.0])), np.float32([3, 5]))
    g = tf.function(lambda x: tf.py_function(lambda t: tf.reduce_sum(t), [x], tf.float32, shapes=[]))
    assert float(g(tf.constant([1.0, 2.0]))) == 3
    with pytest.raises(ValueError, match="shapes="):
        tf.function(lambda x: tf.numpy_function(np.sin, [x], tf.float32))(tf.constant([1.0]))


def test_small_functions():
    x = tf.zeros([2, 3])
    assert tf.ensure_shape(x, [None, 3]) is x
    with pytest.raises(ValueError, match=r"expected shape \(None, 4\)"):
        tf.ensure_shape(x, [None, 4])
    assert float(tf.timestamp()) > 1e9
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = v * tf.stop_gradient(v)
    assert float(tape.gradient(y, v)) == 2
    assert tf.no_op() is None and tf.group() is None
    assert tf.get_logger().name == "tenfold"
