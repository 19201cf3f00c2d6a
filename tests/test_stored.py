"""Compiled programs on disk: read back they give the same bits; damage, strangers and changes of anything that matters are misses."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler import pipeline, stored, tuning
from tenfold.compiler.plan import Unwritable, decoded, encoded
from tenfold.core.dtypes import float32, int32
from tenfold.ir.fingerprint import fingerprint
from tenfold.ir.graph import GRADIENT, Graph, Value, make
from tenfold.ir.primitive import PRIMITIVES, Spec
from tenfold.runtime import native
from tenfold.runtime.cache import Cache
from tenfold.runtime.profiler import Profile

RNG = np.random.default_rng(7)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache of programs, used by this process."""
    cache = Cache(tmp_path, stored.LIMIT, "program-", 1)
    monkeypatch.setattr(stored, "plan_cache", lambda: cache)
    return tmp_path


@pytest.fixture
def compiled(monkeypatch):
    """The graphs that go through the compiler."""
    graphs, original = [], pipeline.assembled
    monkeypatch.setattr(pipeline, "assembled", lambda graph, *args: graphs.append(graph) or original(graph, *args))
    return graphs


def entries(folder):
    return sorted(f for f in folder.glob("program-?/*"))


def numbers(*shape):
    return tf.constant(RNG.standard_normal(shape), tf.float32)


def norm_of_product(x):
    return tf.nn.softmax(tf.matmul(x, tf.transpose(x)) * 0.3 + 1.0)


def scanned(x):
    return tf.scan(lambda state, row: tf.tanh(state * 0.5 + row), x)


def chosen(x):
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * 2.0, lambda: tf.exp(x))


def repeated(x):
    return tf.while_loop(lambda i, s: i < 5, lambda i, s: (i + 1, s * 0.9 + x), (0, tf.zeros_like(x)))[1]


def on_the_host(x):
    product = tf.matmul(x, x, transpose_b=True) + 12.0 * tf.eye(12)
    return tf.linalg.cholesky(product), tf.sort(x, axis=0)


def scattered(x):
    return tf.math.unsorted_segment_sum(x, tf.constant([0, 2, 1, 0, 2, 1, 0, 0, 1, 2, 2, 1]), 3)


def convolved(x):
    image = tf.reshape(x, (1, 12, 12, 1))
    return tf.nn.conv2d(image, tf.ones((3, 3, 1, 8)) * 0.1, 1, "SAME")


TABLE = RNG.standard_normal((300, 60)).astype("float32")


def looked_up(x):
    return tf.gather(tf.constant(TABLE), tf.constant([3, 1, 299])) * tf.reduce_max(x)


def worded(x):
    return tf.strings.to_number(tf.strings.as_string(tf.cast(x * 10.0, tf.int32)))


FUNCTIONS = [norm_of_product, scanned, chosen, repeated, on_the_host, scattered, convolved, looked_up, worded]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_read_back_gives_the_same_bits(function, folder, compiled):
    x = numbers(12, 12)
    first = tf.nest.flatten(tf.function(function)(x))
    assert compiled
    compiled.clear()
    kept = {f: f.read_bytes() for f in entries(folder)}
    assert kept
    again = tf.function(function)
    for _ in range(2):
        second = tf.nest.flatten(again(x))
        assert not compiled
        for a, b in zip(first, second, strict=True):
            assert a.numpy().tobytes() == b.numpy().tobytes()
    assert {f: f.read_bytes() for f in entries(folder)} == kept


def test_training_read_back_updates_in_place_to_the_same_bits(folder, compiled):
    def trained():
        tf.keras.utils.set_random_seed(3)
        layers = tf.keras.layers
        model = tf.keras.Sequential(
            [tf.keras.Input((9,)), layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(3)]
        )
        model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        rng = np.random.default_rng(1)
        model.fit(rng.standard_normal((50, 9)).astype("float32"), rng.integers(0, 3, 50), batch_size=20, epochs=2, shuffle=False, verbose=0)
        return [w.tobytes() for w in model.get_weights()]

    first = trained()
    compiled.clear()
    assert trained() == first
    assert not compiled


