"""`keras.ops`: functions that take tensors, arrays, and the symbolic tensors of functional models."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from itertools import pairwise
from typing import Any

import numpy as np

from tenfold.keras.defaults import floatx
from tenfold.keras.symbolic import MODULES, OPERATIONS, KerasTensor, Operation, is_symbolic
from tenfold.ops import array as a
from tenfold.ops import math as m
from tenfold.ops import nn
from tenfold.ops.attention import dot_product_attention as dot_product_attention_
from tenfold.ops.program import stop_gradient as stop_gradient_
from tenfold.primitives.arithmetic import cast as cast_
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.control import cond, while_loop


def _operation(kind: str, function: Callable[..., Any], tensors: int = 1, module: str = "numpy", doc: str = "") -> Callable[..., Any]:
    """A function of `keras.ops`. Its first `tensors` parameters are tensors; the others are options, kept in the operation's config."""
    OPERATIONS.setdefault(kind, function)
    if module != "numpy":
        MODULES[kind] = f"keras.src.ops.{module}"
    signature = inspect.signature(function)
    names = list(signature.parameters)

    @wraps(function)
    def operation(*args: Any, **kwargs: Any) -> Any:
        if not is_symbolic(args, kwargs):
            return function(*args, **kwargs)
        given = signature.bind(*args, **kwargs).arguments
        options = {k: v for k, v in given.items() if k in names[tensors:]}
        last = [i for i, k in enumerate(names[:tensors]) if given.get(k) is not None][-1]
        return Operation(kind, **options)(*(given.get(k) for k in names[: last + 1]))

    operation.__name__ = operation.__qualname__ = kind
    operation.__doc__ = doc or f"keras.ops: {kind}."
    return operation


def _unary(kind: str, function: Callable[..., Any], module: str = "numpy") -> Callable[..., Any]:
    return _operation(kind, lambda x: function(_tensor(x)), 1, module)


