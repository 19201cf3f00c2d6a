"""Preprocessing layers in models: strings go in, the vocabulary is saved with the model, data sets are mapped by them."""

from __future__ import annotations

import copy
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold import keras

TEXTS = np.array(["good movie", "bad film", "a very good film indeed", "bad bad movie", "good", "awful bad"])
LABELS = np.array([1, 0, 1, 0, 1, 0])


def text_model(length: int | None = None) -> Any:
    vectorize = keras.layers.TextVectorization(output_sequence_length=length)
    vectorize.adapt(TEXTS)
    return keras.Sequential([
        keras.Input((1,), dtype="string"),
        vectorize,
        keras.layers.Embedding(12, 8, mask_zero=True),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


@pytest.mark.parametrize("length", [None, 4])
def test_a_model_reads_text(length: int | None) -> None:
    """The words' number is not known until the texts are split; the rest is compiled all the same."""
    keras.utils.set_random_seed(1)
    model = text_model(length)
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    losses = model.fit(TEXTS[:, None], LABELS, batch_size=4, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    predicted = model.predict(TEXTS[:, None], batch_size=2, verbose=0)
    assert ((predicted[:, 0] > 0.5) == LABELS).all()
    np.testing.assert_allclose(predicted, model(tf.constant(TEXTS[:, None])).numpy(), atol=1e-6)
    assert model.evaluate(TEXTS[:, None], LABELS, verbose=0)[1] == 1.0


def test_files_hold_the_vocabulary(tmp_path: Path) -> None:
    model = text_model()
    path = str(tmp_path / "m.keras")
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.endswith("vocabulary.txt")]
        assert "assets/layers/text_vectorization/vocabulary.txt" in names
        assert archive.read(names[0]).decode().split("\n") == model.layers[0].get_vocabulary()
    x = np.array([["good unknown film"], ["bad"]])
    for other in (keras.models.load_model(path), copy.deepcopy(model)):
        assert other.layers[0].get_vocabulary() == model.layers[0].get_vocabulary()
        assert np.array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))


def test_hostile_assets_are_refused(tmp_path: Path) -> None:
    model = text_model()
    path, changed = str(tmp_path / "m.keras"), str(tmp_path / "changed.keras")
    model.save(path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"\xff\xfe\n\xff" if name.endswith("vocabulary.txt") else old.read(name))
    with pytest.raises((ValueError, tf.errors.DataLossError), match="assets"):
        keras.models.load_model(changed)


def test_tables_in_a_functional_model(tmp_path: Path) -> None:
    color, size = keras.Input((1,), dtype="string", name="color"), keras.Input((1,), name="size")
    number = keras.Input((1,), dtype="int64", name="number")
    crossed = keras.layers.HashedCrossing(8, output_mode="one_hot")([color, number])
    parts = [
        keras.layers.StringLookup(vocabulary=["red", "green"], output_mode="one_hot")(color),
        keras.layers.Normalization(mean=2.0, variance=4.0)(size),
        keras.layers.Hashing(4, output_mode="one_hot")(number),
        keras.layers.Discretization(bin_boundaries=[1.0, 3.0], output_mode="one_hot")(size),
        crossed,
    ]
    x = keras.layers.concatenate(parts)
    model = keras.Model([color, size, number], [keras.layers.Dense(1)(x), x])
    data = {"color": np.array([["red"], ["blue"]]), "size": np.array([[2.0], [6.0]]), "number": np.array([[5], [7]])}
    _, features = model.predict(data, verbose=0)
    assert features.shape == (2, 3 + 1 + 4 + 3 + 8)
    assert features[:, :4].tolist() == [[0, 1, 0, 0], [1, 0, 0, 2]] and features[:, 8:11].tolist() == [[0, 1, 0], [0, 0, 1]]
    path = str(tmp_path / "m.keras")
    model.save(path)
    assert np.array_equal(keras.models.load_model(path).predict(data, verbose=0)[1], features)


def test_a_vocabulary_may_come_late() -> None:
    layer = keras.layers.StringLookup()
    model = keras.Sequential([keras.Input((2,), dtype="string"), layer])
    x = np.array([["a", "b"], ["b", "c"]])
    layer.adapt(x)
    first = model.predict(x, verbose=0)
    layer.set_vocabulary(["c", "b", "a"])
    assert first.tolist() == [[3, 1], [1, 2]]
    assert model.predict(x, verbose=0).tolist() == [[3, 2], [2, 1]]


def test_data_sets_are_mapped_by_layers() -> None:
    layer = keras.layers.TextVectorization(output_sequence_length=3, vocabulary=["good", "bad"])
    data = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(4).map(lambda x, y: (layer(x), y))
    assert data.element_spec[0].shape.as_list() == [None, 3] and len(data) == 2
    found = [x.numpy() for x, _ in data]
    assert np.array_equal(np.concatenate(found), layer(TEXTS).numpy()) and [len(f) for f in found] == [4, 2]
    learnt = keras.layers.StringLookup()
    learnt.adapt(tf.data.Dataset.from_tensor_slices(["x", "y", "x"]).batch(2))
    assert learnt.get_vocabulary() == ["[UNK]", "x", "y"]
    with pytest.raises(ValueError, match="endless"):
        learnt.adapt(tf.data.Dataset.from_tensor_slices(["x"]).repeat())


