"""Records what TensorFlow gives for every case; run in TensorFlow's environment.

python tests/recorded/make/record.py [family ...]            writes tests/recorded/values/*.npz
python tests/recorded/make/record.py --missing [family ...]  only the cases that are not there yet; those that went away are dropped
python tests/recorded/make/record.py --check [family ...]    replays on TensorFlow and compares with what is stored
                                                             (TF_ENABLE_ONEDNN_OPTS=0 changes its kernels: are the tolerances fair?)
"""

import os
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))
from recorded import compare, store  # noqa: E402
from recorded.cases.common import Arrays  # noqa: E402
from recorded.families import FAMILIES, cases_of  # noqa: E402


def record(tf: Any, family: str, known: dict[str, Arrays]) -> None:
    found: dict[str, Arrays] = {}
    for name, case in cases_of(family).items():
        try:
            found[name] = known[name] if name in known else case.run(tf)
        except Exception as error:
            print(f"NOT RECORDED {family}/{name}: {type(error).__name__}: {str(error)[:300]}")
    path = compare.VALUES / f"{family}.npz"
    store.write(path, found)
    print(f"{family}: {len(found)} cases, {path.stat().st_size / 1024:.0f} KiB, TensorFlow {tf.__version__}, Keras {tf.keras.__version__}")


def check(tf: Any, family: str) -> None:
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
        if "--check" in sys.argv:
            check(tensorflow, each)
        else:
            record(tensorflow, each, dict(compare.recorded(each)) if "--missing" in sys.argv else {})
