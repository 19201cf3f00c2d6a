"""What happens around a layer's `call`: inputs are converted and checked, weights made, training and masks passed on."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.explaining import explained
from tenfold.keras.base.rematerialization import RematScope, rematerialized
from tenfold.keras.base.symbolic import KerasTensor, call_symbolically, is_symbolic
from tenfold.keras.base.untyped import array, as_tensor, math
from tenfold.keras.base.variables import autocast_dtype, autocast_scope, close_scope, open_scope
from tenfold.keras.layers import call, input_spec, plans
from tenfold.keras.layers.building import is_tensors, unwrapped
from tenfold.keras.layers.call import Signature, context, signature
from tenfold.keras.layers.policies import Typed
from tenfold.keras.layers.weights import Weights
from tenfold.primitives.arithmetic import cast
from tenfold.tensor import variable as tensor_variable
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor
from tenfold.transform.trace import init_scope

TRAINING = ("training",)


class Calling(Typed, Weights):
    """A layer as a function."""

    autocast: bool
    activity_regularizer: Any
    input_spec: Any
    supports_masking: bool
    call: Callable[..., Any]
    build: Callable[..., Any]
    compute_mask: Callable[..., Any]
    _remat: RematScope | None
    _convert_input_args = True
    _allow_non_tensor_positional_args = False
    _call_context_args: tuple[str, ...] = TRAINING
    _called_before = False
    _repeats = False  # whether `call` is of such a kind that a plan can stand for it: see `plans`
    _refuses: Callable[..., bool] | None = None  # whether it raises an error for what is in its inputs, if any may be refused

    def _register_call_context_args(self, *names: str) -> None:
        """Lets calls take these keywords, which the layers inside that register them too receive, as they do `training`."""
        if self._called_before:
            raise RuntimeError("Cannot add call-context args after the layer has been called.")
        self._call_context_args = (*self._call_context_args, *(n for n in names if n not in self._call_context_args))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Builds the layer if it is not, and calls it: on tensors or arrays, or on KerasTensors to write a functional model."""
        if self._repeats:
            done = plans.again(self, args, kwargs)
            if done is not None:
                return done
        if "_initialized" not in self.__dict__:
            raise RuntimeError(f"In layer {type(self).__name__}, you forgot to call `super().__init__()` as the first statement in `__init__()`.")
        plain = len(args) == 1 and not kwargs and type(args[0]) is Tensor  # the common case, to be quick
        if not plain and is_symbolic(args, kwargs):
            return self._call_symbolically(args, kwargs)
        if self._convert_input_args:
            args = (self._converted(args[0]),) if plain else tuple([self._converted(a) for a in args])
            kwargs = {k: self._converted(v) for k, v in kwargs.items()} if kwargs else {}
        if not plain:
            self._check_arguments(args)
        first = args[0] if args else next((v for v in kwargs.values() if is_tensors(v)), None)
        entry = context.depth == 0
        outer, outer_values = context.training, context.values
        if entry and context.losses:
            self._clear_losses()
        context.depth += 1
        state.scope.append(self.name)
        names = open_scope(self.name)
        try:
            if self.input_spec is not None and first is not None:
                input_spec.check(self.input_spec, first, self.name)
            if not self.built:
                self._build_for(args, kwargs)
            kwargs = self._with_context(args, kwargs, first)
            mask = kwargs.get("mask")
            previous = mask if mask is not None else call.masks(first)
            outputs = self._called(args, kwargs)
            if not (self.built and self._called_before):
                self.built = self._called_before = True
            self._finish(first, outputs, previous)
        except Exception as error:
            told = explained(error, self, args, kwargs)
            if told is error:
                raise
            raise told from None
        finally:
            close_scope(names)
            state.scope.pop()
            context.depth -= 1
            context.training, context.values = outer, outer_values
        return outputs

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        policy, outer = self._policy, autocast_dtype()
        function = self.call if policy.quantization_mode is None else self.quantized_call
        if self._remat is not None:
            function = rematerialized(self, self._remat, args, function)
        if outer is None and policy.compute_dtype == policy.variable_dtype:
            return function(*args, **kwargs)
        compute = as_dtype(policy.compute_dtype)
        with autocast_scope(compute if compute.is_floating and (self.autocast or outer is None) else None):
            return function(*args, **kwargs)

    def rematerialized_call(self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """`layer_call` with what the layer's RematScope asks for."""
        return layer_call if self._remat is None else rematerialized(self, self._remat, args, layer_call)

    def _call_symbolically(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return call_symbolically(self, args, kwargs)
        finally:
            if context.depth == 0 and context.losses:
                self._clear_losses()

    def _converted(self, value: Any) -> Any:
        if type(value) is Tensor:
            if not self.autocast or value.dtype.name == self.compute_dtype:
                return value
            wanted = as_dtype(self.compute_dtype)
            if not value.dtype.is_floating or not wanted.is_floating:
                return value
            mask = call.mask_of(value)
            value = cast(value, wanted)
            if mask is not None:
                value._keras_mask = mask
            return value
        if isinstance(value, (np.ndarray, tensor_variable.Variable)) or (hasattr(value, "__array__") and not isinstance(value, KerasTensor)):
            return self._converted(as_tensor(value))
        return nest.map_structure(self._converted, value) if nest.is_nested(value) and value else value

    def _check_arguments(self, args: tuple[Any, ...]) -> None:
        if self._allow_non_tensor_positional_args:
            return
        for leaf in nest.flatten(args):
            if leaf is not None and type(leaf) is not Tensor and not isinstance(leaf, Tensor):
                raise ValueError(
                    f'Only input tensors may be passed as positional arguments. Layer "{self.name}" received {leaf!r} '
                    f"(of type {type(leaf).__name__}). "
                    "Try np.array(...) or tf.constant(...) for data in lists, and keywords for other arguments."
                )

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        info = signature(type(self).call)
        given = {**dict(zip(info.names[1:], args, strict=False)), **kwargs}
        tensors = {k: v for k, v in given.items() if is_tensors(v)} or {f"arg{i}": v for i, v in enumerate(args) if is_tensors(v)}
        wanted = signature(unwrapped(type(self).build)).names[1:]
        shapes = {f"{k}_shape": call.shapes(v) for k, v in tensors.items()}
        if len(wanted) > 1:
            _check_build_arguments(type(self).__name__, wanted, info)
        self.__dict__["_first_shapes"] = shapes
        with init_scope(), autocast_scope(None):
            known = {w: shapes[w] for w in wanted if w in shapes}
            if len(known) > 1:
                self.build(**known)
            else:
                self.build(next(iter(shapes.values()), None))

    def _with_context(self, args: tuple[Any, ...], kwargs: dict[str, Any], first: Any) -> dict[str, Any]:
        """The keywords with what the outer call passes on: training, registered values, masks."""
        info = signature(type(self).call)
        positional = info.names[1 : 1 + len(args)]
        training = args[positional.index("training")] if "training" in positional else kwargs.get("training")
        if training is not None:
            context.training = training
        if "training" in kwargs and not info.has_training:
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        elif info.has_training and training is None and context.training is not None and "training" not in positional:
            kwargs = {**kwargs, "training": context.training}
        if self._call_context_args is not TRAINING:
            kwargs = self._with_registered(info, kwargs)
        if info.has_mask and kwargs.get("mask") is None and "mask" not in positional:
            mask = call.masks(first)
            if mask is not None:
                kwargs = {**kwargs, "mask": mask}
        return self._with_named_masks(info, positional, args, kwargs) if info.masks else kwargs

    def _with_registered(self, info: Signature, kwargs: dict[str, Any]) -> dict[str, Any]:
        kwargs = dict(kwargs)
        for name in self._call_context_args[1:]:
            if name in kwargs:
                context.values = {**context.values, name: kwargs[name]}
                if name not in info.names:
                    del kwargs[name]
            elif name in info.names and name in context.values:
                kwargs[name] = context.values[name]
        return kwargs

    def _with_named_masks(self, info: Signature, positional: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """With several inputs, `x_mask` is the mask of the input `x`."""
        given = {**dict(zip(positional, args, strict=True)), **kwargs}
        for name in info.masks:
            if given.get(name) is None and is_tensors(given.get(name.removesuffix("_mask"))):
                mask = call.masks(given[name.removesuffix("_mask")])
                if mask is not None:
                    kwargs = {**kwargs, name: mask}
        return kwargs

    def _finish(self, first: Any, outputs: Any, previous_mask: Any) -> None:
        """After the call: the activity's penalty, and the outputs' masks."""
        if self.activity_regularizer is not None:
            for y in nest.flatten(outputs):
                loss = self.activity_regularizer(y)
                self.add_loss(math.divide_no_nan(loss, cast(array.shape(y)[0], loss.dtype)) if y.ndim else loss)
        if not self.supports_masking:
            if previous_mask is not None:
                warnings.warn(
                    f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input with a mask attached to it. However, this layer does "
                    "not support masking and will therefore destroy the mask information. Downstream layers will not see the mask.",
                    stacklevel=3,
                )
            return
        mask = self.compute_mask(first, previous_mask)
        if mask is None:
            return
        leaves, found = nest.flatten(outputs), nest.flatten(mask)
        for y, m in zip(leaves, found if len(found) == len(leaves) else [mask] * len(leaves), strict=True):
            if m is not None and call.mask_of(y) is None and type(y) is Tensor:
                y._keras_mask = m  # type: ignore[attr-defined]

    def _as_compute(self, x: Any) -> Any:
        """Integers and booleans as floats of the type that the layer computes in."""
        return x if x.dtype.is_floating or x.dtype.is_complex else cast(x, as_dtype(self.compute_dtype))


def _check_build_arguments(layer: str, wanted: tuple[str, ...], info: Signature) -> None:
    """Several arguments of `build` must say which argument of `call` each is the shape of."""
    hint = (f"For a `build()` method with more than one argument, all arguments should have a `_shape` suffix and match an argument from `call()`. "
            f"E.g. `build(self, foo_shape, bar_shape)`. For layer '{layer}', received `build()` argument")  # fmt: skip
    for name in wanted:
        if not name.endswith("_shape"):
            raise ValueError(f"{hint} `{name}`, which does not end in `_shape`.")
        if name.removesuffix("_shape") not in info.names:
            raise ValueError(f"{hint} `{name}`, but `call()` does not have argument `{name.removesuffix('_shape')}`.")
