"""Writes tests/recorded/archives/{texts,table,space}.keras and vocabularies.npz by Keras; run in TensorFlow's environment."""

import os
import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))

if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow
    from recorded.cases.vocabularies import MODELS, outputs

    folder, values = TESTS / "recorded" / "archives", {}
    for name, make in MODELS.items():
        model = make(tensorflow)
        values |= {f"{name}|{k}": v for k, v in outputs(tensorflow, name, model).items()}
        model.save(folder / f"{name}.keras")
    np.savez_compressed(folder / "vocabularies.npz", **values)
