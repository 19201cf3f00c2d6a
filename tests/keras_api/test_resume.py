"""A model that is trained, saved and loaded in another process goes on as if nothing had happened: the same bits, the optimizer's state too."""

import subprocess
import sys

import numpy as np
import pytest

import tenfold as tf
from tests.keras_api.resume_models import LABELS, MODELS, train

keras = tf.keras


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder, {name: what one more epoch leaves here}); the same was done with the saved files by another process."""
    folder, expected = tmp_path_factory.mktemp("models"), {}
    for name, (make, x, optimizer) in MODELS.items():
        keras.utils.set_random_seed(7)
        model = make()
        model.compile(optimizer, "binary_crossentropy")
        model.fit(x, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0)
        model.save(folder / f"{name}.keras")
        for layer in model.layers:  # files do not hold the states that a stateful layer carries from batch to batch
            if getattr(layer, "stateful", False):
                layer.reset_states()
        expected[name] = train(model, name)
    files = [str(folder / f"{name}.keras") for name in MODELS]
    subprocess.run([sys.executable, "-m", "tests.keras_api.resume_models", *files], check=True)
    return folder, expected


@pytest.mark.parametrize("name", MODELS)
def test_it_goes_on_with_the_same_bits(trained, name):
    folder, expected = trained
    with np.load(folder / f"{name}.keras.npz") as found:
        assert set(found) == set(expected[name])
        for key in found:
            np.testing.assert_array_equal(found[key], expected[name][key], err_msg=key)


def test_weights_alone_carry_the_optimizer_too(tmp_path):
    """`.weights.h5` into a model that is compiled and built."""
    make, x, optimizer = MODELS["nested_shared"]
    first, second = make(), make()
    for model in (first, second):
        model.compile(optimizer, "binary_crossentropy")
        model.optimizer.build(model.trainable_variables)
    first.fit(x, LABELS, batch_size=8, shuffle=False, verbose=0)
    first.save_weights(tmp_path / "a.weights.h5")
    second.load_weights(tmp_path / "a.weights.h5")
    one, two = train(first, "nested_shared"), train(second, "nested_shared")
    for key in one:
        np.testing.assert_array_equal(one[key], two[key], err_msg=key)
