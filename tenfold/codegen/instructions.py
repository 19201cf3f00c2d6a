"""LLVM text of single instructions: what each scalar instruction of the kernel language becomes, one lane or many at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tenfold.codegen.angles import parts_type
from tenfold.codegen.flatten import constant_bits
from tenfold.core import dtypes
from tenfold.core.dtypes import DType

Write = Callable[[str], str]  # appends an instruction and returns the name of its result

_REGISTER = {"bool": "i1", "float16": "float", "bfloat16": "float"}
_BINARY_FLOAT = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_BINARY_INT = {"add": "add", "sub": "sub", "mul": "mul", "and": "and", "or": "or", "xor": "xor"}
_BINARY_BOOL = {"add": "or", "mul": "and", "min": "and", "max": "or", "and": "and", "or": "or", "xor": "xor", "sub": "xor"}
_ROUNDING = {"floor": "floor", "ceil": "ceil", "round": "roundeven", "trunc": "trunc"}


def register(dtype: DType) -> str:
    """The scalar LLVM type that values of `dtype` have in registers."""
    name = _REGISTER.get(dtype.name) or dtype.llvm
    assert name is not None, f"kernels do not handle {dtype}"
    return name


def memory(dtype: DType) -> str:
    """The scalar LLVM type that values of `dtype` have in memory; 16-bit floats move as integers."""
    return "i16" if dtype in (dtypes.float16, dtypes.bfloat16) else str(dtype.llvm)


def mangle(text: str) -> str:
    """`text`, a scalar type, as intrinsics' names spell it."""
    return {"float": "f32", "double": "f64", "half": "f16"}.get(text, text)


def literal(dtype: DType, bits: int) -> str:
    """A constant from `flatten.constant_bits`, as LLVM writes it."""
    if dtype.is_bool:
        return "true" if bits else "false"
    return f"0x{bits:016X}" if dtype.is_floating else str(bits)


