"""tf.train: checkpoints in TensorFlow's format, written and read; and what becomes of those that are damaged or half written."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest

import tenfold as tf
from tenfold.core.errors import DataLossError, NotFoundError
from tenfold.core.events import Dimension, TensorShapeProto
from tenfold.runtime.checksum import crc32c
from tenfold.saving import archive
from tenfold.saving.checkpoint import bundle, table
from tenfold.saving.checkpoint.messages import BundleEntry
from tenfold.saving.checkpoint.table import read_table, write_table
from tests.recorded.cases import checkpoints as cases

RECORDED = os.path.join(os.path.dirname(__file__), "recorded", "checkpoints")
KEY = "{}/.ATTRIBUTES/VARIABLE_VALUE".format


def recorded(name):
    return os.path.join(RECORDED, name)


def written(folder, **variables):
    return tf.train.Checkpoint(**{k: tf.Variable(v) for k, v in variables.items()}).save(folder / "ckpt")


# --- what TensorFlow wrote ---
def test_a_module_of_tensorflow():
    expected, module = cases.module(tf), cases.module(tf)
    for v in [module.weight, *module.list, module.dict["a.b/c"], *module.tuple]:
        v.assign(tf.zeros_like(v))
    module.dict["inner"][0].assign("")
    module.dict["inner"][1].assign(["", ""])
    checkpoint = tf.train.Checkpoint(step=tf.Variable(0, dtype=tf.int64), module=module)
    checkpoint.restore(recorded("module-1")).assert_consumed()
    assert checkpoint.step.numpy() == 5 and checkpoint.save_counter.numpy() == 1
    np.testing.assert_array_equal(module.weight, expected.weight)
    assert [v.numpy() for v in module.list] == [3, 4.0] and module.dict["a.b/c"].numpy()
    assert module.dict["inner"][0].numpy() == b"word" and module.dict["inner"][1].numpy().tolist() == [b"", "été".encode()]
    np.testing.assert_array_equal(module.tuple[0].numpy(), expected.tuple[0].numpy())


def test_tensors_by_name():
    reader = tf.train.load_checkpoint(recorded("module-1"))
    assert reader.get_variable_to_shape_map()[KEY("module/weight")] == [2, 2]
    assert reader.get_variable_to_dtype_map()[KEY("module/tuple/0")] == tf.bfloat16
    assert reader.has_tensor(KEY("module/dict/a..b.Sc/x")) is False and reader.has_tensor(KEY("module/dict/a..b.Sc"))
    assert reader.get_tensor(KEY("module/dict/inner/0")) == b"word"
    assert (KEY("module/list/1"), []) in tf.train.list_variables(recorded("module-1"))
    assert tf.train.load_variable(recorded("module-1"), KEY("step")) == 5
    with pytest.raises(ValueError, match="list_variables"):
        reader.get_tensor("absent")


# --- objects ---
def test_what_comes_later_is_restored_then(tmp_path):
    path = written(tmp_path, a=1.0, b=[2.0, 3.0])
    empty = tf.train.Checkpoint()
    status = empty.restore(path)
    status.assert_existing_objects_matched()
    with pytest.raises(AssertionError, match="not read"):
        status.assert_consumed()
    late = tf.Variable([0.0, 0.0])
    empty.b = late
    np.testing.assert_array_equal(late.numpy(), [2.0, 3.0])
    empty.a = tf.Variable(0.0)
    status.assert_consumed()
    empty.a = tf.Variable(7.0)  # everything was restored: this is another variable
    assert float(empty.a) == 7.0


def test_what_is_appended_to_a_list_is_found_by_asking(tmp_path):
    path = tf.train.Checkpoint(parts=[tf.Variable(1.0), tf.Variable(2.0)]).save(tmp_path / "ckpt")
    parts = [tf.Variable(0.0)]
    status = tf.train.Checkpoint(parts=parts).restore(path)
    parts.append(tf.Variable(0.0))
    status.assert_consumed()
    assert [float(v) for v in parts] == [1.0, 2.0]


def test_a_module_that_makes_its_variables_in_a_traced_call(tmp_path):
    class Line(tf.Module):
        @tf.function
        def __call__(self, x):
            if not hasattr(self, "slope"):
                self.slope = tf.Variable(1.0)
            return x * self.slope

    line = Line()
    line(tf.constant(2.0))
    line.slope.assign(5.0)
    path = tf.train.Checkpoint(line).write(tmp_path / "line")
    fresh = Line()
    status = tf.train.Checkpoint(fresh).read(path)
    assert float(fresh(tf.constant(2.0))) == 10.0
    status.assert_consumed()


def test_shared_and_circular_objects(tmp_path):
    first, second = tf.Module(), tf.Module()
    first.other, second.other = second, first
    first.v = second.v = tf.Variable(3.0)
    loop = [first]
    loop.append(loop)
    path = tf.train.Checkpoint(first=first, loop=loop).save(tmp_path / "ckpt")
    assert [n for n, _ in tf.train.list_variables(path)].count(KEY("first/v")) == 1
    first.v.assign(0.0)
    tf.train.Checkpoint(first=first, loop=loop).restore(path).assert_existing_objects_matched()
    assert float(second.v) == 3.0


def test_nothing_is_set_if_one_value_does_not_fit(tmp_path):
    path = written(tmp_path, a=1.0, b=[2.0, 3.0])
    a, b = tf.Variable(0.0), tf.Variable([0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        tf.train.Checkpoint(a=a, b=b).restore(path)
    assert float(a) == 0.0
    with pytest.raises(ValueError, match="float64"):
        tf.train.Checkpoint(a=tf.Variable(0.0, dtype=tf.float64)).restore(path)


def test_statuses(tmp_path):
    path = written(tmp_path, a=1.0)
    with pytest.raises(AssertionError, match="c:0"):
        tf.train.Checkpoint(a=tf.Variable(0.0), c=tf.Variable(0.0, name="c")).restore(path).assert_existing_objects_matched()
    with pytest.raises(AssertionError, match="Nothing except the root"):
        tf.train.Checkpoint(c=tf.Variable(0.0)).read(path).expect_partial().assert_nontrivial_match()
    with pytest.raises(AssertionError, match="No checkpoint specified"):
        tf.train.Checkpoint().restore(None).assert_consumed()


@pytest.mark.parametrize("thing", [3, object(), iter([1]), {1: "a"}, tf.Variable])
def test_what_is_no_object_is_refused(thing):
    with pytest.raises(ValueError, match="trackable"):
        tf.train.Checkpoint(thing=thing)


def test_dicts_need_strings_for_keys(tmp_path):
    with pytest.raises(ValueError, match="non-string key"):
        tf.train.Checkpoint(d={1: tf.Variable(1.0)}).save(tmp_path / "ckpt")


def test_a_dataset_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match="skip"):
        tf.train.Checkpoint(data=iter(tf.data.Dataset.range(3)))


# --- files ---
def test_the_state_of_a_folder(tmp_path):
    folder = tmp_path / 'strange "näme"'
    path = written(folder, a=1.0)
    state = tf.train.get_checkpoint_state(folder)
    assert state.model_checkpoint_path == path == tf.train.latest_checkpoint(folder)
    assert (folder / "checkpoint").read_text() == 'model_checkpoint_path: "ckpt-1"\nall_model_checkpoint_paths: "ckpt-1"\n'
    (folder / "checkpoint").write_text('model_checkpoint_path: "\\303\\251\\"\\n"\n# said\nunknown_field: 3\n')
    assert tf.train.get_checkpoint_state(folder).model_checkpoint_path == str(folder / 'é"\n')
    assert tf.train.latest_checkpoint(folder) is None
    (folder / "checkpoint").write_text("model_checkpoint_path 3 {")
    assert tf.train.get_checkpoint_state(folder) is None


def test_manager(tmp_path):
    step = tf.Variable(0)
    checkpoint = tf.train.Checkpoint(step=step)
    manager = tf.train.CheckpointManager(checkpoint, tmp_path, max_to_keep=2, step_counter=step, checkpoint_interval=2)
    assert manager.restore_or_initialize() is None and manager.latest_checkpoint is None
    saved = [manager.save() for _ in range(7) if step.assign_add(1) is not None]
    assert [p is not None for p in saved] == [True, False, True, False, True, False, True]
    assert [os.path.basename(p) for p in manager.checkpoints] == ["ckpt-3", "ckpt-4"]
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", *(f"ckpt-{i}.{e}" for i in (3, 4) for e in ("data-00000-of-00001", "index"))]
    step.assign(0)
    again = tf.train.CheckpointManager(checkpoint, tmp_path, max_to_keep=1)
    assert again.restore_or_initialize() == saved[-1] and int(step) == 7
    assert os.path.basename(again.save(checkpoint_number=70)) == "ckpt-70" and len(again.checkpoints) == 1


def test_a_manager_deletes_nothing_outside_its_folder(tmp_path):
    other = written(tmp_path / "other", a=1.0)
    (tmp_path / "own").mkdir()
    paths = f'all_model_checkpoint_paths: "{other}"\nall_model_checkpoint_timestamps: 9e8\n'
    (tmp_path / "own" / "checkpoint").write_text(f'model_checkpoint_path: "{other}"\n{paths}')
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(a=tf.Variable(1.0)), tmp_path / "own", max_to_keep=1)
    assert manager.checkpoints == [other]
    manager.save()
    assert len(manager.checkpoints) == 1 and os.path.exists(f"{other}.index")


def test_some_are_kept_for_good(tmp_path, monkeypatch):
    now = [1e9]
    monkeypatch.setattr("tenfold.saving.checkpoint.manager.time.time", lambda: now[0])
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(a=tf.Variable(1.0)), tmp_path, max_to_keep=1, keep_checkpoint_every_n_hours=1)
    for _ in range(5):
        now[0] += 1800
        manager.save()
    assert sorted(int(p.stem.rpartition("-")[2]) for p in tmp_path.glob("*.index")) == [2, 4, 5]


@pytest.mark.parametrize("fails_at", range(1, 6))
def test_an_accident_while_writing_again_leaves_a_whole_checkpoint(tmp_path, monkeypatch, fails_at):
    value = tf.Variable(np.ones(1000, "float32"))
    checkpoint = tf.train.Checkpoint(value=value)
    path = checkpoint.write(tmp_path / "same")
    calls, replace = [0], os.replace

    def failing(source, target):
        calls[0] += 1
        if calls[0] == fails_at:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(archive.os, "replace", failing)
    value.assign(2 * np.ones(1000, "float32"))
    try:
        checkpoint.write(path)
    except KeyboardInterrupt:
        found = set(tf.train.load_variable(path, KEY("value")).tolist())
        assert found in ({1.0}, {2.0})
        value.assign(3 * np.ones(1000, "float32"))
        checkpoint.write(path)
        assert set(tf.train.load_variable(path, KEY("value")).tolist()) == {3.0}
    else:
        assert calls[0] < fails_at
    assert sorted(os.listdir(tmp_path)) == ["same.data-00000-of-00001", "same.index"]


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    path = written(tmp_path, a=1.0)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.os, "fsync", full)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        tf.train.Checkpoint(a=tf.Variable(2.0)).write(path)
    assert tf.train.load_variable(path, KEY("a")) == 1.0


def test_missing_files(tmp_path):
    path = written(tmp_path, a=1.0)
    with pytest.raises(NotFoundError, match="latest_checkpoint"):
        tf.train.Checkpoint().restore(tmp_path / "absent")
    with pytest.raises(ValueError, match="folder"):
        tf.train.Checkpoint().restore(tmp_path)
    with pytest.raises(NotFoundError):
        tf.train.load_checkpoint(tmp_path / "..")
    os.remove(f"{path}.data-00000-of-00001")
    with pytest.raises(NotFoundError, match="elements"):
        tf.train.load_variable(path, KEY("a"))


# --- damage ---
def test_every_damaged_byte_is_noticed(tmp_path):
    path = tf.train.Checkpoint(a=tf.Variable([1.0, 2.0]), s=tf.Variable(["one", "two"])).write(tmp_path / "x")
    for file in (f"{path}.index", f"{path}.data-00000-of-00001"):
        whole = Path(file).read_bytes()
        for i in range(0, len(whole), 3):
            with open(file, "wb") as out:
                out.write(whole[:i] + bytes([whole[i] ^ 0x55]) + whole[i + 1 :])
            try:
                reader = tf.train.load_checkpoint(path)
                values = [reader.get_tensor(KEY("a")).tolist(), reader.get_tensor(KEY("s")).tolist()]
            except (DataLossError, ValueError, NotImplementedError):
                continue
            assert values == [[1.0, 2.0], [b"one", b"two"]]  # what nobody reads: padding, the other tensors
        for size in range(0, len(whole), 5):
            with open(file, "wb") as out:
                out.write(whole[:size])
            with pytest.raises((DataLossError, ValueError)):
                tf.train.Checkpoint(a=tf.Variable([0.0, 0.0]), s=tf.Variable(["", ""])).read(path)
        with open(file, "wb") as out:
            out.write(whole)


@pytest.mark.parametrize(
    "change",
    [{"offset": 1 << 40}, {"offset": -8}, {"size": 1 << 50}, {"size": 7}, {"shard_id": 3}, {"shard_id": -1},
     {"shape": TensorShapeProto(dim=[Dimension(size=1 << 40), Dimension(size=1 << 40)])}, {"shape": TensorShapeProto(dim=[Dimension(size=-2)])},
     {"shape": TensorShapeProto(unknown_rank=True)}, {"dtype": 7}, {"dtype": 1000}, {"crc32c": 5}, {"slices": [b"x"]}],
)  # fmt: skip
def test_entries_that_lie(tmp_path, change):
    path = written(tmp_path, a=[1.0, 2.0])
    entries = read_table(Path(f"{path}.index").read_bytes(), path)
    key = KEY("a").encode()
    entry = BundleEntry.FromString(entries[key])
    for name, value in change.items():
        setattr(entry, name, value)
    entries[key] = entry.SerializeToString()
    with open(f"{path}.index", "wb") as out:
        out.write(write_table(entries.items()))
    with pytest.raises((DataLossError, ValueError, NotImplementedError)):
        tf.train.load_variable(path, KEY("a"))


def test_a_table_that_grows_without_end():
    grows = bytes([0, 100, 0]) + b"a" * 100 + bytes([100, 1, 0, 98]) * 2000 + struct.pack("<2I", 0, 1)
    with pytest.raises(IndexError, match="fit"):
        list(table._walk(memoryview(grows), 1 << 10))
    assert len(list(table._walk(memoryview(grows), 1 << 20))) == 2001
    shares_too_much = bytes([9, 1, 0, 98]) + struct.pack("<2I", 0, 1)
    with pytest.raises(IndexError, match="fit"):
        list(table._walk(memoryview(shares_too_much), 1 << 20))


@pytest.mark.parametrize("count", [0, 1, 17, 20_000])
def test_tables(count):
    entries = [(f"layer/{i:06d}/kernel".encode(), b"v" * (i % 40)) for i in range(count)]
    assert list(read_table(write_table(entries), "x").items()) == entries


def test_types_and_shapes(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {f"{name}{shape}": (rng.random(shape) * 3).astype(tf.as_dtype(name).numpy) for shape in ((), (0, 3), (2, 3), (70, 9))
               for name in ("bool", "int8", "uint16", "int64", "float16", "bfloat16", "float32", "float64", "complex64")}  # fmt: skip
    tensors["transposed"] = np.arange(6.0).reshape(2, 3).T
    bundle.write_bundle(str(tmp_path / "x"), tensors)
    read = bundle.Bundle(tmp_path / "x")
    for name, array in tensors.items():
        assert read.read(name).dtype == array.dtype
        np.testing.assert_array_equal(read.read(name), array)


def test_checksums_continue():
    data = np.random.default_rng(0).bytes(5000)
    assert crc32c(data[1000:], crc32c(data[:1000])) == crc32c(data) == crc32c(np.frombuffer(data, np.uint8).reshape(50, 100))
