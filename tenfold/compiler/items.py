"""What a program is made of before memory is planned: calls, and the loops and branches around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tenfold.compiler.lower import Call
from tenfold.ir.graph import Node, Value


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


@dataclass(frozen=True, slots=True, eq=False)
class Pointer:
    """An argument: where the address of `value` is kept, to be set while the program runs."""

    value: Value


Item = Call | LoopItem | BranchItem


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


def rename(items: Sequence[Item], new: Mapping[Any, Any]) -> list[Item]:
    """The items with values and scratch memory replaced."""

    def inside(v: Any) -> Any:
        return Pointer(new.get(v.value, v.value)) if type(v) is Pointer else (new.get(v[0], v[0]), v[1])

    def all_of(things: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple([inside(v) if type(v) is tuple or type(v) is Pointer else new.get(v, v) for v in things])

    result: list[Item] = []
    for item in items:
        match item:
            case Call(args=args, reads=reads, writes=writes):
                if not new.keys().isdisjoint(things(item)) or Pointer in map(type, args):
                    item = replace(item, args=all_of(args), reads=all_of(reads), writes=all_of(writes))
                result.append(item)
            case LoopItem(condition, flag, body):
                result.append(LoopItem(rename(condition, new), new.get(flag, flag), rename(body, new)))
            case BranchItem(flag, then, otherwise):
                result.append(BranchItem(new.get(flag, flag), rename(then, new), rename(otherwise, new)))
    return result


def flags(items: Sequence[Item]) -> set[Value]:
    """The values that decide about loops and branches."""
    found: set[Value] = set()
    for item in items:
        match item:
            case LoopItem(condition, flag, body):
                found |= {flag} | flags(condition) | flags(body)
            case BranchItem(flag, then, otherwise):
                found |= {flag} | flags(then) | flags(otherwise)
    return found


def things(call: Call) -> list[Any]:
    """The arguments of a call without their offsets."""
    return [arg[0] if type(arg) is tuple else arg for arg in call.args]


def without_copies(items: Sequence[Item], places: Mapping[Any, Any]) -> list[Item]:
    """The items but for copies of values to where they are already, as of a variable of which few rows change."""
    kept: list[Item] = []
    for item in items:
        match item:
            case Call(args=(source, target, *_), name="copy") if source is target or places.get(source, source) == places.get(target):
                continue
            case LoopItem(condition, flag, body):
                item = LoopItem(without_copies(condition, places), flag, without_copies(body, places))
            case BranchItem(flag, then, otherwise):
                item = BranchItem(flag, without_copies(then, places), without_copies(otherwise, places))
        kept.append(item)
    return kept
