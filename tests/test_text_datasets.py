"""IMDB, Reuters, CIFAR-100 and the prices of houses: Keras's numbering and order, and files that are not what they say."""

import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.core.errors import DataLossError
from tenfold.data.datasets import store

datasets = tf.keras.datasets
real_data = pytest.mark.skipif("TENFOLD_DATA_DIR" not in os.environ, reason="TENFOLD_DATA_DIR does not say where real data lies")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TENFOLD_DATA_DIR, empty, and no network."""
    monkeypatch.setenv("TENFOLD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(store.urllib.request, "urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no network in tests")))
    return tmp_path


def lists(*texts: list[int]) -> Any:
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def write_imdb(folder: Path, **changes: Any) -> None:
    texts = lists([1, 300, 70000], [2], [], list(range(2000)))
    arrays = {"x_train": texts, "y_train": np.array([0, 1, 1, 0]), "x_test": texts, "y_test": np.array([1, 1, 0, 0])}
    np.savez(folder / "imdb.npz", **{**arrays, **changes})


# --- real data: values published with Keras's file ------------------------------------------------------------------------------


@real_data
def test_imdb_begins_as_published() -> None:
    (x_train, y_train), (x_test, y_test) = datasets.imdb.load_data(num_words=10000)
    assert x_train.shape == x_test.shape == (25_000,) and y_train.sum() == y_test.sum() == 12_500
    assert x_train[0][:10] == [1, 14, 22, 16, 43, 530, 973, 1622, 1385, 65] and len(x_train[0]) == 218 and y_train[0] == 1
    index = datasets.imdb.get_word_index()
    names = {number + 3: word for word, number in index.items()}
    assert " ".join(names[n] for n in x_train[0][1:6]) == "this film was just brilliant"


@real_data
def test_boston_begins_as_published() -> None:
    (x_train, y_train), (x_test, _) = datasets.boston_housing.load_data()
    assert x_train.shape == (404, 13) and x_test.shape == (102, 13)
    assert y_train[:5].tolist() == [15.2, 42.3, 50.0, 21.1, 17.7]


@real_data
def test_reuters_and_california_have_keras_shapes() -> None:
    (x_train, y_train), (x_test, _) = datasets.reuters.load_data(num_words=10000)
    assert x_train.shape == (8982,) and x_test.shape == (2246,) and y_train[10] == 3
    assert datasets.reuters.get_label_names()[3] == "earn" and len(datasets.reuters.get_label_names()) == 46
    (x, y), (x_test, _) = datasets.california_housing.load_data("small")
    assert x.shape == (480, 8) and x_test.shape == (120, 8) and y.dtype == np.float32


# --- numbering ------------------------------------------------------------------------------------------------------------------


def test_words_are_numbered_cut_and_marked(folder: Path) -> None:
    write_imdb(folder)
    (x, y), _ = datasets.imdb.load_data(seed=0)
    order = np.arange(4)
    np.random.RandomState(0).shuffle(order)
    assert x[list(order).index(0)] == [1, 4, 303, 2]  # as in Keras, the largest number of all is left out
    assert y.tolist() == np.array([0, 1, 1, 0])[order].tolist()
    (x, _), _ = datasets.imdb.load_data(seed=0, num_words=304, skip_top=5)
    assert x[list(order).index(0)] == [2, 2, 303, 2]  # the start counts as a word too
    (x, _), _ = datasets.imdb.load_data(seed=0, num_words=304, oov_char=None, start_char=None, index_from=0)
    assert x[list(order).index(0)] == [1, 300]
    (x, _), _ = datasets.imdb.load_data(seed=0, maxlen=4)
    assert sorted(map(len, x)) == [1, 2]
    with pytest.raises(ValueError, match="Increase maxlen"):
        datasets.imdb.load_data(maxlen=1)
    with pytest.raises(TypeError, match="words"):
        datasets.imdb.load_data(words=3)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_every_protocol_reads(folder: Path, protocol: int) -> None:
    texts = [[], [0, 255, 256, 65535, 65536, 2**31 - 1], [7] * 1500, [1]]
    write_imdb(folder)
    with np.load(folder / "imdb.npz", allow_pickle=True) as arrays:
        plain = {name: arrays[name] for name in ("y_train", "y_test")}
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": (4,)})
    pickle.dump(lists(*texts), stream, protocol)
    np.savez(folder / "imdb.npz", **plain)
    add(folder / "imdb.npz", {"x_train.npy": stream.getvalue(), "x_test.npy": stream.getvalue()})
    (x, _), _ = datasets.imdb.load_data(num_words=2**31, start_char=None, index_from=0)
    assert sorted(x, key=len) == sorted(texts, key=len)


def add(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


# --- files that are not what they say --------------------------------------------------------------------------------------------


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_review_cannot_run_code(folder: Path) -> None:
    write_imdb(folder, x_train=lists([1], [2], [3], Evil(folder / "owned")))  # type: ignore[arg-type]
    with pytest.raises(DataLossError, match="no data set needs"):
        datasets.imdb.load_data()
    assert not (folder / "owned").exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"x_train": lists([1], ["a"], [2], [3])}, "no lists of whole numbers"),  # type: ignore[list-item]
        ({"y_train": np.zeros(3, int)}, "expected 4 whole numbers"),
        ({"y_train": np.zeros(4)}, "expected 4 whole numbers"),
        ({"x_train": lists([1])}, "expected 1 whole numbers"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(folder: Path, changes: dict[str, Any], reason: str) -> None:
    write_imdb(folder, **changes)
    with pytest.raises(DataLossError, match=reason):
        datasets.imdb.load_data()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"{"])
def test_a_damaged_file_is_refused(folder: Path, content: bytes) -> None:
    for name, load in (
        ("imdb.npz", datasets.imdb.load_data),
        ("boston_housing.npz", datasets.boston_housing.load_data),
        ("imdb_word_index.json", datasets.imdb.get_word_index),
        ("cifar-100-python.tar.gz", datasets.cifar100.load_data),
    ):
        (folder / name).write_bytes(content)
        with pytest.raises(DataLossError, match=name.partition(".")[0]):
            load()


def test_cifar100_reads_both_kinds_of_labels(folder: Path) -> None:
    rng = np.random.default_rng(0)
    with tarfile.open(folder / "cifar-100-python.tar.gz", "w:gz") as archive:
        for part in ("train", "test"):
            batch = {b"data": rng.integers(0, 256, (5, 3072), np.uint8), b"fine_labels": [99, 0, 1, 2, 3], b"coarse_labels": [19, 0, 1, 1, 0]}
            content = pickle.dumps(batch, 2)
            member = tarfile.TarInfo(f"cifar-100-python/{part}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (x, y), (x_test, _) = datasets.cifar100.load_data()
    assert x.shape == x_test.shape == (5, 32, 32, 3) and y.ravel().tolist() == [99, 0, 1, 2, 3]
    assert datasets.cifar100.load_data("coarse")[0][1].ravel().tolist() == [19, 0, 1, 1, 0]
    with pytest.raises(ValueError, match="label_mode"):
        datasets.cifar100.load_data("rough")


def test_arguments_of_tables(folder: Path) -> None:
    np.savez(folder / "california_housing.npz", x=np.arange(1600.0).reshape(800, 2), y=np.arange(800.0))
    (x, y), (x_test, y_test) = datasets.california_housing.load_data("small", test_split=0.25)
    assert len(x) == 450 and sorted([*y, *y_test]) == list(range(600)) and (x[:, 0] == 2 * y).all() and len(x_test) == 150
    with pytest.raises(ValueError, match="test_split"):
        datasets.california_housing.load_data(test_split=1.0)
    with pytest.raises(ValueError, match="version"):
        datasets.california_housing.load_data("huge")
