"""Odd environments: no home, no terminal, other spellings; and what is freed when nobody needs it any more."""

from __future__ import annotations

import copy
import gc
import io
import os
import pickle
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler.pipeline import Program
from tenfold.core.config import from_environment
from tenfold.runtime.cache import Cache

keras = tf.keras
L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.random((20, 4), "float32")
Y = RNG.integers(0, 3, 20)
SAY = "import tenfold as tf; from tenfold.core.config import config; print(float(tf.function(tf.reduce_sum)(tf.ones([3]))), config.cache)"


def small() -> Any:
    model = keras.Sequential([keras.Input((4,)), L.Dense(8, activation="relu"), L.BatchNormalization(), L.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="homes are found otherwise there")
def test_a_user_without_a_home() -> None:
    hidden = "import os, pwd; os.environ.pop('HOME', None); pwd.getpwuid = lambda uid: {}[uid]; "
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "TENFOLD_CACHE_DIR", "XDG_CACHE_HOME", "TENFOLD_CACHE")}
    done = subprocess.run([sys.executable, "-c", hidden + SAY], env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.stdout.split() == ["3.0", "False"], done.stderr


@pytest.mark.parametrize(("value", "on"), [("0", False), ("false", False), ("OFF", False), ("no", False), ("1", True), ("", True), ("yes", True)])
def test_switches(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    monkeypatch.setenv("TENFOLD_COMPILE", value)
    monkeypatch.setenv("TENFOLD_CACHE", value)
    assert (from_environment().compile, from_environment().cache) == (on, on)


@pytest.mark.parametrize("value", ["", "0", "-3", "many", "2.5", "\u00b2"])
def test_numbers_of_threads_that_are_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TENFOLD_NUM_THREADS", value)
    assert from_environment().threads >= 1


def test_folders_may_begin_with_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TENFOLD_CACHE_DIR", "~/kernels")
    assert from_environment().cache_dir == tmp_path / "kernels"


def test_a_cache_that_is_emptied_while_it_is_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def vanished(self: Path, pattern: str) -> Any:
        raise FileNotFoundError(2, "No such file or directory", str(self))

    monkeypatch.setattr(Path, "glob", vanished)
    cache = Cache(tmp_path)
    cache.write("abcd", b"kernel")
    assert cache.read("abcd") == b"kernel"


def test_progress_without_unicode_or_output(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    small().fit(X, Y)
    sys.stdout.flush()
    assert b"1/1 ====" in raw.getvalue() and b"loss" in raw.getvalue()
    monkeypatch.setattr(sys, "stdout", None)
    small().fit(X, Y)


class Scaled(keras.layers.Layer):  # type: ignore[name-defined, misc]
    def call(self, x: Any) -> Any:
        return x * 2.0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_of_models(duplicate: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), Scaled(), L.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    before = model.predict(X, verbose=0)
    twin = duplicate(model)
    np.testing.assert_array_equal(twin.predict(X, verbose=0), before)
    twin.fit(X, Y, verbose=0, shuffle=False)
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)
    model.fit(X, Y, verbose=0, shuffle=False)  # the optimizer's state was copied too
    np.testing.assert_array_equal(model.predict(X, verbose=0), twin.predict(X, verbose=0))


def programs() -> int:
    gc.collect()
    return sum(isinstance(thing, Program) for thing in gc.get_objects())


def test_models_and_functions_are_freed() -> None:
    before = programs()
    model = small()
    model.fit(X, Y, verbose=0)
    kernel = weakref.ref(model.layers[0].kernel)

    @tf.function
    def function(x: Any) -> Any:
        return tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x)

    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    tape.gradient(y, x)
    assert programs() > before
    del model, function, tape, y
    assert programs() == before
    assert kernel() is None


def test_programs_share_their_memory() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, 256])])
    def function(x: Any) -> Any:
        y = tf.tanh(x @ tf.transpose(x))
        return tf.reduce_sum(y @ y)

    for n in range(200, 260):
        function(tf.ones([n, 256]))
    made = [p for c in function._concrete.values() for p in c._programs.values()]
    assert len(made) == 60 and not any(isinstance(v, np.ndarray) and v.nbytes > 1 << 16 for p in made for v in vars(p).values())
