"""Quantization by what a model does with data: block by block, each with the outputs of those before that are quantized already.

    texts -> tokens -> samples -> layers before the blocks -> block: what its layers are given -> integers -> its outputs -> next block
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tenfold.keras.layers.quantizing import awq, gptq, storage
from tenfold.keras.layers.quantizing.affine import Array
from tenfold.keras.layers.quantizing.matrix import QuantizedMatrix
from tenfold.keras.quantizers.packing import pack_int4
from tenfold.primitives.movement import expand_dims
from tenfold.tensor.tensor import as_tensor

STATISTICS: dict[str, Callable[[int], Any]] = {"gptq": gptq.Gram, "awq": awq.Peaks}
METHODS: dict[str, Callable[[Array, Any, Any], dict[str, Array]]] = {"gptq": gptq.quantized, "awq": awq.quantized}


def calibrate(structure: Any, config: Any, passes: Callable[[Any], bool]) -> None:
    """Quantizes the layers of a model's blocks that `passes` lets pass and that were prepared by their `quantize`.

    Args:
        structure: {"pre_block_layers": layers, "sequential_blocks": layers}.
        config: a GPTQConfig or AWQConfig.
    """
    name = config.mode.upper()
    if config.dataset is None or config.tokenizer is None:
        raise ValueError(f"{name} quantization requires a dataset and a tokenizer. Please provide them in the `{name}Config`.")
    if structure is None:
        raise ValueError(f"For mode='{config.mode}', a valid quantization structure must be provided either via "
                         "`config.quantization_layer_structure` or by overriding `model.get_quantization_layer_structure(mode)`. "
                         "The structure should be a dictionary with keys 'pre_block_layers' and 'sequential_blocks'.")  # fmt: skip
    blocks = structure.get("sequential_blocks", [])
    if not blocks:
        raise ValueError("No sequential blocks found in the provided structure to quantize.")
    values = []
    for sample in samples(config.dataset, config.tokenizer, config.sequence_length, config.num_samples):
        x: Any = as_tensor(sample)
        for layer in structure.get("pre_block_layers", []):
            x = layer(x)
        values.append(expand_dims(x, 0) if len(x.shape) == 2 else x)
    for block in blocks:
        _calibrate_block(block, values, config, passes)
        values = [block(x) for x in values] if block is not blocks[-1] else []


def _calibrate_block(block: Any, values: Sequence[Any], config: Any, passes: Callable[[Any], bool]) -> None:
    layers = [layer for layer in block._flatten_layers() if isinstance(layer, QuantizedMatrix) and len(layer._flatten_layers()) == 1]
    chosen = [layer for layer in layers if layer.quantization_mode == config.mode and passes(layer)]
    seen = [STATISTICS[config.mode](storage.calibrated_two(layer.kernel_shape)[0]) for layer in chosen]
    with _watched(chosen, seen):
        for x in values:
            block(x)
    for layer, statistics in zip(chosen, seen, strict=True):
        rows, columns = storage.calibrated_two(layer.kernel_shape)
        matrix = storage.plain(layer._weight).numpy().astype(np.float32).reshape(rows, columns)
        _keep(layer, METHODS[config.mode](np.ascontiguousarray(matrix.T), statistics, config), config)


@contextmanager
def _watched(layers: Sequence[Any], statistics: Sequence[Any]) -> Iterator[None]:
    """Meanwhile what layers are given is shown to their statistics, too."""

    def observer(layer: Any, seen: Any) -> Callable[..., Any]:
        linear, size = layer._linear, storage.calibrated_two(layer.kernel_shape)[0]

        def observed(x: Any, training: Any = None) -> Any:
            seen.add(x.numpy().astype(np.float32).reshape(-1, size))
            return linear(x, training)

        return observed

    for layer, seen in zip(layers, statistics, strict=True):
        layer.__dict__["_linear"] = observer(layer, seen)
    try:
        yield
    finally:
        for layer in layers:
            del layer.__dict__["_linear"]


def _keep(layer: Any, found: dict[str, Array], config: Any) -> None:
    """Writes what was found into the layer's variables; its float matrix is no longer needed."""
    q = pack_int4(found["quantized"], axis=0, dtype="uint8")[0] if config.weight_bits == 4 else found["quantized"]
    layer._untrack_variable(layer.__dict__.pop("_kernel"))
    layer.quantized_kernel.assign(q)
    layer.kernel_scale.assign(found["scale"])
    layer.kernel_zero.assign(found["zero"].astype(np.uint8))
    layer.g_idx.assign(found["g_idx"])
    if "scales" in found:
        layer.awq_scales.assign(found["scales"])
    layer.quantization_config = type(config).from_config({**config.get_config(), "quantization_layer_structure": None})  # data are done with
    setattr(layer, f"is_{config.mode}_calibrated", True)


def samples(dataset: Any, tokenizer: Any, length: int, count: int) -> Array:
    """`count` windows [1, length] of tokens, spread evenly over all texts one behind the other, which are repeated if they are short.

    Args:
        dataset: texts, or arrays of tokens.
        tokenizer: has a method `tokenize` for texts.
        length: of a window.
        count: how many.
    """
    if not hasattr(dataset, "__iter__") or isinstance(dataset, (str, bytes)):
        raise TypeError("The `dataset` argument must be an iterable (e.g., a list of strings, a generator, or a NumPy array). "
                        f"Got type: {type(dataset).__name__}. Please pass the loaded dataset directly.")  # fmt: skip
    items = list(dataset)
    if not items:
        raise ValueError("Provided dataset is empty.")
    texts = isinstance(items[0], str)
    pieces = [np.asarray(as_tensor(tokenizer.tokenize(item) if texts else item).numpy()).reshape(-1).astype(np.int32) for item in items]
    tokens = np.concatenate(pieces)
    if not tokens.size:
        raise ValueError(f"Not enough tokens to form one sample of length {length} (have 0).")
    if tokens.size < count * length:
        tokens = np.tile(tokens, math.ceil(count * length / tokens.size))
    places = tokens.size - length + 1
    first = zlib.crc32(b"calibration") % places
    starts = (first + np.arange(count) * max(places // count, 1)) % places
    windows: Array = np.lib.stride_tricks.sliding_window_view(tokens, length)[starts][:, None]
    return np.ascontiguousarray(windows)