def test_large_constants_are_given_to_the_program_and_small_ones_are_part_of_it(folder, compiled):
    def scaled(values):
        return tf.function(lambda x: tf.constant(values) * x)(tf.fill(values.shape[1], 2.0)).numpy()

    large, other = RNG.standard_normal((2, 400, 50)).astype("float32")
    np.testing.assert_array_equal(scaled(large), 2 * large)
    compiled.clear()
    np.testing.assert_array_equal(scaled(other), 2 * other)
    assert not compiled
    np.testing.assert_array_equal(scaled(large[:10]), 2 * large[:10])
    compiled.clear()
    np.testing.assert_array_equal(scaled(other[:10]), 2 * other[:10])
    assert compiled


def test_a_large_constant_may_be_a_result(folder):
    values = RNG.standard_normal((200, 100)).astype("float32")
    made = tf.function(lambda x: (tf.constant(values), x + 1.0))
    np.testing.assert_array_equal(made(tf.zeros(3))[0], values)


def test_profiles_of_a_program_from_disk_know_where_launches_come_from(folder, compiled):
    x = numbers(40, 40)
    tf.function(norm_of_product)(x)
    compiled.clear()
    step = tf.function(norm_of_product)
    step(x)
    assert not compiled
    with Profile() as profile:
        step(x)
    assert profile.events and all(e.source is not None and e.source.name == e.name for e in profile.events)
    assert any("test_stored.py" in node.where for e in profile.events for node in e.source.nodes)


# --- what is wrong with an entry ---


