"""Hostile files, second part: nothing is opened, connected to, executed or unpickled on their behalf; archives and arrays that lie."""

import contextlib
import io
import json
import os
import sys
import tarfile
import zipfile

import h5py
import numpy as np
import pytest

import tenfold as tf

keras = tf.keras
layers = keras.layers
WATCHED = ("open", "socket.connect", "socket.getaddrinfo", "os.system", "subprocess.Popen", "os.exec", "marshal.loads", "pickle.find_class")
_seen: list[list[tuple[str, str]]] = []


def _hook(event, args):
    if _seen and event in WATCHED:
        _seen[-1].append((event, str(args[0]) if args else ""))


sys.addaudithook(_hook)


@contextlib.contextmanager
def nothing_touched(*allowed):
    """Fails if something is opened for writing, or read that is neither allowed nor part of Python, or if something runs."""
    seen: list[tuple[str, str]] = []
    _seen.append(seen)
    try:
        yield
    finally:
        _seen.pop()
    own = (sys.prefix, sys.base_prefix, os.path.dirname(tf.__file__), *map(str, allowed))
    outside = [(event, what) for event, what in seen if not (event == "open" and what.startswith(own)) and not what.endswith((".py", ".pyc"))]
    assert not [entry for entry in outside if entry[0] != "marshal.loads"], outside


def archive(path, config, weights=b"", **more):
    buffer = io.BytesIO()
    if not weights:
        with h5py.File(buffer, "w"):
            pass
    with zipfile.ZipFile(path, "w") as file:
        members = {"config.json": json.dumps(config), "metadata.json": "{}", "model.weights.h5": weights or buffer.getvalue()}
        for name, data in (members | more).items():
            file.writestr(name, data)
    return path


def model_with(layer):
    """A Sequential model's config that holds this layer."""
    first = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 1], "dtype": "string", "name": "i"}}
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [first, layer]}, "registered_name": None}


def layer_of(name, **config):
    return {"module": "keras.layers", "class_name": name, "config": {"name": "evil", **config}, "registered_name": None}


PATHS = ("/etc/passwd", "http://127.0.0.1:9/words.txt", "file:///etc/passwd", "/proc/self/environ")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["StringLookup", "IntegerLookup", "TextVectorization"])
def test_vocabularies_outside_of_the_archive(tmp_path, kind, path):
    config = model_with(layer_of(kind, vocabulary=path))
    bad = archive(tmp_path / "bad.keras", config)
    with nothing_touched(tmp_path), pytest.raises(ValueError, match="outside of the model archive"):
        keras.models.load_model(bad)
    with nothing_touched(), pytest.raises(ValueError, match="outside of the model archive"):
        keras.models.model_from_json(json.dumps(config))
    with nothing_touched(), pytest.raises(ValueError, match="outside of the model archive"):
        layers.deserialize(layer_of(kind, vocabulary=path))


