"""Layers for text, categories and tables: what they learn and give. Vectors are compared as floats, whatever type Keras gives them eagerly."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, integers, normal

CASES: dict[str, Case] = {}
TEXTS = ["The quick brown fox!", "jumps over the lazy dog.", "A quick, lazy fox", "", "dog-dog dog's  día"]
WORDS = [["a", "b", "zz", "a"], ["c", "", "b", "q"], ["zz", "zz", "c", "a"]]
MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


def text(values: Any) -> np.ndarray:
    return np.array([str(v) for v in values])


def result(value: Any) -> np.ndarray:
    found = array(value)
    if found.dtype == object:
        return text([v.decode() for v in found.ravel()]).reshape(found.shape)
    return found.astype("float32" if found.dtype.kind == "f" else "int64")


def vectors(value: Any, mode: str) -> np.ndarray:
    return result(value) if mode == "int" else array(value).astype("float32")


KINDS = {"string_lookup": "StringLookup", "integer_lookup": "IntegerLookup", "text_vectorization": "TextVectorization", "hashing": "Hashing",
         "hashed_crossing": "HashedCrossing", "discretization": "Discretization", "category_encoding": "CategoryEncoding",
         "normalization": "Normalization"}  # fmt: skip


def case(name: str, run: Any, tolerance: float = 1e-5) -> None:
    CASES[name] = Case(run, tolerance, next((kind for start, kind in KINDS.items() if name.startswith(start)), ""))


def string_lookup(tf: Any, mode: str, **options: Any) -> Arrays:
    layer = tf.keras.layers.StringLookup(output_mode=mode, **options)
    layer.adapt(np.array(WORDS))
    return {"vocabulary": text(layer.get_vocabulary()), "output": vectors(layer(np.array([["a", "zz", "new", "c"], ["", "b", "other", "a"]])), mode)}


def integer_lookup(tf: Any, mode: str, **options: Any) -> Arrays:
    layer = tf.keras.layers.IntegerLookup(output_mode=mode, **options)
    layer.adapt(integers(1, 0, 9, 6, 5))
    x = integers(2, 0, 40, 4, 6)
    return {"vocabulary": array(layer.get_vocabulary()).astype("int64"), "output": vectors(layer(x), mode)}


def vectorization(tf: Any, mode: str, **options: Any) -> Arrays:
    layer = tf.keras.layers.TextVectorization(output_mode=mode, **options)
    layer.adapt(np.array(TEXTS))
    return {"vocabulary": text(layer.get_vocabulary()), "output": vectors(layer(np.array([*TEXTS[::-1], "fox unknown the the"])), mode)}


for mode in MODES:
    case(f"string_lookup_{mode}", lambda tf, m=mode: string_lookup(tf, m))
    case(f"string_lookup_{mode}_mask_buckets", lambda tf, m=mode: string_lookup(tf, m, mask_token="", num_oov_indices=3, max_tokens=6))
    case(f"integer_lookup_{mode}", lambda tf, m=mode: integer_lookup(tf, m))
    if mode != "one_hot":  # Keras's result is ragged there
        case(f"text_vectorization_{mode}", lambda tf, m=mode: vectorization(tf, m))
    if mode not in ("int", "one_hot"):
        options = {"pad_to_max_tokens": True, "max_tokens": 14}
        case(f"text_vectorization_{mode}_padded", lambda tf, m=mode, o=options: vectorization(tf, m, **o))
case("string_lookup_salt", lambda tf: string_lookup(tf, "int", num_oov_indices=4, salt=[3, 9], max_tokens=6))
case("integer_lookup_buckets", lambda tf: integer_lookup(tf, "int", num_oov_indices=4, mask_token=3))
case("integer_lookup_farmhash", lambda tf: integer_lookup(tf, "int", num_oov_indices=4, oov_method="farmhash"))
case("integer_lookup_siphash", lambda tf: integer_lookup(tf, "int", num_oov_indices=4, oov_method="farmhash", salt=7))
case("text_vectorization_length", lambda tf: vectorization(tf, "int", output_sequence_length=3))
case("text_vectorization_characters", lambda tf: vectorization(tf, "int", split="character", standardize="lower"))
case("text_vectorization_ngrams", lambda tf: vectorization(tf, "int", ngrams=2, max_tokens=9))
case("text_vectorization_ngrams_tuple", lambda tf: vectorization(tf, "count", ngrams=(1, 3), standardize="strip_punctuation"))
case("text_vectorization_nothing", lambda tf: vectorization(tf, "int", split=None, standardize=None))


def inverse(tf: Any) -> Arrays:
    strings = tf.keras.layers.StringLookup(vocabulary=["a", "b"], mask_token="", invert=True)
    numbers = tf.keras.layers.IntegerLookup(vocabulary=[10, 20], invert=True)
    x = np.array([[0, 1, 2], [3, 9, 1]])
    return {"strings": result(strings(x)), "integers": result(numbers(x))}


def hashing(tf: Any, **options: Any) -> Arrays:
    layer = tf.keras.layers.Hashing(**options)
    mode = options.get("output_mode", "int")
    return {"strings": vectors(layer(np.array(WORDS)), mode), "integers": vectors(tf.keras.layers.Hashing(**{**options, "mask_value": 3})(
        integers(3, -50, 9000, 4, 5)), mode)}  # fmt: skip


case("inverse_lookup", inverse)
case("hashing", lambda tf: hashing(tf, num_bins=1000))
case("hashing_mask", lambda tf: hashing(tf, num_bins=7, mask_value="a"))
case("hashing_salt", lambda tf: hashing(tf, num_bins=1000, salt=[133, 137]))
for mode in ("one_hot", "multi_hot", "count"):
    case(f"hashing_{mode}", lambda tf, m=mode: hashing(tf, num_bins=5, output_mode=m))


def crossing(tf: Any, **options: Any) -> Arrays:
    layer = tf.keras.layers.HashedCrossing(**options)
    a, b, c = np.array(["x", "y", "", "é"]), np.array([1, -2, 3, 1 << 40]), np.array(["u", "v", "w", "u"])
    found = {"two": layer((a, b)), "three": layer((a, b, c)), "column": layer((b[:, None], c[:, None]))}
    return {k: vectors(v, options.get("output_mode", "int")) for k, v in found.items()}


case("hashed_crossing", lambda tf: crossing(tf, num_bins=100_003))
case("hashed_crossing_one_hot", lambda tf: crossing(tf, num_bins=6, output_mode="one_hot"))


def discretization(tf: Any, mode: str, **options: Any) -> Arrays:
    layer = tf.keras.layers.Discretization(output_mode=mode, **options)
    if "num_bins" in options:
        layer.adapt(normal(4, 300, 2))
    return {"boundaries": np.array(layer.bin_boundaries, "float32"), "output": vectors(layer(normal(5, 4, 3)), mode)}


for mode in MODES[:4]:
    case(f"discretization_{mode}", lambda tf, m=mode: discretization(tf, m, bin_boundaries=[-0.5, 0.0, 0.7]))
case("discretization_adapted", lambda tf: discretization(tf, "int", num_bins=9))
case("discretization_rough", lambda tf: discretization(tf, "count", num_bins=5, epsilon=0.1))


def encoding(tf: Any, mode: str) -> Arrays:
    layer = tf.keras.layers.CategoryEncoding(6, output_mode=mode)
    x = integers(6, 0, 6, 3, 4)
    found = {"vector": layer(x[0]), "matrix": layer(x), "scalar": layer(np.array(2)), "column": layer(x[:, :1])}
    if mode == "count":
        found["weighted"] = layer(x, count_weights=normal(7, 3, 4))
    return {k: array(v).astype("float32") for k, v in found.items()}


for mode in MODES[1:4]:
    case(f"category_encoding_{mode}", lambda tf, m=mode: encoding(tf, m))


def normalization(tf: Any, axis: Any, **options: Any) -> Arrays:
    layer = tf.keras.layers.Normalization(axis=axis, **options)
    x = normal(8, 6, 4, 3) * 3 + 1
    if "mean" not in options:
        layer.adapt(x)
    return {"output": array(layer(x))}


for axis in (None, -1, 1, (1, 2)):
    case(f"normalization_{axis}", lambda tf, a=axis: normalization(tf, a), 1e-4)
case("normalization_inverse", lambda tf: normalization(tf, -1, invert=True), 1e-4)
case("normalization_given", lambda tf: normalization(tf, -1, mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 0.0]))
case("normalization_scalar", lambda tf: normalization(tf, -1, mean=1.0, variance=2.0))
