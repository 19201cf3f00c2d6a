"""keras.Operation: what can be called on tensors, and be a node of a functional model when it is called on symbolic ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tenfold.core import nest
from tenfold.keras.base import auto_config
from tenfold.keras.base.explaining import explained
from tenfold.keras.base.naming import auto_name
from tenfold.keras.base.rematerialization import current_scope, remat
from tenfold.keras.base.symbolic import MODULES, OPERATIONS, SPECS, KerasTensor, is_symbolic, nodes_of, operation_named, record, specs_of, symbols
from tenfold.keras.ops.sparsity import stays_sparse


class Operation:
    """Base of operations of one's own: a subclass defines `call`.

    Args:
        name: default: made from the class's name.

    Example:
        >>> class Double(Operation):
        ...     def call(self, x):
        ...         return 2 * x
        >>> Double()(tf.keras.Input((3,))).shape, float(Double()(tf.constant(4.0)))
        (TensorShape([None, 3]), 8.0)
    """

    quantization_mode: Any = None
    _auto_config: dict[str, Any] | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Operation:
        """Remembers the arguments, for `get_config`."""
        self = super().__new__(cls)
        self._auto_config = auto_config.captured(cls, args, kwargs)
        return self

    def __init__(self, name: str | None = None) -> None:
        name = auto_name(type(self).__name__) if name is None else name
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"Argument `name` must be a string and cannot contain character `/`. Received: name={name} (of type {type(name)})")
        self.name = name
        self._remat = current_scope()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs it on tensors, or remembers it on KerasTensors."""
        try:
            return (self.symbolic_call if is_symbolic(args, kwargs) else self._function())(*args, **kwargs)
        except Exception as error:
            told = explained(error, self, args, kwargs)
            if told is error:
                raise
            raise told from None

    def _function(self) -> Callable[..., Any]:
        function: Callable[..., Any] = self.call if self.quantization_mode is None else self.quantized_call
        return remat(function) if self._remat is not None and self._remat.mode == "full" else function

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Finds what it returns for KerasTensors, and remembers the call."""
        return record(self, args, kwargs, self.compute_output_spec(*args, **kwargs))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What it does; for subclasses to define."""
        raise NotImplementedError(f"{type(self).__name__} defines no call(). Try adding one: def call(self, x): return ...")

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """What it does instead while `quantization_mode` is set; for subclasses to define."""
        raise NotImplementedError(f"{type(self).__name__} defines no quantized_call().")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """KerasTensors for what it returns, found by tracing `call`; nothing is recorded."""
        return symbols(specs_of(self.call, args, kwargs), self.name)

    @property
    def input(self) -> Any:
        """The KerasTensors that it was called with first."""
        return _one_or_list(self._first_node("input").inputs)

    @property
    def output(self) -> Any:
        """The KerasTensors that its first call gave."""
        return _one_or_list(self._first_node("output").output_tensors)

    def _first_node(self, what: str) -> Any:
        if not nodes_of(self):
            raise AttributeError(f"The operation {self.name} has never been called and thus has no defined {what}.")
        return nodes_of(self)[0]

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make it anew; a subclass that takes other arguments than plain ones overrides it."""
        return auto_config.restored(self) if type(self).get_config is Operation.get_config else {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An operation from its config."""
        return cls(**config)


def _one_or_list(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


class Function(Operation):
    """A function of `keras.ops` in a functional model's graph: `x + y`, `x[:, 0]`, `keras.ops.mean(x)`.

    Args:
        kind: its class name in Keras's files, e.g. `Add`.
        name: default: made from `kind`.
        options: arguments of the function that are no tensors.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Function:
        """An empty object: there is a `get_config`."""
        return object.__new__(cls)

    def __init__(self, kind: str, name: str | None = None, **options: Any) -> None:
        function = operation_named(kind)
        self.kind = kind
        self.name = name or auto_name(kind)
        self.options = options
        self.function = partial(function, **options) if options else function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs it on tensors, or remembers it on KerasTensors."""
        return self.symbolic_call(*args, **kwargs) if is_symbolic(args, kwargs) else self.function(*args, **kwargs)

    call = __call__

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """KerasTensors for what it returns."""
        known = SPECS.get(self.kind)
        specs = known(*args, **kwargs, **self.options) if known else specs_of(self.function, args, kwargs)
        tensors = nest.flatten(args)
        sparse = any(getattr(x, "sparse", False) for x in tensors) and stays_sparse(self.kind, [getattr(x, "sparse", False) for x in tensors])
        return symbols(specs, self.name, sparse or bool(self.options.get("sparse")))

    def get_config(self) -> dict[str, Any]:
        """What it is made from."""
        return {"name": self.name, **self.options}

    def __repr__(self) -> str:
        return f"<Operation {self.kind}, name={self.name}>"


def mask_of(x: Any) -> Any:
    """The mask that a tensor carries; of a KerasTensor a KerasTensor; None if there is none."""
    return Function("MaskOf")(x) if isinstance(x, KerasTensor) else getattr(x, "_keras_mask", None)


OPERATIONS["MaskOf"] = mask_of
SPECS["MaskOf"] = lambda x: x.mask_spec
MODULES["MaskOf"] = "keras.src.ops.core"
