"""How layers are to be quantized."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.dtype_policies.quantized import QUANTIZATION_MODES
from tenfold.keras.quantizers.quantizer import MODULE, AbsMaxQuantizer
from tenfold.keras.saving.serialization import deserialize_keras_object as deserialize
from tenfold.keras.saving.serialization import serialize_keras_object as serialize


@register(MODULE)
class QuantizationConfig:
    """What the configs share.

    Args:
        weight_quantizer: of the weights; None: the layer's own choice.
        activation_quantizer: of the inputs; None: these stay floats.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None) -> None:
        self.weight_quantizer, self.activation_quantizer = weight_quantizer, activation_quantizer

    @property
    def mode(self) -> str:
        """The quantization mode, e.g. "int8"."""
        raise NotImplementedError("Subclasses must implement this property. Do not instantiate QuantizationConfig directly.")

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {"weight_quantizer": serialize(self.weight_quantizer), "activation_quantizer": serialize(self.activation_quantizer)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A config object from its config."""
        return cls(**{name: deserialize(value) for name, value in config.items()})


@register(MODULE)
class Int8QuantizationConfig(QuantizationConfig):
    """Weights in eight bits.

    Args:
        weight_quantizer: default: by the largest magnitude of each output channel.
        activation_quantizer: default: by the largest magnitude of each row; None: inputs stay floats.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default") -> None:
        super().__init__(weight_quantizer, AbsMaxQuantizer() if activation_quantizer == "default" else activation_quantizer)
        _check_type(type(self).__name__, weight_quantizer)

    @property
    def mode(self) -> str:
        return "int8"


@register(MODULE)
class Int4QuantizationConfig(QuantizationConfig):
    """Weights in four bits, two in a byte.

    Args:
        weight_quantizer, activation_quantizer: only with one scale per channel; default: inputs stay floats.
        block_size: how many elements share a scale and a zero point; None or -1: all of a channel share a scale.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default", block_size: int | None = 128) -> None:
        super().__init__(weight_quantizer, None if activation_quantizer == "default" else activation_quantizer)
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise ValueError(f"block_size must be None, -1, or a positive integer. Received: block_size={block_size}")
        self.block_size = block_size
        if block_size is not None and block_size > 0 and (self.weight_quantizer is not None or self.activation_quantizer is not None):
            raise ValueError("Int4 sub-channel quantization (block_size > 0) does not support custom quantizers. Either set block_size to None or -1 "
                             "for per-channel quantization, or remove the custom quantizer arguments. "
                             f"Received: block_size={block_size}")  # fmt: skip
        if weight_quantizer is not None and tuple(weight_quantizer.value_range) != (-8, 7):
            raise ValueError("Int4QuantizationConfig requires a weight_quantizer with value_range=(-8, 7). "
                             f"Received: value_range={weight_quantizer.value_range}")  # fmt: skip
        _check_type(type(self).__name__, weight_quantizer)

    @property
    def mode(self) -> str:
        return "int4"

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "block_size": self.block_size}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return super().from_config({"block_size": None, **config})  # files from before there were blocks


@register(MODULE)
class Float8QuantizationConfig(QuantizationConfig):
    """Products of eight-bit floats in training and inference."""

    def __init__(self) -> None:
        super().__init__()

    @property
    def mode(self) -> str:
        return "float8"

    def get_config(self) -> dict[str, Any]:
        return {}


def _check_type(name: str, quantizer: Any) -> None:
    if quantizer is not None and quantizer.output_dtype != "int8":
        raise ValueError(f"{name} requires a weight_quantizer with output_dtype='int8'. Received: output_dtype={quantizer.output_dtype}")


_DEFAULTS: dict[Any, type[QuantizationConfig]] = {"int8": Int8QuantizationConfig, "int4": Int4QuantizationConfig, "float8": Float8QuantizationConfig}


def resolved(mode: Any, config: Any) -> QuantizationConfig:
    """The config of a mode, a config, or both.

    Raises:
        ValueError: they are unknown, missing or contradict each other.
    """
    if isinstance(config, str):
        mode, config = config, None
    if mode is not None and mode not in QUANTIZATION_MODES:
        raise ValueError(f"Invalid quantization mode. Expected one of {QUANTIZATION_MODES}. Received: mode={mode}")
    if config is None and mode is None:
        raise ValueError("You must provide either `mode` or `config` to `quantize`.")
    if config is None and mode not in _DEFAULTS:
        raise ValueError(f"For {mode.upper()}, you must pass a `{mode.upper()}Config` object in the `config` argument.")
    made = _DEFAULTS[mode]() if config is None else config
    if not isinstance(made, QuantizationConfig):
        raise ValueError(f"Argument `config` must be an instance of `QuantizationConfig`. Received: config={config} (of type {type(config)})")
    if mode is not None and made.mode != mode:
        raise ValueError(f"Contradictory arguments: mode='{mode}' but config.mode='{made.mode}'")
    return made
