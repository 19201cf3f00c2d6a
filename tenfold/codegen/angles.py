"""LLVM text that reduces huge angles exactly (Payne & Hanek 1983): the exponent chooses which bits of 2 / pi count, the rest is integers.

Vectors without a huge number pay for a comparison and a branch that is not taken. Without fused multiply-adds, which make the usual reduction
exact, numbers from 2 on are huge."""

from __future__ import annotations

# 2 / pi times 2^1212, rounded down
_TWO_OVER_PI = int(
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484"
    "e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d7527bac7ebe5f17b"
    "3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6ba",
    16,
)  # fmt: skip
_HALF_PI = 0xC90FDAA22168C234C4C6628B80DC1CD1  # 2^127 times pi / 2, rounded down

_HUGE = {"fused": 50, "unfused": 1}  # from 2^50 or 2^1 on numbers are reduced here

# The window of 2 / pi's bits times the significand is the angle in turns, modulo 1: `turn` is 2^256 of one.
_ONE = f"""\
@tenfold.two_over_pi = internal constant i1408 {_TWO_OVER_PI}
define internal PARTS @tenfold.angle(double %x, double %r, double %rest, i64 %n) noinline cold {{
entry:
  %bits = bitcast double %x to i64
  %e0 = lshr i64 %bits, 52
  %e = and i64 %e0, 2047
  %bad = icmp eq i64 %e, 2047
  %small = icmp ult i64 %e, HUGE
  br i1 %small, label %common, label %large
common:
  %c0 = insertvalue PARTS poison, double %r, 0
  %c1 = insertvalue PARTS %c0, double %rest, 1
  %c2 = insertvalue PARTS %c1, i64 %n, 2
  ret PARTS %c2
large:
  br i1 %bad, label %invalid, label %huge
invalid:
  ret PARTS {{ double 0x7FF8000000000000, double 0.0, i64 0 }}
huge:
  %at = sub i64 2097, %e
  %byte = lshr i64 %at, 3
  %bit = and i64 %at, 7
  %p = getelementptr i8, ptr @tenfold.two_over_pi, i64 %byte
  %loaded = load i256, ptr %p, align 1
  %shift = zext i64 %bit to i256
  %window = lshr i256 %loaded, %shift
  %f = and i64 %bits, 4503599627370495
  %m0 = or i64 %f, 4503599627370496
  %m = zext i64 %m0 to i256
  %product = mul i256 %window, %m
  %turn = shl i256 %product, 64
  %nearer = add i256 %turn, {1 << 253}
  %quadrant = lshr i256 %nearer, 254
  %whole = shl i256 %quadrant, 254
  %d = sub i256 %turn, %whole
  %below = icmp slt i256 %d, 0
  %minus = sub i256 0, %d
  %g = select i1 %below, i256 %minus, i256 %d
  %lz = call i256 @llvm.ctlz.i256(i256 %g, i1 false)
  %top = shl i256 %g, %lz
  %high = lshr i256 %top, 128
  %radians = mul i256 %high, {_HALF_PI}
  %lz2 = call i256 @llvm.ctlz.i256(i256 %radians, i1 false)
  %r256 = shl i256 %radians, %lz2
  %zeros0 = add i256 %lz, %lz2
  %zeros = trunc i256 %zeros0 to i64
  %first = lshr i256 %r256, 203
  %h = trunc i256 %first to i64
  %q = trunc i256 %quadrant to i64
  %negative = icmp slt i64 %bits, 0
  %opposite = sub i64 0, %q
  %y2 = select i1 %negative, i64 %opposite, i64 %q
  %flip = xor i1 %negative, %below
  %sign = select i1 %flip, i64 {-(1 << 63)}, i64 0
  %exponent = sub i64 1024, %zeros
  %biased = shl i64 %exponent, 52
  %near = add i64 %biased, %h
  %signed = or i64 %near, %sign
  %y0 = bitcast i64 %signed to double
  %lacks0 = lshr i256 %r256, 140
  %lacks1 = trunc i256 %lacks0 to i64
  %lacks = and i64 %lacks1, 9223372036854775807
  %l = sitofp i64 %lacks to double
  %le = sub i64 910, %zeros
  %lb = shl i64 %le, 52
  %ls = or i64 %lb, %sign
  %unit = bitcast i64 %ls to double
  %y1 = fmul double %l, %unit
  %p0 = insertvalue PARTS poison, double %y0, 0
  %p1 = insertvalue PARTS %p0, double %y1, 1
  %p2 = insertvalue PARTS %p1, i64 %y2, 2
  ret PARTS %p2
}}
"""

