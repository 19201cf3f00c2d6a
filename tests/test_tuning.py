"""Measured schedules: every candidate gives the same bits, the winner is remembered on disk, and nothing is measured unless asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_contraction import run, sample

import tenfold as tf
from tenfold.codegen import contraction
from tenfold.codegen.contraction import ConvSpec, Epilogue
from tenfold.compiler import tuning
from tenfold.core import dtypes
from tenfold.core.config import config, from_environment
from tenfold.core.dtypes import DType
from tenfold.kernel import loops
from tenfold.kernel.schedule import MODEL, Schedule
from tenfold.runtime.cache import Cache

F32, BF16 = dtypes.float32, dtypes.bfloat16
Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cache]:
    """A cache of this test's own; what is chosen in it is forgotten."""
    cache = Cache(tmp_path / "cache")
    monkeypatch.setattr(tuning, "disk_cache", lambda: cache)
    monkeypatch.setattr(tuning.switch, "on", False)
    tuning.forget()
    yield cache
    tuning.forget()


def candidates(make: tuning.Make) -> Iterator[Schedule]:
    """Every combination of what the tuner may ask for."""
    tiles = [None, *(s.tile for s in tuning.tiles(make(schedule=MODEL)))]
    for tile, a, b, tasks in product(tiles, (None, "placed", "packed", "copied"), (None, "placed", "packed", "copied"), (10, 40, 80)):
        if (tasks == 40) or (a is b is None):
            yield Schedule(tile, a, b, tasks)  # type: ignore[arg-type]


def check(make: tuning.Make, operands: dict[str, Array], shape: tuple[int, ...], dtype: DType) -> int:
    """All candidates give the model's bits; how many different recipes there were."""
    expected = run(make(schedule=MODEL), operands, shape, dtype)
    seen = set()
    for schedule in candidates(make):
        recipe = make(schedule=schedule)
        name = tuning.identity(recipe)
        if name not in seen:
            seen.add(name)
            actual = run(recipe, operands, shape, dtype)
            assert actual.tobytes() == expected.tobytes(), schedule
    return len(seen)


MATMULS = [
    (F32, 1, 37, 70, 900, False, False), (F32, 1, 130, 96, 128, True, False), (F32, 1, 64, 33, 50, False, True), (F32, 3, 20, 40, 30, True, True),
    (BF16, 1, 90, 64, 1000, False, False), (BF16, 2, 33, 40, 24, False, True), (dtypes.float64, 1, 50, 30, 40, False, False),
    (dtypes.int32, 1, 50, 30, 40, True, False), (F32, 1, 8, 16, 9000, False, False),
]  # fmt: skip


@pytest.mark.parametrize("dtype,batch,m,n,k,ta,tb", MATMULS)
def test_candidates_for_products_give_the_same_bits(dtype: DType, batch: int, m: int, n: int, k: int, ta: bool, tb: bool) -> None:
    rng = np.random.default_rng(m)
    a, b = sample(rng, dtype, batch, *((k, m) if ta else (m, k))), sample(rng, dtype, batch, *((n, k) if tb else (k, n)))
    make = partial(contraction.matmul, dtype, batch, m, n, k, ta, tb)
    found = check(make, {"a": a, "b": b}, (batch, m, n), dtype)
    assert (found == 1) == (k == 9000)  # whose sum is cut: the pieces depend on the tile


@pytest.mark.parametrize("out", [F32, BF16], ids=lambda d: d.name)
def test_candidates_with_an_epilogue_give_the_same_bits(out: DType) -> None:
    m, n, k = 50, 70, 1500
    rng = np.random.default_rng(0)
    value = loops.cast(loops.result(0, 0, F32) * loops.const(0.3, F32) + loops.load(0, loops.axis(1), F32), out)
    make = partial(contraction.matmul, F32, 1, m, n, k, epilogue=Epilogue((F32,), value))
    check(make, {"a": sample(rng, F32, m, k), "b": sample(rng, F32, k, n), "extra0": sample(rng, F32, n)}, (m, n), out)


CONVOLUTIONS = [
    ConvSpec(F32, 2, (9, 9), 8, 24, (3, 3), (5, 5), (2, 2), ((1, 1), (1, 1)), (1, 1)),
    ConvSpec(F32, 2, (8, 8), 20, 40, (1, 1), (8, 8), (1, 1), ((0, 0), (0, 0)), (1, 1)),
    ConvSpec(F32, 4, (16, 16), 32, 64, (3, 3), (16, 16), (1, 1), ((1, 1), (1, 1)), (1, 1)),
    ConvSpec(BF16, 8, (6, 6), 16, 16, (3, 3), (6, 6), (1, 1), ((1, 1), (1, 1)), (1, 1), 2),
]


