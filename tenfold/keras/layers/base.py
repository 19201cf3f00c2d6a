"""Layer: what every layer and model is."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.dtypes import as_dtype
from tenfold.core.shapes import Sym
from tenfold.ir.primitive import Spec
from tenfold.keras import constraints, dtype_policies, initializers, regularizers, serialization
from tenfold.keras.layers import auto_config, call, input_spec
from tenfold.keras.layers.building import building, is_tensors, map_shapes, tuples, unwrapped
from tenfold.keras.layers.call import context, signature
from tenfold.keras.layers.weights import Weights
from tenfold.keras.naming import auto_name
from tenfold.keras.registry import register
from tenfold.keras.rematerialization import current_scope, rematerialized
from tenfold.keras.symbolic import KerasTensor, call_symbolically, is_symbolic, nodes_of
from tenfold.keras.untyped import array, as_tensor, math
from tenfold.keras.variables import Variable, autocast_dtype, autocast_scope, name_scope
from tenfold.primitives.arithmetic import cast
from tenfold.tensor import variable as tensor_variable
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor
from tenfold.transform.trace import init_scope, output_specs

MODULE = "keras.layers"


@register(MODULE)
class Layer(Weights):
    """A function with weights: `build` makes them from the input's shape, `call` says what it computes.

    Args:
        activity_regularizer: a penalty on the outputs.
        trainable: whether the weights are to be trained.
        dtype: a type's name, or a DTypePolicy.
        autocast: whether float inputs are converted to the type that the layer computes in.
        name: default: made from the class's name.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
        ...     def call(self, inputs):
        ...         return inputs * self.factor
        >>> layer = Scale(); layer(np.ones((2, 3), "float32")).shape, layer.weights[0].name
        (TensorShape([2, 3]), 'factor')
    """

    _auto_config: dict[str, Any] | None
    _convert_input_args = True
    _allow_non_tensor_positional_args = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = object.__new__(cls)
        self.__dict__.update(_auto_config=auto_config.captured(cls, args, kwargs), _made_weights=[], _losses=[])
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = building(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(self, *, activity_regularizer: Any = None, trainable: bool = True, dtype: Any = None, autocast: bool = True,
                 name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        shape = kwargs.pop("input_shape", None)
        size = kwargs.pop("input_dim", None)
        batch_shape = kwargs.pop("batch_input_shape", None)
        batch_size = kwargs.pop("batch_size", None)
        if batch_shape is not None:
            batch_size, shape = batch_shape[0], batch_shape[1:]
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(f"Argument `name` must be a string and cannot contain character `/`. Received: name={name} (of type {type(name)})")
        self._input_shape_arg = (size,) if size is not None else (shape,) if isinstance(shape, int) else None if shape is None else tuple(shape)
        self._batch_size_arg = batch_size
        self.name = name or auto_name(type(self).__name__)
        self.built = False
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec: Any = None
        self.supports_masking = False
        self._trainable = bool(trainable)
        self._dtype_policy = dtype_policies.get(dtype)
        self._remat = current_scope()
        self._initialized = True

    # --- types ---
    @property
    def dtype_policy(self) -> Any:
        """In which types it computes and keeps its weights."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = dtype_policies.get(value)

    @property
    def dtype(self) -> str:
        """The type of its weights."""
        return str(self._dtype_policy.variable_dtype)

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        """The type in which it computes."""
        return str(self._dtype_policy.compute_dtype)

    input_dtype = compute_dtype

    @property
    def path(self) -> str:
        """Its name after those of the layers that it was built in."""
        return str(self.__dict__.get("_path") or self.name)

    # --- to be defined by subclasses ---
    def build(self, input_shape: Any) -> None:
        """Makes the weights. Subclasses that have none need not define it."""
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call()` method implemented.")

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The output's mask; by default that of the input."""
        return previous_mask

    def add_weight(self, shape: Any = None, initializer: Any = None, dtype: Any = None, trainable: bool = True, autocast: bool = True,
                   regularizer: Any = None, constraint: Any = None, aggregation: str = "none", overwrite_with_gradient: bool = False,
                   name: str | None = None) -> Variable:  # fmt: skip
        """Makes a weight.

        Args:
            shape: its shape; default: a scalar.
            initializer: default: "glorot_uniform" for floats, zeros for other types.
            dtype: default: the layer's.
            trainable: whether gradients are wanted.
            autocast: whether it is read in the type that the layer computes in.
            regularizer: a penalty, added to `losses`.
            constraint: applied after each update.
            name: the last part of its path.
        """
        wanted = as_dtype(dtype or self.variable_dtype)
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        if any(n is None or isinstance(n, Sym) for n in shape):
            known = tuple(None if isinstance(n, Sym) else n for n in shape)
            raise ValueError(f"[{self.name}] a weight needs known sizes. Expected integers; received shape={known} for {name!r}. "
                             "Try giving the layer's input a fixed size there.")  # fmt: skip
        default = "glorot_uniform" if wanted.is_floating and len(shape) > 0 else "zeros"
        start = initializers.get(default if initializer is None else initializer)
        made = Variable(start, shape, wanted, trainable, autocast, aggregation, name=name, regularizer=regularizers.get(regularizer),
                        constraint=constraints.get(constraint))  # fmt: skip
        made.overwrite_with_gradient = overwrite_with_gradient
        if not self._trainable:
            made._born_trainable, made.trainable = made.trainable, False  # type: ignore[attr-defined]
        self._made_weights.append(made)
        return made

    # --- calling ---
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Builds the layer if it is not, and calls it: on tensors or arrays, or on KerasTensors to write a functional model."""
        if "_initialized" not in self.__dict__:
            raise RuntimeError(f"In layer {type(self).__name__}, you forgot to call `super().__init__()` as the first statement in `__init__()`.")
        plain = len(args) == 1 and not kwargs and type(args[0]) is Tensor  # the common case, to be quick
        if not plain and is_symbolic(args, kwargs):
            return self._call_symbolically(args, kwargs)
        if self._convert_input_args:
            args = tuple(self._converted(a) for a in args)
            kwargs = {k: self._converted(v) for k, v in kwargs.items()} if kwargs else {}
        if not plain:
            self._check_arguments(args)
        first = args[0] if args else next((v for v in kwargs.values() if is_tensors(v)), None)
        entry = context.depth == 0
        outer = context.training
        if entry and context.losses:
            self._clear_losses()
        context.depth += 1
        state.scope.append(self.name)
        try:
            with name_scope(self.name):
                if self.input_spec is not None and first is not None:
                    input_spec.check(self.input_spec, first, self.name)
                if not self.built:
                    self._build_for(args, kwargs)
                kwargs = self._with_training_and_mask(args, kwargs, first)
                mask = kwargs.get("mask")
                previous = mask if mask is not None else call.masks(first)
                outputs = self._called(args, kwargs)
                self.built = True
                self._finish(first, outputs, previous)
        except Exception as error:
            if getattr(error, "_explained", False):
                raise
            raise call.explained(error, self, args, kwargs) from None
        finally:
            state.scope.pop()
            context.depth -= 1
            context.training = outer
        return outputs

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        policy, outer = self._dtype_policy, autocast_dtype()
        function = self.call if self._remat is None else rematerialized(self, self._remat, args)
        if outer is None and policy.compute_dtype == policy.variable_dtype:
            return function(*args, **kwargs)
        compute = as_dtype(policy.compute_dtype)
        with autocast_scope(compute if compute.is_floating and (self.autocast or outer is None) else None):
            return function(*args, **kwargs)

    def _call_symbolically(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return call_symbolically(self, args, kwargs)
        finally:
            if context.depth == 0 and context.losses:
                self._clear_losses()

    def _converted(self, value: Any) -> Any:
        if type(value) is Tensor:
            wanted = as_dtype(self.compute_dtype)
            if not self.autocast or value.dtype is wanted or not value.dtype.is_floating or not wanted.is_floating:
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
        names = signature(type(self).call).names[1:]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        tensors = {k: v for k, v in given.items() if is_tensors(v)} or {f"arg{i}": v for i, v in enumerate(args) if is_tensors(v)}
        wanted = signature(unwrapped(type(self).build)).names[1:]
        shapes = {f"{k}_shape": call.shapes(v) for k, v in tensors.items()}
        with init_scope():
            known = {w: shapes[w] for w in wanted if w in shapes}
            if len(known) > 1:
                self.build(**known)
            else:
                self.build(next(iter(shapes.values()), None))

    def _with_training_and_mask(self, args: tuple[Any, ...], kwargs: dict[str, Any], first: Any) -> dict[str, Any]:
        info = signature(type(self).call)
        positional = info.names[1 : 1 + len(args)]
        training = args[positional.index("training")] if "training" in positional else kwargs.get("training")
        if training is not None:
            context.training = training
        if "training" in kwargs and not info.has_training:
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        elif info.has_training and training is None and context.training is not None and "training" not in positional:
            kwargs = {**kwargs, "training": context.training}
        if info.has_mask and kwargs.get("mask") is None and "mask" not in positional:
            mask = call.masks(first)
            if mask is not None:
                kwargs = {**kwargs, "mask": mask}
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

    # --- shapes ---
    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The output's shape for an input's shape (or a list or dict of them), found by tracing `call`."""
        shape = args[0] if args else next(iter(kwargs.values()))
        return map_shapes(lambda s: tuple(s.shape), self.compute_output_spec(map_shapes(lambda s: KerasTensor(s, self.compute_dtype), shape)))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """KerasTensors for the outputs, given KerasTensors for the inputs; nothing is recorded."""
        structure = [list(args), kwargs]
        leaves = nest.flatten(structure)
        places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]

        def run(*tensors: Any) -> Any:
            filled = list(leaves)
            for i, tensor in zip(places, tensors, strict=True):
                filled[i] = tensor
            new_args, new_kwargs = nest.pack(structure, filled)
            return self(*new_args, **new_kwargs)

        specs = output_specs(run, [leaves[i].spec for i in places])
        return nest.map_structure(lambda s: KerasTensor(s.shape, s.dtype) if isinstance(s, Spec) else s, specs)

    @property
    def input(self) -> Any:
        """The KerasTensors that it was called with."""
        return self._only_node("input").args[0]

    @property
    def output(self) -> Any:
        """The KerasTensors that its call gave."""
        return self._only_node("output").outputs

    def _only_node(self, what: str) -> Any:
        nodes = nodes_of(self)
        if not nodes:
            raise AttributeError(f"The layer {self.name} has never been called and thus has no defined {what}.")
        if len(nodes) > 1 and what == "output":
            raise AttributeError(f"The layer {self.name} has multiple inbound nodes and thus has no single {what}.")
        return nodes[0]

    # --- configs ---
    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make the layer anew, without weights."""
        base: dict[str, Any] = {"trainable": self.trainable, "dtype": serialization.serialize_keras_object(self._dtype_policy)}
        if self.activity_regularizer is not None:
            base["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if type(self).get_config is Layer.get_config:
            return {**base, **{k: v for k, v in auto_config.restored(self).items() if v is not None or k not in ("dtype",)}}
        return {"name": self.name, **base}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from its config."""
        try:
            return cls(**config)
        except TypeError as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}. Exception encountered: {error}. "
                "Try defining `get_config()` so that it gives the arguments of `__init__()`."
            ) from error

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that it was built with."""
        shapes = self.__dict__.get("_build_shapes")
        return None if not shapes else dict(shapes)

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds it with the shapes of `get_build_config`."""
        if not config or self.built:
            return
        shapes = {k: tuples(v) for k, v in config.items()}
        wanted = signature(unwrapped(type(self).build)).names[1:]
        if len(shapes) == 1 and len(wanted) == 1:
            self.build(next(iter(shapes.values())))
        elif set(wanted) >= set(shapes):
            self.build(**shapes)
        self.built = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"
