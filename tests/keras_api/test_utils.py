"""keras.utils and keras.preprocessing: folders of files, images, downloads, pictures of models, Keras 2's generators and tokenizer."""

import io
import tarfile
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tenfold as tf
from tenfold import keras
from tenfold.core.errors import DataLossError, UnavailableError

utils = keras.utils


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of five pictures of different sizes; the red value of a picture tells its class and number."""
    for number, name in enumerate(("cats", "dogs")):
        (tmp_path / name / "more").mkdir(parents=True)
        for i in range(5):
            x = np.full((10 + i, 12, 3), 100 * number + i, np.uint8)
            utils.save_img(tmp_path / name / ("more" if i == 4 else "") / f"{i}.png", x, scale=False)
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    return tmp_path


def test_every_name_of_utils_is_there():
    assert all(getattr(utils, name) is not None for name in dir(utils))


# --- folders -----------------------------------------------------------------------------------------------------------------------


def test_images_come_with_the_labels_of_their_folders(pictures, capsys):
    dataset = utils.image_dataset_from_directory(pictures, batch_size=4, image_size=(8, 6), seed=3)
    assert "Found 10 files belonging to 2 classes." in capsys.readouterr().out
    assert dataset.class_names == ["cats", "dogs"] and len(dataset) == 3 and len(dataset.file_paths) == 10
    seen = []
    for x, y in dataset:
        assert x.shape[1:] == (8, 6, 3) and x.dtype == "float32" and y.dtype == "int32"
        assert (x.numpy()[:, 0, 0, 0] // 100 == y.numpy()).all()
        seen += x.numpy()[:, 0, 0, 0].tolist()
    assert sorted(seen) == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
    assert [x.numpy()[:, 0, 0, 0].tolist() for x, _ in dataset] != [seen[:4], seen[4:8], seen[8:]]  # another order in each pass


def test_folders_and_series_have_the_steps_of_a_dataset(pictures):
    images = utils.image_dataset_from_directory(pictures, batch_size=4, image_size=(8, 6), shuffle=False, verbose=False)
    assert images.element_spec[0].shape.as_list() == [None, 8, 6, 3]
    halves = images.map(lambda x, y: (x / 2.0, y)).prefetch(tf.data.AUTOTUNE)
    assert [x.numpy()[:, 0, 0, 0].tolist() for x, _ in halves.take(1)] == [[0.0, 0.5, 1.0, 1.5]] and len(halves) == 3
    windows = utils.timeseries_dataset_from_array(np.arange(10.0), None, 3, batch_size=None, shuffle=True, seed=1)
    assert windows.element_spec.shape.as_list() == [3]
    assert [x.numpy().tolist() for x in windows.take(4)] != [x.numpy().tolist() for x in windows.take(4)]
    with pytest.raises(AttributeError, match="prefetch"):
        windows.no_such_step  # noqa: B018


@pytest.mark.parametrize(("mode", "shape", "dtype"), [("int", (2,), "int32"), ("binary", (2, 1), "float32"), ("categorical", (2, 2), "float32")])
def test_labels_in_each_mode(pictures, mode, shape, dtype):
    _, y = next(iter(utils.image_dataset_from_directory(pictures, label_mode=mode, batch_size=2, image_size=4, verbose=False)))
    assert y.shape == shape and y.dtype == dtype


def test_a_split_is_a_partition(pictures):
    options = {"validation_split": 0.3, "seed": 1, "image_size": (4, 4), "batch_size": None}
    train, test = utils.image_dataset_from_directory(pictures, subset="both", **options)
    alone = utils.image_dataset_from_directory(pictures, subset="validation", **options)
    assert len(train) == 7 and len(test) == 3 and not set(train.file_paths) & set(test.file_paths) and alone.file_paths == test.file_paths
    assert next(iter(test))[0].shape == (4, 4, 3)


def test_images_are_resized_as_tf_image_resize_does(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    utils.save_img(tmp_path / "a.png", x, scale=False)
    for method in ("bilinear", "nearest", "bicubic", "area"):
        dataset = utils.image_dataset_from_directory(tmp_path, labels=None, image_size=(5, 12), interpolation=method)
        np.testing.assert_allclose(next(iter(dataset))[0], tf.image.resize(x, (5, 12), method), atol=1e-3)
    cut = next(iter(utils.image_dataset_from_directory(tmp_path, labels=None, image_size=(4, 4), crop_to_aspect_ratio=True)))[0]
    np.testing.assert_allclose(cut, keras.preprocessing.image.smart_resize(x, (4, 4)), atol=1e-3)
    framed = next(iter(utils.image_dataset_from_directory(tmp_path, labels=None, image_size=(9, 9), pad_to_aspect_ratio=True)))[0].numpy()
    assert (framed[1:8] == x).all() and not framed[0].any() and not framed[8].any()


def test_scaled_pictures_of_any_brightness_are_written(tmp_path):
    """Whatever the largest value is, it becomes 255: more would be no picture of bytes."""
    for largest in np.random.default_rng(0).random(200, "float32"):
        picture = utils.array_to_img(np.array([0, largest / 3, largest], "float32").reshape(1, 3, 1))
        assert picture.mode == "L" and np.asarray(picture).ravel().tolist() in ([0, 85, 255], [0, 84, 255])
    utils.save_img(tmp_path / "a.png", np.array([[[0.0], [0.8574043]]]))


def test_images_train_a_model(pictures):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    dataset = utils.image_dataset_from_directory(pictures, image_size=(8, 8), batch_size=4, seed=0)
    assert len(model.fit(dataset, validation_data=dataset, epochs=2, verbose=0).history["val_loss"]) == 2
    assert model.predict(utils.image_dataset_from_directory(pictures, labels=None, image_size=(8, 8)), verbose=0).shape == (10, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": 3}, "list/tuple of integer labels"),
        ({"labels": [1, 2]}, "match the number of files"),
        ({"label_mode": "other"}, "label_mode"),
        ({"class_names": ["cats", "birds"]}, "did not match"),
        ({"color_mode": "cmyk"}, "color_mode"),
        ({"image_size": (1, 2, 3)}, "image_size"),
        ({"interpolation": "magic"}, "interpolation"),
        ({"validation_split": 2.0, "subset": "training"}, "validation_split"),
        ({"validation_split": 0.2}, "subset"),
        ({"validation_split": 0.2, "subset": "training"}, "seed"),
        ({"validation_split": 0.2, "subset": "other", "seed": 1}, "subset"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one"),
    ],
)
def test_wrong_options_of_folders(pictures, options, message):
    with pytest.raises(ValueError, match=message):
        utils.image_dataset_from_directory(pictures, **options)


def test_a_damaged_picture_is_named(pictures):
    (pictures / "cats" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    with pytest.raises(ValueError, match=r"0\.png is not a whole image"):
        list(utils.image_dataset_from_directory(pictures, image_size=(4, 4)))
    (pictures / "empty").mkdir()
    with pytest.raises(ValueError, match="No images"):
        utils.image_dataset_from_directory(pictures / "empty", labels=None)


def write_wav(path: Path, samples: np.ndarray, channels: int = 1) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(samples.astype("<i2").tobytes())


def test_recordings_are_padded_to_the_longest(tmp_path):
    for name, length in (("a", 3), ("b", 5)):
        (tmp_path / name).mkdir()
        write_wav(tmp_path / name / "x.wav", np.full(length, 16384))
    x, y = next(iter(utils.audio_dataset_from_directory(tmp_path, shuffle=False)))
    np.testing.assert_array_equal(x[:, :, 0], [[0.5, 0.5, 0.5, 0, 0], [0.5] * 5])
    assert y.numpy().tolist() == [0, 1]
    x, _ = next(iter(utils.audio_dataset_from_directory(tmp_path, output_sequence_length=4, format="tf")))
    assert x.shape == (2, 4, 1)
    (tmp_path / "a" / "x.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="not a WAV file"):
        next(iter(utils.audio_dataset_from_directory(tmp_path, shuffle=False)))


def test_windows_of_a_series():
    x, y = np.arange(20), np.arange(20) * 10
    batches = list(utils.timeseries_dataset_from_array(x, y, 3, sequence_stride=2, sampling_rate=2, batch_size=4, start_index=2, end_index=15))
    np.testing.assert_array_equal(batches[0][0], [[2, 4, 6], [4, 6, 8], [6, 8, 10], [8, 10, 12]])
    np.testing.assert_array_equal(batches[0][1], [20, 40, 60, 80])
    assert sum(len(b[0]) for b in batches) == 5
    mixed = utils.timeseries_dataset_from_array(x, None, 3, shuffle=True, seed=1, batch_size=None)
    assert sorted(w.numpy()[0] for w in mixed) == list(range(18))
    with pytest.raises(ValueError, match="end_index"):
        utils.timeseries_dataset_from_array(x, None, 3, end_index=99)


def test_split_dataset():
    left, right = utils.split_dataset((np.arange(10), np.arange(10) * 2), left_size=0.7, shuffle=True, seed=0)
    assert len(left) == 7 and len(right) == 3
    assert all(y.numpy() == 2 * x.numpy() for x, y in left) and sorted(int(x) for part in (left, right) for x, _ in part) == list(range(10))
    for sizes in ({}, {"left_size": 2.0}, {"left_size": 0.6, "right_size": 0.6}):
        with pytest.raises(ValueError):
            utils.split_dataset(np.arange(10), **sizes)


# --- downloads ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TENFOLD_DATA_DIR", raising=False)
    return tmp_path


def test_files_are_downloaded_checked_and_kept(home):
    (home / "a.txt").write_text("hello")
    origin = (home / "a.txt").as_uri()
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    path = utils.get_file("b.txt", origin, file_hash=digest)
    assert Path(path).read_text() == "hello" and path == str(home / "home" / "datasets" / "b.txt")
    (home / "a.txt").write_text("changed")
    assert Path(utils.get_file("b.txt", origin)).read_text() == "hello"
    with pytest.raises(DataLossError, match="does not match"):
        utils.get_file("b.txt", origin, file_hash=digest, force_download=True)
    assert Path(path).read_text() == "hello"  # what was there is there
    assert Path(utils.get_file("b.txt", origin, force_download=True)).read_text() == "changed"
    with pytest.raises(UnavailableError):
        utils.get_file("c.txt", (home / "nothing").as_uri())
    assert not (home / "home" / "datasets" / "c.txt").exists()


def test_archives_are_unpacked_inside_of_their_folder(home):
    with tarfile.open(home / "x.tar.gz", "w:gz") as archive:
        for name in ("inner/a.txt", "../evil.txt"):
            member = tarfile.TarInfo(name)
            member.size = 2
            archive.addfile(member, io.BytesIO(b"hi"))
    with pytest.warns(UserWarning, match="evil"):
        folder = utils.get_file("x.tar.gz", (home / "x.tar.gz").as_uri(), extract=True)
    assert folder.endswith("x_extracted") and (Path(folder) / "inner" / "a.txt").read_text() == "hi"
    with zipfile.ZipFile(home / "y.zip", "w") as archive:
        archive.writestr("a.txt", "hi")
        archive.writestr("../evil.txt", "hi")
    with pytest.warns(UserWarning, match="evil"):
        folder = utils.get_file("y", (home / "y.zip").as_uri(), extract=True)
    assert (Path(folder) / "a.txt").exists() and not list(home.rglob("evil.txt"))
    (home / "z.zip").write_bytes((home / "y.zip").read_bytes()[:40])
    with pytest.raises(DataLossError):
        utils.get_file("z.zip", (home / "z.zip").as_uri(), extract=True)


def test_the_users_own_data_comes_first(home, monkeypatch):
    (home / "data" / "inner").mkdir(parents=True)
    (home / "data" / "inner" / "spa.zip").write_text("mine")
    monkeypatch.setenv("TENFOLD_DATA_DIR", str(home / "data"))
    assert Path(utils.get_file("spa.zip", "https://example.invalid/spa.zip")).read_text() == "mine"


# --- models and numbers ------------------------------------------------------------------------------------------------------------


def test_drawings_show_layers_and_lines(tmp_path):
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    shared = keras.layers.Dense(2, activation="relu", name="shared")
    model = keras.Model([a, b], keras.layers.Add(name="sum")([shared(a), shared(b)]))
    utils.plot_model(model, tmp_path / "m.dot", show_shapes=True, show_layer_names=True, show_layer_activations=True, show_dtype=True)
    text = (tmp_path / "m.dot").read_text()
    assert text.count(" -> ") == 4 and text.count("shared (Dense)") == 1 and "(None, 2)" in text and "relu" in text and "float32" in text
    outer = keras.Model(a, keras.layers.Dense(1, name="last")(keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name="inner")])(a)))
    utils.plot_model(outer, tmp_path / "n.dot", expand_nested=True, show_layer_names=True)
    text = (tmp_path / "n.dot").read_text()
    assert "subgraph cluster" in text and "inner (Dense)" in text and text.count(" -> ") == 3
    assert utils.get_source_inputs(model.output) == [a, b]
    with pytest.raises(ValueError, match="not yet been built"):
        utils.plot_model(keras.Sequential([keras.layers.Dense(1)]), tmp_path / "o.dot")


def test_tensors_give_tensors():
    assert utils.to_categorical(tf.constant([0, 2]), 3).numpy().tolist() == [[1, 0, 0], [0, 0, 1]]
    assert isinstance(utils.normalize(tf.constant([[3.0, 4.0]])), tf.Tensor)


def test_progress_bars_average_what_is_not_stateful(capsys):
    bar = utils.Progbar(3, stateful_metrics=["lr"], interval=0, dynamic=False)
    for step, value in ((1, 1.0), (2, 2.0), (3, 6.0)):
        bar.update(step, [("loss", value), ("lr", value)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("step - ")[2] for line in lines] == [f"loss: {m:.4f} - lr: {v:.4f}" for m, v in ((1, 1), (1.5, 2), (3, 6))]
    bar = utils.Progbar(3, dynamic=False)  # no interval, and no line that can be redrawn: only the end is told
    for step in (1, 2, 3):
        bar.update(step)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_config():
    config = utils.Config(a=1)
    config.b = config.a + 1
    assert config.as_dict() == {"a": 1, "b": 2} and "b" in config and len(config) == 2
    config.freeze()
    with pytest.raises(ValueError, match="frozen"):
        config.c = 1


# --- Keras 2's generators ----------------------------------------------------------------------------------------------------------


def test_generators_keep_images_and_labels_together():
    x = np.arange(10, dtype="float32")[:, None, None, None] * np.ones((1, 6, 6, 1), "float32")
    generator = keras.preprocessing.image.ImageDataGenerator(rotation_range=30, width_shift_range=0.2, height_shift_range=2, zoom_range=0.3,
                                                             shear_range=10, horizontal_flip=True, vertical_flip=True, rescale=2.0,
                                                             validation_split=0.2)  # fmt: skip
    batches = generator.flow(x, np.arange(10), batch_size=4, seed=0, subset="training")
    assert len(batches) == 2
    for _ in range(3):
        images, labels = next(batches)
        np.testing.assert_allclose(images, 2.0 * labels[:, None, None, None] * np.ones((1, 6, 6, 1)), rtol=1e-6)
    assert sorted(generator.flow(x, np.arange(10), shuffle=False, subset="validation")[0][1]) == [0, 1]


def test_affine_transforms_turn_shift_and_fill():
    change = keras.preprocessing.image.apply_affine_transform
    x = np.arange(9.0).reshape(3, 3, 1)
    options = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    np.testing.assert_allclose(change(x, theta=90, **options)[..., 0], np.rot90(x[..., 0], -1), atol=1e-5)
    np.testing.assert_array_equal(change(x, tx=1, fill_mode="constant", cval=-1, **options)[..., 0], [[3, 4, 5], [6, 7, 8], [-1, -1, -1]])
    np.testing.assert_array_equal(change(x, ty=-1, **options)[..., 0], [[0, 0, 1], [3, 3, 4], [6, 6, 7]])
    np.testing.assert_array_equal(change(x, ty=-1, fill_mode="wrap", **options)[..., 0], [[2, 0, 1], [5, 3, 4], [8, 6, 7]])
    np.testing.assert_allclose(change(x, ty=0.5, **options)[..., 0], [[0.5, 1.5, 2], [3.5, 4.5, 5], [6.5, 7.5, 8]])


def test_statistics_of_generators():
    x = np.random.default_rng(0).normal(3, 2, (50, 4, 4, 2)).astype("float32")
    generator = keras.preprocessing.image.ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    with pytest.raises(ValueError, match="fit"):
        next(generator.flow(x))
    generator.fit(x)
    batch = next(generator.flow(x, batch_size=50))
    np.testing.assert_allclose([batch.mean((0, 1, 2)), batch.std((0, 1, 2))], [[0, 0], [1, 1]], atol=1e-4)
    whitening = keras.preprocessing.image.ImageDataGenerator(zca_whitening=True)
    whitening.fit(x)
    white = next(whitening.flow(x, batch_size=50)).reshape(50, -1)
    np.testing.assert_allclose(white.T @ white / 50, np.eye(32), atol=0.05)


def test_generators_of_folders(pictures, capsys):
    generator = keras.preprocessing.image.ImageDataGenerator()
    batches = generator.flow_from_directory(pictures, target_size=(4, 4), batch_size=10, shuffle=False)
    x, y = batches[0]
    assert batches.class_indices == {"cats": 0, "dogs": 1} and batches.image_shape == (4, 4, 3) and batches.samples == 10
    assert (x[:, 0, 0, 0] // 100 == y.argmax(1)).all() and y.shape == (10, 2)
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(batches, verbose=0).history["loss"]).all()


def test_the_tokenizer_numbers_words_by_frequency():
    tokenizer = keras.preprocessing.text.Tokenizer(num_words=4, oov_token="?")
    tokenizer.fit_on_texts(["The cat sat.", "The cat, the dog!"])
    assert tokenizer.word_index == {"?": 1, "the": 2, "cat": 3, "sat": 4, "dog": 5}
    assert tokenizer.texts_to_sequences(["the dog sat, a cat"]) == [[2, 1, 1, 1, 3]]
    assert tokenizer.sequences_to_texts([[2, 3]]) == ["the cat"]
    np.testing.assert_array_equal(tokenizer.texts_to_matrix(["the the cat"], "count"), [[0, 0, 2, 1]])
    again = keras.preprocessing.text.tokenizer_from_json(tokenizer.to_json())
    assert again.texts_to_sequences(["the cat"]) == [[2, 3]] and again.index_word[3] == "cat"
    assert keras.preprocessing.text.Tokenizer(char_level=True)._words("Ab") == ["a", "b"]


def test_time_series_generators():
    batches = keras.preprocessing.sequence.TimeseriesGenerator(np.arange(10), np.arange(10), length=4, sampling_rate=2, stride=2, batch_size=2)
    x, y = batches[0]
    assert x.tolist() == [[0, 2], [2, 4]] and y.tolist() == [4, 6] and len(batches) == 2


def test_names_that_are_gone_say_what_to_use_instead():
    assert keras.layers.experimental.preprocessing.Rescaling is keras.layers.Rescaling
    for namespace, name, hint in (
        (keras.layers, "DenseFeatures", "FeatureSpace"),
        (keras.layers, "RandomHeight", "RandomZoom"),
        (keras, "estimator", r"model\.fit"),
        (utils, "generic_utils", r"keras\.utils"),
    ):
        with pytest.raises(AttributeError, match=hint):
            getattr(namespace, name)


def test_grain_is_refused(pictures):
    with pytest.raises(NotImplementedError, match="format='tf'"):
        utils.image_dataset_from_directory(pictures, format="grain")
    with pytest.raises(NotImplementedError, match="format='tf'"):
        utils.timeseries_dataset_from_array(np.arange(9), None, 3, format="grain")


def test_generators_of_tables(pictures):
    pandas = pytest.importorskip("pandas")
    names = ["cats/0.png", "dogs/1.png", "dogs/nothing.png"]
    table = pandas.DataFrame({"filename": names, "class": ["cats", "dogs", "dogs"]})
    generator = keras.preprocessing.image.ImageDataGenerator()
    assert len(generator.flow_from_dataframe(table, pictures, target_size=(4, 4)).filepaths) == 2
    with pytest.raises(FileNotFoundError, match="nothing"):
        generator.flow_from_dataframe(table, pictures, target_size=(4, 4), validate_filenames=False)[0]
