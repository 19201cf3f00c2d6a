"""Layers around models written in JAX and Flax: their weights are Keras's, their calls and gradients JAX's."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.building import is_shape
from tenfold.keras.layers.jax_functions import TreeFunction, load_jax
from tenfold.keras.random import SeedGenerator, draw_seed
from tenfold.keras.saving.serialization import deserialize_keras_object, serialize_keras_object
from tenfold.tensor.tensor import Tensor

CALL_ARGUMENTS = ("params", "state", "rng", "inputs", "training")
INIT_ARGUMENTS = ("rng", "inputs", "training")


@register(MODULE)
class JaxLayer(Layer):
    """A model given as a JAX function. JAX must be installed (`pip install jax`); it computes the call, and its gradient.

    Args:
        call_fn: computes the outputs. Its arguments have these names, in any order, of which only `inputs` is a must: `params`, the trainable
            weights; `state`, the others, in which case it returns `(outputs, new state)`; `rng`, a key, None but in training; `inputs`, an
            array or a pytree of arrays; `training`, a bool.
        init_fn: makes the weights, as `params` or, where `call_fn` has a state, `(params, state)`; it takes `rng`, `inputs` (ones in the
            inputs' shapes) and `training`, or some of these.
        params, state: the weights, as pytrees; default: what `init_fn` makes. Leaves that are no arrays or numbers are left as they are.
        seed: where the keys start.
        native_serialization_platforms: kept for the config, and not used.

    Example:
        >>> import numpy as np
        >>> def scaled(params, inputs):
        ...     return inputs * params["factor"]
        >>> try:
        ...     layer = JaxLayer(scaled, params={"factor": np.float32([1, 2])})
        ...     print([w.shape for w in layer.weights], layer(np.ones((1, 2), "float32")).numpy())
        ... except ImportError:
        ...     print("[TensorShape([2])] [[1. 2.]]")  # where JAX is not installed
        [TensorShape([2])] [[1. 2.]]
    """

    def __init__(self, call_fn: Callable[..., Any], init_fn: Callable[..., Any] | None = None, params: Any = None, state: Any = None,
                 seed: int | None = None, native_serialization_platforms: Sequence[str] | None = None, **kwargs: Any) -> None:  # fmt: skip
        self._jax = load_jax(type(self).__name__)
        super().__init__(**kwargs)
        self.call_fn, self.init_fn = call_fn, init_fn
        self.call_fn_arguments = _arguments(call_fn, "call_fn", CALL_ARGUMENTS)
        self.init_fn_arguments = () if init_fn is None else _arguments(init_fn, "init_fn", INIT_ARGUMENTS)
        self.call_fn_has_params = "params" in self.call_fn_arguments
        self.call_fn_has_state = "state" in self.call_fn_arguments
        if init_fn is None and params is None and state is None and (self.call_fn_has_params or self.call_fn_has_state):
            raise ValueError("`init_fn`, `params` and `state` cannot all be `None` when `call_fn` takes a `params` or a `state` argument.")
        self.seed_generator = SeedGenerator(seed) if "rng" in self.call_fn_arguments else None
        self.native_serialization_platforms = native_serialization_platforms
        self._functions: dict[bool, TreeFunction] = {}  # by training
        self._make_weights(params, state)

    def build(self, input_shape: Any) -> None:
        if self.params is not None or self.state is not None or not (self.call_fn_has_params or self.call_fn_has_state):
            return
        assert self.init_fn is not None
        jax = self._jax
        given: dict[str, Callable[[], Any]] = {
            "rng": lambda: jax.tree_util.tree_map(lambda seed: jax.numpy.asarray(seed.numpy()), self._get_init_rng()),
            "inputs": lambda: _map_shapes(lambda shape: jax.numpy.ones([1 if n is None else n for n in shape]), input_shape),
            "training": lambda: True,
        }
        made = self.init_fn(*(given[name]() for name in self.init_fn_arguments))
        params, state = made if self.call_fn_has_state else (made, None)
        self._make_weights(params, state)

    def _make_weights(self, params: Any, state: Any) -> None:
        """Weights in the form of these pytrees, and as lists."""
        tree = self._jax.tree_util
        self.params = tree.tree_map(lambda value: self._weight(value, True), params)
        self.state = tree.tree_map(lambda value: self._weight(value, False), state)
        self.tracked_params, self.tracked_state = tree.tree_leaves(self.params), tree.tree_leaves(self.state)

    def _weight(self, value: Any, trainable: bool) -> Any:
        """A weight with this value; floats take the layer's type. What is no array or number is left as it is."""
        if not isinstance(value, (Tensor, np.ndarray, np.generic, self._jax.Array, bool, int, float)):
            return value
        array = np.asarray(value)
        dtype = as_dtype("int32") if type(value) is int else as_dtype(array.dtype)
        return self.add_weight(array.shape, lambda shape, dtype=None: array, None if dtype.is_floating else dtype, trainable=trainable)

    def call(self, inputs: Any, training: bool = False) -> Any:
        tree = self._jax.tree_util
        given: dict[str, Callable[[], Any]] = {
            "params": lambda: tree.tree_map(_value, self.params),
            "state": lambda: tree.tree_map(_value, self.state),
            "rng": lambda: self._get_call_rng(bool(training)),
            "inputs": lambda: inputs,
        }
        function = self._traced_function(bool(training))
        result = function(*(given[name]() for name in self.call_fn_arguments if name != "training"))
        if not self.call_fn_has_state:
            return result
        outputs, state = result
        tree.tree_map(_assign, state, self.state)
        return outputs

    def _traced_function(self, training: bool) -> TreeFunction:
        """`call_fn` with the argument `training` set, if it has that."""
        if training not in self._functions:
            function = self.call_fn
            if "training" in self.call_fn_arguments:
                at = self.call_fn_arguments.index("training")
                self._functions[training] = TreeFunction(self._jax, lambda *args: function(*args[:at], training, *args[at:]))
            else:
                self._functions[training] = TreeFunction(self._jax, function)
        return self._functions[training]

    # --- keys; subclasses may give several ---
    def _get_init_seed(self) -> Any:
        """A key for `init_fn`, drawn from the global generator."""
        return draw_seed(None)

    def _get_init_rng(self) -> Any:
        """The argument `rng` of `init_fn`: a key, or a pytree of keys."""
        return self._get_init_seed()

    def _get_call_seed(self) -> Any:
        """A key for `call_fn`."""
        assert self.seed_generator is not None
        return self.seed_generator.next()

    def _get_call_rng(self, training: bool) -> Any:
        """The argument `rng` of `call_fn`: a key, or a pytree of keys."""
        return self._get_call_seed() if training else None

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`; the functions as they are registered, the weights not."""
        return {
            **super().get_config(),
            "call_fn": serialize_keras_object(self.call_fn),
            "init_fn": serialize_keras_object(self.init_fn),
            "native_serialization_platforms": self.native_serialization_platforms,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from its config."""
        functions = {name: deserialize_keras_object(config[name]) for name in ("call_fn", "init_fn")}
        return super().from_config({**config, **functions})


@register(MODULE)
class FlaxLayer(JaxLayer):
    """A `flax.linen.Module`. JAX and Flax must be installed (`pip install jax flax`).

    Args:
        module: the module.
        method: what is called: a method of the module, or a function whose first argument it is; default: `__call__`. Its other arguments are
            `inputs` and, where it has that, `training`.
        variables: the values of the module's collections; default: what the module's `init` makes. "params" are trained, all others are not.
    """

    def __init__(self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any) -> None:
        self.module, self.method = module, method
        load_jax(type(self).__name__)
        try:
            mutable = importlib.import_module("flax.linen").DenyList(["params"])
        except ImportError as error:
            raise ImportError(f"{type(self).__name__} requires Flax. Try pip install flax.") from error

        def apply(params: Any, state: Any, rng: Any, inputs: Any, **training: Any) -> Any:
            return module.apply({**(params or {}), **(state or {})}, inputs, rngs=rng, method=method, mutable=mutable, **training)

        def init(rng: Any, inputs: Any, **training: Any) -> Any:
            return _split(module.init(rng, inputs, method=method, **training))

        if "training" in inspect.signature(method or module.__call__).parameters:
            super().__init__(
                lambda params, state, rng, inputs, training: apply(params, state, rng, inputs, training=training),
                lambda rng, inputs, training: init(rng, inputs, training=training),
                *_split(variables),
                **kwargs,
            )
        else:
            super().__init__(lambda params, state, rng, inputs: apply(params, state, rng, inputs), lambda rng, inputs: init(rng, inputs),
                             *_split(variables), **kwargs)  # fmt: skip

    def _get_init_rng(self) -> Any:
        return {"params": self._get_init_seed(), "dropout": self._get_init_seed()}

    def _get_call_rng(self, training: bool) -> Any:
        return {"dropout": self._get_call_seed()} if training else {}

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`; a method of the module by its name."""
        method = self.method
        if getattr(method, "__self__", None) is not None and method.__self__ == self.module:
            method = method.__name__
        return {
            **super(JaxLayer, self).get_config(),
            "module": serialize_keras_object(self.module),
            "method": serialize_keras_object(method),
            "native_serialization_platforms": self.native_serialization_platforms,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from its config."""
        module, method = deserialize_keras_object(config["module"]), deserialize_keras_object(config["method"])
        method = getattr(module, method) if isinstance(method, str) else method
        return super(JaxLayer, cls).from_config({**config, "module": module, "method": method})


def _split(variables: Any) -> tuple[Any, Any]:
    """(trainable collections, all others)."""
    if variables is None:
        return None, None
    return {k: v for k, v in variables.items() if k == "params"}, {k: v for k, v in variables.items() if k != "params"}


def _arguments(function: Callable[..., Any], name: str, known: Collection[str]) -> tuple[str, ...]:
    """The names of the arguments of a function, in its order.

    Raises:
        ValueError: `inputs` is missing, or one is not known.
    """
    found = tuple(inspect.signature(function).parameters)
    if "inputs" not in found:
        raise ValueError(f"Missing required argument in `{name}`: `inputs`")
    for argument in found:
        if argument not in known:
            raise ValueError(f"Unsupported argument in `{name}`: `{argument}`, supported arguments are `{'`, `'.join(known)}`")
    return found


def _map_shapes(function: Callable[[Any], Any], structure: Any) -> Any:
    """`function` of each shape in a structure of them, whose form is kept."""
    if is_shape(structure):
        return function(structure)
    if isinstance(structure, dict):
        return {k: _map_shapes(function, v) for k, v in structure.items()}
    return type(structure)(_map_shapes(function, v) for v in structure)


def _value(leaf: Any) -> Any:
    """What a weight is now, in the type that the layer computes in; other leaves as they are."""
    return leaf.value if hasattr(leaf, "assign") else leaf


def _assign(value: Any, weight: Any) -> None:
    if hasattr(weight, "assign"):
        weight.assign(value)
    elif isinstance(value, Tensor):
        raise ValueError("Structure mismatch: the structure of the state returned by `call` does not match the structure of the state at "
                         "initialization time.")  # fmt: skip
