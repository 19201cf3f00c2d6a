"""Writes tests/recorded/values/configs.json; run in TensorFlow's environment."""

import json
import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))


def main() -> None:
    import tensorflow as tf
    from recorded.cases.configs import FAMILIES, serialized

    found = {f"{family}/{name}": serialized(tf.keras, family, name) for family, cases in FAMILIES.items() for name in cases}
    path = TESTS / "recorded" / "values" / "configs.json"
    path.write_text(json.dumps(found, indent=1, default=str) + "\n")
    print(len(found), "configs,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
