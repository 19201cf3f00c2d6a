"""What `serialize` writes is what Keras 3 writes, and what Keras 3 wrote can be deserialized."""

import copy
import json
from pathlib import Path

import pytest
from recorded.cases.configs import FAMILIES, serialized

import tenfold as tf

RECORDED = json.loads((Path(__file__).parent / "recorded" / "values" / "configs.json").read_text())
OPTIONAL = {  # Keras reads configs without them, older ones have none
    *("quantization_config", "input_axes", "output_axes"),
    *("renorm", "renorm_clipping", "renorm_momentum", "rms_scaling"),
}


def missing(expected, received, where=""):
    """Where `received` lacks something that Keras wrote, or says it differently."""
    if isinstance(expected, dict) and isinstance(received, dict):
        keys = [k for k in expected if k not in OPTIONAL]
        return [p for k in keys for p in (missing(expected[k], received[k], f"{where}/{k}") if k in received else [f"{where}/{k} is missing"])]
    return [] if expected == received else [f"{where}: expected {expected!r}, received {received!r}"]


def as_json(value):
    return json.loads(json.dumps(value))


def without_counter(config):
    """Keras numbers optimizers' names in the order they were made."""
    if config["module"] == "keras.optimizers":
        config = config | {"config": {k: v for k, v in config["config"].items() if k != "name"}}
    return config


@pytest.mark.parametrize("case", RECORDED)
def test_serialized_as_keras_does(case):
    family, name = case.split("/")
    tf.keras.backend.clear_session()  # automatic names start anew
    received = as_json(serialized(tf.keras, family, name))
    assert not missing(without_counter(RECORDED[case]), received)


@pytest.mark.parametrize("case", RECORDED)
def test_deserializes_what_keras_wrote(case):
    module = getattr(tf.keras, case.split("/")[0])
    received = as_json(module.serialize(module.deserialize(copy.deepcopy(RECORDED[case]))))
    assert not missing(RECORDED[case], received)


def test_every_case_is_recorded():
    assert set(RECORDED) == {f"{family}/{name}" for family, cases in FAMILIES.items() for name in cases}
