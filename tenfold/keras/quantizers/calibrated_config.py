"""The configs of methods that look at calibration data: GPTQ and AWQ."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.quantizers.config import QuantizationConfig
from tenfold.keras.quantizers.quantizer import MODULE


class _Calibrated(QuantizationConfig):
    """A config whose data are needed once and not saved."""

    kind: str
    options: tuple[str, ...]
    weight_bits: int
    group_size: int

    def _take(self, dataset: Any, tokenizer: Any, structure: Any, **options: Any) -> None:
        for name in ("num_samples", "sequence_length", "num_grid_points"):
            if name in options and options[name] <= 0:
                raise ValueError(f"{name} must be a positive integer.")
        size = options["group_size"]
        if size < -1 or size == 0:
            raise ValueError(f"Invalid group_size. Supported values are -1 (all in one) or a positive integer, but got {size}.")
        self.dataset, self.tokenizer, self.quantization_layer_structure = dataset, tokenizer, structure
        self.options = tuple(options)
        for name, value in options.items():
            setattr(self, name, value)

    @property
    def mode(self) -> str:
        return self.kind

    def dtype_policy_string(self) -> str:
        """The first part of the policy's name, e.g. "gptq/4/128"."""
        return f"{self.kind}/{self.weight_bits}/{self.group_size}"

    def get_config(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.options}
        return {"dataset": None, "tokenizer": None, **values, "quantization_layer_structure": self.quantization_layer_structure}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


@register(MODULE)
class GPTQConfig(_Calibrated):
    """GPTQ: weights are rounded one after the other, the others making up for the errors.

    Args:
        dataset: calibration data. tokenizer: turns its texts into numbers.
        weight_bits: 2, 3, 4 or 8.
        num_samples, sequence_length: how much of the data counts.
        per_channel: whether each channel has its own scale.
        hessian_damping: between 0 and 1.
        group_size: how many weights share a scale; -1: all of a channel.
        symmetric: whether the range is symmetric around 0.
        activation_order: whether to start with the inputs that are largest.
        quantization_layer_structure: which layers come first and which are blocks.
    """

    kind = "gptq"

    def __init__(self, dataset: Any, tokenizer: Any, *, weight_bits: int = 4, num_samples: int = 128, per_channel: bool = True,
                 sequence_length: int = 512, hessian_damping: float = 0.01, group_size: int = 128, symmetric: bool = False,
                 activation_order: bool = False, quantization_layer_structure: Any = None) -> None:  # fmt: skip
        super().__init__()
        if weight_bits not in (2, 3, 4, 8):
            raise ValueError(f"Unsupported weight_bits {weight_bits}. Supported values are 2, 3, 4, and 8.")
        if not 0 <= hessian_damping <= 1:
            raise ValueError("hessian_damping must be between 0 and 1.")
        self._take(dataset, tokenizer, quantization_layer_structure, weight_bits=weight_bits, num_samples=num_samples, per_channel=per_channel,
                   sequence_length=sequence_length, hessian_damping=hessian_damping, group_size=group_size, symmetric=symmetric,
                   activation_order=activation_order)  # fmt: skip


@register(MODULE)
class AWQConfig(_Calibrated):
    """AWQ: weights that meet large activations are scaled up before they are rounded.

    Args:
        dataset: calibration data. tokenizer: turns its texts into numbers.
        weight_bits: 4.
        num_samples, sequence_length: how much of the data counts.
        group_size: how many weights share a scale; -1: all of a channel.
        num_grid_points: how many scales are tried.
        quantization_layer_structure: which layers come first and which are blocks.
    """

    kind = "awq"

    def __init__(self, dataset: Any, tokenizer: Any, *, weight_bits: int = 4, num_samples: int = 128, sequence_length: int = 512,
                 group_size: int = 128, num_grid_points: int = 20, quantization_layer_structure: Any = None) -> None:  # fmt: skip
        super().__init__()
        if weight_bits != 4:
            raise ValueError(f"AWQ only supports 4-bit quantization. Received weight_bits={weight_bits}.")
        self._take(dataset, tokenizer, quantization_layer_structure, weight_bits=weight_bits, num_samples=num_samples,
                   sequence_length=sequence_length, group_size=group_size, num_grid_points=num_grid_points)  # fmt: skip
