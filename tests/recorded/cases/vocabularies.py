"""Models that hold vocabularies, whose archives Keras wrote."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, array

TEXTS = np.array(["the cat sat", "a dog sat there", "cat dog cat"])
ROWS: dict[str, Any] = {"age": [23.0, 31.0, 45.0, 52.0], "city": ["Rome", "Oslo", "Rome", "Lima"], "plan": [1, 2, 1, 3], "size": [1.0, 2.0, 3.0, 9.0]}


def texts(tf: Any) -> Any:
    words = tf.keras.layers.TextVectorization(output_mode="tf_idf", name="words")
    words.adapt(TEXTS)
    numbers = tf.keras.layers.TextVectorization(ngrams=2, output_sequence_length=4, name="numbers")
    numbers.adapt(TEXTS)
    x = tf.keras.Input((1,), dtype="string")
    return tf.keras.Model(x, [words(x), numbers(x)])


def table(tf: Any) -> Any:
    L = tf.keras.layers
    city, size, plan = (tf.keras.Input((1,), dtype=d, name=n) for n, d in (("city", "string"), ("size", "float32"), ("plan", "int64")))
    norm, bins, cities, plans = (
        L.Normalization(name="norm"),
        L.Discretization(num_bins=3, name="bins"),
        L.StringLookup(output_mode="one_hot", name="cities"),
        L.IntegerLookup(name="plans"),
    )
    for layer, column in ((norm, "size"), (bins, "size"), (cities, "city"), (plans, "plan")):
        layer.adapt(np.array(ROWS[column])[:, None])
    crossed = L.HashedCrossing(6, output_mode="one_hot", name="crossed")([bins(size), plans(plan)])
    hashed = L.Hashing(5, output_mode="one_hot", name="hashed")(city)
    return tf.keras.Model({"city": city, "size": size, "plan": plan}, [norm(size), cities(city), bins(size), plans(plan), crossed, hashed])


def space(tf: Any) -> Any:
    kind = tf.keras.utils.FeatureSpace
    features = {"age": "float_normalized", "city": "string_categorical", "plan": kind.integer_hashed(5), "size": kind.float_discretized(3)}
    made = kind(features, crosses=[kind.cross(("city", "plan"), 7)])
    made.adapt(tf.data.Dataset.from_tensor_slices(ROWS))
    return made


MODELS = {"texts": texts, "table": table, "space": space}


def outputs(tf: Any, name: str, model: Any) -> Arrays:
    if name == "space":
        found = model(ROWS)
    elif name == "table":
        found = model.predict({k: tf.constant(np.array(ROWS[k])[:, None]) for k in ("city", "size", "plan")}, verbose=0)
    else:
        found = model.predict(tf.constant([["cat the unknown"], ["sat there"]]), verbose=0)
    return {str(i): array(x).astype("float32") for i, x in enumerate(found if isinstance(found, (list, tuple)) else [found])}
