"""Every name below `tf.keras` that public programs use is there, or says what to use instead."""

from pathlib import Path

import pytest

import tenfold as tf

NAMES = (Path(__file__).parents[1] / "recorded" / "used_names.txt").read_text(encoding="utf-8").split()
REFUSED = {  # the first part that is not there
    "tf.keras.estimator.model_to_estimator": "model.fit",
    "tf.keras.layers.DenseFeatures": "FeatureSpace",
    "tf.keras.layers.experimental.preprocessing.RandomHeight": "RandomZoom",
    "tf.keras.layers.experimental.preprocessing.RandomWidth": "RandomZoom",
    "tf.keras.src.backend": "_keras_mask",
    "tf.keras.src.backend.get_keras_mask": "_keras_mask",
    "tf.keras.src.backend.set_keras_mask": "_keras_mask",
    "tf.keras.src.saving.serialization_lib": "keras.saving",
    "tf.keras.src.saving.serialization_lib.deserialize_keras_object": "keras.saving",
    "tf.keras.utils.generic_utils.has_arg": "inspect.signature",
}


def find(name: str) -> object:
    found: object = tf
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found


def test_every_used_name_is_there() -> None:
    missing = []
    for name in sorted(set(NAMES) - set(REFUSED)):
        try:
            find(name)
        except AttributeError as error:
            missing.append(f"{name}: {error}")
    assert not missing


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_names_its_replacement(name: str) -> None:
    assert name in NAMES
    with pytest.raises(AttributeError, match=rf"not in Keras 3\..*Try .*{REFUSED[name]}"):
        find(name)
