"""Checkpoints in both directions: `record [legacy]` and `check [legacy] FOLDER` in TensorFlow's environment, `write FOLDER` in Tenfold's.

`record` writes tests/recorded/checkpoints/*; `write` what Tenfold writes, and `check` reads that with TensorFlow. `legacy` is with tf_keras.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))
FOLDER = TESTS / "recorded" / "checkpoints"


def record(tf: Any, folder: Path, kind: str) -> None:
    from recorded.cases import checkpoints as cases

    folder.mkdir(parents=True, exist_ok=True)
    functional = cases.functional(tf)
    if kind != "legacy":
        tf.train.Checkpoint(step=tf.Variable(5, dtype=tf.int64), module=cases.module(tf)).save(folder / "module")
        tf.train.Checkpoint(model=functional, optimizer=functional.optimizer).write(folder / "functional")
        tf.train.Checkpoint(cases.stack(tf)).write(folder / "stack")
    if kind != "keras3":
        functional.save_weights(folder / "functional2")
        cases.stack(tf).save_weights(folder / "stack2")
        cases.subclass(tf).save_weights(folder / "subclass2")
    if kind == "legacy":
        cases.functional(tf, tf.keras.optimizers.legacy.Adam()).save_weights(folder / "functional2_slots")


def check(tf: Any, folder: Path, legacy: bool) -> None:
    from recorded.cases import checkpoints as cases

    functional, expected = cases.functional(tf), cases.functional(tf)
    for v in functional.weights:
        v.assign(v * 0)
    if legacy:
        functional.load_weights(folder / "functional2").assert_consumed()
        cases.stack(tf).load_weights(folder / "stack2").assert_consumed()
        cases.subclass(tf).load_weights(folder / "subclass2").assert_consumed()
    else:
        tf.train.Checkpoint(model=functional, optimizer=functional.optimizer).read(folder / "functional").assert_consumed()
        tf.train.Checkpoint(cases.stack(tf)).read(folder / "stack").assert_consumed()
        module = cases.module(tf)
        module.dict["inner"][1].assign(["", ""])
        tf.train.Checkpoint(step=tf.Variable(0, dtype=tf.int64), module=module).restore(folder / "module-1").assert_consumed()
        assert module.dict["inner"][1].numpy().tolist() == [b"", "été".encode()]
    for a, b in zip(functional.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    print("all read")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    command, *rest = sys.argv[1:]
    if "legacy" in rest:
        os.environ["TF_USE_LEGACY_KERAS"] = "1"
    framework = importlib.import_module("tenfold" if command == "write" else "tensorflow")
    if command == "check":
        check(framework, Path(rest[-1]), "legacy" in rest)
    else:
        record(framework, FOLDER if command == "record" else Path(rest[0]), "both" if command == "write" else "legacy" if rest else "keras3")