def test_a_vocabulary_file_that_the_user_vouches_for(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\n")
    config = layer_of("StringLookup", vocabulary=str(tmp_path / "words.txt"))
    assert keras.saving.deserialize_keras_object(config, safe_mode=False).get_vocabulary() == ["[UNK]", "a", "b"]
    assert layers.StringLookup(vocabulary=str(tmp_path / "words.txt")).get_vocabulary() == ["[UNK]", "a", "b"]
    with pytest.raises(ValueError, match="safe_mode=False"):
        keras.saving.deserialize_keras_object(config)


CODE = {"class_name": "__lambda__", "config": {"code": "4wAAAAA=", "defaults": None, "closure": None}}
GADGETS = {
    "lambda": layer_of("Lambda", function=CODE),
    "lambda_of_keras_2": layer_of("Lambda", function=["4wEAAAA=", None, None], function_type="lambda"),
    "lambda_by_name": layer_of("Lambda", function={"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}),
    "load_model": layer_of("Lambda", function={"module": "keras.models", "class_name": "function", "config": "load_model",
                                               "registered_name": "function"}),
    "unsafe": layer_of("Lambda", function={"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization",
                                           "registered_name": "function"}),
    "torch": layer_of("TorchModuleWrapper", module={"class_name": "__bytes__", "config": {"value": "gASV"}}),
    "savedmodel": layer_of("TFSMLayer", filepath="/tmp/model"),
    "os": {"module": "os", "class_name": "system", "config": "touch /tmp/tenfold_was_here", "registered_name": None},
    "builtins": {"module": "builtins", "class_name": "eval", "config": {"source": "1"}, "registered_name": "eval"},
}  # fmt: skip


@pytest.mark.parametrize("name", GADGETS)
def test_gadgets_in_every_kind_of_file(tmp_path, name):
    gadget, config = GADGETS[name], model_with(GADGETS[name])
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"], file.attrs["backend"] = "3.0.0", "tensorflow"
        file.create_group("model_weights").attrs["layer_names"] = []
    archive(tmp_path / "bad.keras", config)
    doors = (lambda: keras.models.load_model(tmp_path / "bad.keras"), lambda: keras.models.load_model(tmp_path / "bad.keras", safe_mode=False),
             lambda: keras.models.load_model(tmp_path / "bad.h5"), lambda: keras.models.load_model(tmp_path / "bad.h5", safe_mode=False),
             lambda: keras.models.model_from_json(json.dumps(config)), lambda: keras.Sequential.from_config(config["config"]),
             lambda: layers.deserialize(gadget), lambda: keras.saving.deserialize_keras_object(gadget, safe_mode=False))  # fmt: skip
    for door in doors:
        with nothing_touched(tmp_path), pytest.raises((ValueError, TypeError, NotImplementedError, tf.errors.OpError)) as caught:
            door()
        if name in ("torch", "savedmodel"):
            assert gadget["class_name"] in str(caught.value)
    assert not os.path.exists("/tmp/tenfold_was_here")


def test_lambda_from_its_own_config_fails_closed():
    for config in (GADGETS["lambda"]["config"], GADGETS["lambda_of_keras_2"]["config"]):
        with nothing_touched(), pytest.raises(ValueError, match=r"never runs from a file|Python code"):
            layers.Lambda.from_config(config)


def test_a_layer_named_like_a_path_leads_nowhere(tmp_path):
    with pytest.raises(ValueError, match="/"):
        model = keras.Sequential([keras.Input((2,)), layers.Dense(1, name="../../evil")])
        model.save(tmp_path / "inner.keras")
        keras.models.load_model(tmp_path / "inner.keras")
    assert {p.name for p in tmp_path.rglob("*")} <= {"inner.keras"}


# --- archives ---
def test_members_that_are_links_are_not_followed(tmp_path):
    good = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    good.save(tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras") as file:
        members = {n: file.read(n) for n in file.namelist()}
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as file:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc")
        file.writestr("link/../x", "evil")
        for name, data in members.items():
            file.writestr(name, data)
    with nothing_touched(tmp_path), pytest.raises(tf.errors.DataLossError, match="forbidden name"):
        keras.models.load_model(tmp_path / "bad.keras")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.keras", "good.keras"]


def test_a_name_with_a_nul(tmp_path):
    archive(tmp_path / "bad.keras", {}, **{"aXb": "x"})
    data = (tmp_path / "bad.keras").read_bytes().replace(b"aXb", b"a\0b")
    (tmp_path / "bad.keras").write_bytes(data)
    with pytest.raises(tf.errors.DataLossError, match="forbidden name"):
        keras.models.load_model(tmp_path / "bad.keras")


def test_a_downloaded_archive_with_links(tmp_path, monkeypatch):
    """A link that leads out, and a file through it: neither is unpacked outside."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        for name, kind, target in (("link", tarfile.SYMTYPE, ".."), ("hard", tarfile.LNKTYPE, "/etc/passwd")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            file.addfile(member)
        member = tarfile.TarInfo("link/../../evil.txt")
        member.size = 2
        file.addfile(member, io.BytesIO(b"hi"))
    with pytest.warns(UserWarning), contextlib.suppress(tf.errors.DataLossError):
        keras.utils.get_file("x.tar", (tmp_path / "x.tar").as_uri(), extract=True)
    assert not list(tmp_path.rglob("evil.txt")) and not [p for p in tmp_path.rglob("*") if p.is_symlink()]


# --- HDF5 whose insides go in circles ---
@pytest.mark.filterwarnings("ignore:Skipping variable loading")
def test_damaged_trees_and_chunk_indices(tmp_path):
    """Every address in the file in turn made to point at the beginning of another structure: loops in B-trees, heaps and chunk indices."""
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    model.save_weights(tmp_path / "good.weights.h5")
    data = (tmp_path / "good.weights.h5").read_bytes()
    starts = [i for i in range(len(data)) if data[i : i + 4] in (b"TREE", b"HEAP", b"SNOD", b"OHDR")]
    places = [i for i in range(0, len(data) - 8, 8) if int.from_bytes(data[i : i + 8], "little") in starts]
    assert starts and places
    bad = tmp_path / "bad.weights.h5"
    for place in places:
        for start in starts[:: max(1, len(starts) // 6)]:
            changed = bytearray(data)
            changed[place : place + 8] = start.to_bytes(8, "little")
            bad.write_bytes(changed)
            with contextlib.suppress(tf.errors.OpError, ValueError):
                model.load_weights(bad)


def test_chunked_weights_that_are_mostly_absent(tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    model.save_weights(tmp_path / "bad.weights.h5")
    with h5py.File(tmp_path / "bad.weights.h5", "r+") as file:
        del file["layers/dense/vars/0"]
        file.create_dataset("layers/dense/vars/0", (10**9, 10**9), "f4", chunks=(1, 1))
    with pytest.raises(tf.errors.DataLossError, match="does not hold"):
        model.load_weights(tmp_path / "bad.weights.h5")


# --- npz ---
class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/tenfold_was_here",)


def npy(header, data=b""):
    text = header.encode("latin-1").ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


NPZ = {
    "object": None,
    "object_header": npy("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", b"\x80\x04N."),
    "endless_header": b"\x93NUMPY\x02\x00" + (10**9).to_bytes(4, "little") + b"{" * 100,
    "huge_shape": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 28, 28), }", b"\0" * 64),
    "negative_shape": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28), }", b"\0" * 64),
    "code_header": npy("__import__('os').system('touch /tmp/tenfold_was_here')"),
    "fortran_lie": npy("{'descr': '|u1', 'fortran_order': 'yes', 'shape': (2, 2), }", b"\0" * 4),
    "empty": b"",
    "short": b"\x93NUMPY",
}


@pytest.mark.parametrize("name", NPZ)
def test_arrays_that_lie(tmp_path, name):
    good = {k: np.zeros((4, 28, 28) if k.startswith("x") else 4, "uint8") for k in ("x_train", "y_train", "x_test", "y_test")}
    np.savez(tmp_path / "good.npz", **good)
    with zipfile.ZipFile(tmp_path / "good.npz") as file:
        members = {n: file.read(n) for n in file.namelist()}
    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil()], object), allow_pickle=True)
    members["x_train.npy"] = buffer.getvalue() if NPZ[name] is None else NPZ[name]
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as file:
        for member, data in members.items():
            file.writestr(member, data)
    with nothing_touched(tmp_path), pytest.raises(tf.errors.OpError):
        keras.datasets.mnist.load_data(str(tmp_path / "bad.npz"))
    assert not os.path.exists("/tmp/tenfold_was_here")


def test_words_in_object_arrays_are_read_without_a_pickle(tmp_path):
    """IMDB's and Reuters' files hold lists as pickled objects: they are read by an interpreter of the few instructions that lists need."""
    rows = np.empty(2, object)
    rows[:] = [[1, 2, 3], [4, 5]]
    np.savez(tmp_path / "imdb.npz", x_train=rows, y_train=np.array([0, 1]), x_test=rows, y_test=np.array([1, 0]))
    with nothing_touched(tmp_path):
        (x, _), _ = keras.datasets.imdb.load_data(str(tmp_path / "imdb.npz"), start_char=None, index_from=0)
    assert sorted(map(list, x)) == [[1, 2, 3], [4, 2]]  # 5, the last word, is left out, as Keras does
    rows[0] = Evil()
    np.savez(tmp_path / "bad.npz", x_train=rows, y_train=np.array([0, 1]), x_test=rows, y_test=np.array([1, 0]))
    with nothing_touched(tmp_path), pytest.raises(tf.errors.OpError):
        keras.datasets.imdb.load_data(str(tmp_path / "bad.npz"))
    assert not os.path.exists("/tmp/tenfold_was_here")


# --- versions ---
def test_a_file_of_a_later_version_loads_or_says_so(tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as file:
        members = {n: file.read(n) for n in file.namelist()}
    metadata = json.loads(members["metadata.json"]) | {"keras_version": "99.0.0"}
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as file:
        for name, data in (members | {"metadata.json": json.dumps(metadata)}).items():
            file.writestr(name, data)
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "a.keras").get_weights()[0], model.get_weights()[0])
    config = json.loads(members["config.json"])
    config["config"]["layers"][1]["config"]["from_the_future"] = 1
    members["config.json"] = json.dumps(config)
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as file:
        for name, data in (members | {"metadata.json": json.dumps(metadata)}).items():
            file.writestr(name, data)
    with pytest.raises(tf.errors.OpError, match=r"from_the_future"):
        keras.models.load_model(tmp_path / "b.keras")
