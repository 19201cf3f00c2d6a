"""Data sets: their formats, where they are looked for, and what bad files do (nothing, with a reason)."""

import contextlib
import gzip
import hashlib
import http.server
import io
import os
import pickle
import pickletools
import struct
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold as tf
from tenfold.core.errors import DataLossError, OpError, PermissionDeniedError, UnavailableError
from tenfold.data.datasets import bundled_digits, cifar10, digits, fashion_mnist, formats, mnist, store
from tenfold.data.datasets.pickled import read_batch

real_data = pytest.mark.skipif("TENFOLD_DATA_DIR" not in os.environ, reason="TENFOLD_DATA_DIR does not say where real data lies")
rng = np.random.default_rng(0)


def images(*shape: int) -> np.ndarray:
    return rng.integers(0, 256, shape, dtype=np.uint8)


def labels(count: int) -> np.ndarray:
    return (np.arange(count) % 10).astype(np.uint8)


def npz_arrays(image: tuple[int, ...] = (28, 28)) -> dict[str, Any]:
    return {"x_train": images(20, *image), "y_train": labels(20), "x_test": images(10, *image), "y_test": labels(10)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TENFOLD_DATA_DIR, empty, with no other place to find anything in, and no network."""
    monkeypatch.setenv("TENFOLD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(store.urllib.request, "urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no network in tests")))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


# --- bundled digits ---------------------------------------------------------------------------------------------------------------


def test_bundled_digits_are_balanced() -> None:
    (x_train, y_train), (x_test, y_test) = bundled_digits()
    assert x_train.shape == (10_000, 28, 28) and x_test.shape == (2_000, 28, 28)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert np.bincount(y_train).tolist() == [1000] * 10 and np.bincount(y_test).tolist() == [200] * 10


def test_bundled_digits_come_mixed() -> None:
    (_, y_train), _ = bundled_digits()
    assert np.bincount(y_train[:500], minlength=10).min() > 20


def test_bundled_digits_are_small_and_licensed() -> None:
    assert sum(file.stat().st_size for file in digits.FILE.parent.iterdir()) <= 3_000_000
    assert "CC BY-SA 3.0" in (digits.FILE.parent / "LICENSE.txt").read_text()


@real_data
def test_bundled_digits_are_digits_of_mnist() -> None:
    for (x, y), (x_all, y_all) in zip(bundled_digits(), mnist.load_data(), strict=True):
        known = {image.tobytes(): label for image, label in zip(x_all, y_all, strict=True)}
        assert all(known[image.tobytes()] == label for image, label in zip(x, y, strict=True))
        assert len({image.tobytes() for image in x}) == len(x)


# --- real data --------------------------------------------------------------------------------------------------------------------


@real_data
@pytest.mark.parametrize("dataset", [mnist, fashion_mnist], ids=["mnist", "fashion_mnist"])
def test_real_data_has_keras_shapes(dataset: Any) -> None:
    (x_train, y_train), (x_test, y_test) = dataset.load_data()
    assert x_train.shape == (60_000, 28, 28) and y_train.shape == (60_000,)
    assert x_test.shape == (10_000, 28, 28) and y_test.shape == (10_000,)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}


@real_data
def test_real_mnist_begins_with_a_five() -> None:
    (_, y_train), (_, y_test) = mnist.load_data()
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9] and y_test[:5].tolist() == [7, 2, 1, 0, 4]


# --- where files are looked for ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["", "mnist", "sets/grey/mnist"])
def test_mnist_is_found_in_subfolders(folder: Path, inner: str) -> None:
    arrays = npz_arrays()
    (folder / inner).mkdir(parents=True, exist_ok=True)
    np.savez(folder / inner / "mnist.npz", **arrays)
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    for name, value in {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}.items():
        np.testing.assert_array_equal(value, arrays[name])


def test_mnist_is_found_in_the_keras_folder(folder: Path) -> None:
    store.keras_dir().mkdir(parents=True)
    np.savez(store.keras_dir() / "mnist.npz", **npz_arrays())
    assert mnist.load_data()[0][0].shape == (20, 28, 28)


def test_mnist_takes_a_path(folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", **npz_arrays())
    assert mnist.load_data(str(tmp_path / "mine.npz"))[1][0].shape == (10, 28, 28)


def test_labels_of_another_dtype_become_uint8(folder: Path) -> None:
    np.savez(folder / "mnist.npz", **{**npz_arrays(), "y_train": labels(20).astype(np.int64)})
    assert mnist.load_data()[0][1].dtype == np.uint8


@pytest.mark.parametrize("dataset", [mnist, fashion_mnist, cifar10], ids=["mnist", "fashion_mnist", "cifar10"])
def test_a_missing_file_is_asked_for_by_name_and_place(folder: Path, dataset: Any) -> None:
    with pytest.raises(UnavailableError) as caught:
        dataset.load_data()
    message = str(caught.value)
    assert str(folder) in message and str(store.keras_dir()) in message and "TENFOLD_DATA_DIR" in message and "https://" in message
    assert any(name in message for name in ("mnist.npz", "train-images-idx3-ubyte.gz", "cifar-10-python.tar.gz"))


# --- .npz -------------------------------------------------------------------------------------------------------------------------


def savez(path: Path, **change: Any) -> None:
    np.savez(path, **{k: v for k, v in {**npz_arrays(), **change}.items() if v is not None})


BAD_NPZ = {
    "a missing array": ({"y_test": None}, "lacks y_test"),
    "float pixels": ({"x_train": np.zeros((20, 28, 28), np.float32)}, "uint8"),
    "wrong image size": ({"x_train": images(20, 32, 32)}, r"\(n, 28, 28\)"),
    "no image at all": ({"x_train": images(20)}, "uint8"),
    "too few labels": ({"y_train": labels(19)}, "20 whole numbers"),
    "float labels": ({"y_train": np.zeros(20, np.float32)}, "whole numbers"),
    "labels out of range": ({"y_train": np.full(20, 11, np.uint8)}, "0 to 9"),
    "negative labels": ({"y_train": np.full(20, -1, np.int8)}, "-1"),
    "pickled objects": ({"y_train": np.array([{}] * 20, dtype=object)}, "plain arrays"),
}


@pytest.mark.parametrize("change, reason", BAD_NPZ.values(), ids=BAD_NPZ.keys())
def test_a_wrong_npz_says_what_is_wrong(folder: Path, change: dict[str, Any], reason: str) -> None:
    savez(folder / "mnist.npz", **change)
    with pytest.raises(DataLossError, match=reason) as caught:
        mnist.load_data()
    assert str(folder / "mnist.npz") in str(caught.value)


SMALL_NPZ = npz_arrays((2, 2))


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_npz_never_crashes(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, **SMALL_NPZ)
    content = bytearray(file.getvalue())
    if data.draw(st.booleans(), label="cut"):
        del content[data.draw(st.integers(0, len(content) - 1), label="length") :]
    else:
        for _ in range(data.draw(st.integers(1, 8), label="flips")):
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(content)
    try:
        formats.read_split(path, (2, 2), classes=10)
    except DataLossError as error:
        assert str(path) in str(error)


def test_an_npz_bomb_is_not_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_BYTES", 1000)
    savez(folder / "mnist.npz")
    with pytest.raises(DataLossError, match="unpack to"):
        mnist.load_data()


# --- IDX (Fashion-MNIST) ----------------------------------------------------------------------------------------------------------


def idx(array: np.ndarray, shape: tuple[int, ...] | None = None) -> bytes:
    shape = array.shape if shape is None else shape
    return gzip.compress(struct.pack(f">I{len(shape)}I", 0x800 | len(shape), *shape) + array.tobytes())


def write_fashion(folder: Path) -> dict[str, np.ndarray]:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for part, count in (("train", 20), ("t10k", 10)):
        arrays[f"{part}-images-idx3-ubyte.gz"] = images(count, 28, 28)
        arrays[f"{part}-labels-idx1-ubyte.gz"] = labels(count)
    for name, array in arrays.items():
        (folder / name).write_bytes(idx(array))
    return arrays


def test_fashion_mnist_reads_idx(folder: Path) -> None:
    arrays = write_fashion(folder / "fashion-mnist")
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    for value, array in zip((x_train, y_train, x_test, y_test), arrays.values(), strict=True):
        np.testing.assert_array_equal(value, array)
        value[:] = 0  # the arrays belong to the caller


def test_fashion_mnist_does_not_mistake_mnist_for_itself(folder: Path) -> None:
    write_fashion(folder / "mnist")
    with pytest.raises(UnavailableError):
        fashion_mnist.load_data()


BAD_IDX = {
    "not gzip": (b"hello", "gzip"),
    "cut": (idx(images(20, 28, 28))[:-50], "gzip"),
    "empty": (b"", "IDX|gzip"),
    "nothing inside": (gzip.compress(b""), "IDX"),
    "other magic": (gzip.compress(struct.pack(">4I", 0xD03, 20, 28, 28)), "IDX"),
    "header cut": (gzip.compress(struct.pack(">2I", 0x803, 20)), "promises"),
    "promises too much": (idx(images(20, 28, 28), (1 << 31, 28, 28)), "promises"),
    "promises too little": (idx(images(20, 28, 28), (2, 28, 28)), "promises"),
    "labels instead": (idx(labels(20)), "expected images"),
}


@pytest.mark.parametrize("content, reason", BAD_IDX.values(), ids=BAD_IDX.keys())
def test_a_wrong_idx_says_what_is_wrong(folder: Path, content: bytes, reason: str) -> None:
    write_fashion(folder / "fashion")
    (folder / "fashion" / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DataLossError, match=reason):
        fashion_mnist.load_data()


# --- CIFAR-10 ---------------------------------------------------------------------------------------------------------------------


def string(value: bytes) -> bytes:
    """A string as Python 2 pickled it."""
    return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<i", len(value)) + value


def python2_batch(rows: np.ndarray, targets: list[int], array_name: bytes = b"numpy.core.multiarray\n_reconstruct") -> bytes:
    """A batch as its authors wrote it: Python 2, protocol 2."""
    dtype = b"cnumpy\ndtype\nq\x01" + string(b"u1") + b"K\x00K\x01\x87Rq\x02(K\x03" + string(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"M" + struct.pack("<H", rows.shape[0]) + b"M" + struct.pack("<H", rows.shape[1]) + b"\x86"
    array = b"c" + array_name + b"\ncnumpy\nndarray\nK\x00\x85" + string(b"b") + b"\x87R"
    data = array + b"(K\x01" + shape + dtype + b"\x89" + string(rows.tobytes()) + b"tb"
    names = b"](" + b"".join(string(b"%d.png" % n) for n in range(len(targets))) + b"e"
    numbers = b"](" + b"".join(b"K" + bytes([n]) for n in targets) + b"e"
    entries = string(b"data") + data + string(b"labels") + numbers + string(b"batch_label") + string(b"a batch") + string(b"filenames") + names
    return b"\x80\x02}(" + entries + b"u."


def write_batches(folder: Path) -> dict[str, bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    batches = {name: python2_batch(images(10, 3072), list(range(10))) for name in cifar10.BATCHES}
    for name, content in batches.items():
        (folder / name).write_bytes(content)
    return batches


def write_archive(path: Path, batches: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"readme.html": b"<p>", **batches}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_python2_batch_is_what_pickle_says_it_is() -> None:
    rows = images(10, 3072)
    batch = pickle.loads(python2_batch(rows, list(range(10)), b"numpy._core.multiarray\n_reconstruct"), encoding="bytes")
    np.testing.assert_array_equal(batch[b"data"], rows)
    assert batch[b"labels"] == list(range(10))


def test_cifar10_reads_the_published_folder(folder: Path) -> None:
    write_batches(folder / "cifar-10-batches-py")
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert x_train.shape == (50, 32, 32, 3) and x_test.shape == (10, 32, 32, 3)
    assert y_train.shape == (50, 1) and y_test.shape == (10, 1) and y_train.dtype == np.uint8 and x_train.dtype == np.uint8
    assert y_test.ravel().tolist() == list(range(10))


def test_cifar10_puts_channels_last(folder: Path) -> None:
    write_batches(folder)
    rows = images(10, 3072)
    (folder / "test_batch").write_bytes(python2_batch(rows, [3] * 10))
    x_test = cifar10.load_data()[1][0]
    assert x_test[4, 5, 6].tolist() == [rows[4, plane * 1024 + 5 * 32 + 6] for plane in range(3)]


@pytest.mark.parametrize("name", cifar10.ARCHIVES)
def test_cifar10_reads_the_archive_as_it_reads_the_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    batches = write_batches(tmp_path / "unpacked")
    write_archive(folder / name, batches)
    from_archive = cifar10.load_data()
    monkeypatch.setenv("TENFOLD_DATA_DIR", str(tmp_path / "unpacked"))
    for one, other in zip(sum(from_archive, ()), sum(cifar10.load_data(), ()), strict=True):
        np.testing.assert_array_equal(one, other)


def test_cifar10_reads_npz(folder: Path) -> None:
    arrays = npz_arrays((32, 32, 3))
    np.savez(folder / "cifar10.npz", **{**arrays, "y_train": arrays["y_train"][:, None]})
    (x_train, y_train), (_, y_test) = cifar10.load_data()
    np.testing.assert_array_equal(x_train, arrays["x_train"])
    assert y_train.shape == (20, 1) and y_test.shape == (10, 1)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_batch_of_another_protocol_reads_too(protocol: int) -> None:
    rows = images(10, 3072)
    batch = {"data": rows, "labels": list(range(10)), b"batch_label": b"x", "filenames": ["a.png"] * 10}
    content, targets = read_batch(pickle.dumps(batch, protocol))
    np.testing.assert_array_equal(content, rows)
    assert targets == list(range(10))


class Evil:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
def test_a_batch_cannot_run_code(folder: Path, tmp_path: Path, protocol: int) -> None:
    write_batches(folder)
    (folder / "data_batch_3").write_bytes(pickle.dumps({b"labels": [1], b"data": Evil(tmp_path / "owned")}, protocol))
    with pytest.raises(DataLossError, match="data_batch_3"):
        cifar10.load_data()
    assert not (tmp_path / "owned").exists()


def test_a_batch_cannot_ask_for_much_memory() -> None:
    with pytest.raises(ValueError):
        read_batch(b"\x80\x02}r\xff\xff\xff\x7f\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.")


BAD_BATCHES = {
    "cut": python2_batch(images(10, 3072), list(range(10)))[:-3000],
    "empty": b"",
    "text": b"<html>not found</html>",
    "no dictionary": pickle.dumps([1, 2], 2),
    "no labels": pickle.dumps({b"data": images(2, 3072)}, 2),
    "labels are text": pickle.dumps({b"data": images(2, 3072), b"labels": ["a", "b"]}, 2),
    "labels out of range": python2_batch(images(2, 3072), [3, 10]),
    "too few labels": python2_batch(images(2, 3072), [3]),
    "no array": pickle.dumps({b"data": [1, 2], b"labels": [1, 2]}, 2),
    "float array": pickle.dumps({b"data": np.zeros((2, 3072)), b"labels": [1, 2]}, 2),
    "object array": pickle.dumps({b"data": np.array([[None]]), b"labels": [1]}, 2),
    "three dimensions": pickle.dumps({b"data": images(2, 3, 1024), b"labels": [1, 2]}, 2),
    "wrong width": python2_batch(images(2, 3000), [1, 2]),
    "another function": python2_batch(images(2, 3072), [1, 2], b"os\nsystem"),
    "stack runs dry": b"\x80\x02RRR.",
    "no mark": b"\x80\x02u.",
    "labels contain a list": pickle.dumps({b"data": images(2, 3072), b"labels": [[1], [2]]}, 2),
    "labels are huge": pickle.dumps({b"data": images(2, 3072), b"labels": [1, 1 << 100]}, 2),
}


@pytest.mark.parametrize("content", BAD_BATCHES.values(), ids=BAD_BATCHES.keys())
def test_a_wrong_batch_is_refused(folder: Path, content: bytes) -> None:
    write_batches(folder)
    (folder / "data_batch_2").write_bytes(content)
    with pytest.raises(DataLossError, match="data_batch_2"):
        cifar10.load_data()


OPCODES = [op.code.encode("latin1") for op in pickletools.opcodes]


@given(parts=st.lists(st.sampled_from(OPCODES) | st.binary(max_size=6), max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_sequence_of_instructions_crashes(parts: list[bytes]) -> None:
    with contextlib.suppress(ValueError):
        read_batch(b"\x80\x02" + b"".join(parts) + b".")


@pytest.mark.parametrize("content", [b"", b"hello", gzip.compress(b"hello"), gzip.compress(bytes(2000))[:20]], ids=["empty", "text", "no tar", "cut"])
def test_a_wrong_archive_is_refused(folder: Path, content: bytes) -> None:
    (folder / "cifar-10-python.tar.gz").write_bytes(content)
    with pytest.raises(DataLossError, match="cifar-10-python"):
        cifar10.load_data()


def test_an_archive_without_a_batch_says_which(folder: Path) -> None:
    write_archive(folder / "cifar-10-python.tar.gz", {"test_batch": python2_batch(images(2, 3072), [1, 2])})
    with pytest.raises(DataLossError, match="lacks data_batch_1"):
        cifar10.load_data()


def test_an_archive_bomb_is_not_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "MAX_ARCHIVE", 1000)
    write_archive(folder / "cifar-10-python.tar.gz", {"test_batch": python2_batch(images(2, 3072), [1, 2])})
    with pytest.raises(DataLossError, match="unpacks to more"):
        cifar10.load_data()


# --- download ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server on this machine that serves the folder `served`."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("TENFOLD_DATA_DIR", raising=False)
    (tmp_path / "served").mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "served"))

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_a_missing_file_is_downloaded_once(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    savez(tmp_path / "served" / "mnist.npz")
    digest = hashlib.sha256((tmp_path / "served" / "mnist.npz").read_bytes()).hexdigest()
    monkeypatch.setattr(mnist, "SOURCE", store.Source(f"{server}/mnist.npz", "mnist.npz", digest))
    first = mnist.load_data()
    (tmp_path / "served" / "mnist.npz").unlink()
    np.testing.assert_array_equal(mnist.load_data()[0][0], first[0][0])
    assert [file.name for file in store.keras_dir().iterdir()] == ["mnist.npz"]


def test_a_download_with_another_hash_is_refused(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    savez(tmp_path / "served" / "mnist.npz")
    monkeypatch.setattr(mnist, "SOURCE", replace(mnist.SOURCE, url=f"{server}/mnist.npz"))
    with pytest.raises(DataLossError, match=mnist.SOURCE.digest):
        mnist.load_data()
    assert list(store.keras_dir().iterdir()) == []


def test_a_missing_page_is_reported(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "SOURCE", replace(mnist.SOURCE, url=f"{server}/mnist.npz"))
    with pytest.raises(UnavailableError, match="404"):
        mnist.load_data()
    assert list(store.keras_dir().iterdir()) == []


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("TENFOLD_DATA_DIR", raising=False)
    with pytest.raises(PermissionDeniedError, match="TENFOLD_DATA_DIR"):
        mnist.load_data()


def test_every_error_is_an_op_error() -> None:
    assert issubclass(DataLossError, OpError) and issubclass(UnavailableError, OpError)


def test_a_name_that_is_missing_says_so() -> None:
    with pytest.raises(AttributeError, match=r"no tf.data.TFRecordDataset \(yet\)"):
        _ = tf.data.TFRecordDataset
    with pytest.raises(AttributeError, match=r"no keras.datasets.imbd \(yet\). The closest name is keras.datasets.imdb"):
        _ = tf.keras.datasets.imbd


def test_what_a_generator_gives_takes_the_declared_types() -> None:
    data = tf.data.Dataset.from_generator(lambda: iter([(1, np.float32(2.7)), (np.array([3]), 4)]), output_types=(tf.float32, tf.int32))
    assert [(x.dtype, y.dtype, int(y)) for x, y in data] == [(tf.float32, tf.int32, 2), (tf.float32, tf.int32, 4)]
