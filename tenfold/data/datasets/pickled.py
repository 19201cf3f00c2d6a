"""Reads data sets that were published as pickles, without running anything that a pickle may ask for.

A CIFAR batch is a dictionary of bytes, strings, whole numbers, lists and one array of bytes; the reviews of IMDB are an array of
lists of numbers. Only the pickle instructions that say this are followed, by a loop of our own; the three names of NumPy that an
array needs stand for plain records here.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

MAX_ITEMS = 1_000_000


@dataclass(slots=True, eq=False)
class Record:
    """What a pickle says of an array or a dtype: the arguments it is made of, and its state."""

    name: str
    arguments: tuple[Any, ...] = ()
    state: tuple[Any, ...] = field(default=())


@dataclass(slots=True)
class Machine:
    """The part of the pickle machine that data sets need. A mark puts the stack aside and begins another."""

    stack: list[Any] = field(default_factory=list)
    aside: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def mark(self) -> None:
        self.aside.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.aside.pop()
        return items


NAMES = {
    "numpy.core.multiarray _reconstruct": "array",
    "numpy._core.multiarray _reconstruct": "array",
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
    "_codecs encode": "encode",
}


def named(name: str) -> Record:
    if name not in NAMES:
        raise ValueError(f"it asks for {name!r}, which no data set needs")
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


def tuple_to_mark(m: Machine) -> None:
    items = tuple(m.pop_to_mark())
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
    "INT BININT BININT1 BININT2 LONG1 BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BINUNICODE SHORT_BINUNICODE BINUNICODE8"
).split()
INSTRUCTIONS: dict[str, Instruction] = {
    **dict.fromkeys(PUSHES_ITS_ARGUMENT, lambda m, a: m.stack.append(a)),
    **dict.fromkeys(("PROTO", "FRAME"), lambda m, a: None),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda m, a: m.memo.__setitem__(a, m.stack[-1])),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda m, a: m.stack.append(m.memo[a])),
    "MEMOIZE": lambda m, a: m.memo.__setitem__(len(m.memo), m.stack[-1]),
    "MARK": lambda m, a: m.mark(),
    "NONE": lambda m, a: m.stack.append(None),
    "NEWTRUE": lambda m, a: m.stack.append(True),
    "NEWFALSE": lambda m, a: m.stack.append(False),
    "EMPTY_LIST": lambda m, a: m.stack.append([]),
    "EMPTY_DICT": lambda m, a: m.stack.append({}),
    "EMPTY_TUPLE": lambda m, a: m.stack.append(()),
    "TUPLE": lambda m, a: tuple_to_mark(m),
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


def read_batch(content: bytes, labels_key: str = "labels") -> tuple[NDArray[np.uint8], list[int]]:
    """The rows of pixels and the labels of one batch.

    Raises:
        ValueError: The content is not such a batch, or asks for anything that a batch does not need.
    """
    try:
        batch = run(content)
    except (IndexError, KeyError, TypeError, OverflowError, RecursionError, UnicodeError) as error:
        raise ValueError(f"its instructions make no sense ({error!r})") from error
    labels = batch.get(labels_key.encode()) if isinstance(batch, dict) else None
    if not isinstance(batch, dict) or not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise ValueError("it holds no dictionary with data and labels")
    return as_rows(batch.get(b"data")), labels


def read_lists(content: bytes) -> list[list[int]]:
    """The lists of whole numbers that a pickled array of objects holds.

    Raises:
        ValueError: The content is not such an array, or asks for anything that one does not need.
    """
    try:
        array = run(content)
    except (IndexError, KeyError, TypeError, OverflowError, RecursionError, UnicodeError) as error:
        raise ValueError(f"its instructions make no sense ({error!r})") from error
    if not isinstance(array, Record) or array.name != "array" or len(array.state) != 5:
        raise ValueError("it holds no array")
    lists = array.state[4]
    if not isinstance(lists, list) or not all(isinstance(x, list) and set(map(type, x)) <= {int} for x in lists):
        raise ValueError("it holds no lists of whole numbers")
    return lists


def run(content: bytes) -> Any:
    machine = Machine()
    stream = io.BytesIO(content)
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if opcode.name not in INSTRUCTIONS or count > MAX_ITEMS:
            raise ValueError(f"it contains the instruction {opcode.name}, which no data set needs")
        if isinstance(argument, str) and opcode.name in ("BINSTRING", "SHORT_BINSTRING"):
            argument = argument.encode("latin1")  # Python 2's strings are bytes; pickletools shows them as text
        INSTRUCTIONS[opcode.name](machine, argument)
        stream.seek(run_numbers(machine, content, stream.tell()))
    (result,) = machine.stack
    return result


def run_numbers(m: Machine, content: bytes, position: int) -> int:
    """The instructions that lists of numbers consist of: millions of them, so in one loop. Returns where another one stands."""
    end = len(content) - 9  # no instruction of these is longer
    push = m.stack.append
    while position < end:
        code = content[position]
        if code == 0x4B:  # BININT1
            push(content[position + 1])
            position += 2
        elif code == 0x4D:  # BININT2
            push(content[position + 1] | content[position + 2] << 8)
            position += 3
        elif code == 0x4A:  # BININT
            push(int.from_bytes(content[position + 1 : position + 5], "little", signed=True))
            position += 5
        elif code == 0x65:  # APPENDS
            marked_into(m, append)
            push = m.stack.append
            position += 1
        elif code == 0x28:  # MARK
            m.mark()
            push = m.stack.append
            position += 1
        elif code == 0x5D:  # EMPTY_LIST
            push([])
            position += 1
        elif code == 0x94:  # MEMOIZE
            m.memo[len(m.memo)] = m.stack[-1]
            position += 1
        elif code == 0x71:  # BINPUT
            m.memo[content[position + 1]] = m.stack[-1]
            position += 2
        elif code == 0x72:  # LONG_BINPUT
            m.memo[int.from_bytes(content[position + 1 : position + 5], "little")] = m.stack[-1]
            position += 5
        elif code == 0x95:  # FRAME
            position += 9
        else:
            break
    return position


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
