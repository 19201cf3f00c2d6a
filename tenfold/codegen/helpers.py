"""LLVM text of the few functions that generated code calls: what neither an instruction nor a polynomial does."""

from __future__ import annotations

from tenfold.codegen.angles import angle_text


def helper_text(names: set[str]) -> list[str]:
    """Definitions of the helpers in `names`, in a fixed order."""
    return [_TEXTS[name] if name in _TEXTS else angle_text(name) for name in sorted(names)]


# C's fmod, exactly: long division of the significands, one bit a round (nothing to do when |x| < |y|, the common case)
_FMOD = """\
define internal {F} @tenfold.fmod.{N}({F} %x, {F} %y) noinline {{
entry:
  %bx = bitcast {F} %x to {I}
  %by = bitcast {F} %y to {I}
  %ux = and {I} %bx, {ABS}
  %uy = and {I} %by, {ABS}
  %sign = xor {I} %bx, %ux
  %small = icmp ult {I} %ux, %uy
  %y0 = icmp eq {I} %uy, 0
  %ynan = icmp ugt {I} %uy, {INF}
  %xbad = icmp uge {I} %ux, {INF}
  %bad0 = or i1 %y0, %ynan
  %bad = or i1 %bad0, %xbad
  br i1 %bad, label %invalid, label %valid
invalid:
  ret {F} 0x7FF8000000000000
valid:
  br i1 %small, label %same, label %divide
same:
  ret {F} %x
divide:
  %ex0 = lshr {I} %ux, {M}
  %ey0 = lshr {I} %uy, {M}
  %lx = call {I} @llvm.ctlz.{I}({I} %ux, i1 false)
  %ly = call {I} @llvm.ctlz.{I}({I} %uy, i1 false)
  %hx = sub {I} %lx, {E}
  %hy = sub {I} %ly, {E}
  %tx = icmp eq {I} %ex0, 0
  %ty = icmp eq {I} %ey0, 0
  %sx = select i1 %tx, {I} %hx, {I} 0
  %sy = select i1 %ty, {I} %hy, {I} 0
  %fx = and {I} %ux, {FRACTION}
  %fy = and {I} %uy, {FRACTION}
  %gx = or {I} %fx, {ONE}
  %gy = or {I} %fy, {ONE}
  %nx = select i1 %tx, {I} %fx, {I} %gx
  %ny = select i1 %ty, {I} %fy, {I} %gy
  %mx = shl {I} %nx, %sx
  %my = shl {I} %ny, %sy
  %dx = sub {I} 1, %sx
  %dy = sub {I} 1, %sy
  %ex = select i1 %tx, {I} %dx, {I} %ex0
  %ey = select i1 %ty, {I} %dy, {I} %ey0
  br label %round
round:
  %m = phi {I} [ %mx, %divide ], [ %m2, %more ]
  %e = phi {I} [ %ex, %divide ], [ %e2, %more ]
  %d = sub {I} %m, %my
  %under = icmp slt {I} %d, 0
  %m1 = select i1 %under, {I} %m, {I} %d
  %last = icmp sle {I} %e, %ey
  br i1 %last, label %done, label %more
more:
  %m2 = shl {I} %m1, 1
  %e2 = sub {I} %e, 1
  br label %round
done:
  %zero = icmp eq {I} %m1, 0
  %lz = call {I} @llvm.ctlz.{I}({I} %m1, i1 false)
  %by0 = sub {I} %lz, {E}
  %shift = select i1 %zero, {I} 0, {I} %by0
  %top = shl {I} %m1, %shift
  %er = sub {I} %e, %shift
  %normal = icmp sgt {I} %er, 0
  %frac = sub {I} %top, {ONE}
  %exp = shl {I} %er, {M}
  %big = or {I} %frac, %exp
  %down0 = sub {I} 1, %er
  %down = and {I} %down0, {MASK}
  %tiny = lshr {I} %top, %down
  %bits0 = select i1 %normal, {I} %big, {I} %tiny
  %bits1 = select i1 %zero, {I} 0, {I} %bits0
  %bits = or {I} %bits1, %sign
  %result = bitcast {I} %bits to {F}
  ret {F} %result
}}
"""


def _fmod(name: str, scalar: str, width: int, fraction: int) -> str:
    return _FMOD.format(
        F=scalar, N=name, I=f"i{width}", M=fraction, E=width - 1 - fraction, MASK=width - 1,
        ABS=(1 << (width - 1)) - 1, INF=((1 << (width - 1 - fraction)) - 1) << fraction,
        FRACTION=(1 << fraction) - 1, ONE=1 << fraction,
    )  # fmt: skip


_TEXTS = {"fmod.f32": _fmod("f32", "float", 32, 23), "fmod.f64": _fmod("f64", "double", 64, 52)}
