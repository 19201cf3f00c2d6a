"""`keras.quantizers`: floats in few bits."""

from tenfold.keras.quantizers.calibrated_config import AWQConfig, GPTQConfig
from tenfold.keras.quantizers.config import Float8QuantizationConfig, Int4QuantizationConfig, Int8QuantizationConfig, QuantizationConfig
from tenfold.keras.quantizers.fake_quant import fake_quant_with_min_max_vars
from tenfold.keras.quantizers.float8 import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize
from tenfold.keras.quantizers.groups import abs_max_quantize_grouped_with_zero_point
from tenfold.keras.quantizers.identify import deserialize, get, serialize
from tenfold.keras.quantizers.packing import pack_int4, unpack_int4
from tenfold.keras.quantizers.quantizer import AbsMaxQuantizer, Quantizer, abs_max_quantize

__all__ = [
    "AWQConfig", "AbsMaxQuantizer", "Float8QuantizationConfig", "GPTQConfig", "Int4QuantizationConfig", "Int8QuantizationConfig",
    "QuantizationConfig", "Quantizer", "abs_max_quantize", "abs_max_quantize_grouped_with_zero_point", "compute_float8_amax_history",
    "compute_float8_scale", "deserialize", "fake_quant_with_min_max_vars", "get", "pack_int4", "quantize_and_dequantize", "serialize", "unpack_int4",
]  # fmt: skip
