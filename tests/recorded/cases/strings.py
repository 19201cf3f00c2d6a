"""`tf.strings`: what each function makes of some strings, written as JSON."""

import json
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case

CASES: dict[str, Case] = {}


def plain(value: Any) -> Any:
    """A tensor's elements in lists, as text and numbers."""
    if hasattr(value, "to_list"):
        value = value.to_list()
    elif hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.decode() if isinstance(value, bytes) else value.item() if isinstance(value, np.generic) else value


def run(tf: Any, name: str, args: Any, kwargs: Any) -> Arrays:
    try:
        found = plain(getattr(tf.strings, name)(*args, **kwargs))
    except tf.errors.InvalidArgumentError:
        found = "invalid"
    return {"json": np.array(json.dumps(found))}


def case(name: str, *args: Any, **kwargs: Any) -> None:
    CASES[f"{name}{sum(key.rstrip('0123456789') == name for key in CASES)}"] = Case(lambda tf: run(tf, name, args, kwargs))


LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 66, 100, 127, 128, 129, 200, 257, 513)
WORDS = ["".join(chr(33 + (i * i + 7 * n) % 90) for i in range(n)) for n in LENGTHS] + ["é and 漢字"]
case("to_hash_bucket_fast", WORDS, 1 << 62)
case("to_hash_bucket_strong", WORDS, 1 << 62, [133, 137])
for function in ("lower", "upper"):
    case(function, ["HeLLo É é"])
    case(function, ["HeLLo É é"], encoding="utf-8")
case("strip", ["  a b\t\n", "x", ""])
case("length", ["ab", "é", "", "漢字"])
case("length", ["ab", "é", "", "漢字"], unit="UTF8_CHAR")
for separator in (None, "", " ", ",", "ab"):
    case("split", ["a b  c", "", " a,b,,c ", "xabyab"], sep=separator)
case("split", ["a b c d", "e"], maxsplit=2)
case("split", ["a,b,c,d"], sep=",", maxsplit=2)
case("split", "a b")
case("regex_replace", ["abc123", "x1y22"], "[0-9]+", "#")
case("regex_replace", ["abc123", "x1y22"], "([a-z])([0-9])", r"\2\1")
case("regex_replace", ["a1b2"], "[0-9]", r"<\0>", replace_global=False)
case("regex_replace", ["Hello, World! é_x"], r"[^\w\s]", "")
case("regex_replace", ["a[b]c"], "]", "")
case("regex_full_match", ["abc", "abcd"], "[a-c]+")
case("substr", ["hello", "world"], 1, 3)
case("substr", ["hello", "world"], -2, 5)
case("substr", ["hello", "wo"], [1, 2], [2, 1])
case("substr", ["héllo"], 1, 2, unit="UTF8_CHAR")
case("substr", ["abc"], 5, 1)
case("join", [["a", "b"], ["c", "d"]], separator="-")
case("reduce_join", [["a", "b"], ["c", "d"]])
case("reduce_join", [["a", "b"], ["c", "d"]], axis=0, separator=" ")
case("reduce_join", [["a", "b"], ["c", "d"]], axis=[0, 1], keepdims=True)
case("reduce_join", [["a", "b"], ["c", "d"]], axis=[1, 0])
case("to_number", ["1.5", "-2", "1e3", " 3 "])
case("to_number", ["x"])
case("to_number", ["7", "-8"], out_type="int32")
case("to_number", ["7.5"], out_type="int32")
case("as_string", [1, -2])
case("as_string", [1.5, 2.0, 1e10])
case("as_string", [1.5], precision=2)
case("as_string", [1.5, 1e10, 0.1], shortest=True)
case("as_string", [1.5], scientific=True)
case("as_string", [True, False])
case("as_string", [7, -7], width=5, fill="0")
case("as_string", [7], width=4)
case("as_string", [float("nan"), float("inf")])
case("unicode_split", ["aé漢", ""], "UTF-8")
case("unicode_split", "aé", "UTF-8")
case("bytes_split", ["ab", ""])
case("ngrams", [["a", "b", "c"]], 2)
case("ngrams", [["a", "b", "c"]], [1, 2], separator="_")
