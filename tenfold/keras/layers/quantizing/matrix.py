"""Layers whose matrix can be kept in few bits.

A layer that takes this says how it applies a matrix (`_apply`, `_apply_integers`), and computes with `_linear`. It then need not know
whether its matrix is plain, adapted, or kept as integers with scales. Where inputs become eight-bit integers too, these are multiplied
(`quantized`); else what is multiplied is the matrix that the integers stand for, which compiled inference computes once and keeps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras import dtype_policies
from tenfold.keras.base import registry
from tenfold.keras.dtype_policies.quantized import QUANTIZATION_MODES
from tenfold.keras.layers.quantizing import float8, nibbles, products, storage
from tenfold.keras.layers.quantizing.lora import LowRank, _assign
from tenfold.keras.quantizers.config import QuantizationConfig, resolved
from tenfold.keras.saving import serialization
from tenfold.primitives.arithmetic import cast
from tenfold.tensor import variable as tensor_variable
from tenfold.transform.control import cond

OWN_STORAGE = ("int8", "int4", "gptq", "awq")  # modes in which the float matrix does not exist
FLOAT8 = tuple(f"{what}_{part}" for what in ("inputs", "kernel", "outputs_grad") for part in ("scale", "amax_history"))


class QuantizedMatrix(LowRank):
    """A layer whose matrix can be quantized."""

    modes: tuple[str, ...] = QUANTIZATION_MODES
    in_nibbles = False  # whether its product is that of rows with a matrix as it lies: see `nibbles`
    group_axis = 0  # along which elements share a scale: that which is summed over
    quantization_config: Any = None
    inputs_quantizer: Any = None
    original_kernel_shape: tuple[int, ...] | None = None
    kernel_shape: tuple[int, ...]
    is_gptq_calibrated = False
    is_awq_calibrated = False
    _int4_block_size: int | None = None

    # --- what layers say about their matrix ---
    def _apply(self, x: Any, weight: Any) -> Any:
        """The product of inputs with a matrix."""
        raise NotImplementedError

    def _apply_integers(self, x: Any, weight: Any) -> Any:
        """The same of eight-bit integers, added up in int32."""
        raise NotImplementedError

    def _reduced_axes(self) -> Any:
        """The axes of the matrix that are summed over."""
        return (self.group_axis,)

    def _input_axes(self) -> Any:
        """The axes of the inputs that are summed over."""
        return -1

    def _as_two(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The shape of the matrix with all axes that are summed over in one, and all others in one."""
        rows, columns = shape
        return rows, columns

    def _kept_scale(self, scale: Any) -> Any:
        """A scale with size 1 along the reduced axes, as the layer keeps it."""
        return np.squeeze(scale, self.group_axis)

    def _spread_scale(self, scale: Any) -> Any:
        """A kept scale as it multiplies the matrix."""
        return storage.expanded(scale, self.group_axis)

    def _scale_of_output(self, scale: Any) -> Any:
        """A scale of the inputs, with size 1 along the axes that are summed over, as it multiplies the output."""
        return scale

    # --- computing ---
    def _linear(self, x: Any, training: Any = None) -> Any:
        """The product with the layer's matrix, whatever form that has."""
        mode = self.quantization_mode
        if mode is None:
            return self._apply(x, self._shown_weight())
        if mode == "float8":
            return float8.product(self, x, training)
        wide = as_dtype("float64" if x.dtype.name == "float64" else "float32")
        y = self._quantized_product(cast(x, wide))
        if self.lora_enabled:
            y = y + self._apply(cast(x, wide), cast(self._delta(), wide))
        return cast(y, as_dtype(self.compute_dtype))

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        if self.quantization_mode not in self.modes:
            raise self._quantization_mode_error(self.quantization_mode)
        return self.call(*args, **kwargs)

    def _quantized_product(self, x: Any) -> Any:
        """The product with the matrix that is kept in few bits."""
        if self.quantization_mode == "int4" and self.in_nibbles and x.ndim == 2 and not self.inputs_quantizer:
            few = nibbles.few(x)
            return products.passing(lambda x: cond(few, lambda: nibbles.product(self, x), lambda: self._float_product(x)), self._float_product, x)
        if self.quantization_mode != "int8" or not products.in_bytes(self.inputs_quantizer):
            return self._float_product(products.rounded(x, self.inputs_quantizer, self._input_axes()))
        integers, scale = storage.plain(self._weight), cast(storage.plain(getattr(self, f"{self.weight_name}_scale")), x.dtype)

        def product(x: Any) -> Any:
            q, factor = self.inputs_quantizer(x, axis=self._input_axes())
            return cast(self._apply_integers(q, integers), x.dtype) / (scale * self._scale_of_output(factor))

        return products.passing(product, self._float_product, x)

    def _float_product(self, x: Any) -> Any:
        """The product with the matrix that the integers stand for."""
        return self._apply(x, cast(self._restored(), x.dtype))

    def _restored(self) -> Any:
        """The matrix that the integers stand for."""
        return storage.restored(self)

    def _shown_weight(self) -> Any:
        if self.quantization_mode not in OWN_STORAGE:
            return super()._shown_weight()
        weight = storage.shown(self)
        return cast(weight, as_dtype("float32")) + self._delta() if self.lora_enabled else weight

    def _matrix_shape(self) -> tuple[int, ...]:
        return self.original_kernel_shape or super()._matrix_shape()

    # --- building ---
    def _add_matrix(self, shape: tuple[int, ...], initializer: Any) -> None:
        """Makes the matrix, or what stands for it in the layer's mode."""
        mode, name = self.quantization_mode, self.weight_name
        if mode is not None:
            self.quantized_build(shape, mode, self.quantization_config)
        if mode not in OWN_STORAGE:
            penalty, bound = getattr(self, f"{name}_regularizer"), getattr(self, f"{name}_constraint")
            setattr(self, f"_{name}", self.add_weight(shape, initializer, regularizer=penalty, constraint=bound, name=name))

    def quantized_build(self, input_shape: Any, mode: Any, config: Any = None) -> None:
        """Makes what stands for a matrix of this shape."""
        if mode not in self.modes:
            raise self._quantization_mode_error(mode)
        self.original_kernel_shape = tuple(input_shape)
        if mode == "float8":
            float8.build(self)
        else:
            storage.build(self, tuple(input_shape), mode, config)
        self._is_quantized = True

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Brings the matrix to few bits.

        Args:
            mode: "int8", "int4", "float8"; "gptq" and "awq" with a config.
            type_check: whether to refuse subclasses that Keras does not know.
            config: a QuantizationConfig, for more than the mode's defaults.
        """
        made = resolved(mode, config)
        self._check_quantize(made.mode)
        if type_check and registry.public_module(type(self)) is None:
            self._not_implemented("quantize")
        if made.mode not in self.modes:
            raise self._quantization_mode_error(made.mode)
        self.quantization_config = made
        shape = tuple(self._weight.shape)
        values = self._quantized_values(made)
        for name in values:  # the float variables of these names
            self._untrack_variable(self.__dict__.pop(name, None))
        self.quantized_build(shape, made.mode, made)
        for name, value in values.items():
            getattr(self, name).assign(value)
        if self._policy.quantization_mode is None:
            self.dtype_policy = dtype_policies.get(f"{_policy_mode(made)}_from_{self._policy.name}")

    def _quantized_values(self, config: QuantizationConfig) -> dict[str, Any]:
        """Attribute -> value, for what the config's mode keeps in the place of the float matrix."""
        return storage.values(self, tensor_variable.Variable.read_value(self._weight).numpy(), config)

    def _check_quantize(self, mode: str) -> None:
        if not self.built:
            raise ValueError(f"Cannot quantize a layer that isn't yet built. Layer '{self.name}' (of type '{type(self).__name__}') is not built yet.")
        if self._is_quantized:
            raise ValueError(f"Layer '{self.name}' is already quantized with dtype_policy='{self.dtype_policy.name}'. Received: mode={mode}")
        if mode == "int8" and self.compute_dtype == "float16":
            raise ValueError(f"Quantization mode='{mode}' doesn't work well with compute_dtype='float16'. Try mixed_bfloat16.")

    def _quantization_mode_error(self, mode: Any) -> NotImplementedError:
        return NotImplementedError(f"Invalid quantization mode. Expected one of {self.modes}. Received: quantization_mode={mode}")

    # --- files ---
    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """For each mode the names of what is saved, in order."""
        name = self.weight_name
        more = ["bias"] if name == "kernel" else []
        scale, zero = f"{name}_scale", f"{name}_zero"
        spec: dict[str | None, list[str]] = {
            None: [name, *more],
            "int8": [name, *more, scale],
            "int4": [name, *more, scale, zero, "g_idx"],
            "float8": [name, *more, *FLOAT8],
            "gptq": [*more, "quantized_kernel", scale, zero, "g_idx"],
            "awq": [*more, "quantized_kernel", scale, zero, "awq_scales", "g_idx"],
        }
        return {mode: spec[mode] for mode in (None, *self.modes)}

    def _saved_names(self) -> list[str]:
        mode = self.quantization_mode
        if mode not in self.variable_serialization_spec:
            raise self._quantization_mode_error(mode)
        names = self.variable_serialization_spec[mode]
        return [n for n in names if getattr(self, f"_{n}" if n == self.weight_name else n, None) is not None]

    def save_own_variables(self, store: Any) -> None:
        if not self.built:
            return
        mode = self.quantization_mode
        if mode in ("gptq", "awq") and not getattr(self, f"is_{mode}_calibrated"):
            raise ValueError(f"Cannot save layer '{self.name}' because it is quantized with mode '{mode}' but has never been calibrated. "
                             "Its quantized weights hold nothing yet.")  # fmt: skip
        merged = self._merged_values() if self.lora_enabled and mode in ("int8", "int4") else {}
        for i, name in enumerate(self._saved_names()):
            attribute = f"_{name}" if name == self.weight_name else name
            store[str(i)] = np.asarray(merged[attribute]) if attribute in merged else self._saved(name).numpy()

    def _saved(self, name: str) -> Any:
        if name == self.weight_name:
            return self._weight if self.quantization_mode in OWN_STORAGE else self._shown_weight()
        return getattr(self, name, None)

    def _merged_values(self) -> dict[str, Any]:
        """What is kept for the sum of the matrix and what adapts it."""
        total = cast(self._restored(), as_dtype("float32")) + self._delta()
        return storage.values(self, total.numpy(), self._config_of_mode())

    def _config_of_mode(self) -> QuantizationConfig:
        config = self.quantization_config or resolved(self.quantization_mode, None)
        return storage.with_block_size(config, self._int4_block_size)

    def load_own_variables(self, store: Any) -> None:
        if not self.built:
            super().load_own_variables(store)
            return
        names = self._saved_names()
        if not self.lora_enabled and len(store.keys()) != len(names):
            raise ValueError(f"Layer '{self.name}' expected {len(names)} variables, but received {len(store.keys())} variables during loading. "
                             f"Expected: {names}.")  # fmt: skip
        self.is_gptq_calibrated, self.is_awq_calibrated = self.quantization_mode == "gptq", self.quantization_mode == "awq"
        for i, name in enumerate(names):
            variable = getattr(self, f"_{name}" if name == self.weight_name else name)
            value = store[str(i)]
            if tuple(np.shape(value)) != tuple(variable.shape):
                raise ValueError(f"Layer '{self.name}': the file's value for '{name}' has shape {tuple(np.shape(value))}; it must match: "
                                 f"expected {tuple(variable.shape)}.")  # fmt: skip
            _assign(variable, value)
        self._forget_delta()

    def _compression_config(self) -> dict[str, Any]:
        """What a layer's config says about all this."""
        return {"quantization_config": serialization.serialize_keras_object(self.quantization_config), **self._lora_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        if isinstance(config.get("quantization_config"), dict):
            config = {**config, "quantization_config": serialization.deserialize_keras_object(config["quantization_config"])}
        return super().from_config(config)


def _policy_mode(config: Any) -> str:
    """The first part of the name of a quantized layer's policy."""
    if config.mode == "int4":
        return f"int4/{-1 if config.block_size is None else config.block_size}"
    return str(config.dtype_policy_string()) if config.mode in ("gptq", "awq") else str(config.mode)