# What is huge is rare: a branch costs less than choosing between two results everywhere.
_MANY = """\
define internal {PARTS} @tenfold.{NAME}.rare({X} %x, {D} %r, {D} %rest, {I} %n) noinline cold {{
entry:
  %px = alloca {X}
  %pr = alloca {D}
  %ps = alloca {D}
  %pn = alloca {I}
  store {X} %x, ptr %px
  store {D} %r, ptr %pr
  store {D} %rest, ptr %ps
  store {I} %n, ptr %pn
  br label %lane
lane:
  %k = phi i64 [ 0, %entry ], [ %next, %lane ]
  %ax = getelementptr {T}, ptr %px, i64 %k
  %ar = getelementptr double, ptr %pr, i64 %k
  %as = getelementptr double, ptr %ps, i64 %k
  %an = getelementptr i64, ptr %pn, i64 %k
  %x0 = load {T}, ptr %ax
  %x1 = {WIDEN} {T} %x0 to double
  %r0 = load double, ptr %ar
  %s0 = load double, ptr %as
  %n0 = load i64, ptr %an
  %y = call {ONE} @tenfold.{ANGLE}(double %x1, double %r0, double %s0, i64 %n0)
  %y0 = extractvalue {ONE} %y, 0
  %y1 = extractvalue {ONE} %y, 1
  %y2 = extractvalue {ONE} %y, 2
  store double %y0, ptr %ar
  store double %y1, ptr %as
  store i64 %y2, ptr %an
  %next = add i64 %k, 1
  %more = icmp ult i64 %next, {N}
  br i1 %more, label %lane, label %done
done:
  %v0 = load {D}, ptr %pr
  %v1 = load {D}, ptr %ps
  %v2 = load {I}, ptr %pn
  %p0 = insertvalue {PARTS} poison, {D} %v0, 0
  %p1 = insertvalue {PARTS} %p0, {D} %v1, 1
  %p2 = insertvalue {PARTS} %p1, {I} %v2, 2
  ret {PARTS} %p2
}}
define internal {PARTS} @tenfold.{NAME}({X} %x, {D} %r, {D} %rest, {I} %n) alwaysinline {{
entry:
  %size = call {X} @llvm.fabs.v{N}{MANGLED}({X} %x)
  %huge = fcmp oge {X} %size, splat ({T} 0x{HUGE:X})
  %bits = bitcast <{N} x i1> %huge to i{N}
  %any = icmp ne i{N} %bits, 0
  br i1 %any, label %rare, label %common
rare:
  %y = call {PARTS} @tenfold.{NAME}.rare({X} %x, {D} %r, {D} %rest, {I} %n)
  ret {PARTS} %y
common:
  %c0 = insertvalue {PARTS} poison, {D} %r, 0
  %c1 = insertvalue {PARTS} %c0, {D} %rest, 1
  %c2 = insertvalue {PARTS} %c1, {I} %n, 2
  ret {PARTS} %c2
}}
"""


def parts_type(lanes: int) -> str:
    """What `angle` gives: the remainder in two parts, and the quadrant."""
    types = [f"<{lanes} x {t}>" if lanes else t for t in ("double", "double", "i64")]
    return f"{{ {', '.join(types)} }}"


def angle_text(name: str) -> str:
    """The definition of `angle.fused`, or of `angle.fused.f32.N` or `angle.fused.f64.N`, which do it for N lanes; or unfused."""
    _, kind, *more = name.split(".")
    least = _HUGE[kind] + 1023
    one = f"angle.{kind}"
    if not more:
        return _ONE.replace("PARTS", parts_type(0)).replace("HUGE", str(least)).replace("@tenfold.angle(", f"@tenfold.{one}(")
    mangled, n = more
    scalar, widen = ("float", "fpext") if mangled == "f32" else ("double", "bitcast")
    return _MANY.format(
        NAME=name, N=n, MANGLED=mangled, T=scalar, WIDEN=widen, X=f"<{n} x {scalar}>", D=f"<{n} x double>", I=f"<{n} x i64>",
        PARTS=parts_type(int(n)), ONE=parts_type(0), ANGLE=one, HUGE=least << 52,
    )  # fmt: skip
