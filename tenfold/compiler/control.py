"""Native control flow: cond, while and scan become jumps in the plan, their graphs compiled into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tenfold.compiler.calls import lower_host
from tenfold.compiler.lower import Call, cut
from tenfold.compiler.memory import nbytes
from tenfold.compiler.program import Group, Uses, root
from tenfold.core import dtypes
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Kernel, Stage, Store


@dataclass(frozen=True, slots=True, eq=False)
class LoopItem:
    """`condition`; while `flag` holds: `body`, `condition`."""

    condition: list[Any]
    flag: Value
    body: list[Any]


@dataclass(frozen=True, slots=True, eq=False)
class BranchItem:
    """`then` if `flag` holds, else `otherwise`."""

    flag: Value
    then: list[Any]
    otherwise: list[Any]


Item = Call | LoopItem | BranchItem
LowerGraph = Callable[[Graph], tuple[list[Item], list[Value]]]  # items, and the values (roots) of the outputs
COUNT = Spec((1,), dtypes.int64)
FLAG = Spec((), dtypes.bool_)


def flat(items: Sequence[Item]) -> list[Call]:
    """The calls in the order in which they are laid out."""
    found: list[Call] = []
    for item in items:
        match item:
            case Call():
                found.append(item)
            case LoopItem(condition, _, body):
                found += flat(condition) + flat(body)
            case BranchItem(_, then, otherwise):
                found += flat(then) + flat(otherwise)
    return found


def attributed(items: Sequence[Item], nodes: tuple[Node, ...]) -> list[Item]:
    """The items, their calls marked as made for `nodes` where they are not marked yet."""
    result: list[Item] = []
    for item in items:
        match item:
            case Call():
                result.append(item if item.nodes else replace(item, nodes=nodes))
            case LoopItem(condition, flag, body):
                result.append(LoopItem(attributed(condition, nodes), flag, attributed(body, nodes)))
            case BranchItem(flag, then, otherwise):
                result.append(BranchItem(flag, attributed(then, nodes), attributed(otherwise, nodes)))
    return result


def rename(items: Sequence[Item], new: dict[int, Value]) -> list[Item]:
    """The items with values replaced, by identity."""

    def one(v: Any) -> Any:
        return (new.get(id(v[0]), v[0]), v[1]) if isinstance(v, tuple) else new.get(id(v), v) if isinstance(v, Value) else v

    result: list[Item] = []
    for item in items:
        match item:
            case Call(_, _, args, reads, writes):
                result.append(replace(item, args=tuple(map(one, args)), reads=tuple(map(one, reads)), writes=tuple(map(one, writes))))
            case LoopItem(condition, flag, body):
                result.append(LoopItem(rename(condition, new), one(flag), rename(body, new)))
            case BranchItem(flag, then, otherwise):
                result.append(BranchItem(one(flag), rename(then, new), rename(otherwise, new)))
    return result


def copy(source: Value, target: Value) -> Call:
    """Copies the elements of one buffer to another of the same size."""
    from_type, n = source.spec.dtype, nbytes(source) // source.spec.dtype.size
    if from_type.llvm is None:  # complex numbers, as pairs of halves
        from_type, n = from_type.real_dtype, n * 2
    return _move("copy", source, target, from_type, n, loops.const(0, dtypes.int64), loops.const(0, dtypes.int64), ())


def read_row(stacked: Value, counter: Value, target: Value, length: int, reverse: bool) -> Call:
    """target = stacked[counter], counted from the end if `reverse`."""
    n, row = _row(target), _position(length, reverse)
    return _move("read row", stacked, target, *n, row, loops.const(0, dtypes.int64), (counter,))


def write_row(source: Value, counter: Value, stacked: Value, length: int, reverse: bool) -> Call:
    """stacked[counter] = source."""
    n, row = _row(source), _position(length, reverse)
    return _move("write row", source, stacked, *n, loops.const(0, dtypes.int64), row, (counter,))


def _row(v: Value) -> tuple[dtypes.DType, int]:
    count = nbytes(v) // v.spec.dtype.size
    return (v.spec.dtype, count) if v.spec.dtype.llvm is not None else (v.spec.dtype.real_dtype, count * 2)


def _position(length: int, reverse: bool) -> loops.Expr:
    at = loops.load(2, loops.const(0, dtypes.int64), dtypes.int64)
    return loops.param(1) - 1 - at if reverse else at


def _move(
    name: str, source: Value, target: Value, dtype: dtypes.DType, n: int, source_row: loops.Expr, target_row: loops.Expr, counters: tuple[Value, ...]
) -> Call:
    size, i = loops.param(0), loops.axis(0)
    element = loops.load(0, source_row * size + i if source_row.op != "const" else i, dtype)
    store = Store(1, target_row * size + i if target_row.op != "const" else i, element)
    kernel = Kernel((dtype, dtype, *(c.spec.dtype for c in counters)), 2, (size,), (0,), 0, (Stage((), (), (store,)),))
    grain, tasks = cut([n], (0,), 0)
    length = 0
    for v in (source, target):
        length = max(length, nbytes(v) // max(n * dtype.size, 1))
    return Call(kernel, tasks, (source, target, *counters, n, length, grain), (source, *counters), (target,), name)


def count(counter: Value, start: bool) -> Call:
    """counter = 0, or counter + 1."""
    zero = loops.const(0, dtypes.int64)
    value = zero if start else loops.load(0, zero, dtypes.int64) + 1
    kernel = Kernel((dtypes.int64,), 1, (loops.param(0),), (0,), 0, (Stage((), (), (Store(0, loops.axis(0), value),)),))
    return Call(kernel, 1, (counter, 1, 64), () if start else (counter,), (counter,), "count")


def below(counter: Value, limit: int, flag: Value) -> Call:
    """flag = counter < limit."""
    value = loops.load(0, loops.const(0, dtypes.int64), dtypes.int64) < loops.param(1)
    kernel = Kernel((dtypes.int64, dtypes.bool_), 2, (loops.param(0),), (0,), 0, (Stage((), (), (Store(1, loops.axis(0), value),)),))
    return Call(kernel, 1, (counter, flag, 1, limit, 64), (counter,), (flag,), "count")


def lower_control(group: Group, uses: Uses, lower_graph: LowerGraph) -> list[Item]:
    """The items of one cond, while or scan."""
    node = group.nodes[0]
    inputs = [root(v, uses) for v in node.inputs]
    return CONTROL[node.primitive.name](inputs, list(node.outputs), lower_graph, **node.attrs)


def lower_effect(group: Group, uses: Uses) -> list[Item]:
    """A host call; that of a check is jumped over as long as the check holds."""
    node = group.nodes[0]
    calls: list[Item] = list(lower_host(group, uses))
    return [BranchItem(root(node.inputs[0], uses), [], calls)] if node.primitive.name == "check" else calls


def _inlined(graph: Graph, inputs: Sequence[Value], lower_graph: LowerGraph) -> tuple[list[Item], list[Value]]:
    items, outputs = lower_graph(graph)
    new = {id(inner): outer for inner, outer in zip(graph.inputs, inputs, strict=True)}
    return rename(items, new), [new.get(id(v), v) for v in outputs]


def _copies(sources: Sequence[Value], targets: Sequence[Value]) -> list[Item]:
    """targets = sources, all at once: what is also a target is read before anything is written."""
    written = {id(t) for t in targets}
    first, second = [], []
    for s, t in zip(sources, targets, strict=True):
        if s is t:
            continue
        if id(s) in written:
            between = Value(s.spec)
            first.append(copy(s, between))
            s = between
        second.append(copy(s, t))
    return [*first, *second]


def _cond(inputs: list[Value], outputs: list[Value], lower_graph: LowerGraph, then: Graph, otherwise: Graph) -> list[Item]:
    branches = []
    for graph in (then, otherwise):
        items, results = _inlined(graph, inputs[1:], lower_graph)
        branches.append([*items, *_copies(results, outputs)])
    flag = Value(FLAG)
    return [copy(inputs[0], flag), BranchItem(flag, *branches)]


def _while(inputs: list[Value], outputs: list[Value], lower_graph: LowerGraph, test: Graph, body: Graph, carried: int) -> list[Item]:
    state = [*outputs, *inputs[carried:]]
    condition, (flag_value,) = _inlined(test, state, lower_graph)
    flag = Value(FLAG)
    step, results = _inlined(body, state, lower_graph)
    return [*_copies(inputs[:carried], outputs), LoopItem([*condition, copy(flag_value, flag)], flag, [*step, *_copies(results, outputs)])]


def _scan(
    inputs: list[Value], outputs: list[Value], lower_graph: LowerGraph, body: Graph, carried: int, sliced: int, length: int, reverse: bool
) -> list[Item]:
    counter, flag, index = Value(COUNT), Value(FLAG), Value(Spec((), dtypes.int32))
    state, stacked_in, fixed = outputs[:carried], inputs[carried : carried + sliced], inputs[carried + sliced :]
    rows = [Value(v.spec) for v in body.inputs[1 + carried : 1 + carried + sliced]]
    step, results = _inlined(body, [index, *state, *rows, *fixed], lower_graph)
    reads: list[Item] = [read_row(s, counter, r, length, reverse) for s, r in zip(stacked_in, rows, strict=True)]
    writes: list[Item] = [write_row(y, counter, s, length, reverse) for y, s in zip(results[carried:], outputs[carried:], strict=True)]
    number = _number(counter, index, length, reverse)
    return [
        *_copies(inputs[:carried], state),
        count(counter, True),
        LoopItem([below(counter, length, flag)], flag, [number, *reads, *step, *writes, *_copies(results[:carried], state), count(counter, False)]),
    ]


def _number(counter: Value, index: Value, length: int, reverse: bool) -> Call:
    """index = the position of the current step, as int32."""
    at = loops.load(0, loops.const(0, dtypes.int64), dtypes.int64)
    value = loops.cast(loops.param(1) - 1 - at if reverse else at, dtypes.int32)
    kernel = Kernel((dtypes.int64, dtypes.int32), 2, (loops.param(0),), (0,), 0, (Stage((), (), (Store(1, loops.axis(0), value),)),))
    return Call(kernel, 1, (counter, index, 1, length, 64), (counter,), (index,), "count")


CONTROL: dict[str, Callable[..., list[Item]]] = {"cond": _cond, "while": _while, "scan": _scan}
__all__ = ["CONTROL", "BranchItem", "Item", "LoopItem", "attributed", "copy", "flat", "lower_control", "rename"]