def test_training_on_a_data_set() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, x.sum(1, keepdims=True))).shuffle(20, seed=1).batch(5)
    history = model.fit(data, epochs=8, verbose=0, validation_data=data.take(2)).history
    assert history["loss"][-1] < history["loss"][0] and len(history["val_loss"]) == 8
    endless = model.fit(data.repeat(), steps_per_epoch=3, epochs=2, verbose=0).history
    assert len(endless["loss"]) == 2


def test_data_set_steps() -> None:
    data = tf.data.Dataset.range(7)
    assert [int(x) for x in data.filter(lambda x: x % 2 == 0).map(lambda x: x * x)] == [0, 4, 16, 36]
    assert [b.numpy().tolist() for b in data.batch(3, drop_remainder=True)] == [[0, 1, 2], [3, 4, 5]]
    assert sorted(int(x) for x in data.shuffle(3, seed=2)) == list(range(7)) and int(data.skip(5).cardinality()) == 2
    assert [int(x) for x in data.take(2).concatenate(data.skip(6)).repeat(2)] == [0, 1, 6, 0, 1, 6]
    assert [(int(a), int(b)) for a, b in tf.data.Dataset.zip(data.take(2), data.skip(3))] == [(0, 3), (1, 4)]
    assert int(data.reduce(0, lambda s, x: s + tf.cast(x, tf.int32))) == 21
    signature = (tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.string))
    made = tf.data.Dataset.from_generator(lambda: iter([(1, "a"), (2, "b")]), output_signature=signature)
    assert [(int(n), s.numpy()) for n, s in made] == [(1, b"a"), (2, b"b")] and int(made.cardinality()) == tf.data.UNKNOWN_CARDINALITY
    assert [int(x) for x in data.batch(4).unbatch()] == list(range(7)) and len(list(data.cache().batch(2))) == 4
    with pytest.raises(TypeError, match="infinite"):
        len(data.repeat())


TABLE = {
    "age": [23.0, 31.0, 45.0, 52.0, 38.0, 60.0],
    "city": ["Rome", "Oslo", "Rome", "Lima", "Oslo", "Rome"],
    "plan": [1, 2, 1, 3, 2, 1],
    "note": ["likes tea", "likes coffee", "tea", "", "coffee and tea", "no tea"],
}


def feature_space(output_mode: str = "concat") -> Any:
    kind = keras.utils.FeatureSpace
    words = keras.layers.TextVectorization(output_mode="multi_hot")
    return kind(
        {"age": "float_normalized", "city": "string_categorical", "plan": kind.integer_hashed(5), "note": kind.feature("string", words, "float")},
        crosses=[kind.cross(("city", "plan"), crossing_dim=7)], output_mode=output_mode,
    )  # fmt: skip


def test_feature_space_encodes_and_is_saved(tmp_path: Path) -> None:
    space = feature_space()
    with pytest.raises(ValueError, match=r"call `.adapt"):
        space(TABLE)
    space.adapt(TABLE)
    encoded = space(TABLE)
    vocabulary = space.preprocessors["note"].vocabulary_size()
    assert encoded.shape == (6, 1 + 4 + vocabulary + 5 + 7)  # in the order of the names, crosses last
    ages = np.array(TABLE["age"])
    np.testing.assert_allclose(encoded[:, 0], (ages - ages.mean()) / ages.std(), rtol=1e-5)
    one = space({k: v[1] for k, v in TABLE.items()})
    np.testing.assert_array_equal(one, encoded[1])
    path = str(tmp_path / "space.keras")
    space.save(path)
    np.testing.assert_array_equal(keras.models.load_model(path)(TABLE), encoded)


def test_feature_space_in_front_of_a_model(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    space = feature_space()
    space.adapt(TABLE, verbose=0)
    model = keras.Model(space.get_inputs(), keras.layers.Dense(1)(space.get_encoded_features()))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    data = tf.data.Dataset.from_tensor_slices((TABLE, [0.0, 1.0, 0.0, 1.0, 1.0, 0.0])).batch(3)
    losses = model.fit(data, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]
    x = {k: np.array(v) for k, v in TABLE.items()}
    path = str(tmp_path / "model.keras")
    model.save(path)
    np.testing.assert_array_equal(keras.models.load_model(path).predict(x, verbose=0), model.predict(x, verbose=0))
    outside = keras.Model(space.get_encoded_features(), model.output)  # the same layers, fed with what is encoded in the pipeline
    encoded = data.map(lambda row, label: (space(row), label))
    np.testing.assert_allclose(outside.predict(encoded, verbose=0), model.predict(x, verbose=0), atol=1e-6)
