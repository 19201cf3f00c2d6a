"""Panels of an operand that several products read are made once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

import tenfold as tf
from tenfold.compiler.lower import Call, Scratch
from tenfold.compiler.pipeline import Program
from tenfold.compiler.shared import NEAR, share_packs
from tenfold.core import dtypes
from tenfold.ir.graph import Value
from tenfold.ir.primitive import Spec
from tenfold.kernel.contraction import Pack

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((900, 384)).astype("float32")
G = [RANDOM.standard_normal((900, 384)).astype("float32") for _ in range(3)]


class Source:
    """What a call runs: a kernel that packs."""

    def __init__(self, columns: int = 6) -> None:
        self.description, self.key = Pack(dtypes.float32, dtypes.float32, columns, 8, False), f"pack {columns}"


def value(constant: list[int] | None = None) -> Value:
    return Value(Spec((8,), dtypes.int64), None if constant is None else np.array(constant, np.int64))


def pack(x: Value, target: Scratch, table: list[int], columns: int = 6, offset: int = 0) -> Call:
    return Call(Source(columns), 4, ((x, offset), (target, 0), (value(table), 0), 7), (x,), (target,), "pack")


def use(panels: Scratch, out: Value) -> Call:
    return Call("product", 4, ((panels, 0), (out, 0)), (panels,), (out,), "product")


def test_equal_ones_are_one() -> None:
    x, y = value(), value()
    targets, outs = [Scratch(64) for _ in range(5)], [value() for _ in range(5)]
    packs = [pack(x, targets[0], [0]), pack(x, targets[1], [0]), pack(x, targets[2], [8]), pack(y, targets[3], [0]), pack(x, targets[4], [0], 8)]
    items = share_packs([c for p, t, out in zip(packs, targets, outs, strict=True) for c in (p, use(t, out))])
    assert [c.writes[0] for c in items if isinstance(c, Call) and c.name == "pack"] == [targets[0], *targets[2:]]
    second = next(c for c in items if isinstance(c, Call) and c.writes == (outs[1],))
    assert second.args[0] == (targets[0], 0) and second.reads == (targets[0],)


def test_not_those_far_apart_or_written_twice_or_made_of_what_changes() -> None:
    x, a, b = value(), Scratch(64), Scratch(64)
    far = [pack(x, a, [0]), *(use(Scratch(1), value()) for _ in range(NEAR)), pack(x, b, [0])]
    assert share_packs(far) == far
    twice = [pack(x, a, [0]), pack(x, b, [0]), pack(x, b, [8])]
    assert share_packs(twice) == twice
    scratch: Any = Scratch(64)
    changing = [pack(scratch, a, [0]), pack(scratch, b, [0])]
    assert share_packs(changing) == changing


def test_products_of_one_operand(monkeypatch: Any) -> None:
    programs: list[Program] = []
    made = Program.__init__

    def keep(self: Program, *args: Any, **options: Any) -> None:
        made(self, *args, **options)
        programs.append(self)

    monkeypatch.setattr(Program, "__init__", keep)

    products = tf.function(lambda x, *g: [tf.matmul(x * 2.0, one, transpose_a=True) for one in g])
    for found, g in zip(products(X, *G), G, strict=True):
        np.testing.assert_allclose(np.asarray(found), 2 * X.astype("float64").T @ g, rtol=1e-4, atol=1e-3)
    packs = [call for call in programs[-1].calls if isinstance(getattr(call.code, "description", None), Pack)]
    assert max(Counter(call.reads for call in packs).values(), default=0) <= 1
