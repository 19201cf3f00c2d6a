"""`tf.bitwise.*`."""

from __future__ import annotations

from tenfold.ops.elementwise import public, public2
from tenfold.primitives import arithmetic as a

bitwise_and = public2(a.bitwise_and, "bitwise_and")
bitwise_or = public2(a.bitwise_or, "bitwise_or")
bitwise_xor = public2(a.bitwise_xor, "bitwise_xor")
left_shift = public2(a.left_shift, "left_shift")
right_shift = public2(a.right_shift, "right_shift")
invert = public(a.invert, "invert")


__all__ = [
    "bitwise_and", "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift",
]  # fmt: skip
