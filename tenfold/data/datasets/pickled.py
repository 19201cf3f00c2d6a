"""Reads the published CIFAR batches, which are pickles, without running anything that a pickle may ask for.

A batch is a dictionary of bytes, strings, whole numbers, lists and one array of bytes. Only the pickle instructions that say
this are followed, by a loop of our own; the three names of NumPy that an array needs stand for plain records here.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

MAX_ITEMS = 1_000_000
MARK = object()


@dataclass(slots=True, eq=False)
class Record:
    """What a pickle says of an array or a dtype: the arguments it is made of, and its state."""

    name: str
    arguments: tuple[Any, ...] = ()
    state: tuple[Any, ...] = field(default=())


@dataclass(slots=True)
class Machine:
    """The part of the pickle machine that a batch needs."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def pop_to_mark(self) -> list[Any]:
        for position in range(len(self.stack) - 1, -1, -1):
            if self.stack[position] is MARK:
                items = self.stack[position + 1 :]
                del self.stack[position:]
                return items
        raise ValueError("a mark is missing")


NAMES = {
    "numpy.core.multiarray _reconstruct": "array",
    "numpy._core.multiarray _reconstruct": "array",
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
    "_codecs encode": "encode",
}


def named(name: str) -> Record:
    if name not in NAMES:
        raise ValueError(f"it asks for {name!r}, which no batch needs")
    return Record(NAMES[name])


def reduce(function: Any, arguments: Any) -> Any:
    """Calls one of the few functions; an array or a dtype becomes a record."""
    if not isinstance(function, Record) or not isinstance(arguments, tuple):
        raise ValueError("it calls what is no function")
    if function.name == "encode":
        text, encoding = arguments
        if not isinstance(text, str) or encoding != "latin1":
            raise ValueError("it encodes something other than text to latin1")
        return text.encode("latin1")
    return Record(function.name, arguments)


def append(items: Any, values: list[Any]) -> None:
    if not isinstance(items, list):
        raise ValueError("it appends to what is no list")
    items.extend(values)


def set_items(mapping: Any, pairs: list[Any]) -> None:
    if not isinstance(mapping, dict) or len(pairs) % 2:
        raise ValueError("it sets items of what is no dictionary")
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        mapping[key if isinstance(key, bytes) else str(key).encode()] = value


def build(m: Machine) -> None:
    state = m.stack.pop()
    if not isinstance(m.stack[-1], Record) or not isinstance(state, tuple):
        raise ValueError("it gives a state to what has none")
    m.stack[-1].state = state


def tuple_of(m: Machine, count: int) -> None:
    items = tuple(m.stack[len(m.stack) - count :])
    del m.stack[len(m.stack) - count :]
    m.stack.append(items)


def stack_global(m: Machine) -> None:
    name = m.stack.pop()
    m.stack[-1] = named(f"{m.stack[-1]} {name}")


def do_reduce(m: Machine) -> None:
    arguments = m.stack.pop()
    m.stack[-1] = reduce(m.stack[-1], arguments)


def last_into(m: Machine, put: Callable[[Any, list[Any]], None], count: int) -> None:
    values = [m.stack.pop() for _ in range(count)][::-1]
    put(m.stack[-1], values)


def marked_into(m: Machine, put: Callable[[Any, list[Any]], None]) -> None:
    values = m.pop_to_mark()
    put(m.stack[-1], values)


Instruction: TypeAlias = Callable[[Machine, Any], None]
PUSHES_ITS_ARGUMENT = (
    "INT BININT BININT1 BININT2 LONG1 "
    "BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BINUNICODE SHORT_BINUNICODE BINUNICODE8"
).split()
INSTRUCTIONS: dict[str, Instruction] = {
    **dict.fromkeys(PUSHES_ITS_ARGUMENT, lambda m, a: m.stack.append(a)),
    **dict.fromkeys(("PROTO", "FRAME"), lambda m, a: None),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda m, a: m.memo.__setitem__(a, m.stack[-1])),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda m, a: m.stack.append(m.memo[a])),
    "MEMOIZE": lambda m, a: m.memo.__setitem__(len(m.memo), m.stack[-1]),
    "MARK": lambda m, a: m.stack.append(MARK),
    "NONE": lambda m, a: m.stack.append(None),
    "NEWTRUE": lambda m, a: m.stack.append(True),
    "NEWFALSE": lambda m, a: m.stack.append(False),
    "EMPTY_LIST": lambda m, a: m.stack.append([]),
    "EMPTY_DICT": lambda m, a: m.stack.append({}),
    "EMPTY_TUPLE": lambda m, a: m.stack.append(()),
    "TUPLE": lambda m, a: m.stack.append(tuple(m.pop_to_mark())),
    "TUPLE1": lambda m, a: tuple_of(m, 1),
    "TUPLE2": lambda m, a: tuple_of(m, 2),
    "TUPLE3": lambda m, a: tuple_of(m, 3),
    "APPEND": lambda m, a: last_into(m, append, 1),
    "APPENDS": lambda m, a: marked_into(m, append),
    "SETITEM": lambda m, a: last_into(m, set_items, 2),
    "SETITEMS": lambda m, a: marked_into(m, set_items),
    "GLOBAL": lambda m, a: m.stack.append(named(a)),
    "STACK_GLOBAL": lambda m, a: stack_global(m),
    "REDUCE": lambda m, a: do_reduce(m),
    "BUILD": lambda m, a: build(m),
    "STOP": lambda m, a: None,
}


def read_batch(content: bytes) -> tuple[NDArray[np.uint8], list[int]]:
    """The rows of pixels and the labels of one batch.

    Raises:
        ValueError: The content is not such a batch, or asks for anything that a batch does not need.
    """
    try:
        batch = run(content)
    except (IndexError, KeyError, TypeError, OverflowError, RecursionError, UnicodeError) as error:
        raise ValueError(f"its instructions make no sense ({error!r})") from error
    labels = batch.get(b"labels") if isinstance(batch, dict) else None
    if not isinstance(batch, dict) or not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise ValueError("it holds no dictionary with data and labels")
    return as_rows(batch.get(b"data")), labels


def run(content: bytes) -> Any:
    machine = Machine()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        if opcode.name not in INSTRUCTIONS or count > MAX_ITEMS:
            raise ValueError(f"it contains the instruction {opcode.name}, which no batch needs")
        if isinstance(argument, str) and opcode.name in ("BINSTRING", "SHORT_BINSTRING"):
            argument = argument.encode("latin1")  # Python 2's strings are bytes; pickletools shows them as text
        INSTRUCTIONS[opcode.name](machine, argument)
    (result,) = machine.stack
    return result


def as_rows(record: Any) -> NDArray[np.uint8]:
    """The array that a record describes, if it is a table of bytes."""
    if not isinstance(record, Record) or record.name != "array" or len(record.state) != 5:
        raise ValueError("its data is no array")
    _, shape, dtype, fortran, content = record.state
    if not isinstance(dtype, Record) or dtype.name != "dtype" or dtype.arguments[:1] not in (("u1",), (b"u1",), ("uint8",)):
        raise ValueError("its data is no array of uint8")
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(isinstance(n, int) and n >= 0 for n in shape)):
        raise ValueError("its data is no table")
    if not isinstance(content, bytes) or len(content) != shape[0] * shape[1]:
        raise ValueError(f"its data has the wrong length for a table {shape}")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")
