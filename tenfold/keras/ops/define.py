"""What makes a function one of `keras.ops`: it takes anything array-like, promotes types as Keras does, and records symbolic calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from tenfold.core import nest
from tenfold.core.dtypes import DType, as_dtype
from tenfold.core.shapes import broadcast
from tenfold.ir.primitive import Spec
from tenfold.keras.base.dtypes import standardize_dtype
from tenfold.keras.base.naming import auto_name
from tenfold.keras.base.operation import Function, Operation
from tenfold.keras.base.promotion import Rule
from tenfold.keras.base.symbolic import MODULES, OPERATIONS, SPECS, KerasTensor, is_symbolic
from tenfold.keras.ops import sparsity
from tenfold.keras.ops.sparsity import SPARSE
from tenfold.ops.creation import cast
from tenfold.ops.ragged import RaggedTensor
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.tensor.variable import Variable

Array = Any  # a parameter of this type takes a tensor, variable, NumPy array, number, list of numbers, or KerasTensor
Arrays = Any  # a list or tuple of these
ArrayTree = Any  # any nested structure of these
F = TypeVar("F", bound=Callable[..., Any])
_ONE, _MANY = ("Array", "Array | None"), ("Arrays", "Arrays | None")
_NUMBERS = (bool, int, float)
_TREE = ("ArrayTree", "ArrayTree | None")
_AS_THEY_ARE = (Tensor, RaggedTensor)


def operation(module: str = "numpy", kind: str | None = None, dtype: Rule | None = None, of: str = "",
              option: bool = False, spec: Callable[..., Any] | None = None) -> Callable[[F], F]:  # fmt: skip
    """Makes a function one of `keras.ops`.

    Parameters annotated `Array` (or `Arrays`: a list of them; `ArrayTree`: a nested structure) reach the body as tensors. With a KerasTensor
    among them, the call becomes a node of a functional model instead; all other parameters are its options, and go into its config.

    Args:
        module: where Keras has the operation's class, in `keras.src.ops`.
        kind: that class's name; default: the function's name in camel case.
        dtype: a rule of `keras.promotion`: which type the tensors are promoted to; default: each keeps its own.
        of: the parameters that the rule is about, separated by blanks, if not all tensors.
        option: whether the option `dtype`, if it names an inexact type, decides instead of the rule.
        spec: what the symbolic result is, where its shape depends on values: called with the KerasTensors and the options.

    Example:
        >>> from tenfold.keras.base.promotion import floating
        >>> @operation("custom", dtype=floating)
        ... def hypotenuse(a: Array, b: Array) -> Array:
        ...     return tf.sqrt(a * a + b * b)
        >>> float(hypotenuse(3, 4)), hypotenuse(tf.keras.Input((2,)), 4).shape
        (5.0, TensorShape([None, 2]))
    """

    def decorate(function: F) -> F:
        definition = _Definition(function, kind or "".join(part.capitalize() for part in function.__name__.split("_")), dtype, of.split(), option)
        call = definition.call

        @wraps(function)
        def made(*args: Any, **kwargs: Any) -> Any:
            return call(args, kwargs)

        @wraps(function)
        def again(*args: Any, **options: Any) -> Any:
            return definition.replay(*args, **options)

        name = definition.kind
        OPERATIONS[name] = made if definition.tensors_first else again
        MODULES[name] = f"keras.src.ops.{module}"
        if spec is not None:
            SPECS[name] = spec
        return made  # type: ignore[return-value]

    return decorate


class _Definition:
    """A function of `keras.ops`, and what becomes of its arguments."""

    def __init__(self, function: Callable[..., Any], kind: str, rule: Rule | None, ruled: list[str], option: bool) -> None:
        self.function, self.kind, self.rule, self.option = function, kind, rule, option
        self.signature = inspect.signature(function)
        self.parameters = parameters = self.signature.parameters
        self.tensors = [n for n, p in parameters.items() if p.annotation in (*_ONE, *_MANY, *_TREE)]
        self.trees = [n for n in self.tensors if parameters[n].annotation in _TREE]
        self.rest = next((n for n, p in parameters.items() if p.kind is inspect.Parameter.VAR_KEYWORD), "")
        self.spread = next((n for n in self.tensors if parameters[n].kind is inspect.Parameter.VAR_POSITIONAL), None)
        self.many = [n for n in self.tensors if parameters[n].annotation in _MANY or n == self.spread]
        self.together = ruled or [n for n in self.tensors if n not in self.trees]
        self.apart = [n for n in self.tensors if n not in self.together and n not in self.trees]
        self.tensors_first = list(parameters)[: len(self.tensors)] == self.tensors
        self.quick = len(self.tensors) if self.tensors_first and not self.many and not self.trees and not ruled and not option else 0
        self.kept: set[DType] = set()  # the types that the rule leaves as they are

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Computes it; records it if a tensor is symbolic."""
        ready = self._ready(args[: self.quick], kwargs) if self.quick and args else None
        if ready is not None:
            return self.function(*ready, *args[self.quick :], **kwargs)
        bound = self.signature.bind(*args, **kwargs)
        if is_symbolic(args, kwargs):
            return self._remember(bound.arguments)
        tensors = [x for n in (*self.together, *self.apart) for x in self._values(bound.arguments, n)]
        if any(isinstance(x, SPARSE) for x in tensors):
            return sparsity.compute(self.kind, tensors, lambda change: self._with(bound, change))
        return self._with(bound)

    def _ready(self, given: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
        """The tensors, if there is next to nothing to do: they have one type, which the rule leaves as it is, and so do the numbers among them."""
        if kwargs and any(n in kwargs for n in self.tensors):
            return None
        dtype, tensors = None, []
        for x in given:
            if type(x) not in (int, float):
                x = x.read_value() if isinstance(x, Variable) else x
                if type(x) is not Tensor or (dtype is not None and x.dtype is not dtype):
                    return None
                dtype = x.dtype
            tensors.append(x)
        if dtype is None or (self.rule is not None and dtype not in self.kept and not self._keeps(dtype, len(given))):
            return None
        for i, x in enumerate(tensors):
            if type(x) is not Tensor:
                if self.rule is None or not (dtype.is_floating or (dtype.is_integer and type(x) is int)):
                    return None
                tensors[i] = as_tensor(x, hint=dtype)
        return tensors

    def _keeps(self, dtype: DType, count: int) -> bool:
        """Whether the rule leaves this type as it is."""
        assert self.rule is not None
        if self.rule(*[dtype] * count) == dtype.name:
            self.kept.add(dtype)
        return dtype in self.kept

    def _values(self, given: dict[str, Any], name: str) -> Any:
        value = given.get(name)
        return () if value is None else value if name in self.many else (value,)

    def _with(self, bound: inspect.BoundArguments, change: Callable[[Any], Any] | None = None) -> Any:
        """Calls the function with tensors in the place of what stands for some."""
        given = dict(bound.arguments)
        wanted = inexact(given.get("dtype")) if self.option else None
        given.update((n, nest.map_structure(as_tensor, given[n])) for n in self.trees if given.get(n) is not None)
        for rule, names in ((wanted or self.rule, self.together), (None, self.apart)):
            values = [change(x) if change else x for n in names for x in self._values(given, n)]
            values = converted(values, rule)
            for n in names:
                count = len(self._values(given, n))
                if count or given.get(n) is not None:
                    given[n] = values[:count] if n in self.many else values[0]
                    del values[:count]
        bound = inspect.BoundArguments(self.signature, given)
        return self.function(*bound.args, **bound.kwargs)

    def _remember(self, given: dict[str, Any]) -> Any:
        """The symbolic call: tensors are arguments of the node, everything else the operation's options."""
        options = {n: value for n, value in given.items() if n not in self.tensors and n != self.rest} | given.get(self.rest, {})
        symbolic = {n: options.pop(n) for n in list(options) if is_symbolic(options[n])}
        last = max((i for i, n in enumerate(self.tensors) if given.get(n) is not None), default=-1)
        args = [given.get(n) for n in self.tensors[: last + 1]]
        return Function(self.kind, **options)(*args[:-1], *(args[-1:] if self.spread is None else given[self.spread]), **symbolic)

    def replay(self, *args: Any, **options: Any) -> Any:
        """The function with its tensors first and its options by name, whatever their order is."""
        if self.spread is not None:
            return self.call((*(options.pop(n) for n in self.parameters if n in options and n not in self.tensors), *args), options)
        return self.call((), {**dict(zip(self.tensors, args, strict=False)), **options})


class FunctionCall(Operation):
    """A call of a Python function with KerasTensors, as a node of a functional model. It has no config: such a model is not saved.

    Args:
        name: for messages.
        function: what is called.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        super().__init__(auto_name(name))
        self.function = function

    def call(self, *args: Any) -> Any:
        """Calls the function."""
        return self.function(*args)

    def get_config(self) -> dict[str, Any]:
        """Raises NotImplementedError."""
        raise NotImplementedError(f"[{self.name}] calls a Python function, so the model cannot be saved. Try a layer whose call does it.")


def call_function(name: str, function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, remembered if a KerasTensor is among the arguments."""
    return FunctionCall(name, function)(*args) if is_symbolic(args) else function(*args)


def promoted(rule: Rule) -> Callable[..., Spec]:
    """The symbolic result of elementwise functions that ask only elements, not symbolic tensors, for their type."""

    def spec(*tensors: Any) -> Spec:
        known = [x if isinstance(x, KerasTensor) else as_tensor(x) for x in tensors]
        return Spec(broadcast("operation", *(x.sizes for x in known)), as_dtype(rule(*(x.dtype for x in known))))

    return spec


def inexact(dtype: Any) -> Rule | None:
    """The rule that takes this type, if it is a floating-point or complex one."""
    name = "" if dtype is None else standardize_dtype(dtype)
    return (lambda *dtypes: name) if "float" in name or "complex" in name else None


def converted(values: list[Any], rule: Rule | None = None) -> list[Any]:
    """The values as tensors; with a rule, of the type that it finds for them. Python's numbers count as weak types."""
    if rule is None or not values:
        return [x if isinstance(x, _AS_THEY_ARE) else as_tensor(x) for x in values]
    known = [x if type(x) in _NUMBERS else as_tensor(x) for x in values]
    want = as_dtype(rule(*[x.dtype if isinstance(x, Tensor) else type(x) for x in known]))
    return [
        x if isinstance(x, Tensor) and x.dtype is want else cast(as_tensor(given, hint=want), want) for x, given in zip(known, values, strict=True)
    ]


__all__ = ["Array", "ArrayTree", "Arrays", "call_function", "converted", "operation", "promoted"]
