"""The roofline report: costs by shapes, whose work a kernel is, and what the reports say. No durations are checked."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler.cost import Cost, costs, origin, parse
from tenfold.compiler.peaks import Peaks, peaks
from tenfold.compiler.pipeline import Program
from tenfold.keras.training.profiling import best
from tenfold.ops.roofline import ELSEWHERE, analyze
from tenfold.ops.roofline_page import page
from tenfold.ops.roofline_text import amount, percent, seconds, table, trace
from tenfold.runtime.profiler import Event
from tenfold.tensor.bind import state

PEAKS = Peaks("a machine", 2, 100e9, ((1 << 16, 100e9), (1 << 24, 10e9)))


def program(function, *shapes):
    """The calls of a compiled function."""
    concrete = tf.function(function).get_concrete_function(*(tf.TensorSpec(s) for s in shapes))
    made = concrete.program(tuple(shapes))
    assert isinstance(made, Program)
    return made.calls


def total(function, *shapes):
    found = costs(program(function, *shapes)).values()
    return Cost(sum(c.flops for c in found), sum(c.nbytes for c in found))


def small_model():
    layers = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((8,)), layers.Dense(16, "relu", name="first"), layers.Dense(4, name="second")], name="small")
    model.compile("sgd", "mse", metrics=["mae"])
    return model


# --- costs ---


@pytest.mark.parametrize(
    ("function", "shapes", "flops", "nbytes"),
    [
        (lambda x, y: x + y, [(30, 50), (30, 50)], 1500, 3 * 6000),
        (lambda x, b: tf.maximum(x + b, 0.0), [(30, 50), (50,)], 3000, 2 * 6000 + 200),
        (lambda x: tf.transpose(x), [(30, 50)], 0, 2 * 6000),
        (lambda x: tf.reduce_sum(x * x), [(100, 10)], 2000, 4004),
        (lambda x: tf.reduce_max(x, 1), [(100, 10)], 1000, 4400),
        (lambda x: tf.gather(x, [3, 1, 3]), [(1000, 8)], 0, 24 + 2 * 96),
        (lambda x: x[5:7], [(1000, 8)], 0, 2 * 64),
    ],
)
def test_cost_of_loops(function, shapes, flops, nbytes):
    found = total(function, *shapes)
    assert found.flops == flops
    assert abs(found.nbytes - nbytes) <= 16  # constants that gather may read


def test_work_that_does_not_vary_is_counted_where_it_is_done():
    found = total(lambda x, b: x * tf.sqrt(b)[:, None], (100, 64), (100,))
    assert found.flops in (100 * 64 + 100, 2 * 100 * 64)


@pytest.mark.parametrize(
    ("function", "shapes", "flops"),
    [
        (lambda a, b: a @ b, [(20, 30), (30, 40)], 2 * 20 * 30 * 40),
        (lambda a, b: tf.matmul(a, b, transpose_a=True), [(300, 200), (300, 400)], 2 * 200 * 300 * 400),
        (lambda a, b: a @ b, [(6, 20, 30), (6, 30, 40)], 6 * 2 * 20 * 30 * 40),
        (lambda a, b: tf.nn.conv2d(a, b, 1, "SAME"), [(2, 16, 16, 8), (3, 3, 8, 24)], 2 * 2 * 16 * 16 * 24 * 9 * 8),
        (lambda a, b: tf.nn.conv2d(a, b, 2, "VALID"), [(2, 17, 17, 8), (3, 3, 8, 24)], 2 * 2 * 8 * 8 * 24 * 9 * 8),
    ],
)
def test_cost_of_contractions(function, shapes, flops):
    assert total(function, *shapes).flops == flops


def test_gradients_of_contractions_cost_what_the_contraction_does():
    def gradients(x, w):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = tf.nn.conv2d(x, w, 1, "VALID")
        return tape.gradient(y, [x, w], output_gradients=tf.ones_like(y))

    one = 2 * 2 * 14 * 14 * 24 * 9 * 8
    found = [c for c in program(gradients, (2, 16, 16, 8), (3, 3, 8, 24)) if c.nodes and c.nodes[0].primitive.name.startswith("convolution")]
    cost = costs(found)
    assert sum(cost[id(c)].flops for c in found) == 2 * one


def test_epilogue_counts():
    plain = total(lambda a, b: a @ b, (20, 30), (30, 40))
    more = total(lambda a, b: tf.nn.relu(a @ b), (20, 30), (30, 40))
    assert more.flops == plain.flops + 20 * 40
    assert more.nbytes == plain.nbytes


def test_a_product_moves_its_operands_at_least():
    assert total(lambda a, b: a @ b, (20, 30), (30, 40)).nbytes >= 4 * (20 * 30 + 30 * 40 + 20 * 40)


def test_host_calls_have_bytes_only():
    found = total(lambda x: tf.linalg.inv(x), (8, 8))
    assert found.flops == 0
    assert found.nbytes >= 2 * 256


# --- where it comes from ---


def test_parse():
    assert parse("train.py:7 in step") == ((), False, "train.py:7 in step")
    assert parse("gradient of a, layer b.py:1 in f, layer m/d") == (("m", "d"), True, "a, layer b.py:1 in f")


def test_kernels_know_their_layer_and_gradients_theirs():
    model = small_model()

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(x) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    concrete = tf.function(step).get_concrete_function(tf.TensorSpec((32, 8)))
    shapes = tuple(tuple(v.spec.shape) for v in concrete.graph.inputs)
    found = [origin(c) for c in concrete.program(shapes).calls if c.name == "matmul"]
    assert {(o.layers, o.backward) for o in found} == {(("small", name), back) for name in ("first", "second") for back in (False, True)}
    assert all(Path(__file__).name in o.line for o in found)


def test_loops_pass_on_whose_they_are():
    class Repeat(tf.keras.layers.Layer):
        def call(self, x):
            return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y @ tf.transpose(y) @ y), (0, x))[1]

    layer = Repeat(name="again")
    concrete = tf.function(lambda x: layer(x)).get_concrete_function(tf.TensorSpec((4, 4)))
    found = [origin(c) for c in concrete.program(((4, 4),)).calls]
    assert {o.layers for o in found if o.layers} == {("again",)}
    assert sum(o.layers == ("again",) for o in found) >= 3


def test_eager_gradients_record_nothing():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    assert float(tape.gradient(y, x)) == 6
    assert state.origin == ""


# --- peaks ---


def test_peaks_between_the_measured_sizes():
    assert PEAKS.memory == 10e9 and PEAKS.cache == 100e9
    assert PEAKS.bandwidth(1) == 100e9 and PEAKS.bandwidth(1 << 30) == 10e9
    assert 10e9 < PEAKS.bandwidth(1 << 20) < 100e9
    assert PEAKS.seconds(100e9, 1) == 1.0 and PEAKS.seconds(1, 100e9) == 10.0


def test_peaks_are_remembered():
    code = "from tenfold.compiler import peaks as p; p.peaks(); p.measure = None; f = p.peaks(); assert f.flops > 1e8 < f.memory; print(f)"
    first = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert first == again
    assert peaks().threads >= 1


# --- reports ---


def events_of(function, *shapes):
    return [Event(c.name, k * 1e-3, 1e-3, 0, c) for k, c in enumerate(program(function, *shapes))]


def test_figures_add_up():
    events = events_of(lambda a, b: tf.nn.softmax(a @ b), (20, 30), (30, 40))
    report = analyze(events, PEAKS, steps=2)
    assert report.total.launches == len(events) == sum(k.launches for k in report.kernels)
    assert report.total.seconds == pytest.approx(len(events) * 1e-3)
    assert report.wall == pytest.approx(len(events) * 1e-3)
    assert sum(r.flops for r in report.layers) == report.total.flops == sum(c.flops for c in costs([e.source for e in events]).values())
    assert [r.name for r in report.layers] == [ELSEWHERE]
    kernel = next(k for k in report.kernels if k.name.startswith("matmul"))
    assert kernel.rate == pytest.approx(kernel.flops / 1e-3)
    assert kernel.fraction == pytest.approx(PEAKS.seconds(kernel.flops, kernel.nbytes) / 1e-3)


def test_bound():
    heavy = analyze(events_of(lambda a, b: a @ b, (512, 512), (512, 512)), PEAKS)
    light = analyze(events_of(lambda a, b: a + b, (512, 512), (512, 512)), PEAKS)
    assert (heavy.total.bound, light.total.bound) == ("compute", "memory")


@pytest.fixture(scope="module")
def model_report():
    model = small_model()
    x, y = np.ones((50, 8), "float32"), np.ones((50, 4), "float32")
    before = [w.copy() for w in model.get_weights()]
    report = model.profile(x, y, batch_size=10, steps=2, verbose=False)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert int(model.optimizer.iterations.numpy()) == 0
    return report


def test_model_profile(model_report):
    report = model_report
    assert report.title == "small, train step on 10 rows"
    names = [r.name for r in report.layers]
    assert {"first", "second"} <= set(names) and any(name.startswith("sgd") for name in names)
    assert sum(k.flops for k in report.kernels if k.name.startswith("matmul")) >= 2 * 10 * (8 * 16 * 2 + 16 * 4 * 3)
    assert any(k.backward and k.layer == "second" for k in report.kernels)


def test_profile_of_prediction_and_evaluation():
    model = small_model()
    x, y = np.ones((5, 8), "float32"), np.ones((5, 4), "float32")
    assert model.profile(x, steps=1, verbose=False).title == "small, predict step on 5 rows"
    assert model.profile(x, y, training=False, steps=1, verbose=False).title == "small, test step on 5 rows"


def test_profile_prints(capsys):
    small_model().profile(np.ones((5, 8), "float32"), steps=1)
    assert "Roofline: small, predict step on 5 rows" in capsys.readouterr().out


def test_mistakes():
    model = small_model()
    x, y = np.ones((5, 8), "float32"), np.ones((5, 4), "float32")
    with pytest.raises(ValueError, match="steps must be a positive"):
        model.profile(x, steps=0)
    with pytest.raises(ValueError, match=r"model\.compile"):
        tf.keras.Sequential([tf.keras.layers.Dense(4)]).profile(x, y)
    model.run_eagerly = True
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises(ValueError, match="run_eagerly=False"):
        model.profile(x, y, steps=1)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)), "the model is as it was"


def test_table_fits_the_terminal(model_report):
    for width in (60, 80, 100, 140):
        lines = table(model_report, width=width).splitlines()
        assert max(map(len, lines)) <= width
        assert any(line.startswith(" second") for line in lines)
    assert str(model_report).startswith("Roofline: small")


def test_trace_is_what_viewers_read(model_report, tmp_path):
    found = json.loads(model_report.save(tmp_path / "new" / "trace.json").read_text(encoding="utf-8"))
    spans = [e for e in found["traceEvents"] if e["ph"] == "X"]
    assert all({"name", "ts", "dur", "pid", "tid"} <= set(e) and e["ts"] >= 0 and e["dur"] >= 0 for e in spans)
    kernels = [e for e in spans if e["tid"] == 2]
    assert len(kernels) == model_report.total.launches
    assert {"layer", "operations", "bytes", "of peak"} <= set(kernels[0]["args"])
    assert {"first", "second (gradient)"} <= {e["name"] for e in spans if e["tid"] == 1}


def test_page_needs_nothing_else(model_report, tmp_path):
    text = model_report.save(tmp_path / "roofline.html").read_text(encoding="utf-8")
    assert "<svg" in text and text.count("<table") == 2
    assert "http" not in text and "src=" not in text and "<link" not in text
    with pytest.raises(ValueError, match=r"\.html"):
        model_report.save(tmp_path / "roofline.pdf")


def test_names_are_escaped_in_the_page():
    with tf.profiler.experimental.Profile() as profile, tf.name_scope("<b>"):
        tf.function(lambda x: x + 1.0)(tf.ones([3]))
    report = profile.report("<i>")
    assert "&lt;b&gt;" in page(report) and "<b>" not in page(report).replace("<b style", "")
    assert "<i>" not in page(report)


def test_empty_profile(tmp_path):
    with tf.profiler.experimental.Profile(tmp_path):
        pass
    assert (tmp_path / "roofline.html").exists() and (tmp_path / "trace.json").exists()


def test_start_and_stop(tmp_path):
    profiler = tf.profiler.experimental
    with pytest.raises(tf.errors.UnavailableError):
        profiler.stop()
    profiler.start(str(tmp_path / "logs"), options=profiler.ProfilerOptions(host_tracer_level=3))
    with pytest.raises(tf.errors.AlreadyExistsError):
        profiler.start(str(tmp_path))
    with profiler.Trace("train", step_num=3, _r=1) as mark:
        mark.set_metadata(rows=5)
        tf.function(lambda x: x + 1.0)(tf.ones([3]))
    profiler.stop()
    events = json.loads((tmp_path / "logs" / "trace.json").read_text())["traceEvents"]
    (found,) = [e for e in events if e["name"] == "train"]
    assert found["args"] == {"step_num": "3", "_r": "1", "rows": "5"}
    assert any(e.get("tid") == 2 and e["ph"] == "X" for e in events)
    profiler.start(str(tmp_path / "none"))
    profiler.stop(save=False)
    assert not (tmp_path / "none").exists()


def test_of_several_runs_each_launch_counts_at_its_best():
    a, b = object(), object()
    runs = [([Event("a", 0.0, 3.0, 0, a), Event("b", 3.5, 1.0, 0, b)], 5.0), ([Event("a", 0.0, 2.0, 0, a), Event("b", 2.5, 4.0, 0, b)], 7.0)]
    events, wall = best(runs)
    assert [(e.start, e.duration) for e in events] == [(0.0, 2.0), (3.5, 1.0)]
    assert wall == 4.0
    assert best([*runs, ([], 1.0)]) == ([], 1.0)


def test_units():
    assert [seconds(s) for s in (2.5, 0.0123, 45e-6, 0.0)] == ["2.5 s", "12.3 ms", "45 µs", "0 µs"]
    assert [amount(n, "B") for n in (0, 12, 1.234e6, 5e15)] == ["", "12 B", "1.23 MB", "5000 TB"]
    assert [percent(p) for p in (0, 0.012, 0.5, 1.46)] == ["0 %", "1.2 %", "50 %", "146 %"]


def test_a_trace_of_marks_alone():
    report = analyze([Event("mark", 1.0, 0.5, 0, {"a": "b"})], PEAKS)
    assert [e["name"] for e in trace(report)["traceEvents"] if e["ph"] == "X"] == ["mark"]
    assert report.wall == 0.5
