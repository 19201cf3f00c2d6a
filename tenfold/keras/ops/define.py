"""What makes a function one of `keras.ops`: it takes anything array-like, promotes types as Keras does, and records symbolic calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from tenfold.core import nest
from tenfold.core.dtypes import as_dtype
from tenfold.keras.dtypes import standardize_dtype
from tenfold.keras.naming import auto_name
from tenfold.keras.promotion import Rule
from tenfold.keras.symbolic import MODULES, OPERATIONS, SPECS, Operation, call_symbolically, is_symbolic
from tenfold.ops.creation import cast
from tenfold.tensor.tensor import Tensor, as_tensor

Array = Any  # a parameter of this type takes a tensor, variable, NumPy array, number, list of numbers, or KerasTensor
Arrays = Any  # a list or tuple of these
ArrayTree = Any  # any nested structure of these
F = TypeVar("F", bound=Callable[..., Any])
_ONE, _MANY = ("Array", "Array | None"), ("Arrays", "Arrays | None")
_NUMBERS = (bool, int, float)
_TREE = ("ArrayTree", "ArrayTree | None")


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
        >>> from tenfold.keras.promotion import floating
        >>> @operation("custom", dtype=floating)
        ... def hypotenuse(a: Array, b: Array) -> Array:
        ...     return tf.sqrt(a * a + b * b)
        >>> float(hypotenuse(3, 4)), hypotenuse(tf.keras.Input((2,)), 4).shape
        (5.0, TensorShape([None, 2]))
    """

    def decorate(function: F) -> F:
        name = kind or "".join(part.capitalize() for part in function.__name__.split("_"))
        made, OPERATIONS[name] = _made(function, name, dtype, of.split(), option)
        MODULES[name] = f"keras.src.ops.{module}"
        if spec is not None:
            SPECS[name] = spec
        return made  # type: ignore[return-value]

    return decorate


def _made(
    function: Callable[..., Any], kind: str, dtype: Rule | None, ruled: list[str], option: bool
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(the public function, the same with its tensors first and its options by name)."""
    signature = inspect.signature(function)
    parameters = signature.parameters
    tensors = [n for n, p in parameters.items() if p.annotation in (*_ONE, *_MANY, *_TREE)]
    spread = next((n for n in tensors if parameters[n].kind is inspect.Parameter.VAR_POSITIONAL), None)
    trees = [n for n in tensors if parameters[n].annotation in _TREE]
    together = ruled or tensors
    many = [n for n in tensors if parameters[n].annotation in _MANY or n == spread]

    def prepare(given: dict[str, Any]) -> None:
        """Makes tensors of the arguments that stand for some."""
        given.update((n, nest.map_structure(as_tensor, given[n])) for n in trees if given.get(n) is not None)
        there = [n for n in tensors if given.get(n) is not None and n not in trees]
        wanted = inexact(given.get("dtype")) if option else None
        for rule, names in ((wanted or dtype, [n for n in there if n in together]), (None, [n for n in there if n not in together])):
            convert(given, names, rule)

    def convert(given: dict[str, Any], names: list[str], rule: Rule | None) -> None:
        values = converted([x for n in names for x in (given[n] if n in many else [given[n]])], rule)
        for n in names:
            count = len(given[n]) if n in many else 1
            given[n] = values[:count] if n in many else values[0]
            del values[:count]

    def remember(given: dict[str, Any]) -> Any:
        """The symbolic call: tensors are arguments of the node, everything else the operation's options."""
        options = {n: value for n, value in given.items() if n not in tensors}
        last = max((i for i, n in enumerate(tensors) if given.get(n) is not None), default=-1)
        args = [given.get(n) for n in tensors[: last + 1]]
        return Operation(kind, **options)(*args[:-1], *(args[-1:] if spread is None else given[spread]))

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        if is_symbolic(args, kwargs):
            return remember(bound.arguments)
        prepare(bound.arguments)
        return function(*bound.args, **bound.kwargs)

    @wraps(function)
    def replay(*args: Any, **options: Any) -> Any:
        if spread is not None:
            return call(*(options.pop(n) for n in parameters if n in options and n not in tensors), *args, **options)
        return call(**dict(zip(tensors, args, strict=False)), **options)

    return call, call if list(parameters)[: len(tensors)] == tensors else replay


class FunctionCall:
    """A call of a Python function with KerasTensors, as a node of a functional model. It has no config: such a model is not saved.

    Args:
        name: for messages.
        function: what is called.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name, self.function = auto_name(name), function

    def __call__(self, *args: Any) -> Any:
        return call_symbolically(self, args, {}, self.function) if is_symbolic(args) else self.function(*args)

    def get_config(self) -> dict[str, Any]:
        """Raises NotImplementedError."""
        raise NotImplementedError(f"[{self.name}] calls a Python function, so the model cannot be saved. Try a layer whose call does it.")


def inexact(dtype: Any) -> Rule | None:
    """The rule that takes this type, if it is a floating-point or complex one."""
    name = "" if dtype is None else standardize_dtype(dtype)
    return (lambda *dtypes: name) if "float" in name or "complex" in name else None


def converted(values: list[Any], rule: Rule | None = None) -> list[Tensor]:
    """The values as tensors; with a rule, of the type that it finds for them. Python's numbers count as weak types."""
    if rule is None or not values:
        return [x if type(x) is Tensor else as_tensor(x) for x in values]
    known = [x if type(x) in _NUMBERS else as_tensor(x) for x in values]
    want = as_dtype(rule(*[x.dtype if isinstance(x, Tensor) else type(x) for x in known]))
    return [
        x if isinstance(x, Tensor) and x.dtype is want else cast(as_tensor(given, hint=want), want) for x, given in zip(known, values, strict=True)
    ]


__all__ = ["Array", "ArrayTree", "Arrays", "FunctionCall", "converted", "operation"]
