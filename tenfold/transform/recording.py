"""Recording: what a tape remembers, and on the way what the operations of its gradients depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenfold.core.dtypes import DIFFERENTIABLE
from tenfold.ir.primitive import Primitive
from tenfold.tensor.bind import SIMPLE, TYPE_AND_SHAPE
from tenfold.tensor.tensor import Tensor
from tenfold.tensor.variable import Variable
from tenfold.transform.vjp import RULED, Record


class Recording:
    """The operations on watched tensors, in order.

    Attributes:
        records: what was done.
        watched: by id, the numbers of the tensors that gradients flow from; `others`: those of all other tensors that are known.
        tensors: all of them, in the order of their numbers.
        key: types and shapes of the tensors that no record made; for each record the primitive, its inputs' numbers and its attributes.
        plain: whether gradients' operations depend on nothing but the key.
        variables: by id, a variable that was read and the tensors that were read from it.
    """

    __slots__ = ("key", "others", "plain", "records", "tensors", "variables", "watched", "watches_variables")

    def __init__(self, watches_variables: bool = True) -> None:
        self.watches_variables = watches_variables
        self.records: list[Record] = []
        self.watched: dict[int, int] = {}
        self.others: dict[int, int] = {}
        self.tensors: list[Tensor] = []
        self.key: list[Any] = []
        self.plain = True
        self.variables: dict[int, list[Any]] = {}

    def record(self, primitive: Primitive, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> None:
        """Called by `bind` for every operation. (It takes few steps: it is a good part of what a small operation costs.)"""
        watched = self.watched
        for x in inputs:
            if id(x) in watched:
                break
        else:
            return
        self.records.append((primitive, inputs, outputs, attrs))
        key, tensors, others = self.key, self.tensors, self.others
        key.append(primitive)
        for x in inputs:
            i = id(x)
            key.append(watched[i] if i in watched else others[i] if i in others else self._given(x))
        if attrs:
            key += attrs.items()
        if (primitive.kind not in SIMPLE and primitive.name not in RULED) or "sparse" in attrs:
            self.plain = False
        for y in outputs:
            a = y._array
            flows = a.dtype in DIFFERENTIABLE if a is not None else y.dtype.is_differentiable
            (watched if flows else others)[id(y)] = len(tensors)
            tensors.append(y)

    def saw(self, variable: Variable, tensor: Tensor) -> None:
        """Called when a trainable variable is read."""
        seen = self.variables.get(id(variable))
        if (seen is None or seen[-1] is not tensor) and self.watches_variables:
            self.follow(variable, tensor)

    def follow(self, variable: Variable, tensor: Tensor) -> None:
        """Watches the value of a variable."""
        if tensor.dtype.is_differentiable:
            self.watch(tensor)
            seen = self.variables.get(id(variable))
            if seen is None:
                self.variables[id(variable)] = [variable, tensor]
            elif all([t is not tensor for t in seen]):
                seen.append(tensor)

    def watch(self, tensor: Tensor) -> None:
        """Takes note of what is done with a tensor from here on."""
        i = id(tensor)
        if i not in self.watched:
            self.watched[i] = self.others[i] if i in self.others else self._given(tensor)
            del self.others[i]

    def _given(self, tensor: Tensor) -> int:
        """The next number, for a tensor that no record made."""
        a = tensor._array
        self.key.append(None if a is None else TYPE_AND_SHAPE(a))
        number = self.others[id(tensor)] = len(self.tensors)
        self.tensors.append(tensor)
        return number
