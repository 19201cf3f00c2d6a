"""What is done to one string, as bytes: cut, split, replaced, read, written. `tf.strings` does it to all strings of a tensor."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.core.strings import as_bytes

Function = Callable[[bytes], Any]


def decoded(s: bytes) -> str:
    """UTF-8 as text; bytes that are not UTF-8 survive the way back."""
    return s.decode("utf-8", "surrogateescape")


def unicode(function: Callable[[str], str]) -> Function:
    """A function of text, as one of bytes."""
    return lambda s: as_bytes(function(decoded(s)))


# --- patterns ---
@lru_cache(256)
def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression in TensorFlow's syntax (RE2's).

    Raises:
        InvalidArgumentError: it is malformed, or uses what Python's expressions do not have.
    """
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise InvalidArgumentError(
            f"[strings.regex] the pattern {pattern!r} is not understood: {error}. Classes like \\p{{L}} are not supported: try the characters."
        ) from None


def replacer(pattern: Any, rewrite: Any, everywhere: bool) -> Function:
    """Replaces what matches."""
    expression, target = compiled(decoded(as_bytes(pattern))), decoded(as_bytes(rewrite))
    written = re.sub(r"\\(\d)", r"\\g<\1>", target)
    return lambda s: as_bytes(expression.sub(written, decoded(s), 0 if everywhere else 1))


def matcher(pattern: Any) -> Function:
    """Whether the whole string matches."""
    expression = compiled(decoded(as_bytes(pattern)))
    return lambda s: expression.fullmatch(decoded(s)) is not None


# --- parts ---
def cut(s: bytes, start: int, count: int) -> bytes:
    """`count` bytes from `start` on.

    Raises:
        InvalidArgumentError: the start is outside of the string.
    """
    if not -len(s) <= start <= len(s):
        raise InvalidArgumentError(f"[strings.substr] pos {start} out of range for the string {s!r}. Expected {-len(s)} <= pos <= {len(s)}.")
    first = start + len(s) if start < 0 else start
    return s[first : first + max(count, 0)]


def cut_characters(s: bytes, start: int, count: int) -> bytes:
    """`count` characters from `start` on."""
    text = decoded(s)
    if not -len(text) <= start <= len(text):
        raise InvalidArgumentError(f"[strings.substr] pos {start} out of range for the string {text!r}.")
    first = start + len(text) if start < 0 else start
    return as_bytes(text[first : first + max(count, 0)])


def splitter(separator: Any, most: int) -> Function:
    """Splits at a separator; without one, at blanks."""
    between = as_bytes(separator) if separator else None
    return lambda s: s.split(between, most)


def single_bytes(s: bytes) -> list[bytes]:
    """Each byte by itself."""
    return [s[i : i + 1] for i in range(len(s))]


def characters(s: bytes, errors: str = "replace", replacement: str = "\ufffd") -> list[bytes]:
    """Each character by itself.

    Raises:
        InvalidArgumentError: it is not UTF-8, and errors="strict".
    """
    try:
        text = s.decode("utf-8", {"replace": "replace", "ignore": "ignore"}.get(errors, "strict"))
    except UnicodeDecodeError:
        raise InvalidArgumentError(f"[strings.unicode_split] {s!r} is not UTF-8. Try errors='replace' or 'ignore'.") from None
    return [as_bytes(replacement if c == "\ufffd" else c) for c in text]


def count_characters(s: bytes) -> int:
    """The number of characters."""
    return len(decoded(s))


def windows(row: Sequence[bytes], widths: Sequence[int], separator: bytes) -> list[bytes]:
    """The runs of each width, joined."""
    return [separator.join(row[i : i + n]) for n in widths for i in range(len(row) - n + 1)]


# --- numbers ---
def read_integer(s: bytes) -> int:
    """The integer that a string spells."""
    return int(_read(int, s))


def read_float(s: bytes) -> float:
    """The number that a string spells."""
    return float(_read(float, s))


def _read(kind: Callable[[bytes], Any], s: bytes) -> Any:
    try:
        return kind(s)
    except ValueError:
        raise InvalidArgumentError(f"[strings.to_number] StringToNumber could not correctly convert string: {s!r}.") from None


def writer(floating: bool, kind: str, precision: int, width: int, fill: str) -> Callable[[Any], bytes]:
    """Writes numbers; see `tf.strings.as_string`."""
    flag = "" if fill in ("", " ") else fill
    if flag not in ("", "0", "+", "-"):
        raise InvalidArgumentError(f"[strings.as_string] fill must be '', ' ', '0', '+' or '-'; received {fill!r}.")
    least = str(width) if width >= 0 else ""
    digits = f".{precision}" if precision >= 0 and floating else ""
    form = f"%{flag}{least}{digits}{kind if floating else 'd'}"

    def write(value: Any) -> bytes:
        if isinstance(value, bool):
            return (b"false", b"true")[value]
        return (str(value) if isinstance(value, complex) else form % value).encode()

    return write
