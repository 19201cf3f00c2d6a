"""What a model is made of, as a hash: names, classes, options, weights and connections of its layers."""

import hashlib
import json
from typing import Any

OPTIONS = ("filters", "kernel_size", "strides", "padding", "use_bias", "activation", "epsilon", "momentum", "scale", "center", "groups", "units",
           "depth_multiplier", "pool_size", "rate", "cropping", "target_shape", "max_value", "batch_shape", "offset", "keepdims")  # fmt: skip


def described(model: Any) -> dict[str, Any]:
    """The model's name, its number of layers and weights, and the hash of the rest."""
    layers = []
    for layer in model.layers:
        config = json.loads(json.dumps(layer.get_config(), default=str))
        inputs = [] if type(layer).__name__ in ("InputLayer", "Sequential") else layer.input
        sources = [t._keras_history.operation.name for t in (inputs if isinstance(inputs, (list, tuple)) else [inputs])]
        weights = [[w.path.split("/")[-1], list(w.shape)] for w in layer.weights]
        options = {k: config[k] for k in OPTIONS if k in config}
        layers.append([layer.name, type(layer).__name__, options, weights, sources])
    digest = hashlib.sha256(json.dumps(layers, sort_keys=True).encode()).hexdigest()
    return {"name": model.name, "layers": len(layers), "params": model.count_params(), "sha256": digest}