@pytest.mark.parametrize("spec", CONVOLUTIONS)
def test_candidates_for_convolutions_give_the_same_bits(spec: ConvSpec) -> None:
    rng = np.random.default_rng(0)
    x = sample(rng, spec.dtype, spec.n, *spec.input, spec.ci)
    w = sample(rng, spec.dtype, *spec.kernel, spec.ci // spec.groups, spec.co)
    g = sample(rng, spec.dtype, spec.n, *spec.output, spec.co)
    found = check(partial(contraction.convolution, spec), {"a": x, "b": w}, g.shape, spec.dtype)
    assert found > 1 or spec.groups > 1  # tiles over several images are the model's
    check(partial(contraction.convolution_input_gradient, spec), {"a": g, "b": w}, x.shape, spec.dtype)
    check(partial(contraction.convolution_weight_gradient, spec), {"a": x, "b": g}, w.shape, spec.dtype)


def product_of(m: int = 96) -> tuning.Make:
    return partial(contraction.matmul, F32, 1, m, 96, 96)


OPERANDS = {"a": (F32, 96 * 96), "b": (F32, 96 * 96), "out": (F32, 96 * 96)}
FOUND = Schedule((4, 2), "packed", "placed", 20)


def test_nothing_is_measured_unless_asked_for(monkeypatch: pytest.MonkeyPatch, own_cache: Cache) -> None:
    def never(*_: object) -> Any:
        raise AssertionError("measured")

    monkeypatch.setattr(tuning, "race", never)
    x = tf.ones((64, 64))
    assert float(tf.function(lambda a: tf.reduce_sum(a @ a))(x)) == 64**3
    assert tuning.schedule(product_of(), OPERANDS, False) is MODEL
    assert own_cache.folder is not None and not own_cache.folder.exists()


def test_a_choice_is_made_once_and_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    races = []
    monkeypatch.setattr(tuning, "race", lambda *args: races.append(args) or FOUND)
    monkeypatch.setattr(tuning, "tiles", lambda model: [Schedule(FOUND.tile)])
    monkeypatch.setattr(tuning.switch, "on", True)
    for _ in range(2):
        assert tuning.schedule(product_of(), OPERANDS, False) == FOUND
        tuning.forget()  # as a new process would know nothing but the disk
    assert len(races) == 1
    tuning.schedule(product_of(64), OPERANDS, False)
    assert len(races) == 2


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[1, 2]", b"null", b"{}", b"\xff\x00", *(
        json.dumps(asdict(FOUND) | change).encode()
        for change in ({"tile": [99, 99]}, {"tile": [1]}, {"tile": "ab"}, {"a": "eaten"}, {"b": 7}, {"tasks": 0}, {"tasks": "many"}, {"tasks": None})
    )],
)  # fmt: skip
def test_nonsense_on_disk_is_no_schedule(data: bytes) -> None:
    assert tuning.decoded(data, product_of()(schedule=MODEL)) is None


def test_a_damaged_entry_is_measured_again(monkeypatch: pytest.MonkeyPatch, own_cache: Cache) -> None:
    monkeypatch.setattr(tuning, "race", lambda *args: replace(MODEL, tasks=20))
    monkeypatch.setattr(tuning.switch, "on", True)
    tuning.schedule(product_of(), OPERANDS, False)
    assert own_cache.folder is not None
    (entry,) = (f for f in own_cache.folder.rglob("*") if f.is_file())
    entry.write_bytes(entry.read_bytes()[:-5] + b"12345")
    tuning.forget()
    monkeypatch.setattr(tuning, "race", lambda *args: replace(MODEL, tasks=80))
    assert tuning.schedule(product_of(), OPERANDS, False).tasks == 80


@pytest.mark.parametrize("settled", [False, True])
def test_a_race_ends_with_one_of_its_candidates(monkeypatch: pytest.MonkeyPatch, settled: bool) -> None:
    monkeypatch.setattr(tuning, "LEAST", 0.0)
    monkeypatch.setattr(tuning, "ROUNDS", 8)
    make = product_of()
    found = tuning.race(make, make(schedule=MODEL), OPERANDS, settled)
    assert tuning.decoded(json.dumps(asdict(found)).encode(), make(schedule=MODEL)) == found


PROGRAM = """
import numpy as np, tenfold as tf
from tenfold.compiler import tuning
races, race = [], tuning.race
tuning.race = lambda *args: races.append(1) or race(*args)
x = tf.constant(np.random.default_rng(0).standard_normal((128, 200)).astype("float32"))
y = tf.function(lambda a: tf.nn.relu(tf.matmul(a, a, transpose_b=True)))(x)
print(len(races), np.asarray(y).tobytes().hex()[:64], hash(np.asarray(y).tobytes()))
"""


def test_a_new_process_measures_nothing_again(tmp_path: Path) -> None:
    def outcome(autotune: str) -> list[str]:
        environment = os.environ | {"TENFOLD_AUTOTUNE": autotune, "TENFOLD_CACHE_DIR": str(tmp_path), "PYTHONHASHSEED": "0", "TENFOLD_CACHE": "1"}
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    off, first, second = outcome("0"), outcome("1"), outcome("1")
    assert (off[0], first[0], second[0]) == ("0", "1", "0")
    assert off[1:] == first[1:] == second[1:]


def test_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, on in (("", False), ("0", False), ("1", True), ("on", True)):
        monkeypatch.setenv("TENFOLD_AUTOTUNE", value)
        assert from_environment().autotune == on
    assert not config.autotune
    for on in (True, False):
        tf.config.optimizer.set_experimental_options({"autotune": on})
        assert tf.config.optimizer.get_experimental_options()["autotune"] is on is tuning.switch.on
