"""The part of a layer that knows its types: in which it computes, keeps its weights, and whether these are quantized."""

from __future__ import annotations

from typing import Any, NoReturn

from tenfold.keras import dtype_policies
from tenfold.keras.dtype_policies.policy import DTypePolicy
from tenfold.keras.dtype_policies.policy_map import DTypePolicyMap
from tenfold.keras.dtype_policies.quantized import QUANTIZATION_MODES


class Typed:
    """Types of a layer, and what all layers say about quantization: that they have none."""

    name: str
    built: bool
    _dtype_policy: DTypePolicy
    _is_quantized = False

    @property
    def path(self) -> str:
        """Its name after those of the layers that it was built in."""
        return str(self.__dict__.get("_path") or self.name)

    @property
    def dtype_policy(self) -> Any:
        """In which types it computes and keeps its weights."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy = dtype_policies.get(value)
        if isinstance(self._dtype_policy, DTypePolicyMap) and not isinstance(policy, DTypePolicyMap):
            self._dtype_policy.pop(self.path, None)
            self._dtype_policy[self.path] = policy
        else:
            self._dtype_policy = policy
        mode = policy.quantization_mode
        if mode is None or not self.built or self._is_quantized:
            return
        if mode in ("gptq", "awq"):
            raise ValueError(f"Implicitly enabling {mode.upper()} quantization by setting `dtype_policy` to '{value}' is not supported. "
                             f"{mode.upper()} requires a calibration dataset and a config. Try layer.quantize('{mode}', config=...).")  # fmt: skip
        self.quantize(mode)

    @property
    def _policy(self) -> DTypePolicy:
        """Its own policy, where a map holds those of many layers."""
        policy = self._dtype_policy
        return policy if type(policy) is DTypePolicy or not isinstance(policy, DTypePolicyMap) else policy[self.path]

    @property
    def dtype(self) -> str:
        """The type of its weights."""
        return self._policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        """The type in which it computes."""
        return self._policy.compute_dtype

    input_dtype = compute_dtype

    @property
    def quantization_mode(self) -> str | None:
        """How its weights are quantized, e.g. "int8"; None: not at all."""
        return self._policy.quantization_mode

    # --- quantization: layers that know it define these anew ---
    def _not_implemented(self, method: str) -> NoReturn:
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `{method}` method implemented.")

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Quantizes the weights; only layers with a large matrix know how."""
        self._not_implemented("quantize")

    def quantized_build(self, input_shape: Any, mode: Any) -> None:
        """Makes the weights of a quantized layer."""
        self._not_implemented("quantized_build")

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes when it is quantized."""
        if self.quantization_mode not in QUANTIZATION_MODES:
            raise self._quantization_mode_error(self.quantization_mode)
        return getattr(self, f"_{self.quantization_mode}_call")(*args, **kwargs)

    def _int8_call(self, *args: Any, **kwargs: Any) -> Any:
        self._not_implemented("_int8_call")

    def _int4_call(self, *args: Any, **kwargs: Any) -> Any:
        self._not_implemented("_int4_call")

    def _float8_call(self, *args: Any, **kwargs: Any) -> Any:
        self._not_implemented("_float8_call")

    def _gptq_call(self, *args: Any, **kwargs: Any) -> Any:
        self._not_implemented("_gptq_call")

    def _awq_call(self, *args: Any, **kwargs: Any) -> Any:
        self._not_implemented("_awq_call")

    def _quantization_mode_error(self, mode: Any) -> NotImplementedError:
        return NotImplementedError(f"Invalid quantization mode. Expected one of {QUANTIZATION_MODES}. Received: quantization_mode={mode}")
