"""Writes tests/recorded/archives/*: whole models and weights by Keras, with what they predict; run in TensorFlow's environment."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))
FOLDER = TESTS / "recorded" / "archives"


def write(tf: Any, name: str, make: Any, x: Any) -> None:
    from recorded.cases.archives import TRAINED, predictions, train

    model = make(tf)
    values: dict[str, np.ndarray] = {}
    if name in TRAINED:
        train(model, x)
    values |= predictions(model, x)
    model.save(FOLDER / f"{name}.keras")
    model.save_weights(FOLDER / f"{name}.weights.h5")
    if name in TRAINED:
        values["next_losses"] = train(model, x)
    np.savez_compressed(FOLDER / f"{name}.npz", **values)
    print(name, [f"{path.name} {path.stat().st_size}" for path in sorted(FOLDER.glob(f"{name}.*"))])


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow
    from recorded.cases.archives import MODELS

    for each, (build, inputs) in MODELS.items():
        write(tensorflow, each, build, inputs)
