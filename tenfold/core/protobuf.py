"""The wire format of protocol buffers: messages declared by tables of fields, written to bytes and read from them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from tenfold.core.errors import DataLossError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIRE = {"int": _VARINT, "bool": _VARINT, "double": _FIXED64, "float": _FIXED32, "fixed32": _FIXED32, "string": _BYTES, "bytes": _BYTES}
_CODES = {"double": "d", "float": "f", "fixed32": "I"}  # of struct
_DEFAULTS: dict[str, Any] = {"int": 0, "bool": False, "double": 0.0, "float": 0.0, "fixed32": 0, "string": "", "bytes": b""}
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message.

    Args:
        number: on the wire.
        kind: "int", "bool", "double", "float", "fixed32", "string", "bytes", or the class of a message.
        repeated: whether it is a list.
        oneof: the group of fields of which one is set at a time.
    """

    number: int
    kind: Any
    repeated: bool = False
    oneof: str = ""

    @property
    def wire(self) -> int:
        """The wire type of one element."""
        return _WIRE[self.kind] if isinstance(self.kind, str) else _BYTES


class Message:
    """Base class: a subclass's `FIELDS` says what it holds. Fields are attributes; unset ones read as zero, empty, or an empty message.

    Example:
        >>> class Point(Message):
        ...     FIELDS = {"x": Field(1, "int"), "label": Field(2, "string")}
        >>> Point(x=300, label="a").SerializeToString()
        b'\\x08\\xac\\x02\\x12\\x01a'
        >>> Point.FromString(b"\\x08\\xac\\x02").x
        300
    """

    FIELDS: ClassVar[dict[str, Field]] = {}

    def __init__(self, **values: Any) -> None:
        self._set: dict[str, Any] = {}
        for name, value in values.items():
            setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        field = type(self).FIELDS.get(name)
        if field is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no field {name!r}. Expected one of {sorted(type(self).FIELDS)}.")
        if name in self._set:
            return self._set[name]
        if not field.repeated and isinstance(field.kind, str):
            return _DEFAULTS[field.kind]
        self._set[name] = [] if field.repeated else field.kind()  # to be changed in place
        return self._set[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_set":
            object.__setattr__(self, name, value)
            return
        field = type(self).FIELDS.get(name)
        if field is None:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}. Expected one of {sorted(type(self).FIELDS)}.")
        if field.oneof:
            for other, its in type(self).FIELDS.items():
                if its.oneof == field.oneof:
                    self._set.pop(other, None)
        self._set[name] = value

    def WhichOneof(self, group: str) -> str | None:
        """The field of this group that is set."""
        return next((name for name in self._set if type(self).FIELDS[name].oneof == group), None)

    def HasField(self, name: str) -> bool:
        """Whether the field was set."""
        return name in self._set

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.SerializeToString() == other.SerializeToString()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "\n".join(self._lines(""))

    def _lines(self, indent: str) -> Iterator[str]:
        for name, value in self._set.items():
            for item in value if type(self).FIELDS[name].repeated else [value]:
                if isinstance(item, Message):
                    yield f"{indent}{name} {{"
                    yield from item._lines(indent + "  ")
                    yield f"{indent}}}"
                else:
                    yield f"{indent}{name}: {_quoted(item)}"

    # --- writing ---
    def SerializeToString(self) -> bytes:
        """The message as bytes."""
        out = bytearray()
        for name, field in sorted(type(self).FIELDS.items(), key=lambda item: item[1].number):
            value = self._set.get(name)
            if value is None or (field.repeated and not value):
                continue
            if field.repeated and field.wire != _BYTES:  # numbers are packed
                packed = b"".join(_element(field, v) for v in value)
                out += varint(field.number << 3 | _BYTES) + varint(len(packed)) + packed
                continue
            for item in value if field.repeated else [value]:
                if field.repeated or field.oneof or not isinstance(field.kind, str) or item != _DEFAULTS[field.kind]:
                    out += varint(field.number << 3 | field.wire) + _element(field, item)
        return bytes(out)

    # --- reading ---
    @classmethod
    def FromString(cls, data: bytes) -> Self:
        """The message that the bytes hold; unknown fields are left out.

        Raises:
            DataLossError: they are no message.
        """
        try:
            return cls._read(memoryview(data), 0)
        except (IndexError, struct.error, UnicodeDecodeError) as error:
            raise DataLossError(f"[{cls.__name__}] the message is damaged: {error}.") from None

    @classmethod
    def _read(cls, data: memoryview, depth: int) -> Self:
        if depth > MAX_DEPTH:
            raise DataLossError(f"[{cls.__name__}] messages are nested deeper than {MAX_DEPTH} levels.")
        numbers = {field.number: (name, field) for name, field in cls.FIELDS.items()}
        made, at = cls(), 0
        while at < len(data):
            key, at = read_varint(data, at)
            chunk, at = _read_chunk(data, at, key & 7)
            if key >> 3 not in numbers:
                continue
            name, field = numbers[key >> 3]
            if field.repeated:
                getattr(made, name).extend(_elements(field, chunk, key & 7, depth))
            else:
                setattr(made, name, _elements(field, chunk, key & 7, depth)[-1])
        return made


def _quoted(item: Any) -> str:
    return f'"{item.decode("latin-1") if isinstance(item, bytes) else item}"' if isinstance(item, (str, bytes)) else str(item)


def varint(number: int) -> bytes:
    """A number as bytes of seven bits each, the low ones first."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _element(field: Field, value: Any) -> bytes:
    if field.wire == _VARINT:
        return varint(int(value))
    if field.wire != _BYTES:
        return struct.pack(f"<{_CODES[field.kind]}", value)
    data = value.SerializeToString() if isinstance(value, Message) else value.encode() if isinstance(value, str) else bytes(value)
    return varint(len(data)) + data


def read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """(the number that begins at this place, where it ends).

    Raises:
        IndexError: the data end before it does, or it has more than ten bytes.
    """
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number & ((1 << 64) - 1), at
        if shift > 63:
            raise IndexError("a number of more than ten bytes")


def _read_chunk(data: memoryview, at: int, wire: int) -> tuple[Any, int]:
    """(the number or bytes that follow a key, where they end)."""
    if wire == _VARINT:
        return read_varint(data, at)
    if wire == _BYTES:
        size, at = read_varint(data, at)
    elif wire in (_FIXED32, _FIXED64):
        size = 4 if wire == _FIXED32 else 8
    else:
        raise IndexError(f"unknown wire type {wire}")
    if size > len(data) - at:
        raise IndexError(f"a field of {size} bytes, of which {len(data) - at} are there")
    return data[at : at + size], at + size


def _elements(field: Field, chunk: Any, wire: int, depth: int) -> list[Any]:
    """The values in a chunk: one, or several that are packed."""
    if wire == _VARINT:
        if field.wire != _VARINT:
            raise IndexError("a number where none belongs")
        return [bool(chunk) if field.kind == "bool" else chunk - (1 << 64) if chunk >> 63 else chunk]
    if not isinstance(field.kind, str):
        return [field.kind._read(chunk, depth + 1)]
    if field.wire == _BYTES:
        return [str(chunk, "utf-8") if field.kind == "string" else bytes(chunk)]
    if field.wire == _VARINT:
        found, at = [], 0
        while at < len(chunk):
            number, at = read_varint(chunk, at)
            found += _elements(field, number, _VARINT, depth)
        return found
    size = 8 if field.wire == _FIXED64 else 4
    return list(struct.unpack(f"<{len(chunk) // size}{_CODES[field.kind]}", chunk))
