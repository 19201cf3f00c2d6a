"""A compiled graph as plain data: all that a program needs but machine code, which has a cache of its own. Nothing in it belongs to a process."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.compiler.calls import HostFunction
from tenfold.core.dtypes import DType, as_dtype
from tenfold.ir.primitive import PRIMITIVES, Spec
from tenfold.runtime import interpreter
from tenfold.runtime.executor import Code

NUMBERS = np.dtype("<i8")
Tables = tuple[tuple[int, int], ...]  # (number of a constant, words of an entry)


class Unwritable(Exception):
    """A plan that is not all data."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The table of pointers has slots for the arena, the inputs, the outputs, `constants`, `moving` pointers that are set on the way, what is
    kept from run to run, and the table itself.

    `kernels` are names in the cache of machine code; `functions` are Python's. `rows`: the inputs that are read through tables of their rows
    alone; for each its tables, which are constants of these numbers, and the words of an entry (`compiler.repeat.Places`).
    """

    once: Code
    again: Code
    kernels: tuple[str, ...]
    functions: tuple[HostFunction, ...]
    inputs: int
    outputs: tuple[tuple[tuple[int, ...], DType], ...]
    constants: tuple[np.ndarray[Any, Any], ...]
    moving: int
    arena_bytes: int
    kept_bytes: int
    rows: Mapping[int, Tables]

    @property
    def slots(self) -> int:
        """The length of the table."""
        return self.inputs + len(self.outputs) + len(self.constants) + self.moving + 3


# --- as bytes: the length of a header, the header in JSON, the arrays ---


def encoded(plan: Plan) -> bytes:
    """The plan as bytes.

    Raises:
        Unwritable: it contains what is not data.
    """
    codes = [plan.once, plan.again]
    numbers = [a for code in codes for a in (code.words, code.kernels, code.hosts)]
    header = {
        "kernels": plan.kernels,
        "functions": [[f.primitive.name, _attributes(f.attrs), [_spec(s) for s in f.inputs], [_spec(s) for s in f.outputs]] for f in plan.functions],
        "inputs": plan.inputs,
        "outputs": [[dtype.name, shape] for shape, dtype in plan.outputs],
        "constants": [[as_dtype(c.dtype).name, c.shape] for c in plan.constants],
        "moving": plan.moving,
        "arena": plan.arena_bytes,
        "kept": plan.kept_bytes,
        "rows": [*plan.rows.items()],
        "names": [code.names for code in codes],
        "parallel": [code.parallel for code in codes],
        "lengths": [len(a) for a in numbers],
    }
    text = json.dumps(header).encode()
    return b"".join([len(text).to_bytes(8, "little"), text, *(a.astype(NUMBERS).tobytes() for a in numbers), *(c.tobytes() for c in plan.constants)])


def decoded(data: bytes) -> Plan:
    """The plan of these bytes.

    Raises:
        ValueError, and what else Python raises for bytes that are none.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    reader = _Reader(data, end)
    numbers = [reader.take(NUMBERS, (n,)).astype(np.int64, copy=False) for n in header["lengths"]]
    codes = [
        Code(words, kernels, hosts, tuple(names), bool(parallel))
        for (words, kernels, hosts), names, parallel in zip((numbers[:3], numbers[3:]), header["names"], header["parallel"], strict=True)
    ]
    functions = [
        HostFunction(PRIMITIVES[name], {key: _attribute(a) for key, a in attrs.items()}, tuple(map(_as_spec, inputs)), tuple(map(_as_spec, outputs)))
        for name, attrs, inputs, outputs in header["functions"]
    ]
    constants = tuple(reader.take(dtype.numpy, shape) for shape, dtype in map(_typed, header["constants"]))
    plan = Plan(
        codes[0], codes[1], tuple(header["kernels"]), tuple(functions), int(header["inputs"]), tuple(map(_typed, header["outputs"])),
        constants, int(header["moving"]), int(header["arena"]), int(header["kept"]),
        {int(i): tuple([(int(k), int(words)) for k, words in tables]) for i, tables in header["rows"]},
    )  # fmt: skip
    if reader.at != len(data) or min(plan.inputs, plan.moving, plan.arena_bytes, plan.kept_bytes) < 0:
        raise ValueError("wrong sizes")
    for i, tables in plan.rows.items():
        if not 0 <= i < plan.inputs or any(words not in (1, 2) or constants[k].dtype != np.int64 for k, words in tables):
            raise ValueError("wrong tables of rows")
    for code in codes:
        check(code, plan.slots, len(plan.kernels), [len(f.inputs) + len(f.outputs) for f in functions])
    return plan


class _Reader:
    """Takes arrays from bytes, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def take(self, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray[Any, Any]:
        count = math.prod(shape)
        found = np.frombuffer(self.data, dtype, count, self.at).reshape(shape).copy() if count else np.zeros(shape, dtype)
        self.at += found.nbytes
        return found


def check(code: Code, slots: int, kernels: int, arguments: Sequence[int]) -> None:
    """Raises ValueError unless the words are steps that name slots, kernels and functions (by their numbers of `arguments`) that there are."""
    words = code.words.tolist()
    at, starts, targets = 1, {1}, []
    places: dict[int, list[int]] = {interpreter.LAUNCH: [], interpreter.HOST: []}
    named: list[int] = []  # slots
    while (op := words[at]) != interpreter.END:
        if op in places:
            places[op].append(at + 1)
            first = at + (4 if op == interpreter.LAUNCH else 3)
            number, count = words[at + 1], words[first - 1]
            known = 0 <= number < kernels if op == interpreter.LAUNCH else 0 <= number < len(arguments) and arguments[number] == count
            at = first + 2 * count
            right = known and 0 <= count <= words[0]
            named += words[first:at:2]
        else:
            targets.append(words[at + (3 if op == interpreter.JUMP_UNLESS else 1)])
            right = op == interpreter.JUMP or (op == interpreter.JUMP_UNLESS and 0 <= words[at + 1] < slots)
            at += 4 if op == interpreter.JUMP_UNLESS else 2
        if not right:
            raise ValueError("a wrong step")
        starts.add(at)
    listed = [code.kernels.tolist(), code.hosts.tolist()]
    if min(named, default=0) < -1 or max(named, default=-1) >= slots:
        raise ValueError("a wrong slot")
    if at != len(words) - 1 or listed != [*places.values()] or not starts.issuperset(targets) or len(code.names) != sum(map(len, listed)):
        raise ValueError("wrong places")


def _attributes(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _written(a) for key, a in attrs.items()}


def _written(a: Any) -> Any:
    """An attribute for JSON."""
    if a is None or type(a) in (bool, int, str):
        return a
    if type(a) is float:
        return {"float": a.hex()}
    if type(a) is DType:
        return {"dtype": a.name}
    if type(a) is tuple:
        return {"tuple": [_written(x) for x in a]}
    raise Unwritable


def _attribute(a: Any) -> Any:
    """What `_written` made the JSON of."""
    match a:
        case {"float": text}:
            return float.fromhex(text)
        case {"dtype": name}:
            return as_dtype(name)
        case {"tuple": parts}:
            return tuple(map(_attribute, parts))
    return a


def _spec(spec: Spec) -> list[Any]:
    return [spec.dtype.name, spec.shape]


def _as_spec(written: Sequence[Any]) -> Spec:
    return Spec(*_typed(written))


def _typed(written: Sequence[Any]) -> tuple[tuple[int, ...], DType]:
    dtype, shape = written
    if any(type(n) is not int or n < 0 for n in shape):
        raise ValueError("no shape")
    return tuple(shape), as_dtype(dtype)
