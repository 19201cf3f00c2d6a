"""`tf.strings`: operations on tensors of strings. They run in Python; a compiled function calls them between its programs."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from functools import partial
from typing import Any

from tenfold.core import text
from tenfold.core.dtypes import as_dtype, bool_, float32, int32, int64
from tenfold.core.errors import DTypeError, InvalidArgumentError
from tenfold.core.hashing import fingerprint, siphash
from tenfold.core.missing import missing as _missing
from tenfold.core.shapes import normalize_axis
from tenfold.core.strings import as_bytes
from tenfold.ops.ragged import RaggedTensor
from tenfold.primitives.movement import reshape
from tenfold.primitives.strings import as_strings, each_row, each_string, join_along, pieces
from tenfold.tensor.tensor import Tensor, as_tensor


def _mapped(name: str, input: Any, function: Any, dtype: Any = "string") -> Any:
    """`function` of each string, in a dense tensor or in rows."""
    if isinstance(input, RaggedTensor):
        return input.with_values(_mapped(name, input.values, function, dtype))
    return each_string(as_strings(name, input), function=function, dtype=dtype)


# --- strings -> strings ---
def lower(input: Any, encoding: str = "", name: str | None = None) -> Any:
    """Small letters: ASCII's, or with `encoding="utf-8"` all of Unicode's.

    Example:
        >>> lower(["Hello", "B"]).numpy().tolist()
        [b'hello', b'b']
    """
    return _mapped("strings.lower", input, text.unicode(str.lower) if encoding else bytes.lower)


def upper(input: Any, encoding: str = "", name: str | None = None) -> Any:
    """Capital letters: ASCII's, or with `encoding="utf-8"` all of Unicode's."""
    return _mapped("strings.upper", input, text.unicode(str.upper) if encoding else bytes.upper)


def strip(input: Any, name: str | None = None) -> Any:
    """Without blanks, tabs and line ends at both ends."""
    return _mapped("strings.strip", input, bytes.strip)


def regex_replace(input: Any, pattern: str, rewrite: str, replace_global: bool = True, name: str | None = None) -> Any:
    r"""What matches `pattern` replaced by `rewrite`, in which `\1` is the first group and `\0` all that matched.

    Example:
        >>> regex_replace("ab12", "[0-9]", "#").numpy()
        b'ab##'
    """
    return _mapped("strings.regex_replace", input, text.replacer(pattern, rewrite, replace_global))


def regex_full_match(input: Any, pattern: str, name: str | None = None) -> Any:
    """Whether the whole string matches."""
    return _mapped("strings.regex_full_match", input, text.matcher(pattern), bool_)


def substr(input: Any, pos: Any, len: Any, unit: str = "BYTE", name: str | None = None) -> Tensor:
    """`len` bytes (or characters: unit="UTF8_CHAR") from `pos` on; a negative `pos` counts from the end.

    Example:
        >>> substr(["hello", "world"], 1, 3).numpy().tolist()
        [b'ell', b'orl']
    """
    cut = text.cut if _is_bytes("substr", unit) else text.cut_characters
    result: Tensor = each_string(as_strings("strings.substr", input), as_tensor(pos), as_tensor(len), function=cut, dtype="string")
    return result


def join(inputs: Sequence[Any], separator: str = "", name: str | None = None) -> Tensor:
    """The strings at each position of several tensors, one after the other.

    Example:
        >>> join([["a", "b"], "c"], separator="-").numpy().tolist()
        [b'a-c', b'b-c']
    """
    between = as_bytes(separator)
    tensors = [as_strings("strings.join", x) for x in inputs]
    result: Tensor = each_string(*tensors, function=lambda *parts: between.join(parts), dtype="string")
    return result


def reduce_join(inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "", name: str | None = None) -> Tensor:
    """The strings along `axis` (default: all) as one string.

    Example:
        >>> reduce_join([["a", "b"], ["c", "d"]], axis=1, separator=" ").numpy().tolist()
        [b'a b', b'c d']
    """
    x = as_strings("strings.reduce_join", inputs)
    given = range(x.ndim - 1, -1, -1) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    axes = [normalize_axis("strings.reduce_join", int(i), x.ndim) for i in given]  # joined in this order
    kept = [1 if i in axes else n for i, n in enumerate(x.sizes)]
    for done, i in enumerate(axes):
        x = join_along(x, i - sum(j < i for j in axes[:done]), as_bytes(separator))
    return reshape(x, kept) if keepdims else x


# --- strings -> rows of strings ---
def _split(name: str, input: Any, function: Any) -> Any:
    x = as_strings(name, input)
    values, splits = pieces(x if x.ndim else reshape(x, (1,)), function)
    return RaggedTensor(values, splits) if x.ndim else values


def split(input: Any, sep: str | None = None, maxsplit: int = -1, name: str | None = None) -> Any:
    """The parts between separators (default: blanks): a vector for one string, a RaggedTensor for a vector of strings.

    Example:
        >>> split(["a b", "c"]).to_list()
        [[b'a', b'b'], [b'c']]
    """
    return _split("strings.split", input, text.splitter(sep, maxsplit))


def bytes_split(input: Any, name: str | None = None) -> Any:
    """The single bytes: a vector for one string, a RaggedTensor for a vector."""
    return _split("strings.bytes_split", input, text.single_bytes)


def unicode_split(input: Any, input_encoding: str = "UTF-8", errors: str = "replace", replacement_char: int = 65533, name: str | None = None) -> Any:
    """The characters: a vector for one string, a RaggedTensor for a vector."""
    if input_encoding.upper() not in ("UTF-8", "UTF8"):
        raise InvalidArgumentError(f"[strings.unicode_split] expected input_encoding='UTF-8'; received {input_encoding!r}.")
    return _split("strings.unicode_split", input, partial(text.characters, errors=errors, replacement=chr(replacement_char)))


def ngrams(data: Any, ngram_width: Any, separator: str = " ", pad_values: Any = None, padding_width: Any = None,
           preserve_short_sequences: bool = False, name: str | None = None) -> RaggedTensor:  # fmt: skip
    """The runs of `ngram_width` neighbours in each row, joined; several widths one after the other.

    Example:
        >>> ngrams(split(["a b c"]), 2).to_list()
        [[b'a b', b'b c']]
    """
    if pad_values is not None or padding_width is not None or preserve_short_sequences:
        raise InvalidArgumentError("[strings.ngrams] padding and short sequences are not supported. Try adding the marks to the rows first.")
    rows = data if isinstance(data, RaggedTensor) else RaggedTensor.from_tensor(data)
    widths = (ngram_width,) if isinstance(ngram_width, int) else tuple(ngram_width)
    return RaggedTensor(*each_row(rows.values, rows.row_splits, partial(text.windows, widths=widths, separator=as_bytes(separator))))


# --- strings <-> numbers ---
def length(input: Any, unit: str = "BYTE", name: str | None = None) -> Any:
    """The number of bytes (or characters: unit="UTF8_CHAR") of each string.

    Example:
        >>> length(["ab", "é"], unit="UTF8_CHAR").numpy()
        array([2, 1], dtype=int32)
    """
    return _mapped("strings.length", input, len if _is_bytes("length", unit) else text.count_characters, int32)


def to_number(input: Any, out_type: Any = float32, name: str | None = None) -> Any:
    """The numbers that the strings spell.

    Example:
        >>> to_number(["1.5", "-2"]).numpy()
        array([ 1.5, -2. ], dtype=float32)

    Raises:
        ValueError: a string is no number.
    """
    dtype = as_dtype(out_type)
    if not (dtype.is_floating or dtype.is_integer):
        raise DTypeError(f"[strings.to_number] expected a float or integer type; received {dtype.name}.")
    return _mapped("strings.to_number", input, text.read_integer if dtype.is_integer else text.read_float, dtype)


def as_string(input: Any, precision: int = -1, scientific: bool = False, shortest: bool = False, width: int = -1, fill: str = "",
              name: str | None = None) -> Tensor:  # fmt: skip
    """The numbers written out; strings are returned as they are.

    Args:
        input: numbers or truths.
        precision: digits after the point, for floats.
        scientific, shortest: whether floats are written as 1.5e+00, or the shorter way.
        width, fill: the least width, and what fills it ("0" or blanks).
        name: accepted and not used.

    Example:
        >>> as_string([1.5, 2.0]).numpy().tolist(), as_string(7).numpy()
        ([b'1.500000', b'2.000000'], b'7')
    """
    x = as_tensor(input)
    if x.dtype.kind == "string":
        return x
    kind = "e" if scientific else "g" if shortest else "f"
    result: Tensor = each_string(x, function=text.writer(x.dtype.is_floating, kind, precision, width, fill), dtype="string")
    return result


def to_hash_bucket_fast(input: Any, num_buckets: int, name: str | None = None) -> Any:
    """A bucket, 0 <= bucket < num_buckets, for each string, by FarmHash's fingerprint: the same as TensorFlow's.

    Example:
        >>> to_hash_bucket_fast(["a", "b"], 10).numpy().tolist()
        [9, 2]
    """
    count = _buckets(num_buckets)
    return _mapped("strings.to_hash_bucket_fast", input, lambda s: fingerprint(s) % count, int64)


def to_hash_bucket_strong(input: Any, num_buckets: int, key: Sequence[int], name: str | None = None) -> Any:
    """A bucket for each string by SipHash, which nobody foresees without the key of two numbers: the same as TensorFlow's."""
    count, (first, second) = _buckets(num_buckets), key
    return _mapped("strings.to_hash_bucket_strong", input, lambda s: siphash(s, (int(first), int(second))) % count, int64)


def _buckets(count: Any) -> int:
    if int(count) < 1:
        raise InvalidArgumentError(f"[to_hash_bucket] expected at least one bucket; received {count}.")
    return builtins.int(count)


def _is_bytes(name: str, unit: str) -> bool:
    if unit not in ("BYTE", "UTF8_CHAR"):
        raise InvalidArgumentError(f"[strings.{name}] unit must be 'BYTE' or 'UTF8_CHAR'; received {unit!r}.")
    return unit == "BYTE"


__all__ = [
    "as_string", "bytes_split", "join", "length", "lower", "ngrams", "reduce_join", "regex_full_match", "regex_replace", "split", "strip", "substr",
    "to_hash_bucket_fast", "to_hash_bucket_strong", "to_number", "unicode_split", "upper",
]  # fmt: skip
__getattr__ = _missing("tf.strings", "Try tf.numpy_function, or the strings before they become tensors.")
