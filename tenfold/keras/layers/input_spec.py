"""InputSpec: what a layer expects of its inputs, and the check with its messages."""

from __future__ import annotations

from typing import Any

from tenfold.core import nest
from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.registry import register
from tenfold.tensor.tensor import Tensor


class IncompatibleInputError(ValueError):
    """A layer received an input that does not meet its InputSpec."""

    _keras_call_info_injected = True


@register("keras")
class InputSpec:
    """Rank, shape and type that a layer expects of one input; None leaves it open.

    Args:
        dtype: the element type.
        shape: sizes; None leaves one open.
        ndim: the rank.
        max_ndim, min_ndim: bounds of the rank.
        axes: sizes of some axes, `{-1: 784}`.
        allow_last_axis_squeeze: whether a last axis of size 1 may be missing or extra.
        name: the input's name.
    """

    def __init__(self, dtype: Any = None, shape: Any = None, ndim: int | None = None, max_ndim: int | None = None, min_ndim: int | None = None,
                 axes: dict[int, int | None] | None = None, allow_last_axis_squeeze: bool = False, name: str | None = None,
                 optional: bool = False) -> None:  # fmt: skip
        self.dtype = None if dtype is None else as_dtype(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {
            "dtype": None if self.dtype is None else self.dtype.name, "shape": self.shape, "ndim": self.ndim, "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim, "axes": self.axes,
        }  # fmt: skip

    def __repr__(self) -> str:
        parts = [f"{k}={v}" for k, v in self.get_config().items() if v]
        return f"InputSpec({', '.join(parts)})"


def check(input_spec: Any, inputs: Any, layer_name: str) -> None:
    """Raises ValueError unless `inputs` meet `input_spec` (one spec, or a list of them)."""
    if isinstance(input_spec, InputSpec) and type(inputs) is Tensor:
        problem = _problem(input_spec, inputs)
        if problem:
            raise IncompatibleInputError(f'Input 0 of layer "{layer_name}" is incompatible with the layer: {problem}')
        return
    specs = [input_spec] if isinstance(input_spec, InputSpec) else nest.flatten(input_spec)
    if isinstance(input_spec, dict) and isinstance(inputs, dict):
        missing = [k for k in input_spec if k not in inputs]
        if missing:
            raise IncompatibleInputError(f'Missing data for input "{missing[0]}". You passed a data dictionary with keys {list(inputs)}. '
                                         f"Expected: {list(input_spec)}")  # fmt: skip
        inputs = [inputs[k] for k in sorted(input_spec)]
    values = nest.flatten(inputs)
    if len(values) != len(specs):
        raise IncompatibleInputError(f'Layer "{layer_name}" expects {len(specs)} input(s), but it received {len(values)} input tensors.')
    for i, (value, spec) in enumerate(zip(values, specs, strict=True)):
        if spec is None or (value is None and spec.optional):
            continue
        problem = _problem(spec, value)
        if problem:
            raise IncompatibleInputError(f'Input {i} of layer "{layer_name}" is incompatible with the layer: {problem}')


def _problem(spec: InputSpec, value: Any) -> str:
    if type(value) is Tensor and value._array is not None:
        shape: tuple[Any, ...] = value._array.shape
    elif not hasattr(value, "shape"):
        return f"expected a tensor. Received: {value!r} (of type {type(value).__name__}). Try np.asarray or tf.constant."
    else:
        shape = tuple(value.shape)
    if spec.shape is not None and spec.allow_last_axis_squeeze:
        shape = shape[:-1] if shape and shape[-1] == 1 and len(shape) == len(spec.shape) + 1 else shape
        if len(shape) == len(spec.shape) - 1 and spec.shape[-1] == 1:
            shape = (*shape, 1)
    if spec.ndim is not None and len(shape) != spec.ndim:
        return f"expected ndim={spec.ndim}, found ndim={len(shape)}. {_full(value)}{_rank_hint(spec.ndim, len(shape))}"
    if spec.max_ndim is not None and len(shape) > spec.max_ndim:
        return f"expected max_ndim={spec.max_ndim}, found ndim={len(shape)}. {_full(value)}"
    if spec.min_ndim is not None and len(shape) < spec.min_ndim:
        return f"expected min_ndim={spec.min_ndim}, found ndim={len(shape)}. {_full(value)}{_rank_hint(spec.min_ndim, len(shape))}"
    if spec.dtype is not None and value.dtype != spec.dtype:
        return f"expected dtype={spec.dtype.name}, found dtype={value.dtype.name}"
    for axis, size in spec.axes.items():
        if size is not None and shape[axis] not in (size, None):
            return f"expected axis {axis} of input shape to have value {size}, but received input with shape {shape}"
    if spec.shape is not None and any(a is not None and b is not None and a != b for a, b in zip(spec.shape, shape, strict=True)):
        return f"expected shape={spec.shape}, found shape={shape}"
    return ""


def _full(value: Any) -> str:
    return f"Full shape received: {tuple(value.shape)}"


def _rank_hint(expected: int, found: int) -> str:
    if found == expected - 1:
        return ". Try adding the missing axis: x[None, ...] for a batch of one, or x[..., None] for one channel"
    return ""
