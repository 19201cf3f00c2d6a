"""Tenfold: TensorFlow 2 and Keras 3 done again as a small compiler in plain Python.

    import tenfold as tf

The public names are loaded when they are first used, so that the import itself costs next to nothing.
"""

from __future__ import annotations

import difflib as _difflib
import importlib as _importlib
from typing import Any as _Any

__version__ = "0.1.0"

_MODULES = {  # namespace -> module
    "audio": "tenfold.ops.audio", "autodiff": "tenfold.ops.autodiff", "bitwise": "tenfold.ops.bitwise", "config": "tenfold.ops.config",
    "data": "tenfold.data", "compat": "tenfold.compat", "debugging": "tenfold.ops.debugging",
    "dtypes": "tenfold.ops.dtypes", "errors": "tenfold.core.errors",
    "experimental": "tenfold.ops.experimental", "image": "tenfold.ops.image", "initializers": "tenfold.keras.initializers",
    "keras": "tenfold.keras", "linalg": "tenfold.ops.linalg", "losses": "tenfold.keras.losses", "math": "tenfold.ops.math",
    "metrics": "tenfold.keras.metrics", "nest": "tenfold.ops.nest", "nn": "tenfold.ops.nn", "optimizers": "tenfold.keras.optimizers",
    "profiler": "tenfold.ops.profiler", "ragged": "tenfold.ops.ragged", "random": "tenfold.ops.random", "signal": "tenfold.ops.signal",
    "sparse": "tenfold.ops.sparse", "strings": "tenfold.ops.strings", "summary": "tenfold.summary", "test": "tenfold.ops.testing",
    "train": "tenfold.saving.train", "version": "tenfold.ops.version",
}  # fmt: skip

_NAMES = {  # module -> the public names that it gives to `tf`; "public=own" where they differ
    "tenfold.core.dtypes": "DType as_dtype bfloat16 bool=bool_ complex128 complex64 double=float64 float16 float32 float64 half=float16"
    " int16 int32 int64 int8 string uint16 uint32 uint64 uint8",
    "tenfold.core.shapes": "TensorShape",
    "tenfold.keras.initializers": "constant_initializer=Constant ones_initializer=Ones random_normal_initializer=RandomNormal"
    " random_uniform_initializer=RandomUniform zeros_initializer=Zeros",
    "tenfold.ops.array": "argsort bitcast boolean_mask broadcast_dynamic_shape broadcast_static_shape broadcast_to cast concat constant"
    " convert_to_tensor expand_dims eye fill gather gather_nd identity is_tensor linspace meshgrid one_hot ones ones_like pad range rank"
    " repeat reshape reverse reverse_sequence roll scatter_nd searchsorted sequence_mask shape shape_n size slice sort split squeeze stack"
    " strided_slice tensor_scatter_nd_add tensor_scatter_nd_sub tensor_scatter_nd_update tile"
    " transpose unique unique_with_counts unstack where zeros zeros_like",
    "tenfold.ops.debugging": "Assert print assert_equal assert_greater assert_less assert_rank",
    "tenfold.ops.linalg": "norm",
    "tenfold.ops.math": "abs acos acosh add add_n argmax argmin asin asinh atan atan2 atanh clip_by_value complex cos cosh cumsum divide"
    " einsum equal exp floor greater greater_equal less less_equal logical_and logical_not logical_or matmul maximum minimum multiply"
    " negative not_equal pow reduce_all reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum round"
    " saturate_cast scalar_mul sigmoid sign sin sinh sqrt square subtract tan tanh tensordot truediv truncatediv truncatemod",
    "tenfold.ops.clipping": "clip_by_global_norm clip_by_norm",
    "tenfold.ops.module": "Module control_dependencies device name_scope",
    "tenfold.ops.program": "UnconnectedGradients VariableAggregation VariableSynchronization ensure_shape executing_eagerly get_logger group"
    " no_op numpy_function py_function stop_gradient timestamp",
    "tenfold.ops.ragged": "RaggedTensor",
    "tenfold.ops.sparse": "SparseTensor",
    "tenfold.ops.strings": "as_string",
    "tenfold.primitives.indexed_slices": "IndexedSlices",
    "tenfold.tensor.tensor": "Tensor",
    "tenfold.tensor.variable": "Variable",
    "tenfold.transform.control": "case cond foldl foldr map_fn scan switch_case while_loop",
    "tenfold.transform.batching": "vectorized_map",
    "tenfold.transform.custom": "custom_gradient recompute_grad",
    "tenfold.transform.function": "function",
    "tenfold.tensor.spec": "TensorSpec",
    "tenfold.transform.tape": "GradientTape",
    "tenfold.transform.trace": "init_scope",
}
_SOURCES = {name.partition("=")[0]: (module, name.rpartition("=")[2]) for module, names in _NAMES.items() for name in names.split()}

newaxis = None


def __getattr__(name: str) -> _Any:
    """The public name, from the module that holds it."""
    if name not in _MODULES and name not in _SOURCES:
        raise AttributeError(_missing(name))
    _importlib.import_module("tenfold.ops")  # gives tensors their operators
    if name in _MODULES:
        found: _Any = _importlib.import_module(_MODULES[name])
    else:
        module, own = _SOURCES[name]
        found = getattr(_importlib.import_module(module), own)
    globals()[name] = found
    return found


def _missing(name: str) -> str:
    close = _difflib.get_close_matches(name, __dir__(), 1)
    hint = f" The closest name is tf.{close[0]}." if close else ""
    return f"Tenfold has no tf.{name} (yet).{hint}"


def __dir__() -> list[str]:
    return sorted({*_MODULES, *_SOURCES, "newaxis", "__version__"})
