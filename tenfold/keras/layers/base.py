"""Layer: what every layer and model is."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.core.shapes import Sym
from tenfold.keras import constraints, dtype_policies, initializers, regularizers
from tenfold.keras.base import auto_config
from tenfold.keras.base.naming import auto_name
from tenfold.keras.base.operation import Operation
from tenfold.keras.base.registry import register
from tenfold.keras.base.rematerialization import current_scope
from tenfold.keras.base.variables import Variable, scope_of
from tenfold.keras.layers.building import building, tuples, unwrapped
from tenfold.keras.layers.call import signature
from tenfold.keras.layers.shape_inference import Shaped
from tenfold.keras.layers.tracking import restructured
from tenfold.keras.layers.weights import checked_boolean
from tenfold.keras.saving import serialization

MODULE = "keras.layers"


@register(MODULE)
class Layer(Shaped, Operation):
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
    _stateless = False  # whether it has nothing to build, unless a subclass defines `build`

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
        self.built = self._stateless and type(self).build is Layer.build
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec: Any = None
        self.supports_masking = type(self).compute_mask is not Layer.compute_mask
        self._trainable = checked_boolean(trainable)
        self._dtype_policy = dtype_policies.get(dtype)
        self._remat = current_scope()
        self._initialized = True

    # --- to be defined by subclasses ---
    def build(self, input_shape: Any) -> None:
        """Makes the weights. Subclasses that have none need not define it."""
        self.built = True

    def _build_at_init(self) -> None:
        """Says that there is nothing to build, unless a subclass defines `build`."""
        self.built = self.built or type(self).build is Layer.build

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes."""
        self._not_implemented("call")

    call._absent = True  # type: ignore[attr-defined]

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The output's mask; by default that of the input."""
        return previous_mask

    def add_weight(self, *args: Any, shape: Any = None, initializer: Any = None, dtype: Any = None, trainable: bool = True, autocast: bool = True,
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
        if args:
            shape, initializer, dtype = _positional(args, shape, initializer, dtype)
        self._check_open()
        wanted = as_dtype(dtype or self.variable_dtype)
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        if any(n is None or isinstance(n, Sym) for n in shape):
            known = tuple(None if isinstance(n, Sym) else n for n in shape)
            raise ValueError(f"[{self.name}] a weight needs known sizes. Expected integers; received shape={known} for {name!r}. "
                             "Try giving the layer's input a fixed size there.")  # fmt: skip
        default = "glorot_uniform" if wanted.is_floating and len(shape) > 0 else "zeros"
        start = initializers.get(default if initializer is None else initializer)
        with scope_of(self.name, self.__dict__.get("_path")):
            made = Variable(start, shape, wanted, trainable, autocast, aggregation, name=name, regularizer=regularizers.get(regularizer),
                            constraint=constraints.get(constraint))  # fmt: skip
        made.overwrite_with_gradient = overwrite_with_gradient
        made._born_trainable = made.trainable  # type: ignore[attr-defined]
        if not self._trainable:
            made.trainable = False
        self._made_weights.append(made)
        restructured()
        return made

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """The same as `add_weight`."""
        return self.add_weight(*args, **kwargs)

    # --- configs ---
    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make the layer anew, without weights."""
        base: dict[str, Any] = {"trainable": self.trainable, "dtype": serialization.serialize_keras_object(self._dtype_policy)}
        if self.activity_regularizer is not None:
            base["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if type(self).get_config is Layer.get_config:
            return {**auto_config.restored(self), **base}
        return {"name": self.name, **base}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from its config."""
        if isinstance(config.get("dtype"), dict):
            policy = dtype_policies.deserialize(config["dtype"])
            plain = policy.quantization_mode is None and not isinstance(policy, dtype_policies.DTypePolicyMap)
            config = {**config, "dtype": policy.name if plain else policy}
        try:
            return cls(**config)
        except (TypeError, ValueError) as error:
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
        if set(wanted) >= set(shapes):
            self.build(**shapes)
        elif len(shapes) == 1 and wanted:  # under another name: Keras writes "input_shape" for most layers
            self.build(next(iter(shapes.values())))
        self.built = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _positional(args: tuple[Any, ...], *given: Any) -> list[Any]:
    """The first arguments of `add_weight`, given without their names."""
    names = ("shape", "initializer", "dtype")
    if len(args) > len(names):
        raise TypeError(f"`add_weight()` takes at most 3 positional arguments (shape, initializer, dtype); received {len(args)}: {args}")
    if isinstance(args[0], str):
        raise ValueError(f"The first argument of `add_weight()` is the shape; received the string {args[0]!r}. Try passing a weight's name as a "
                         f"keyword argument: add_weight(name={args[0]!r}, ...).")  # fmt: skip
    for name, value in zip(names[: len(args)], given, strict=False):
        if value is not None:
            raise ValueError(f"`{name}` was passed both positionally and as a keyword argument to `add_weight()`.")
    return [*args, *given[len(args) :]]
