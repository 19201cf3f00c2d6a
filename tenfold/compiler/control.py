"""Native control flow: cond, while and scan become jumps in the plan, their graphs compiled into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tenfold.compiler.calls import copy, lower_host
from tenfold.compiler.in_place import Accesses
from tenfold.compiler.items import BranchItem, Item, LoopItem, Pointer, flat, rename
from tenfold.compiler.lower import Call
from tenfold.compiler.memory import nbytes
from tenfold.compiler.program import Group, Uses, root
from tenfold.compiler.settled import apart
from tenfold.core import dtypes
from tenfold.ir.graph import Graph, Value
from tenfold.ir.primitive import Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Kernel, Stage, Store

LowerGraph = Callable[[Graph], tuple[list[Item], list[Value]]]  # items, and the values (roots) of the outputs
COUNT = Spec((1,), dtypes.int64)
FLAG = Spec((), dtypes.bool_)


def point(row: Value, stacked: Value, counter: Value, length: int, reverse: bool) -> Call:
    """Lets `row` be stacked[counter], counted from the end if `reverse`: nothing is copied, only its address is set."""
    at = loops.load(1, loops.const(0, dtypes.int64), dtypes.int64)
    position = loops.param(3) - 1 - at if reverse else at
    store = Store(0, loops.axis(0), loops.param(1) + position * loops.param(2))
    kernel = Kernel((dtypes.int64, dtypes.int64), 4, (loops.param(0),), (0,), 0, (Stage((), (), (store,)),))
    args = (Pointer(row), counter, 1, stacked, nbytes(row), length, 64)
    return Call(kernel, 1, args, (stacked, counter), (stacked,), "count")


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
    new = dict(zip(graph.inputs, inputs, strict=True))
    return rename(items, new), [new.get(v, v) for v in outputs]


def _copies(sources: Sequence[Value], targets: Sequence[Value]) -> list[Item]:
    """targets = sources, all at once: what is also a target is read before anything is written."""
    written = set(targets)
    first, second = [], []
    for s, t in zip(sources, targets, strict=True):
        if s is t:
            continue
        if s in written:
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
    """Rows are read and written where they are in the stacked tensors."""
    counter, flag, index = Value(COUNT), Value(FLAG), Value(Spec((), dtypes.int32))
    state, stacked, fixed = outputs[:carried], [*inputs[carried : carried + sliced], *outputs[carried:]], inputs[carried + sliced :]
    rows = [Value(v.spec) for v in (*body.inputs[1 + carried : 1 + carried + sliced], *body.outputs[carried:])]
    step, results = _inlined(body, [index, *state, *rows[:sliced], *fixed], lower_graph)
    given = {*state, *rows[:sliced], *fixed}
    step, results = _written_in_rows(step, results, carried, rows[sliced:], given)
    step, results = _written_in_state(step, results, state)
    before, step = apart(step, set(fixed), {*state, *rows})
    ys = list(zip(results[carried:], rows[sliced:], strict=True))
    early = [copy(y, row) for y, row in ys if y is not row and y in given]  # before the step overwrites what was carried
    late = [copy(y, row) for y, row in ys if y is not row and y not in given]
    points = [point(row, s, counter, length, reverse) for row, s in zip(rows, stacked, strict=True)]
    again = count(counter, False)
    again = replace(again, args=(*again.args, *stacked), reads=(*again.reads, *stacked))  # what rows point to lives to the end of the step
    turn = [_number(counter, index, length, reverse), *points, *early, *step, *late, *_copies(results[:carried], state), again]
    return [*_copies(inputs[:carried], state), *before, count(counter, True), LoopItem([below(counter, length, flag)], flag, turn)]


def _written_in_rows(step: list[Item], results: list[Value], carried: int, rows: list[Value], given: set[Value]) -> tuple[list[Item], list[Value]]:
    """The step with results that are to be stacked made in their rows."""
    made = {w for call in flat(step) for w in call.writes} - given
    new: dict[Value, Value] = {}
    for y, row in zip(results[carried:], rows, strict=True):
        if y in made and y.constant is None:
            new.setdefault(y, row)
    return rename(step, new), [new.get(v, v) for v in results]


def _written_in_state(step: list[Item], results: list[Value], state: list[Value]) -> tuple[list[Item], list[Value]]:
    """The step with carried results made where they are carried, if all that need the old ones come before."""
    accesses = Accesses(flat(step))
    inside = {w for item in step if not isinstance(item, Call) for call in flat([item]) for w in call.writes}
    made = accesses.writers.keys() - inside
    new: dict[Value, Value] = {}
    for v, s in zip(results, state, strict=False):
        alone = sum(v is r for r in results) == 1 and all(s is not r for r in results[: len(state)])
        if alone and v in made and v.spec == s.spec and accesses.safe_in_place(v, s):
            new[v] = s
    return rename(step, new), [new.get(v, v) for v in results]


def _number(counter: Value, index: Value, length: int, reverse: bool) -> Call:
    """index = the position of the current step, as int32."""
    at = loops.load(0, loops.const(0, dtypes.int64), dtypes.int64)
    value = loops.cast(loops.param(1) - 1 - at if reverse else at, dtypes.int32)
    kernel = Kernel((dtypes.int64, dtypes.int32), 2, (loops.param(0),), (0,), 0, (Stage((), (), (Store(1, loops.axis(0), value),)),))
    return Call(kernel, 1, (counter, index, 1, length, 64), (counter,), (index,), "count")


CONTROL: dict[str, Callable[..., list[Item]]] = {"cond": _cond, "while": _while, "scan": _scan}
__all__ = ["CONTROL", "BranchItem", "Item", "LoopItem", "Pointer", "flat", "lower_control", "rename"]
