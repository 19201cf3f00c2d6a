"""How a quantized matrix is kept: which variables, what they hold, and the matrix that they stand for.

int8        the integers, and one divisor for each output
int4        two integers in a byte; one divisor for each output, or for each group of a block size a factor and a zero point
gptq, awq   [outputs, inputs] integers, two in a byte if they have four bits; a factor and a zero point for each group
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.dtype_policies.quantized import Int4DTypePolicy
from tenfold.keras.quantizers.config import Int4QuantizationConfig, QuantizationConfig
from tenfold.keras.quantizers.groups import abs_max_quantize_grouped_with_zero_point, dequantized
from tenfold.keras.quantizers.packing import pack_int4, unpack_int4
from tenfold.keras.quantizers.quantizer import AbsMaxQuantizer
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import expand_dims, reshape, transpose
from tenfold.tensor.variable import Variable


def plain(variable: Any) -> Any:
    """The value of a variable in its own type, whatever type the layer computes in."""
    return Variable.read_value(variable)


def expanded(scale: Any, axis: int) -> Any:
    """One axis of size 1 more."""
    return expand_dims(scale, axis)


# --- making the variables ---
def build(layer: Any, shape: tuple[int, ...], mode: str, config: Any) -> None:
    """Makes the variables of a mode for a matrix of this shape."""
    {"int8": _build_int8, "int4": _build_int4, "gptq": _build_calibrated, "awq": _build_calibrated}[mode](layer, shape, mode, config)


def _add(layer: Any, attribute: str, shape: Any, start: Any, dtype: Any = None, name: str | None = None) -> None:
    setattr(layer, attribute, layer.add_weight(tuple(shape), start, dtype, trainable=False, name=name or attribute.lstrip("_")))


def _build_int8(layer: Any, shape: tuple[int, ...], mode: str, config: Any) -> None:
    layer.inputs_quantizer = AbsMaxQuantizer() if config is None else config.activation_quantizer
    name = layer.weight_name
    _add(layer, f"_{name}", shape, "zeros", "int8")
    ones = np.ones([1 if i in layer._reduced_axes() else n for i, n in enumerate(shape)])
    _add(layer, f"{name}_scale", np.shape(layer._kept_scale(ones)), "ones")


def _build_int4(layer: Any, shape: tuple[int, ...], mode: str, config: Any) -> None:
    layer.inputs_quantizer = None if config is None else config.activation_quantizer
    name, axis = layer.weight_name, layer.group_axis
    stored = layer._as_two(shape)
    _add(layer, f"_{name}", (stored[0], (stored[1] + 1) // 2), "zeros", "int8")
    layer._orig_input_dim, layer._orig_output_dim = stored
    layer._int4_rows, layer._int4_unpacked_column_size = stored
    size = layer._int4_block_size = block_size(layer, config)
    if size is None or size == -1:
        _add(layer, f"{name}_scale", (stored[1 - axis],), "ones")
        return
    groups = [-(-n // size) if i == axis else n for i, n in enumerate(stored)]
    _add(layer, f"{name}_scale", groups, "ones")
    _add(layer, f"{name}_zero", groups, "zeros", "int8")
    _add(layer, "g_idx", (stored[axis],), lambda shape, dtype=None: (np.arange(shape[0]) // size).astype(np.float32), "float32")


def _build_calibrated(layer: Any, shape: tuple[int, ...], mode: str, config: Any) -> None:
    setattr(layer, f"is_{mode}_calibrated", False)
    layer.kernel_shape = shape
    rows, columns = calibrated_two(shape)
    policy = layer._policy if config is None else config
    half = policy.weight_bits == 4
    setattr(layer, f"{mode}_unpacked_column_size", columns)
    groups = 1 if policy.group_size == -1 else -(-rows // policy.group_size)
    _add(layer, "quantized_kernel", ((columns + 1) // 2 if half else columns, rows), "zeros", "uint8", "kernel")
    _add(layer, "kernel_scale", (columns, groups), "ones")
    _add(layer, "kernel_zero", (columns, groups), "zeros", "uint8")
    if mode == "awq":
        _add(layer, "awq_scales", (rows,), "ones")
    _add(layer, "g_idx", (rows,), "zeros", "float32")


def calibrated_two(shape: tuple[int, ...]) -> tuple[int, int]:
    """[inputs, outputs] of a kernel: with three axes, the largest says on which side the heads are."""
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) != 3:
        raise ValueError(f"Quantization only supports 2D or 3D kernels. Received: shape={shape}")
    a, b, c = shape
    return (a, b * c) if max(shape) == a else (a * b, c)


def block_size(layer: Any, config: Any) -> int | None:
    """How many elements share a scale: the config says it, or the policy of a layer that is read from a file."""
    if isinstance(config, Int4QuantizationConfig):
        return config.block_size
    policy = layer._policy
    return policy.block_size if isinstance(policy, Int4DTypePolicy) and policy.block_size != -1 else None


def with_block_size(config: QuantizationConfig, size: int | None) -> QuantizationConfig:
    """The config with the block size that the layer has in fact."""
    if not isinstance(config, Int4QuantizationConfig) or config.block_size == size:
        return config
    return Int4QuantizationConfig(config.weight_quantizer, config.activation_quantizer, size)


# --- what they hold ---
def values(layer: Any, matrix: Any, config: Any) -> dict[str, Any]:
    """Attribute -> value, for a float matrix; nothing for modes that keep it."""
    name, axis = layer.weight_name, layer.group_axis
    if config.mode == "int8":
        quantizer = config.weight_quantizer or AbsMaxQuantizer(axis=layer._reduced_axes())
        q, scale = quantizer(matrix, to_numpy=True)
        return {f"_{name}": q.numpy(), f"{name}_scale": layer._kept_scale(scale.numpy())}
    if config.mode != "int4":
        return {}
    stored = matrix.reshape(layer._as_two(matrix.shape))
    q, kept = four_bits(stored, axis, config)
    return {f"_{name}": pack_int4(q, axis=-1)[0].numpy(), **{f"{name}_{what}": value for what, value in kept.items()}}


def four_bits(matrix: Any, axis: int, config: Any) -> tuple[Any, dict[str, Any]]:
    """The integers of a matrix whose groups run along `axis`, and its "scale" and "zero"."""
    if config.block_size is None or config.block_size == -1:
        quantizer = config.weight_quantizer or AbsMaxQuantizer(axis=axis, value_range=(-8, 7))
        q, scale = quantizer(matrix, to_numpy=True)
        return q.numpy(), {"scale": np.squeeze(scale.numpy(), axis)}
    turned = matrix.T if axis else matrix
    q, scale, zero = (t.numpy() for t in abs_max_quantize_grouped_with_zero_point(turned, config.block_size, to_numpy=True))
    return (q.T, {"scale": scale.T, "zero": zero.T}) if axis else (q, {"scale": scale, "zero": zero})


# --- what they stand for ---
def shown(layer: Any) -> Any:
    """The integers of the matrix; the float matrix as long as nothing was calibrated."""
    mode = layer.quantization_mode
    if mode == "int4":
        integers = unpack_int4(plain(layer._weight), layer._orig_output_dim, axis=-1)
        return reshape(integers, layer.original_kernel_shape)
    if mode in ("gptq", "awq") and getattr(layer, f"is_{mode}_calibrated"):
        return _calibrated_integers(layer, mode)
    return getattr(layer, f"_{layer.weight_name}", None)


def _calibrated_integers(layer: Any, mode: str) -> Any:
    packed, columns = plain(layer.quantized_kernel), layer.kernel_scale.sizes[0]
    return unpack_int4(packed, columns, axis=0, dtype="uint8") if packed.sizes[0] != columns else packed


def restored(layer: Any) -> Any:
    """The float matrix."""
    mode, name = layer.quantization_mode, layer.weight_name
    if mode in ("gptq", "awq"):
        return _restored_calibrated(layer, mode)
    scale = plain(getattr(layer, f"{name}_scale"))
    if mode == "int8":
        return cast(plain(layer._weight), scale.dtype) / layer._spread_scale(scale)
    integers = unpack_int4(plain(layer._weight), layer._orig_output_dim, axis=-1)
    return reshape(restored_four_bits(layer, name, integers, layer.group_axis), layer.original_kernel_shape)


def restored_four_bits(layer: Any, name: str, integers: Any, axis: int) -> Any:
    """The floats of unpacked integers whose scales are kept under a name."""
    scale = plain(getattr(layer, f"{name}_scale"))
    if layer._int4_block_size in (None, -1):
        return cast(integers, scale.dtype) / expand_dims(scale, axis)
    return dequantized(integers, scale, plain(getattr(layer, f"{name}_zero")), plain(layer.g_idx), axis)


def _restored_calibrated(layer: Any, mode: str) -> Any:
    weight = getattr(layer, f"_{layer.weight_name}", None)  # until it is calibrated; none in a layer that is to be read from a file
    if weight is not None and not getattr(layer, f"is_{mode}_calibrated"):
        return plain(weight)
    integers = cast(_calibrated_integers(layer, mode), as_dtype("float32"))
    matrix = transpose(dequantized(integers, plain(layer.kernel_scale), plain(layer.kernel_zero), plain(layer.g_idx), -1), (1, 0))
    if mode == "awq":
        matrix = matrix / expand_dims(plain(layer.awq_scales), -1)
    return reshape(matrix, layer.original_kernel_shape)
