"""Records what TensorFlow gives for every case; run in TensorFlow's environment.

python tests/recorded/make/record.py [family ...]            writes tests/recorded/values/*.npz
python tests/recorded/make/record.py --check [family ...]    replays on TensorFlow and compares with what is stored
                                                             (TF_ENABLE_ONEDNN_OPTS=0 changes its kernels: are the tolerances fair?)
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))
from recorded import store  # noqa: E402

FAMILIES = ("layers", "losses", "metrics", "optimizers", "initializers", "curves", "fit", "ops", "edges", "more", "attention", "mixed", "strings",
            "vectors", "windows", "preprocessing", "images", "compressed", "models")  # fmt: skip


def cases_of(family: str) -> dict[str, Any]:
    return dict(importlib.import_module(f"recorded.cases.{family}").CASES)


def record(tf: Any, family: str) -> None:
    found: dict[str, Any] = {}
    for name, case in cases_of(family).items():
        try:
            values = case.run(tf)
        except Exception as error:
            print(f"NOT RECORDED {family}/{name}: {type(error).__name__}: {str(error)[:300]}")
            continue
        found |= {f"{name}|{key}": value for key, value in values.items()}
    path = TESTS / "recorded" / "values" / f"{family}.npz"
    cases: dict[str, dict[str, Any]] = {}
    for key, value in found.items():
        case, _, name = key.rpartition("|")
        cases.setdefault(case, {})[name] = value
    store.write(path, cases)
    print(f"{family}: {len(found)} arrays, {path.stat().st_size / 1024:.0f} KiB, TensorFlow {tf.__version__}, Keras {tf.keras.__version__}")


def check(tf: Any, family: str) -> None:
    from recorded import compare

    for name, case in cases_of(family).items():
        try:
            compare.check(tf, family, name, case)
        except Exception as error:  # some kernels exist only with oneDNN
            print(f"{family}/{name}: {type(error).__name__} {str(error)[:500]}")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    chosen = [a for a in sys.argv[1:] if not a.startswith("-")] or FAMILIES
    for each in chosen:
        (check if "--check" in sys.argv else record)(tensorflow, each)