@dataclass(slots=True)
class Instructions:
    """Writes instructions on vectors of `lanes` lanes, or on scalars when `lanes` is 0."""

    lanes: int
    has_fma: bool
    has_half: bool
    helpers: set[str] = field(default_factory=set)

    def type(self, scalar: str) -> str:
        """`scalar`, or the vector of it."""
        return f"<{self.lanes} x {scalar}>" if self.lanes else scalar

    def reg(self, dtype: DType) -> str:
        """The type of `dtype` in registers."""
        return self.type(register(dtype))

    def const(self, scalar: str, text: str) -> str:
        """A constant (splat) without its type."""
        return f"splat ({scalar} {text})" if self.lanes else text

    def call(self, w: Write, name: str, scalar: str, *args: str) -> str:
        """Calls an intrinsic overloaded on `scalar` whose arguments all have that type."""
        ty = self.type(scalar)
        suffix = f"v{self.lanes}{mangle(scalar)}" if self.lanes else mangle(scalar)
        return w(f"call {ty} @llvm.{name}.{suffix}({', '.join(f'{ty} {a}' for a in args)})")

    def unary(self, w: Write, op: str, dtype: DType, x: str) -> str:
        """neg, abs, sqrt, not and the roundings."""
        scalar, ty = register(dtype), self.reg(dtype)
        if dtype.is_floating:
            if op == "neg":
                return w(f"fneg {ty} {x}")
            return self.call(w, {"abs": "fabs", "sqrt": "sqrt", **_ROUNDING}[op], scalar, x)
        if op == "neg":
            return x if dtype.is_bool else w(f"sub {ty} zeroinitializer, {x}" if self.lanes else f"sub {ty} 0, {x}")
        if op == "not":
            return w(f"xor {ty} {x}, {self.const(scalar, 'true' if dtype.is_bool else '-1')}")
        if op == "abs" and dtype.kind == "int":
            suffix = f"v{self.lanes}{scalar}" if self.lanes else scalar
            return w(f"call {ty} @llvm.abs.{suffix}({ty} {x}, i1 false)")
        assert op in ("abs", *_ROUNDING), op
        return x

    def binary(self, w: Write, op: str, dtype: DType, a: str, b: str) -> str:
        """Arithmetic, bitwise instructions, shifts, min and max."""
        scalar, ty = register(dtype), self.reg(dtype)
        if dtype.is_bool:
            return w(f"{_BINARY_BOOL[op]} {ty} {a}, {b}")
        if op in ("min", "max"):
            return self._extremum(w, op, dtype, a, b)
        if dtype.is_floating:
            return self._remainder(w, dtype, a, b) if op == "rem" else w(f"{_BINARY_FLOAT[op]} {ty} {a}, {b}")
        if op in _BINARY_INT:
            return w(f"{_BINARY_INT[op]} {ty} {a}, {b}")
        if op in ("shl", "shr"):
            amount = w(f"and {ty} {b}, {self.const(scalar, str(dtype.size * 8 - 1))}")
            return w(f"{'shl' if op == 'shl' else 'lshr' if dtype.is_unsigned else 'ashr'} {ty} {a}, {amount}")
        return self._mulhi(w, dtype, a, b) if op == "mulhi" else self._divide(w, op, dtype, a, b)

    def _extremum(self, w: Write, op: str, dtype: DType, a: str, b: str) -> str:
        ty = self.reg(dtype)
        if not dtype.is_floating:
            return self.call(w, f"{'u' if dtype.is_unsigned else 's'}{op}", register(dtype), a, b)
        if is_literal(b):
            a, b = b, a
        # the comparison is false for NaN, so a NaN in b comes through it; the one in a needs a second select
        better = w(f"fcmp {'olt' if op == 'min' else 'ogt'} {ty} {a}, {b}")
        best = w(f"select {self.type('i1')} {better}, {ty} {a}, {ty} {b}")
        if is_literal(a) and "7FF8" not in a and "FFF8" not in a:
            return best
        nan = w(f"fcmp uno {ty} {a}, {a}")
        return w(f"select {self.type('i1')} {nan}, {ty} {a}, {ty} {best}")

    def _mulhi(self, w: Write, dtype: DType, a: str, b: str) -> str:
        bits = dtype.size * 8
        ty, wide = self.type(f"i{bits}"), self.type(f"i{2 * bits}")
        x, y = w(f"zext {ty} {a} to {wide}"), w(f"zext {ty} {b} to {wide}")
        high = w(f"lshr {wide} {w(f'mul {wide} {x}, {y}')}, {self.const(f'i{2 * bits}', str(bits))}")
        return w(f"trunc {wide} {high} to {ty}")

    def _divide(self, w: Write, op: str, dtype: DType, a: str, b: str) -> str:
        """Integer div and rem: x / 0 is 0, and the lowest number over -1 wraps."""
        scalar, ty, mask = register(dtype), self.reg(dtype), self.type("i1")
        name = ("u" if dtype.is_unsigned else "s") + op
        if is_literal(b) and literal_text(b) not in ("0", "-1"):
            return w(f"{name} {ty} {a}, {b}")
        one, zero = self.const(scalar, "1"), self.const(scalar, "0")
        bad = is_zero = w(f"icmp eq {ty} {b}, {zero}")
        if not dtype.is_unsigned:
            lowest = w(f"icmp eq {ty} {a}, {self.const(scalar, str(-(1 << (dtype.size * 8 - 1))))}")
            minus = w(f"icmp eq {ty} {b}, {self.const(scalar, '-1')}")
            bad = w(f"or {mask} {is_zero}, {w(f'and {mask} {lowest}, {minus}')}")
        divisor = w(f"select {mask} {bad}, {ty} {one}, {ty} {b}")
        result = self._quotient(w, op, dtype, a, divisor) if self.lanes and dtype.size < 8 else w(f"{name} {ty} {a}, {divisor}")
        return w(f"select {mask} {is_zero}, {ty} {zero}, {ty} {result}")

    def _quotient(self, w: Write, op: str, dtype: DType, a: str, b: str) -> str:
        """Vectors have no integer division; the rounded quotient of two integers below 2^32 in float64 truncates to the right one."""
        ty, d, sign = self.reg(dtype), self.type("double" if dtype.size == 4 else "float"), "u" if dtype.is_unsigned else "s"
        x, y = (w(f"{sign}itofp {ty} {v} to {d}") for v in (a, b))
        q = w(f"fpto{sign}i {d} {w(f'fdiv {d} {x}, {y}')} to {ty}")
        return q if op == "div" else w(f"sub {ty} {a}, {w(f'mul {ty} {q}, {b}')}")

    def _remainder(self, w: Write, dtype: DType, a: str, b: str) -> str:
        """C's fmod, lane by lane, from the helper that `helpers.py` writes."""
        scalar, ty = register(dtype), self.reg(dtype)
        self.helpers.add(f"fmod.{mangle(scalar)}")
        call = f"call {scalar} @tenfold.fmod.{mangle(scalar)}({scalar} %s, {scalar} %s)"
        if not self.lanes:
            return w(call % (a, b))
        result = "poison"
        for lane in range(self.lanes):
            x, y = (w(f"extractelement {ty} {v}, i32 {lane}") for v in (a, b))
            result = w(f"insertelement {ty} {result}, {scalar} {w(call % (x, y))}, i32 {lane}")
        return result

    def angle(self, w: Write, dtype: DType, args: Sequence[str]) -> str:
        """All parts of what `angle` gives for x of `dtype`, from the helpers that `angles.py` writes."""
        scalar, d, i = register(dtype), self.type("double"), self.type("i64")
        x, r, rest, n = args
        one = "angle.fused" if self.has_fma else "angle.unfused"
        name = f"{one}.{mangle(scalar)}.{self.lanes}" if self.lanes else one
        self.helpers |= {one, name}
        if not self.lanes and scalar == "float":
            scalar, x = "double", w(f"fpext float {x} to double")
        return w(f"call {parts_type(self.lanes)} @tenfold.{name}({self.type(scalar)} {x}, {d} {r}, {d} {rest}, {i} {n})")

    def part(self, w: Write, angle: str, number: int) -> str:
        """One of them."""
        return w(f"extractvalue {parts_type(self.lanes)} {angle}, {number}")

    def compare(self, w: Write, op: str, dtype: DType, a: str, b: str) -> str:
        """lt, le, eq, ne of arguments of `dtype`."""
        ty = self.reg(dtype)
        if dtype.is_floating:
            return w(f"fcmp {'une' if op == 'ne' else 'o' + op} {ty} {a}, {b}")
        sign = "" if op in ("eq", "ne") else "u" if dtype.is_unsigned or dtype.is_bool else "s"
        return w(f"icmp {sign}{op} {ty} {a}, {b}")

    def fma(self, w: Write, dtype: DType, a: str, b: str, c: str) -> str:
        """a * b + c."""
        ty = self.reg(dtype)
        if dtype.is_floating and self.has_fma:
            return self.call(w, "fma", register(dtype), a, b, c)
        multiply, add = ("fmul", "fadd") if dtype.is_floating else ("mul", "add")
        return w(f"{add} {ty} {w(f'{multiply} {ty} {a}, {b}')}, {c}")

    def cast(self, w: Write, source: DType, target: DType, x: str) -> str:
        """Conversion of value; to a 16-bit float it rounds, though the register stays float32."""
        a, b = self.reg(source), self.reg(target)
        if target.is_bool:
            zero = "zeroinitializer" if self.lanes else "0.0" if source.is_floating else "0"
            return w(f"{'fcmp une' if source.is_floating else 'icmp ne'} {a} {x}, {zero}")
        if source.is_floating and target.is_floating:
            return self._float_to_float(w, source, target, x)
        if source.is_floating:
            return self._float_to_integer(w, source, target, x)
        if target.is_floating:
            wide = w(f"{'si' if source.kind == 'int' else 'ui'}tofp {a} {x} to {b}")
            return self._round(w, target, wide)
        if source.is_bool or target.size > source.size:
            return w(f"{'sext' if source.kind == 'int' else 'zext'} {a} {x} to {b}")
        return x if target.size == source.size else w(f"trunc {a} {x} to {b}")

    def _float_to_integer(self, w: Write, source: DType, target: DType, x: str) -> str:
        """The nearest integer toward zero that `target` has; 0 for NaN. What LLVM has for this takes vectors apart."""
        a, b, f, i = self.reg(source), self.reg(target), register(source), register(target)
        convert = f"fpto{'u' if target.is_unsigned else 's'}i"
        if not self.lanes or target.size == 8:
            suffix = [f"v{self.lanes}{mangle(t)}" if self.lanes else mangle(t) for t in (i, f)]
            return w(f"call {b} @llvm.{convert}.sat.{suffix[0]}.{suffix[1]}({a} {x})")
        low, high = int(target.min), int(target.max)
        beyond = float(high) + 1  # a power of two
        last = float(high) if f == "double" or target.size < 4 else beyond * (1 - 2.0**-24)  # the largest number that fits

        def number(value: float) -> str:
            return self.const(f, literal(dtypes.float64, constant_bits(value, dtypes.float64)))

        below = w(f"select {self.type('i1')} {w(f'fcmp olt {a} {x}, {number(last)}')}, {a} {x}, {a} {number(last)}")
        inside = w(f"select {self.type('i1')} {w(f'fcmp ogt {a} {below}, {number(low)}')}, {a} {below}, {a} {number(low)}")
        result = w(f"{convert} {a} {inside} to {b}")
        if last < high:
            result = w(f"select {self.type('i1')} {w(f'fcmp oge {a} {x}, {number(beyond)}')}, {b} {self.const(i, str(high))}, {b} {result}")
        return w(f"select {self.type('i1')} {w(f'fcmp ord {a} {x}, {x}')}, {b} {result}, {b} zeroinitializer")

    def _float_to_float(self, w: Write, source: DType, target: DType, x: str) -> str:
        if source is dtypes.float64 and target is dtypes.float16:
            return self._round(w, target, self._to_odd(w, x))
        if register(source) == register(target):
            return x if target is dtypes.float32 else self._round(w, target, x)
        if target is dtypes.float64:
            return w(f"fpext {self.reg(source)} {x} to {self.reg(target)}")
        return self._round(w, target, w(f"fptrunc {self.reg(source)} {x} to {self.reg(target)}"))

    def _to_odd(self, w: Write, x: str) -> str:
        """float64 to float32 rounding to odd, so that rounding once more to float16 is right."""
        d, f, i = self.type("double"), self.type("float"), self.type("i32")
        near = w(f"fptrunc {d} {x} to {f}")
        back = w(f"fpext {f} {near} to {d}")
        above = w(f"fcmp ogt {d} {self.call(w, 'fabs', 'double', back)}, {self.call(w, 'fabs', 'double', x)}")
        inexact = w(f"fcmp one {d} {back}, {x}")
        bits = w(f"bitcast {f} {near} to {i}")
        down = w(f"sub {i} {bits}, {self._zext(w, above, i)}")
        return w(f"bitcast {i} {w(f'or {i} {down}, {self._zext(w, inexact, i)}')} to {f}")

    def _zext(self, w: Write, x: str, to: str) -> str:
        return w(f"zext {self.type('i1')} {x} to {to}")

    def _round(self, w: Write, dtype: DType, x: str) -> str:
        if dtype in (dtypes.float16, dtypes.bfloat16):
            return self.from_memory(w, dtype, self.to_memory(w, dtype, x))
        return x

    def to_memory(self, w: Write, dtype: DType, x: str) -> str:
        """From a register to what is stored."""
        if dtype.is_bool:
            return self._zext(w, x, self.type("i8"))
        if dtype is dtypes.float16 and not self.has_half:
            return self._half_from_float(w, x)
        if dtype is dtypes.float16:
            half = w(f"fptrunc {self.type('float')} {x} to {self.type('half')}")
            return w(f"bitcast {self.type('half')} {half} to {self.type('i16')}")
        if dtype is not dtypes.bfloat16:
            return x
        f, i = self.type("float"), self.type("i32")
        bits = w(f"bitcast {f} {x} to {i}")
        # round to nearest even in integers: vcvtneps2bf16 would flush subnormal numbers
        odd = w(f"and {i} {w(f'lshr {i} {bits}, {self._int(16)}')}, {self._int(1)}")
        rounded = w(f"add {i} {w(f'add {i} {bits}, {self._int(0x7FFF)}')}, {odd}")
        nan = w(f"fcmp uno {f} {x}, {x}")
        quiet = w(f"or {i} {bits}, {self._int(0x400000)}")
        chosen = w(f"select {self.type('i1')} {nan}, {i} {quiet}, {i} {rounded}")
        return w(f"trunc {i} {w(f'lshr {i} {chosen}, {self._int(16)}')} to {self.type('i16')}")

    def _half_from_float(self, w: Write, x: str) -> str:
        """float32 to the bits of float16, for processors without the instruction (after F. Giesen)."""
        f, i, mask, short, c = self.type("float"), self.type("i32"), self.type("i1"), self.type("i16"), self._int
        bits = w(f"bitcast {f} {x} to {i}")
        a = w(f"and {i} {bits}, {c(0x7FFFFFFF)}")
        # normal: rebias the exponent and round; small: adding 0.5 shifts and rounds; large: infinity or NaN
        odd = w(f"and {i} {w(f'lshr {i} {a}, {c(13)}')}, {c(1)}")
        rounded = w(f"add {i} {w(f'add {i} {a}, {c(0xC8000FFF - (1 << 32))}')}, {odd}")
        normal = w(f"lshr {i} {rounded}, {c(13)}")
        lifted = w(f"fadd {f} {w(f'bitcast {i} {a} to {f}')}, {self.const('float', '0.5')}")
        small = w(f"sub {i} {w(f'bitcast {f} {lifted} to {i}')}, {c(0x3F000000)}")
        nan = w(f"icmp ugt {i} {a}, {c(0x7F800000)}")
        large = w(f"select {mask} {nan}, {i} {c(0x7E00)}, {i} {c(0x7C00)}")
        y = w(f"select {mask} {w(f'icmp ult {i} {a}, {c(0x38800000)}')}, {i} {small}, {i} {normal}")
        y = w(f"select {mask} {w(f'icmp uge {i} {a}, {c(0x47800000)}')}, {i} {large}, {i} {y}")
        sign = w(f"and {i} {w(f'lshr {i} {bits}, {c(16)}')}, {c(0x8000)}")
        return w(f"trunc {i} {w(f'or {i} {y}, {sign}')} to {short}")

    def _float_from_half(self, w: Write, x: str) -> str:
        """The bits of float16 to float32."""
        f, i, c = self.type("float"), self.type("i32"), self._int
        wide = w(f"zext {self.type('i16')} {x} to {i}")
        a = w(f"and {i} {wide}, {c(0x7FFF)}")
        shifted = w(f"shl {i} {a}, {c(13)}")
        scaled = w(f"fmul {f} {w(f'bitcast {i} {shifted} to {f}')}, {self.const('float', '0x46F0000000000000')}")  # 2^112
        bits = w(f"bitcast {f} {scaled} to {i}")
        special = w(f"or {i} {bits}, {c(0x7F800000)}")
        y = w(f"select {self.type('i1')} {w(f'icmp uge {i} {a}, {c(0x7C00)}')}, {i} {special}, {i} {bits}")
        sign = w(f"shl {i} {w(f'and {i} {wide}, {c(0x8000)}')}, {c(16)}")
        return w(f"bitcast {i} {w(f'or {i} {y}, {sign}')} to {f}")

    def _int(self, value: int) -> str:
        return self.const("i32", str(value))

    def from_memory(self, w: Write, dtype: DType, x: str) -> str:
        """From what was loaded to a register."""
        if dtype.is_bool:
            return w(f"icmp ne {self.type('i8')} {x}, {self.const('i8', '0')}")
        if dtype is dtypes.float16 and not self.has_half:
            return self._float_from_half(w, x)
        if dtype is dtypes.float16:
            half = w(f"bitcast {self.type('i16')} {x} to {self.type('half')}")
            return w(f"fpext {self.type('half')} {half} to {self.type('float')}")
        if dtype is not dtypes.bfloat16:
            return x
        wide = w(f"zext {self.type('i16')} {x} to {self.type('i32')}")
        high = w(f"shl {self.type('i32')} {wide}, {self.const('i32', '16')}")
        return w(f"bitcast {self.type('i32')} {high} to {self.type('float')}")

    def bitcast(self, w: Write, source: DType, target: DType, x: str) -> str:
        """The same bits as another type."""
        bits = self.to_memory(w, source, x)
        a, b = self.type(memory(source)), self.type(memory(target))
        return self.from_memory(w, target, bits if a == b else w(f"bitcast {a} {bits} to {b}"))


def is_literal(text: str) -> bool:
    """Whether an operand is a constant."""
    return not text.startswith("%")


def literal_text(text: str) -> str:
    """The number in a constant operand, splat or not."""
    return text.removesuffix(")").split(" ")[-1] if text.startswith("splat") else text
