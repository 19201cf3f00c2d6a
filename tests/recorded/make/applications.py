"""Records what the models of keras.applications are made of; run in Keras's environment.

python tests/recorded/make/applications.py [model ...]      adds to tests/recorded/values/applications.json
"""

import json
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))
FILE = TESTS / "recorded" / "values" / "applications.json"

if __name__ == "__main__":
    import keras
    from keras.src.initializers.random_initializers import VarianceScaling
    from recorded.architectures import described

    VarianceScaling.__call__ = lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype)  # nobody reads the values
    found: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in sys.argv[1:] or [n for n in dir(keras.applications) if n[0].isupper()]:
        keras.backend.clear_session()
        found[name] = described(getattr(keras.applications, name)(weights=None))
        print(name, found[name], flush=True)
        FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
