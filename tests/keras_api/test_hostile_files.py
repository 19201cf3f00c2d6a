"""Damaged and hostile model files: a typed error that names the file, nothing executed, nothing written, nothing taken."""

import io
import json
import os
import random
import zipfile

import h5py
import numpy as np
import pytest

import tenfold as tf

keras = tf.keras
layers = keras.layers
ERRORS = (tf.errors.OpError,)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "good.keras"
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="first"), layers.Dense(2, name="second")])
    model.compile("sgd", "mse")
    model.save(path)
    return path


@pytest.fixture
def bad(tmp_path):
    """Writes bytes (or members of an archive) to a file; checks at the end that nothing else was written."""
    folder = tmp_path / "files"
    folder.mkdir()
    path = folder / "bad.keras"

    def write(content, compression=zipfile.ZIP_STORED):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            with zipfile.ZipFile(path, "w", compression) as archive:
                for name, data in content.items():
                    archive.writestr(name, data)
        return path

    yield write
    assert {p.name for p in tmp_path.rglob("*")} <= {"files", "bad.keras", "bad.weights.h5"}


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def refuses(path, match="."):
    with pytest.raises(ERRORS, match=match) as caught:
        keras.models.load_model(path)
    assert "bad.keras" in str(caught.value)
    return str(caught.value)


def config_of(good):
    return json.loads(members(good)["config.json"])


def with_config(good, config):
    text = config if isinstance(config, (str, bytes)) else json.dumps(config)
    return members(good) | {"config.json": text}


def edited(good, edit):
    """The weights with something changed."""
    buffer = io.BytesIO(members(good)["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        edit(file)
    return members(good) | {"model.weights.h5": buffer.getvalue()}


def replace(file, value=None, **options):
    del file["layers/dense/vars/0"]
    return file.create_dataset("layers/dense/vars/0", data=value, **options)


# --- damage ---
@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.9999])
def test_truncated(good, bad, share):
    data = good.read_bytes()
    refuses(bad(data[: int(len(data) * share)]))


@pytest.mark.filterwarnings("ignore:Skipping variable loading")
def test_flipped_bits_are_found(good, bad):
    data = good.read_bytes()
    rng = random.Random(0)
    for _ in range(150):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path = bad(bytes(flipped))
        try:
            model = keras.models.load_model(path)
        except ERRORS as error:
            assert "bad.keras" in str(error)
        else:  # the bit was in a part that does not matter, such as a date
            np.testing.assert_array_equal(model.get_weights()[0], keras.models.load_model(good).get_weights()[0])


def test_not_an_archive(bad):
    for data in (b"", b"PK", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, b"\x80\x04\x95" * 50, b"PK\x05\x06" + b"\0" * 18):
        refuses(bad(data))


def test_missing_members(good, bad):
    for name in ("config.json", "model.weights.h5"):
        refuses(bad({k: v for k, v in members(good).items() if k != name}), f"no member '{name}'")


@pytest.mark.filterwarnings("ignore:Skipping variable loading")
def test_damaged_weights_in_an_intact_archive(good, bad):
    weights = members(good)["model.weights.h5"]
    rng = random.Random(1)
    for cut in (0, 8, 100, len(weights) // 2, len(weights) - 1):
        refuses(bad(members(good) | {"model.weights.h5": weights[:cut]}))
    for _ in range(60):
        flipped = bytearray(weights)
        for _ in range(8):
            flipped[rng.randrange(2000)] ^= 1 << rng.randrange(8)
        path = bad(members(good) | {"model.weights.h5": bytes(flipped)})
        try:
            keras.models.load_model(path)
        except ERRORS as error:
            assert "bad.keras" in str(error)


# --- archives ---
@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:/evil", "a\\b"])
def test_names_that_lead_elsewhere(good, bad, name):
    refuses(bad(members(good) | {name: b"x"}), "forbidden name")


def test_double_names(good, bad):
    path = bad(members(good))
    with pytest.warns(UserWarning), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    refuses(path, "two members named")


def test_bomb(good, bad):
    refuses(bad(members(good) | {"model.weights.h5": b"\0" * (256 << 20)}, zipfile.ZIP_DEFLATED), "bomb")


def test_many_members(good, bad):
    refuses(bad(members(good) | {f"m{i}": b"" for i in range(10_001)}), "members")


def test_member_that_lies_about_its_size(good, bad):
    path = bad(members(good))
    data = bytearray(path.read_bytes())
    size = len(members(good)["config.json"]).to_bytes(4, "little")
    for offset in range(len(data) - 4):
        if data[offset : offset + 4] == size:
            data[offset : offset + 4] = (10**9).to_bytes(4, "little")
    refuses(bad(bytes(data)))


# --- configs ---
@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"a":' * 50_000, "null", "[]", "42", '"text"', "{}", b"\xff\xfe\x00", '{"class_name": 1, "config": {}}', "1" * 10_000],
)
def test_malformed_json(good, bad, text):
    refuses(bad(with_config(good, text)))


