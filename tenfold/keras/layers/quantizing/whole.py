"""Quantization of all layers of a model."""

from __future__ import annotations

import re
import warnings
from typing import Any

from tenfold.keras.layers.policies import Typed
from tenfold.keras.layers.quantizing import calibration
from tenfold.keras.quantizers.config import resolved


def quantize_model(model: Any, mode: Any, config: Any, filters: Any, type_check: bool) -> None:
    """Quantizes the layers that can be, and that `filters` let pass.

    Args:
        model: a model whose layers are built.
        mode, config: see the `quantize` of layers; for "gptq" and "awq" the config names the data that the blocks are calibrated with.
        filters: a regular expression for names, a list of them, or a function of a layer; None: all layers.
        type_check: whether to leave out subclasses that Keras does not know.
    """
    if filters is not None and not isinstance(filters, (str, list, tuple)) and not callable(filters):
        raise ValueError("The `filters` argument must be a regex string, a list of regex strings, or a callable. "
                         f"Received: {type(filters)}")  # fmt: skip
    made = resolved(mode, config)
    for layer in model._flatten_layers():
        if type(layer).quantize is Typed.quantize or len(layer._flatten_layers()) > 1 or not _passes(layer, filters):
            continue  # nothing to quantize itself
        try:
            layer.quantize(made.mode, type_check=type_check, config=made)
        except NotImplementedError as error:
            warnings.warn(str(error), stacklevel=3)
    if made.mode in calibration.METHODS:
        structure = getattr(made, "quantization_layer_structure", None) or model.get_quantization_layer_structure(made.mode)
        calibration.calibrate(structure, made, lambda layer: _passes(layer, filters))


def _passes(layer: Any, filters: Any) -> bool:
    if filters is None:
        return True
    if callable(filters):
        return bool(filters(layer))
    return any(re.search(pattern, layer.name) for pattern in ([filters] if isinstance(filters, str) else filters))
