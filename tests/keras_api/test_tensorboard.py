"""Event files: their framing, what the callback writes, and that TensorBoard itself reads them."""

import glob
import io
import struct

import numpy as np
import pytest
from PIL import Image

import tenfold as tf
from tenfold.core.errors import DataLossError
from tenfold.core.events import Event, GraphDef
from tenfold.core.trace_messages import XSpace
from tenfold.runtime.checksum import crc32c
from tenfold.saving.records import read_records

keras = tf.keras
X = np.random.default_rng(0).random((20, 6, 6, 1), "float32")
Y = X.mean((1, 2, 3))[:, None]


def fitted(folder, **options):
    keras.backend.clear_session()
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(3, 3), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=5, epochs=2, validation_data=(X, Y), verbose=0, callbacks=[keras.callbacks.TensorBoard(folder, **options)])
    return model


def events(folder):
    return [Event.FromString(r) for path in sorted(glob.glob(f"{folder}/events.out.*")) for r in read_records(path)]


def values(folder):
    return {v.tag: v for e in events(folder) for v in e.summary.value}


def bitwise_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("size", [0, 1, 9, 4095, 4096, 4097, 20000])
def test_checksum(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == bitwise_crc32c(data)


def test_figures_histograms_pictures_and_graph(tmp_path):
    model = fitted(tmp_path, histogram_freq=1, write_images=True, update_freq="batch", write_steps_per_second=True)
    train, validation = values(tmp_path / "train"), values(tmp_path / "validation")
    assert {"epoch_loss", "epoch_learning_rate", "epoch_steps_per_second", "batch_loss", "keras", "sequential/conv2d/kernel/histogram"} <= set(train)
    assert set(validation) == {"epoch_loss", "evaluation_loss_vs_iterations"}
    (rate,) = struct.unpack("<f", train["epoch_learning_rate"].tensor.tensor_content)
    assert rate == pytest.approx(0.01)
    rows = np.frombuffer(train["sequential/dense/kernel/histogram"].tensor.tensor_content).reshape(-1, 3)
    kernel = model.layers[-1].kernel.numpy()
    assert rows[0, 0] == pytest.approx(kernel.min()) and rows[-1, 1] == pytest.approx(kernel.max()) and rows[:, 2].sum() == kernel.size
    width, height, *pictures = train["sequential/conv2d/kernel/image"].tensor.string_val
    assert Image.open(io.BytesIO(pictures[0])).size == (int(width), int(height)) == (3, 3)
    (graph,) = [GraphDef.FromString(e.graph_def) for e in events(tmp_path / "train") if e.graph_def]
    names = {node.name for node in graph.node}
    assert any("conv2d" in n for n in names) and any(n.startswith("gradients/") for n in names)
    assert all(source.partition(":")[0] in names for node in graph.node for source in node.input)


def test_profile_of_a_batch(tmp_path):
    fitted(tmp_path, profile_batch=2)
    (path,) = glob.glob(f"{tmp_path}/train/plugins/profile/*/*.xplane.pb")
    with open(path, "rb") as file:
        (plane,) = XSpace.FromString(file.read()).planes
    assert plane.lines and {e.metadata_id for line in plane.lines for e in line.events} == {m.key for m in plane.event_metadata}
    assert "batch_2" in values(tmp_path / "train")


def test_tensorboard_reads_them(tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fitted(tmp_path, histogram_freq=1, write_images=True)
    run = accumulators.EventAccumulator(str(tmp_path / "train"), size_guidance={"tensors": 0})
    run.Reload()
    assert {"epoch_loss", "sequential/dense/kernel/histogram", "sequential/conv2d/kernel/image"} <= set(run.Tags()["tensors"])
    assert [e.step for e in run.Tensors("epoch_loss")] == [0, 1]
    assert any("conv2d" in node.name for node in run.Graph().node)


def test_a_layer_writes_summaries(tmp_path):
    class Watched(keras.layers.Layer):
        def call(self, x):
            tf.summary.scalar("watched", tf.reduce_sum(x))
            return x

    model = keras.Sequential([keras.Input((2,)), Watched(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 2), "float32")
    board = keras.callbacks.TensorBoard(tmp_path, update_freq=2)
    model.fit(x, x[:, :1], batch_size=2, verbose=0, callbacks=[board])
    found = [
        (e.step, struct.unpack("<f", v.tensor.tensor_content)[0]) for e in events(tmp_path / "train") for v in e.summary.value if v.tag == "watched"
    ]
    assert found == [(2, 4.0), (4, 4.0)]


def test_no_writer_no_file_and_a_step_is_needed(tmp_path):
    assert not tf.summary.scalar("a", 1.0)
    writer = tf.summary.create_file_writer(tmp_path / "run")
    with writer.as_default(), pytest.raises(ValueError, match="no step"):
        tf.summary.scalar("a", 1.0)
    assert not (tmp_path / "run").exists()
    with writer.as_default(step=3), tf.summary.record_if(False):
        assert not tf.summary.scalar("a", 1.0)


@pytest.mark.parametrize("cut", [1, 5, 13, 30])
def test_damaged_records_are_found(tmp_path, cut):
    writer = tf.summary.create_file_writer(tmp_path)
    with writer.as_default():
        tf.summary.scalar("a", 1.0, step=1)
    (path,) = glob.glob(f"{tmp_path}/events*")
    with open(path, "rb") as file:
        data = file.read()
    for damaged in (data[:-cut], data[: -cut - 1] + bytes([data[-cut - 1] ^ 1]) + data[-cut:]):
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(DataLossError):
            list(read_records(tmp_path / "damaged"))


def test_messages_that_lie_are_refused():
    for data in (b"\xff" * 12, b"\x12\xff\xff\xff\xff\x0f", b"\x2a\x05ab", b"\x0d"):
        with pytest.raises(DataLossError):
            Event.FromString(data)