def spoiled(data: bytes):
    """Payloads that are no plan, or not a right one."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])

    def with_header(**changes):
        text = json.dumps({**header, **changes}).encode()
        return len(text).to_bytes(8, "little") + text + data[8 + size :]

    words = np.frombuffer(data, "<i8", sum(header["lengths"]), 8 + size)

    def with_words(**changes):
        new = words.copy()
        for place, word in changes.items():
            new[int(place[1:])] = word
        return data[: 8 + size] + new.tobytes() + data[8 + size + new.nbytes :]

    assert decoded(with_header()) and decoded(with_words())
    again = header["lengths"][0] + header["lengths"][1] + header["lengths"][2]  # where the words of the second part begin
    yield from (b"", b"{}", data[:20], data[:-8], data + b"12345678", (1 << 60).to_bytes(8, "little") + data[8:])
    yield with_header(lengths=[1 << 50, *header["lengths"][1:]])
    yield with_header(lengths=[-1, *header["lengths"][1:]])
    yield with_header(kernels=[])
    yield with_header(inputs=-5)
    yield with_header(rows=[[1000, []]])  # no such input
    yield with_header(rows=[[0, [[1000, 1]]]])  # no such constant
    yield with_header(rows=[[0, [[0, 1 << 40]]]])
    yield with_header(rows=[0])
    yield with_header(outputs=[["float32", [-1]]])
    yield with_header(outputs=[["no_type", [1]]])
    yield with_header(functions=[["no_primitive", {}, [], []]])
    yield with_header(constants=[["float32", [1 << 40]]])
    yield b'"' * 100_000
    yield (100_000).to_bytes(8, "little") + b"[" * 100_000
    yield with_words(**{f"w{again + 1}": 77})  # no such operation
    yield with_words(**{f"w{again + 2}": 1000})  # no such kernel
    yield with_words(**{f"w{again + 4}": -1})  # no such number of arguments
    yield with_words(**{f"w{again + 4}": 1 << 40})
    yield with_words(**{f"w{again + 5}": 1000})  # no such slot
    yield with_words(**{f"w{again}": 0})  # more arguments than there is room for


def test_what_is_no_plan_is_a_miss_and_is_replaced(folder, compiled):
    x = numbers(12, 12)
    expected = tf.function(norm_of_product)(x).numpy()
    (file,) = entries(folder)
    name = file.parent.name[-1] + file.name
    cache = stored.plan_cache()
    right = cache.read(name)
    count = 0
    for wrong in spoiled(right):
        cache.write(name, wrong)
        assert cache.read(name) == wrong and stored.read_plan(name) is None
        compiled.clear()
        np.testing.assert_array_equal(tf.function(norm_of_product)(x), expected)
        assert len(compiled) == 1 and cache.read(name) == right
        count += 1
    assert count > 20


def test_every_changed_byte_is_a_miss(folder):
    tf.function(norm_of_product)(numbers(4, 4))
    (file,) = entries(folder)
    name, data = file.parent.name[-1] + file.name, file.read_bytes()
    assert stored.read_plan(name) is not None
    for at in range(0, len(data), 17):
        file.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert stored.read_plan(name) is None
    file.write_bytes(data)
    other = file.with_name("f" * 63)
    other.write_bytes(data)
    assert stored.read_plan(file.parent.name[-1] + other.name) is None  # a whole entry, but another's


def test_kernels_that_are_gone_are_compiled_again(folder, compiled, monkeypatch):
    x = numbers(5, 7)
    expected = tf.function(norm_of_product)(x).numpy()
    compiled.clear()
    monkeypatch.setattr(pipeline, "load_kernels", lambda names: None)
    np.testing.assert_array_equal(tf.function(norm_of_product)(x), expected)
    assert len(compiled) == 1


@pytest.mark.parametrize("where", ["file/cache", "none"])
def test_without_a_folder_everything_works(where, tmp_path, monkeypatch, compiled):
    (tmp_path / "file").write_text("")
    cache = Cache(None if where == "none" else tmp_path / where, stored.LIMIT, "program-", 1)
    monkeypatch.setattr(stored, "plan_cache", lambda: cache)
    for _ in range(2):
        assert float(tf.function(lambda x: x * 2.0 + 1.0)(tf.constant(3.0))) == 7.0
    assert len(compiled) == 2


def test_a_full_disk_costs_nothing_but_time(folder, monkeypatch, compiled):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    for _ in range(2):
        assert float(tf.function(lambda x: x * 2.0 + 1.0)(tf.constant(3.0))) == 7.0
    assert len(compiled) == 2 and not entries(folder)


# --- names ---


def graph_of(function, *specs):
    return tf.function(function).get_concrete_function(*(tf.TensorSpec(*s) for s in specs)).graph


SQUARE = (lambda x: tf.reduce_sum(x * x, 1), ((3, 4), tf.float32))


@pytest.mark.parametrize(
    "other",
    [
        (lambda x: tf.reduce_sum(x * x, 0), ((3, 4), tf.float32)),
        (lambda x: tf.reduce_sum(x * x, 1, keepdims=True), ((3, 4), tf.float32)),
        (lambda x: tf.reduce_sum(x * x, 1), ((3, 5), tf.float32)),
        (lambda x: tf.reduce_sum(x * x, 1), ((3, 4), tf.float64)),
        (lambda x: tf.reduce_max(x * x, 1), ((3, 4), tf.float32)),
        (lambda x: tf.reduce_sum(x * 2.0, 1), ((3, 4), tf.float32)),
        (lambda x: (tf.reduce_sum(x * x, 1), x), ((3, 4), tf.float32)),
    ],
)
def test_another_graph_has_another_name(other):
    assert fingerprint(graph_of(*other)) != fingerprint(graph_of(*SQUARE))


def test_the_same_graph_has_the_same_name():
    def elsewhere(y):
        with tf.name_scope("other"):
            return tf.reduce_sum(y * y, 1)

    assert fingerprint(graph_of(elsewhere, SQUARE[1])) == fingerprint(graph_of(*SQUARE)) is not None


def node(primitive, *inputs, **attrs):
    return make(PRIMITIVES[primitive], inputs, attrs)


def test_names_tell_attributes_and_constants_apart():
    x = Value(Spec((1,), float32))

    def name(*nodes):
        return fingerprint(Graph((x,), nodes[-1].outputs, nodes))

    def times(value, dtype="float32", derived=False):
        return name(node("mul", x, Value(Spec((), float32), np.asarray(value, dtype), derived)))

    made = [times(0.0), times(-0.0), times(1.0), times(1.0, derived=True), times(float("nan"))]
    assert len({*made}) == len(made) and None not in made

    assert name(node("neg", x)) != name(replace(node("neg", x), where=GRADIENT + "something"))

    def given(*elements):  # few stand for themselves in the name, many as their hash
        return name(node("mul", x, Value(Spec((len(elements),), float32), np.array(elements, "float32"))))

    made = [given(*first, last) for first in ((), (0.0,), (0.0,) * 3, (0.0,) * 7, (0.0,) * 15) for last in (0.0, -0.0, 1.0)]
    assert len({*made}) == len(made) and None not in made

    def attribute(value):
        return name(replace(node("cast", x, dtype=int32), attrs={"dtype": int32, "more": value}))

    values = [True, 1, 1.0, "1", None, (1,), ((1,),), (), 0.0, -0.0, float("nan"), float32, int32, np.arange(2), np.arange(2.0)]
    made = [attribute(v) for v in values]
    assert len({*made}) == len(made) and None not in made
    assert attribute(lambda: 1) is None and attribute([1]) is None


def test_what_is_not_known_to_all_processes_has_no_name():
    assert fingerprint(graph_of(lambda x: x + 1.0, ((None, 3), tf.float32))) is None  # a size
    assert fingerprint(graph_of(lambda x: tf.py_function(lambda a: a, [x], tf.float32, shapes=(3,)), ((3,), tf.float32))) is None  # a function


def test_machine_versions_and_flags_are_part_of_the_name(folder, monkeypatch):
    graph = graph_of(*SQUARE)
    found = [stored.plan_name(graph, {}, frozenset()), stored.plan_name(graph, {0: 0}, frozenset()), stored.plan_name(graph, {}, frozenset({0}))]
    with monkeypatch.context() as patch:
        patch.setattr(tuning.switch, "on", True)
        found.append(stored.plan_name(graph, {}, frozenset()))
    for place, value in ((np, "0.0"), (native.llvmlite, "0.0")):
        with monkeypatch.context() as patch:
            patch.setattr(place, "__version__", value)
            forget()
            found.append(stored.plan_name(graph, {}, frozenset()))
    with monkeypatch.context() as patch:
        another = replace(native.host(), cpu="another")
        patch.setattr(native, "host", lambda: another)
        forget()
        found.append(stored.plan_name(graph, {}, frozenset()))
    forget()
    assert len({*found}) == len(found) == 7 and None not in found
    assert stored.plan_name(graph, {}, frozenset()) == found[0]


def forget():
    """Versions are asked for again."""
    stored._versions.cache_clear()
    native._digest_head.cache_clear()


def test_sources_are_part_of_the_name(tmp_path):
    assert {f.parent.name for f in Path(native.__file__).parents[1].glob("*/*.py")} >= {*stored.FOLDERS, *native.FOLDERS}
    assert native.sources_digest(["ir"]) != native.sources_digest(["core"])


# --- other processes ---

PROGRAM = """
import hashlib, sys
import numpy as np
import tenfold as tf
from tenfold.compiler import pipeline
from tenfold.runtime.objects import Backend
done = {"assembled": 0, "object_code": 0}
def counted(place, name):
    original = getattr(place, name)
    def call(*args):
        done[name] += 1
        return original(*args)
    setattr(place, name, call)
