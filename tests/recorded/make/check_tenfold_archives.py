"""Does Keras read what Tenfold wrote? Two steps, by hand:

    python tests/recorded/make/check_tenfold_archives.py write FOLDER     in Tenfold's environment
    python tests/recorded/make/check_tenfold_archives.py check FOLDER     in TensorFlow's environment

The first trains the models of cases/archives.py in Tenfold and saves `.keras`, `.weights.h5` and predictions; the second loads them in Keras,
compares the predictions, trains on and compares the losses. It exits with 1 if anything differs.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))


def write(folder: Path, tf: Any) -> None:
    from recorded.cases.archives import MODELS, TRAINED, predictions, train

    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, x) in MODELS.items():
        model = make(tf)
        if name in TRAINED:
            train(model, x)
        values = predictions(model, x)
        model.save(folder / f"{name}.keras")
        model.save_weights(folder / f"{name}.weights.h5")
        if name in TRAINED:
            values["next_losses"] = train(model, x)
        np.savez_compressed(folder / f"{name}.npz", **values)


def problems(folder: Path, tf: Any, name: str) -> list[str]:
    from recorded.cases.archives import MODELS, predictions, train

    make, x = MODELS[name]
    expected = dict(np.load(folder / f"{name}.npz"))
    loaded = tf.keras.models.load_model(folder / f"{name}.keras")
    rebuilt = make(tf)
    rebuilt.load_weights(folder / f"{name}.weights.h5")
    found = [
        differs(f"{kind} {key}", value, expected[key])
        for kind, model in (("model", loaded), ("weights", rebuilt))
        for key, value in predictions(model, x).items()
    ]
    if "next_losses" in expected:
        found.append(differs("next losses", train(loaded, x), expected["next_losses"]))
    return [problem for problem in found if problem]


def differs(what: str, received: np.ndarray, expected: np.ndarray) -> str:
    return (
        "" if np.allclose(received, expected, rtol=2e-4, atol=2e-5) else f"{what}: expected {expected.ravel()[:4]}, received {received.ravel()[:4]}"
    )


def check(folder: Path, tf: Any) -> int:
    from recorded.cases.archives import MODELS

    failed = 0
    for name in MODELS:
        try:
            found = problems(folder, tf, name)
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        failed += bool(found)
        print(name, "ok" if not found else "\n  ".join(["FAILED", *found]))
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.argv[1] == "write":
        import tenfold

        write(Path(sys.argv[2]), tenfold)
    else:
        import tensorflow

        sys.exit(check(Path(sys.argv[2]), tensorflow))
