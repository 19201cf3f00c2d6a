"""JAX functions as operations: compiled and differentiated by JAX, called on the elements of tensors."""

from __future__ import annotations

import ast
import importlib
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import BY_NUMPY, DType
from tenfold.core.shapes import Shape, Size, Sym, divide
from tenfold.core.shapes import function as size_function
from tenfold.tensor.tensor import Tensor
from tenfold.transform.host_call import host_call


def load_jax(wanted_by: str) -> Any:
    """The package `jax`.

    Raises:
        ImportError: it is not installed.
    """
    try:
        jax = importlib.import_module("jax")
        importlib.import_module("jax.export")
    except ImportError as error:
        raise ImportError(f"{wanted_by} requires JAX. Try pip install jax.") from error
    return jax


class JaxFunction:
    """A JAX function of arrays that returns a list of arrays, compiled for each set of shapes."""

    def __init__(self, jax: Any, function: Callable[..., Sequence[Any]]) -> None:
        self.jax, self.function = jax, function
        self._compiled = jax.jit(function)
        self._gradients: dict[Any, JaxFunction] = {}

    def __call__(self, *arrays: Any) -> list[Any]:
        return [np.asarray(r) for r in self._compiled(*arrays)]

    def gradient(self, wanted: tuple[int, ...], given: tuple[int, ...]) -> JaxFunction:
        """The cotangents of the `wanted` arguments, from (arguments, cotangents of the `given` results)."""
        key = (wanted, given)
        if key not in self._gradients:
            self._gradients[key] = JaxFunction(self.jax, self._pullback(wanted, given))
        return self._gradients[key]

    def _pullback(self, wanted: tuple[int, ...], given: tuple[int, ...]) -> Callable[..., Sequence[Any]]:
        jax, conj = self.jax, self.jax.numpy.conj  # JAX's cotangents of complex numbers are the conjugates of TensorFlow's

        def pullback(*arrays: Any) -> Sequence[Any]:
            xs, gs = arrays[: -len(given)], arrays[-len(given) :]

            def results(*moved: Any) -> list[Any]:
                now = dict(enumerate(xs)) | dict(zip(wanted, moved, strict=True))
                ys = self.function(*now.values())
                return [ys[i] for i in given]

            _, back = jax.vjp(results, *(xs[i] for i in wanted))
            return [conj(g) for g in back([conj(g) for g in gs])]

        return pullback


class TreeFunction:
    """A JAX function of pytrees, as a function of pytrees of tensors. Leaves that are no tensors are constants to it.

    Args:
        jax: the package.
        function: takes and returns pytrees.
    """

    def __init__(self, jax: Any, function: Callable[..., Any]) -> None:
        self.jax, self.function = jax, function
        self._flat: dict[Any, JaxFunction] = {}
        self._results: dict[Any, tuple[Any, list[Shape], list[DType]]] = {}

    def __call__(self, *args: Any) -> Any:
        tree = self.jax.tree_util
        leaves, form = tree.tree_flatten(args)
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        constants = tuple(None if isinstance(leaf, Tensor) else leaf for leaf in leaves)
        flat = self._flattened(form, constants)
        key = (flat, *(t.spec for t in tensors))
        if key not in self._results:
            self._results[key] = self._inferred(form, constants, [(t.sizes, t.dtype) for t in tensors])
        result_form, shapes, dtypes = self._results[key]
        made = host_call(flat, tensors, shapes, dtypes) if shapes else ()
        return tree.tree_unflatten(result_form, list(made))

    def _flattened(self, form: Any, constants: tuple[Any, ...]) -> JaxFunction:
        key = (form, constants)
        if key not in self._flat:

            def run(*arrays: Any) -> list[Any]:
                results: list[Any] = self.jax.tree_util.tree_leaves(self._filled(form, constants, arrays))
                return results

            self._flat[key] = JaxFunction(self.jax, run)
        return self._flat[key]

    def _filled(self, form: Any, constants: tuple[Any, ...], arrays: Sequence[Any]) -> Any:
        """The function's result for these arrays, in the places where no constant is."""
        rest = iter(arrays)
        return self.function(*self.jax.tree_util.tree_unflatten(form, [next(rest) if c is None else c for c in constants]))

    def _inferred(self, form: Any, constants: tuple[Any, ...], specs: list[tuple[Shape, DType]]) -> tuple[Any, list[Shape], list[DType]]:
        """The form of the results, their shapes and types; nothing is computed."""
        sizes = Sizes(self.jax)
        known = self.jax.dtypes.canonicalize_dtype
        given = [self.jax.ShapeDtypeStruct(sizes.to_jax(shape), known(dtype.numpy)) for shape, dtype in specs]
        found = self.jax.eval_shape(lambda *arrays: self._filled(form, constants, arrays), *given)
        leaves, result_form = self.jax.tree_util.tree_flatten(found)
        return result_form, [sizes.from_jax(leaf.shape) for leaf in leaves], [BY_NUMPY[np.dtype(leaf.dtype)] for leaf in leaves]


class Sizes:
    """Unknown sizes as JAX's symbolic dimensions and back. A first size that is unknown is the batch size, the same in all tensors."""

    def __init__(self, jax: Any) -> None:
        self.jax, self.scope = jax, jax.export.SymbolicScope()
        self._names: dict[Any, str] = {}
        self._sizes: dict[str, Size] = {}

    def to_jax(self, shape: Shape) -> tuple[Any, ...]:
        """The shape in JAX's symbols."""
        text = [self._expression(n) if isinstance(n, Sym) else str(int(n)) for n in shape]
        if shape and isinstance(shape[0], Sym):
            self._sizes.setdefault("batch", shape[0])
            text[0] = "batch"
        return tuple(self.jax.export.symbolic_shape("(" + "".join(t + "," for t in text) + ")", scope=self.scope))

    def _expression(self, size: Sym) -> str:
        batch = self._sizes.get("batch")
        if size == batch:
            return "batch"
        terms = []
        for atoms, factor in size.terms:
            names = [self._names.setdefault(atom, f"d{len(self._names)}") for atom in atoms]
            self._sizes.update((name, Sym({(atom,): 1})) for name, atom in zip(names, atoms, strict=True))
            terms.append("*".join([str(factor), *names]))
        return " + ".join(terms)

    def from_jax(self, shape: Sequence[Any]) -> Shape:
        """The shape in Tenfold's symbols: JAX's are known by their text, which is a Python expression but for powers."""
        return tuple(n if isinstance(n, int) else self._value(ast.parse(str(n).replace("^", "**"), mode="eval").body) for n in shape)

    def _value(self, node: Any) -> Any:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name):
                return self._sizes[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand)
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(power))):
                result, base = 1, self._value(left)
                for _ in range(power):
                    result = result * base
                return result
            case ast.BinOp(left=left, op=op, right=right):
                return _ARITHMETIC[type(op)](self._value(left), self._value(right))
            case ast.Call(func=ast.Name(id=name), args=[left, right]):
                return _FUNCTIONS[name](self._value(left), self._value(right))
        raise NotImplementedError(f"The size {ast.unparse(node)} that JAX finds for a result is beyond Tenfold. Try a fixed size for the input.")


_ARITHMETIC: dict[Any, Callable[[Any, Any], Any]] = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "floordiv": divide,
    "mod": lambda a, b: a - divide(a, b) * b,
    "max": lambda a, b: size_function("max", a, b),
    "min": lambda a, b: size_function("min", a, b),
}