counted(pipeline, "assembled")
counted(Backend, "object_code")
tf.keras.utils.set_random_seed(1)
layers = tf.keras.layers
model = tf.keras.Sequential([tf.keras.Input((6, 5)), layers.LSTM(8), layers.Dropout(0.2), layers.Dense(2)])
model.compile("adam", "mse")
rng = np.random.default_rng(0)
model.fit(rng.standard_normal((32, 6, 5)).astype("float32"), rng.standard_normal((32, 2)), batch_size=16, epochs=1, verbose=0)
result = hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()
print(result, done["assembled"], done["object_code"])
"""


def start(folder: Path, **more: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "TENFOLD_CACHE_DIR": str(folder), "TENFOLD_CACHE": "1", **more}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])


def finish(process: "subprocess.Popen[str]") -> list[str]:
    out = process.communicate()[0].split()
    assert process.returncode == 0
    return out


def test_processes_share_programs(tmp_path):
    both = [start(tmp_path), start(tmp_path)]  # at the same time
    first, second = (finish(p) for p in both)
    assert first[0] == second[0]
    assert not list(tmp_path.rglob("*.tmp"))
    assert finish(start(tmp_path, PYTHONHASHSEED="1")) == [first[0], "0", "0"]
    for file in tmp_path.rglob("program-?/*"):
        file.write_bytes(file.read_bytes()[:-9])
    damaged = finish(start(tmp_path))
    assert damaged[0] == first[0] and int(damaged[1]) > 0 and damaged[2] == "0"
    assert finish(start(tmp_path)) == [first[0], "0", "0"]
    kernels = finish(start(tmp_path, TENFOLD_CACHE="kernels"))
    assert kernels[0] == first[0] and int(kernels[1]) > 0 and kernels[2] == "0"


def test_a_plan_that_calls_python_with_what_is_no_data_is_not_written():
    made = pipeline.Program(graph_of(tf.linalg.cholesky, ((3, 3), tf.float32)))._compiled.plan
    assert made.functions
    wrong = replace(made, functions=(replace(made.functions[0], attrs={"f": len}),))
    with pytest.raises(Unwritable):
        encoded(wrong)
