"""Primitives as functions of tensors: what `bind` does with eager ones, in one frame, for an eager operation costs a few microseconds in all.

What is traced, and what an oracle refuses, goes to `apply`, which records it, or raises the error that explains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy import ndarray

from tenfold.core.quiet import restore, silence
from tenfold.ir.primitive import Primitive
from tenfold.tensor.bind import SIMPLE, TYPE_AND_SHAPE, apply, state
from tenfold.tensor.swift import swift, swift_of_one
from tenfold.tensor.tensor import Tensor, wrap

NO_ATTRS: Mapping[str, Any] = {}
MOST_PASSED = 1 << 10
ERRORS = (ValueError, TypeError, MemoryError)
new = object.__new__


def of_one(primitive: Primitive, otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A uniform primitive of one input. `otherwise` takes what is no tensor yet."""
    oracle, types = swift_of_one(primitive), primitive.numpy_dtypes

    def function(x: Any) -> Any:
        if type(x) is not Tensor:
            return otherwise(x)
        a = x._array
        if a is None or a.dtype not in types or state.trace is not None:
            return apply(primitive, (x,), NO_ATTRS)
        before = silence()
        try:
            result = oracle(a)
        except ERRORS:
            return apply(primitive, (x,), NO_ATTRS)
        finally:
            restore(before)
        if type(result) is ndarray:
            made = new(Tensor)
            made._array = result
        else:
            made = wrap(result)
        for tape in state.tapes:
            tape.record(primitive, (x,), (made,), NO_ATTRS)
        return made

    return function


def of_two(primitive: Primitive, otherwise: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A uniform primitive of two inputs. `otherwise` takes operands that are no tensors yet."""
    oracle, types = swift(primitive), primitive.numpy_dtypes

    def operator(x: Any, y: Any) -> Any:
        if type(x) is not Tensor or type(y) is not Tensor:
            return otherwise(x, y)
        a, b = x._array, y._array
        if a is None or b is None or a.dtype is not b.dtype or a.dtype not in types or state.trace is not None:
            return apply(primitive, (x, y), NO_ATTRS)
        before = silence()
        try:
            result = oracle(a, b)
        except ERRORS:
            return apply(primitive, (x, y), NO_ATTRS)
        finally:
            restore(before)
        if type(result) is ndarray:
            made = new(Tensor)
            made._array = result
        else:
            made = wrap(result)
        for tape in state.tapes:
            tape.record(primitive, (x, y), (made,), NO_ATTRS)
        return made

    return operator


def of_any(primitive: Primitive, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Any primitive. `otherwise` takes inputs that are no tensors yet."""
    oracle, simple = swift(primitive), primitive.kind in SIMPLE
    passed: set[Any] = set()  # types and shapes of inputs, and attributes, that the shape rule accepts

    def operation(*xs: Any, **attrs: Any) -> Any:
        arrays: list[Any] = []
        eager = simple and state.trace is None  # attributes of others may be large objects, which must not be kept
        for x in xs:
            if type(x) is not Tensor:
                return otherwise(*xs, **attrs)
            if x._array is None:
                eager = False
            arrays.append(x._array)
        if not eager:
            return apply(primitive, xs, attrs)
        key = (*map(TYPE_AND_SHAPE, arrays), *attrs.items())
        if key not in passed:
            made = apply(primitive, xs, attrs)
            if len(passed) >= MOST_PASSED:
                passed.clear()
            passed.add(key)
            return made
        before = silence()
        try:
            result = oracle(*arrays, **attrs)
        except ERRORS:
            return apply(primitive, xs, attrs)
        finally:
            restore(before)
        if type(result) is ndarray:
            made = new(Tensor)
            made._array = result
        else:
            made = wrap(result)
        for tape in state.tapes:
            tape.record(primitive, xs, (made,), attrs)
        return made

    return operation