def _binary(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(x1: Any, x2: Any) -> Any:
        hint = getattr(x1, "dtype", None) if isinstance(x1, Tensor) else getattr(x2, "dtype", None) if isinstance(x2, Tensor) else None
        return function(as_tensor(x1, hint=hint), as_tensor(x2, hint=hint))

    return _operation(kind, apply, 2)


def _reduction(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    return _operation(kind, lambda x, axis=None, keepdims=False: function(_tensor(x), axis=axis, keepdims=keepdims))


def _tensor(x: Any) -> Any:
    return x if isinstance(x, Tensor) else as_tensor(x)


absolute = abs = _unary("Absolute", m.abs)
exp, expm1, log, log1p = _unary("Exp", m.exp), _unary("Expm1", m.expm1), _unary("Log", m.log), _unary("Log1p", m.log1p)
sqrt, square, sign, negative = _unary("Sqrt", m.sqrt), _unary("Square", m.square), _unary("Sign", m.sign), _unary("Negative", m.negative)
floor, ceil, sin, cos, tan = _unary("Floor", m.floor), _unary("Ceil", m.ceil), _unary("Sin", m.sin), _unary("Cos", m.cos), _unary("Tan", m.tan)
sinh, cosh, tanh, arctan = _unary("Sinh", m.sinh), _unary("Cosh", m.cosh), _unary("Tanh", m.tanh), _unary("Arctan", m.atan)
reciprocal, isnan, isfinite, isinf = (
    _unary("Reciprocal", m.reciprocal),
    _unary("Isnan", m.is_nan),
    _unary("Isfinite", m.is_finite),
    _unary("Isinf", m.is_inf),
)
logical_not, zeros_like, ones_like = _unary("LogicalNot", m.logical_not), _unary("ZerosLike", a.zeros_like), _unary("OnesLike", a.ones_like)
rsqrt, erf = _unary("Rsqrt", m.rsqrt, "math"), _unary("Erf", m.erf, "math")
relu, relu6, sigmoid, softplus = (
    _unary("Relu", nn.relu, "nn"),
    _unary("Relu6", nn.relu6, "nn"),
    _unary("Sigmoid", nn.sigmoid, "nn"),
    _unary("Softplus", nn.softplus, "nn"),
)
softsign, silu, selu, log_sigmoid = (
    _unary("Softsign", nn.softsign, "nn"),
    _unary("Silu", nn.silu, "nn"),
    _unary("Selu", nn.selu, "nn"),
    _unary("LogSigmoid", nn.log_sigmoid, "nn"),
)
swish = silu
stop_gradient = _operation("StopGradient", lambda variable: stop_gradient_(_tensor(variable)), 1, "core")

add, subtract, multiply, power = _binary("Add", m.add), _binary("Subtract", m.subtract), _binary("Multiply", m.multiply), _binary("Power", m.pow)
divide, true_divide, floor_divide, mod = (
    _binary("Divide", m.divide),
    _binary("TrueDivide", m.divide),
    _binary("FloorDivide", m.floordiv),
    _binary("Mod", m.floormod),
)
maximum, minimum, matmul = _binary("Maximum", m.maximum), _binary("Minimum", m.minimum), _binary("Matmul", m.matmul)
equal, not_equal, less, less_equal = (
    _binary("Equal", m.equal),
    _binary("NotEqual", m.not_equal),
    _binary("Less", m.less),
    _binary("LessEqual", m.less_equal),
)
greater, greater_equal, logical_and, logical_or = (
    _binary("Greater", m.greater),
    _binary("GreaterEqual", m.greater_equal),
    _binary("LogicalAnd", m.logical_and),
    _binary("LogicalOr", m.logical_or),
)

sum, mean, max, min = (
    _reduction("Sum", m.reduce_sum),
    _reduction("Mean", m.reduce_mean),
    _reduction("Max", m.reduce_max),
    _reduction("Min", m.reduce_min),
)
prod, std, var, any, all = (
    _reduction("Prod", m.reduce_prod),
    _reduction("Std", m.reduce_std),
    _reduction("Var", m.reduce_variance),
    _reduction("Any", m.reduce_any),
    _reduction("All", m.reduce_all),
)


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return m.reduce_logsumexp(_tensor(x), axis=axis, keepdims=keepdims)


def _argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    return _arg(m.argmax, x, axis, keepdims)


def _argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    return _arg(m.argmin, x, axis, keepdims)


def _arg(function: Callable[..., Any], x: Any, axis: int | None, keepdims: bool) -> Any:
    x = _tensor(x)
    if axis is None:
        return function(a.reshape(x, [-1]), axis=0, output_type="int32")
    found = function(x, axis=axis, output_type="int32")
    return a.expand_dims(found, axis) if keepdims else found


def _take(x: Any, indices: Any, axis: int | None = None) -> Any:
    x, indices = _tensor(x), _tensor(indices)
    return a.gather(a.reshape(x, [-1]), indices) if axis is None else a.gather(x, indices, axis=axis)


def _flip(x: Any, axis: Any = None) -> Any:
    x = _tensor(x)
    return a.reverse(x, list(range(x.ndim)) if axis is None else [axis] if isinstance(axis, int) else list(axis))


def _shape(sizes: Any) -> list[Any]:
    return [-1 if n is None else n for n in ([sizes] if isinstance(sizes, int) else sizes)]


logsumexp = _operation("Logsumexp", _logsumexp, 1, "math")
argmax, argmin = _operation("Argmax", _argmax), _operation("Argmin", _argmin)
take, flip = _operation("Take", _take, 2), _operation("Flip", _flip)
reshape = _operation("Reshape", lambda x, newshape: a.reshape(_tensor(x), _shape(newshape)))
broadcast_to = _operation("BroadcastTo", lambda x, shape: a.broadcast_to(_tensor(x), shape))
transpose = _operation("Transpose", lambda x, axes=None: a.transpose(_tensor(x), axes))
expand_dims = _operation("ExpandDims", lambda x, axis: a.expand_dims(_tensor(x), axis))
squeeze = _operation("Squeeze", lambda x, axis=None: a.squeeze(_tensor(x), axis))
concatenate = _operation("Concatenate", lambda xs, axis=0: a.concat([_tensor(x) for x in xs], axis))
stack = _operation("Stack", lambda x, axis=0: a.stack([_tensor(y) for y in x], axis))
tile = _operation("Tile", lambda x, repeats: a.tile(_tensor(x), _shape(repeats)))
repeat = _operation("Repeat", lambda x, repeats, axis=None: a.repeat(_tensor(x), repeats, axis))
where = _operation("Where", lambda condition, x1, x2: a.where(_tensor(condition), x1, x2), 3)
clip = _operation("Clip", lambda x, x_min, x_max: m.clip_by_value(_tensor(x), x_min, x_max))
cumsum = _operation("Cumsum", lambda x, axis=0: m.cumsum(_tensor(x), axis))
cast = _operation("Cast", lambda x, dtype: cast_(_tensor(x), dtype), 1, "core")
softmax = _operation("Softmax", lambda x, axis=-1: nn.softmax(_tensor(x), axis), 1, "nn")
log_softmax = _operation("LogSoftmax", lambda x, axis=-1: nn.log_softmax(_tensor(x), axis), 1, "nn")
leaky_relu = _operation("LeakyRelu", lambda x, negative_slope=0.2: nn.leaky_relu(_tensor(x), negative_slope), 1, "nn")
elu = _operation("Elu", lambda x, alpha=1.0: nn.elu(_tensor(x)) if alpha == 1 else where(_tensor(x) > 0, x, alpha * expm1(x)), 1, "nn")


def _attention(query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: Any = None, is_causal: bool = False,
               flash_attention: bool | None = None, attn_logits_soft_cap: float | None = None) -> Any:  # fmt: skip
    if flash_attention and (bias is not None or attn_logits_soft_cap is not None):
        raise ValueError("Flash attention takes neither `bias` nor `attn_logits_soft_cap`. Try flash_attention=None: the way of computing is chosen.")
    q, k, v = (_tensor(x) for x in (query, key, value))
    return dot_product_attention_(q, k, v, bias, mask, scale, is_causal, attn_logits_soft_cap)


dot_product_attention = _operation("DotProductAttention", _attention, 5, "nn", "Attention of many heads; operands are [batch, steps, heads, size].")
gelu = _operation("Gelu", lambda x, approximate=True: nn.gelu(_tensor(x), approximate), 1, "nn")
one_hot = _operation(
    "OneHot",
    lambda x, num_classes, axis=-1, dtype=None, sparse=False: a.one_hot(_tensor(x), num_classes, axis=axis, dtype=dtype or floatx()),
    1,
    "nn",
)


def shape(x: Any) -> tuple[Any, ...]:
    """The sizes: integers where known, else (in a function being traced) scalar tensors; None for a symbolic tensor's."""
    if isinstance(x, KerasTensor):
        return tuple(x.shape)
    x = _tensor(x)
    return tuple(n if n is not None else a.shape(x)[i] for i, n in enumerate(x.shape))


def size(x: Any) -> Any:
    """The number of elements."""
    return a.size(_tensor(x))


def ndim(x: Any) -> int:
    """The number of dimensions."""
    return x.ndim if isinstance(x, KerasTensor) else int(_tensor(x).ndim)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Parts of equal size, or cut at the given places."""
    if isinstance(indices_or_sections, int):
        return list(a.split(x, indices_or_sections, axis))
    places = [0, *indices_or_sections, _tensor(x).shape[axis]]
    return list(a.split(x, [j - i for i, j in pairwise(places)], axis))


def einsum(subscripts: str, *operands: Any) -> Any:
    """Sums of products, by Einstein's notation."""
    return m.einsum(subscripts, *operands)


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """`x` as a tensor."""
    x = as_tensor(x)
    return x if dtype is None else cast_(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray[Any, Any]:
    """`x` as a NumPy array."""
    return np.asarray(x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor."""
    return isinstance(x, Tensor)


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros."""
    return a.zeros(shape, dtype or floatx())


def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones."""
    return a.ones(shape, dtype or floatx())


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """`fill_value` everywhere."""
    return cast_(a.fill(shape, fill_value), dtype or floatx())


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Numbers in equal steps."""
    return a.range(start, dtype=dtype) if stop is None else a.range(start, stop, step, dtype)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on the k-th diagonal."""
    return as_tensor(np.eye(N, M, k, dtype or floatx()))


__all__ = [
    name for name in dir() if not name.startswith("_") and name not in ("annotations", "Any", "Callable", "Tensor", "KerasTensor", "Operation")
]
__all__ += ["cond", "while_loop"]
