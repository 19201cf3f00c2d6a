"""What of a loop's gradient need not be computed in the loop.

The reverse of a step is a graph. Two things are read from it: which values of the forward step it needs that change from step to step
(they are stacked by the forward loop, and nothing is computed twice), and which cotangents of operands that are the same at all steps
are sums of products: they are one product over all steps, after the loop.

    for each step: dw += h.T @ dz          ->          stack dz;   dw = reshape(h).T @ reshape(dz)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tenfold.core.shapes import Size, product
from tenfold.ir.graph import Node, Value
from tenfold.primitives.contraction import matmul
from tenfold.primitives.movement import reshape, transpose
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.bind import bind
from tenfold.tensor.tensor import Tensor

Stacked = Callable[[Value], Tensor]  # a value of the reverse step -> its values at all steps
Make = Callable[[Stacked], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """A cotangent computed after the loop by `make`, from the values in `needs` at all steps."""

    needs: tuple[Value, ...]
    make: Make


def varying(changing: Iterable[Value], nodes: Sequence[Node]) -> set[int]:
    """Ids of the values that may differ from step to step: `changing`, and what is made of them or not purely of its operands."""
    found = {id(v) for v in changing}
    for node in nodes:
        if not node.primitive.pure or any(id(v) in found for v in node.inputs):
            found.update(id(v) for v in node.outputs)
    return found


def outside(v: Value, makers: dict[int, Node], length: Size, varies: set[int], stacked: set[int]) -> Outside | None:
    """How to compute the sum of `v` over all steps after the loop; None: it is better summed in the loop.

    Args:
        v: a cotangent in the reverse step.
        makers: the nodes of the reverse step, by their results.
        length: the number of steps.
        varies: ids of values that may differ from step to step.
        stacked: ids of values that are stacked anyway; sums of them are taken after the loop too.
    """
    node = makers.get(id(v))
    if node is None:
        return None
    name = node.primitive.name
    if name == "matmul" and len(v.spec.shape) == 2 and all(id(x) in varies for x in node.inputs):
        return _product(node, makers, length, stacked)
    if name == "sum":
        source = _stack(node.inputs[0], makers, length, stacked)
        axes = (0, *(a + 1 for a in node.attrs["axes"]))
        return Outside((), lambda s: sum_(source.make(s), axes)) if all(id(x) in stacked for x in source.needs) else None
    if name not in ("add", "reshape", "transpose") or any(x.spec != v.spec for x in node.inputs if name == "add"):
        return None
    parts = [outside(x, makers, length, varies, stacked) for x in node.inputs]
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        return None
    return Outside(tuple(x for p in known for x in p.needs), lambda s: bind(node.primitive, *(p.make(s) for p in known), **node.attrs))


def _product(node: Node, makers: dict[int, Node], length: Size, stacked: set[int]) -> Outside:
    a, b = (_stack(x, makers, length, stacked) for x in node.inputs)
    transpose_a, transpose_b = node.attrs["transpose_a"], node.attrs["transpose_b"]

    def make(s: Stacked) -> Tensor:
        left, right = _merged(a.make(s), 1 if transpose_a else 2), _merged(b.make(s), 2 if transpose_b else 1)
        total: Tensor = matmul(left, right, transpose_a=transpose_a, transpose_b=transpose_b)
        return total

    return Outside((*a.needs, *b.needs), make)


def _stack(v: Value, makers: dict[int, Node], length: Size, stacked: set[int]) -> Outside:
    """`v` at all steps; what only has another shape than something that is stacked is made of it."""
    node = makers.get(id(v))
    if id(v) not in stacked and node is not None and node.primitive.name == "reshape":
        inner = _stack(node.inputs[0], makers, length, stacked)
        return Outside(inner.needs, lambda s: reshape(inner.make(s), (length, *v.spec.shape)))
    return Outside((v,), lambda s: s(v))


def _merged(x: Tensor, axis: int) -> Tensor:
    """[steps, m, n] -> the steps merged into `axis`."""
    steps, m, n = x.sizes
    merged: Tensor = reshape(x, (product((steps, m)), n)) if axis == 1 else reshape(transpose(x, (1, 0, 2)), (m, product((steps, n))))
    return merged


def after_loop(wanted: dict[int, Value], nodes: Sequence[Node], length: Size, varies: set[int], stacked: Iterable[Value]) -> dict[int, Outside]:
    """Which of the `wanted` cotangents are computed after the loop, and how. `stacked` are the values that are stacked anyway."""
    makers = {id(v): n for n in nodes for v in n.outputs}
    found: dict[int, Outside] = {}
    there = {id(v) for v in stacked}
    for _ in range(2):  # sums follow products: what these need is stacked then
        for k, v in wanted.items():
            plan = None if k in found else outside(v, makers, length, varies, there)
            if plan is not None:
                found[k] = plan
                there.update(id(x) for x in plan.needs)
    return found
