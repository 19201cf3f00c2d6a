"""Policies of quantized layers."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.dtype_policies.policy import DTypePolicy, dtype_policy, types_of

MODULE = "keras.dtype_policies"
QUANTIZATION_MODES = ("int8", "float8", "int4", "gptq", "awq")


@register(MODULE)
class QuantizedDTypePolicy(DTypePolicy):
    """Weights in few bits; all else in the types of another policy.

    Args:
        mode: "int8", "int4", "float8", ...
        source_name: the other policy; default: the global one.

    Example:
        >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
        >>> policy.name, policy.compute_dtype
        ('int8_from_mixed_bfloat16', 'bfloat16')
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        kind = mode.partition("/")[0]
        self._mode = mode
        self._source_name = dtype_policy().name if source_name is None else source_name
        self._compute_dtype, self._variable_dtype = types_of(self._source_name)
        if kind not in QUANTIZATION_MODES:
            raise ValueError(f"Invalid quantization mode. Expected one of {QUANTIZATION_MODES}. Received: mode={mode}")
        if self._compute_dtype == "float16" and kind == "int8":
            raise ValueError(f"Quantization mode='{mode}' doesn't work well with compute_dtype='float16'. Try mixed_bfloat16.")
        self._quantization_mode = kind
        self._name = f"{mode}_from_{self._source_name}"

    def get_config(self) -> dict[str, Any]:
        return {"mode": self._mode, "source_name": self._source_name}


@register(MODULE)
class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """Products of float8 values, scaled by the largest values of the steps before.

    Args:
        mode: "float8".
        source_name: the policy of all else.
        amax_history_length: how many steps count.
    """

    default_amax_history_length = 1024

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(f"`amax_history_length` must be an integer. Received: amax_history_length={amax_history_length}")
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """How many steps count."""
        return self._amax_history_length

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amax_history_length": self.amax_history_length}


def _parts(policy: str, mode: str, names: tuple[str, ...]) -> list[int]:
    """The integers after the first word of a mode such as "gptq/4/128"."""
    wanted = "/".join([policy, *(f"<{n}>" for n in names)])
    first, *rest = mode.split("/")
    if first != policy or len(rest) != len(names):
        raise ValueError(f"Invalid mode. Expected format '{wanted}', but got '{mode}'.")
    try:
        return [int(part) for part in rest]
    except ValueError:
        raise ValueError(f"Invalid mode: {' and '.join(f'<{n}>' for n in names)} must be integers. Expected format '{wanted}', but got '{mode}'."
                         ) from None  # fmt: skip


def _check_size(name: str, size: int, mode: str) -> None:
    if size < -1 or size == 0:
        raise ValueError(f"Invalid {name} in mode. Supported values are -1 (all in one) or a positive integer, but got {size} from '{mode}'.")


@register(MODULE)
class Int4DTypePolicy(QuantizedDTypePolicy):
    """Weights in four bits.

    Args:
        mode: "int4/<block_size>": how many elements share a scale; -1: all of a channel.
        source_name: the policy of all else.
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        mode = "int4/-1" if mode == "int4/None" else mode  # as old files have it
        (self.block_size,) = _parts("int4", mode, ("block_size",))
        _check_size("block_size", self.block_size, mode)
        super().__init__(mode, source_name)
        self.mode = "int4"


@register(MODULE)
class GPTQDTypePolicy(QuantizedDTypePolicy):
    """Weights quantized by GPTQ.

    Args:
        mode: "gptq/<weight_bits>/<group_size>"; the size is -1 where all share a scale.
        source_name: the policy of all else.
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        self.weight_bits, self.group_size = _parts("gptq", mode, ("weight_bits", "group_size"))
        if self.weight_bits not in (2, 3, 4, 8):
            raise ValueError(f"Invalid weight_bits in mode. Supported values are 2, 3, 4, and 8, but got {self.weight_bits} from '{mode}'.")
        _check_size("group_size", self.group_size, mode)
        super().__init__(mode, source_name)
        self.mode = "gptq"


@register(MODULE)
class AWQDTypePolicy(QuantizedDTypePolicy):
    """Weights quantized by AWQ.

    Args:
        mode: "awq/4/<group_size>"; the size is -1 where all of a channel share a scale.
        source_name: the policy of all else.
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        self.weight_bits, self.group_size = _parts("awq", mode, ("weight_bits", "group_size"))
        if self.weight_bits != 4:
            raise ValueError(f"Invalid weight_bits in mode. AWQ only supports 4-bit quantization, but got {self.weight_bits} from '{mode}'.")
        _check_size("group_size", self.group_size, mode)
        super().__init__(mode, source_name)
        self.mode = "awq"


_CLASSES = {"int8": QuantizedDTypePolicy, "float8": QuantizedFloat8DTypePolicy, "gptq": GPTQDTypePolicy, "awq": AWQDTypePolicy}


def is_quantized_name(name: str) -> bool:
    """Whether a policy's name starts as those of quantized policies do."""
    return name.startswith(QUANTIZATION_MODES)


def quantized_by_name(name: Any) -> Any:
    """The policy of a name such as "int8_from_float32".

    Raises:
        ValueError: there is none.
    """
    if not isinstance(name, str):
        raise TypeError(f"`policy` must be a string. Received: policy={name}")
    if not is_quantized_name(name):
        raise ValueError("`policy` is incompatible with the current supported quantization. Expected a name such as 'int8_from_float32'. "
                         f"Received: policy={name}")  # fmt: skip
    mode, *source = name.split("_from_")
    if len(source) != 1:
        raise ValueError("Cannot convert `policy` into a valid pair (`mode`, `source_name`) to instantiate `QuantizedDTypePolicy`. "
                         f"Received: policy={name}")  # fmt: skip
    kind = mode.partition("/")[0]
    cls = (Int4DTypePolicy if "/" in mode else QuantizedDTypePolicy) if kind == "int4" else _CLASSES.get(kind, QuantizedDTypePolicy)
    return cls(mode, source[0])