GADGETS = {
    "os": {"module": "os", "class_name": "system", "config": "touch /tmp/tenfold_was_here"},
    "builtins": {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "eval"},
    "subprocess": {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}, "registered_name": "Popen"},
    "import": {"module": "keras.src.utils.file_utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"},
    "load_model": {"module": "keras.models", "class_name": "function", "config": "load_model", "registered_name": "load_model"},
    "dunder": {"module": "tenfold.keras.models", "class_name": "__import__", "config": {"name": "os"}},
    "torch": {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": {"class_name": "__bytes__", "config": {}}}},
    "savedmodel": {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp/x"}},
}


@pytest.mark.parametrize("name", GADGETS)
def test_classes_outside_the_registry(good, bad, name):
    config = config_of(good)
    config["config"]["layers"][1] = GADGETS[name]
    refuses(bad(with_config(good, config)))
    refuses(bad(with_config(good, GADGETS[name])))
    config = config_of(good)
    config["config"]["layers"][1]["config"]["activation"] = GADGETS[name]
    refuses(bad(with_config(good, config)))
    assert not os.path.exists("/tmp/tenfold_was_here")


@pytest.mark.parametrize("safe_mode", [True, False])
def test_code_is_never_run(good, bad, safe_mode):
    code = {"class_name": "__lambda__", "config": {"code": "4wAAAAA=", "defaults": None, "closure": None}}
    config = config_of(good)
    config["config"]["layers"][1] = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": code}}
    path = bad(with_config(good, config))
    with pytest.raises(ERRORS, match=r"bad\.keras"):
        keras.models.load_model(path, safe_mode=safe_mode)
    config = config_of(good)
    config["config"]["layers"][1]["config"]["activation"] = code
    with pytest.raises(ERRORS, match=r"never runs from a file"):
        keras.models.load_model(bad(with_config(good, config)), safe_mode=safe_mode)


def test_huge_layers_take_no_memory(good, bad):
    for units in (10**12, 10**7):
        config = config_of(good)
        config["config"]["layers"][1]["config"]["units"] = units
        refuses(bad(with_config(good, config)), "holds less")


@pytest.mark.parametrize("value", [-1, 0, "many", None, 1.5, [3], {"a": 1}, True])
def test_wrong_types_in_the_config(good, bad, value):
    config = config_of(good)
    config["config"]["layers"][1]["config"]["units"] = value
    refuses(bad(with_config(good, config)))


@pytest.mark.parametrize("value", [None, 1, "x", {}, [1], [None], [{}], [{"class_name": "Dense"}]])
def test_wrong_types_of_layers(good, bad, value):
    config = config_of(good)
    config["config"]["layers"] = value
    refuses(bad(with_config(good, config)))


def test_random_changes_of_the_config(good, bad):
    rng = random.Random(2)
    values = [None, -1, 10**30, "", "x", [], {}, [[]], True, 1e308, {"class_name": "Dense", "config": {}}]
    for _ in range(200):
        config = config_of(good)
        place, key = config, rng.choice(list(config))
        while isinstance(place[key], (dict, list)) and place[key] and rng.random() < 0.85:
            place = place[key]
            key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
        place[key] = rng.choice(values)
        path = bad(with_config(good, config))
        try:
            keras.models.load_model(path)
        except ERRORS as error:
            assert "bad.keras" in str(error)


# --- weights ---
def test_external_links(good, bad, tmp_path):
    def external(file):
        del file["layers/dense"]
        file["layers/dense"] = h5py.ExternalLink("/etc/passwd", "/")

    def soft(file):
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.SoftLink("/layers/dense_1/vars/0")

    for edit in (external, soft):
        refuses(bad(edited(good, edit)), "link")


@pytest.mark.parametrize(
    "read", [keras.saving.KerasFileEditor, lambda path: keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).load_weights(path)]
)
def test_a_link_to_a_file_that_is_there_is_not_followed(read, tmp_path):
    victim, file = tmp_path / "victim.weights.h5", tmp_path / "linked.weights.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save_weights(victim)
    with h5py.File(file, "w") as written:
        written["layers"] = h5py.ExternalLink(str(victim), "/layers")
    with pytest.raises(ValueError, match="ExternalLink"):
        read(str(file))


def test_external_and_virtual_storage(good, bad, tmp_path):
    def outside(file):
        replace_external(file)

    def replace_external(file):
        del file["layers/dense/vars/0"]
        file.create_dataset("layers/dense/vars/0", (4, 3), "f4", external=[("/etc/passwd", 0, 48)])

    def virtual(file):
        del file["layers/dense/vars/0"]
        layout = h5py.VirtualLayout((4, 3), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4, 3))
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    for edit in (outside, virtual):
        refuses(bad(edited(good, edit)), "outside")


def test_compressed_weights(good, bad):
    refuses(bad(edited(good, lambda f: replace(f, np.zeros((4, 3), "f4"), compression="gzip"))), "compressed")


def test_shapes_without_data(good, bad):
    def huge(file):
        del file["layers/dense/vars/0"]
        file.create_dataset("layers/dense/vars/0", (10**9, 10**9), "f4", chunks=(1, 1024))

    refuses(bad(edited(good, huge)), "does not hold")


@pytest.mark.parametrize("value", [np.zeros((3, 4), "f4"), np.zeros(3, "f4"), np.float32(1), np.array([b"abc"]), np.zeros((4, 3), "c8")])
def test_wrong_shapes_and_types(good, bad, value):
    refuses(bad(edited(good, lambda f: replace(f, value))))


def test_missing_and_extra_variables(good, bad):
    def fewer(file):
        del file["layers/dense/vars/1"]

    def renamed(file):
        file.move("layers/dense/vars/1", "layers/dense/vars/7")

    def group(file):
        del file["layers/dense/vars/1"]
        file.create_group("layers/dense/vars/1")

    def gone(file):
        del file["layers"]

    for edit in (fewer, renamed, group, gone):
        refuses(bad(edited(good, edit)))


def test_weights_file(good, tmp_path):
    model = keras.models.load_model(good)
    path = tmp_path / "bad.weights.h5"
    model.save_weights(path)
    data = path.read_bytes()
    before = model.get_weights()
    for cut in (0, 7, 100, len(data) // 2):
        path.write_bytes(data[:cut])
        with pytest.raises(ERRORS, match=r"bad\.weights\.h5"):
            model.load_weights(path)
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
