"""Layers for text, categories and tables: as Keras gave them, and as Keras saved them."""

from pathlib import Path

import numpy as np
import pytest
from recorded.cases.preprocessing import CASES
from recorded.cases.vocabularies import MODELS, outputs
from recorded.compare import check

import tenfold as tf

FOLDER = Path(__file__).parent / "recorded" / "archives"


@pytest.mark.parametrize("name", CASES)
def test_equals_keras(name):
    check(tf, "preprocessing", name, CASES[name])


@pytest.mark.parametrize("name", MODELS)
def test_archives_of_keras_bring_their_vocabularies(name, tmp_path):
    model = tf.keras.models.load_model(FOLDER / f"{name}.keras")
    model.save(tmp_path / "again.keras")
    with np.load(FOLDER / "vocabularies.npz") as expected:
        for each in (model, MODELS[name](tf), tf.keras.models.load_model(tmp_path / "again.keras")):
            for key, value in outputs(tf, name, each).items():
                np.testing.assert_allclose(value, expected[f"{name}|{key}"], atol=1e-5)
