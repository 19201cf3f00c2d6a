"""The contractions' entry points: concrete sizes in, a `Recipe` of kernels to launch out.

    recipe = matmul(dtypes.float32, batch=1, m=128, n=10, k=784)
    for call in recipe.calls: run kernel call.source over call.tasks tasks with call.args

Operands are named "a", "b", "out", "extra0", ... (see `kernel.contraction.Epilogue`), "scratch0", ... and "table0", ...
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

from tenfold.codegen.attention import Forward
from tenfold.codegen.attention_gradient import Backward
from tenfold.codegen.blocks import write_blocks
from tenfold.codegen.correlation import write_correlation
from tenfold.codegen.depthwise import write_depthwise, write_regroup
from tenfold.codegen.epilogue import text_of
from tenfold.codegen.instructions import Instructions
from tenfold.codegen.integers import IntegerWriter, write_extend
from tenfold.codegen.packing import write_couple, write_pack, write_pad, write_sum
from tenfold.codegen.tile import TileWriter
from tenfold.codegen.winograd import write_collect, write_filter, write_spread
from tenfold.core.dtypes import DType, float32
from tenfold.kernel import attention as blocks
from tenfold.kernel import convolution as plans
from tenfold.kernel import correlation, depthwise, integers, weight_gradient, winograd
from tenfold.kernel import matmul as products
from tenfold.kernel.attention import AttentionSpec
from tenfold.kernel.contraction import (
    Attend,
    AttendBack,
    Blocks,
    Collect,
    Couple,
    Depthwise,
    Description,
    Epilogue,
    Extend,
    Filter,
    Operand,
    Pack,
    Pad,
    Pooling,
    Spread,
    Steps,
    Sum,
    Table,
    Tile,
    Vectors,
)
from tenfold.kernel.convolution import ConvSpec
from tenfold.kernel.groups import Correlation, Regroup
from tenfold.kernel.schedule import MODEL, Schedule
from tenfold.runtime.native import Target, host

__all__ = [
    "AttentionSpec", "Call", "ConvSpec", "Epilogue", "Operand", "Pooling", "Recipe", "Source",
    "attention", "attention_gradient", "convolution", "convolution_input_gradient", "convolution_weight_gradient",
    "integer_matmul", "matmul", "pools", "routed_weight_gradient", "routes",
]  # fmt: skip


REVISION = 42  # of the code that the writers make: part of the keys, so that kernels on disk do not outlive a change


@dataclass(frozen=True, slots=True)
class Source:
    """A kernel that can be compiled: `key` names its contents, `emit` writes its LLVM IR."""

    description: Description
    key: str

    def emit(self, name: str, target: Target) -> str:
        """LLVM IR of `void name(ptr args, i64 task)`."""
        make = partial(Instructions, has_fma=target.has_fma, has_half=target.has_half)
        match self.description:
            case Tile() as tile:
                writer = IntegerWriter if tile.integers else TileWriter
                return writer(tile, make(tile.lanes)).write(name)
            case Pack() as pack:
                return write_pack(pack, name, make)
            case Pad() as pad:
                return write_pad(pad, name, make)
            case Extend() as extend:
                return write_extend(extend, name, make)
            case Couple() as couple:
                return write_couple(couple, name, make)
            case Sum() as fold:
                return write_sum(fold, name, make)
            case Spread() as spread:
                return write_spread(spread, name, make)
            case Collect() as collect:
                return write_collect(collect, name, make)
            case Blocks() as blocks_of_tiles:
                return write_blocks(blocks_of_tiles, name, make)
            case Filter() as filters:
                return write_filter(filters, name, make)
            case Correlation() as taps:
                return write_correlation(taps, name, make)
            case Depthwise() as channels:
                return write_depthwise(channels, name, make)
            case Regroup() as weights:
                return write_regroup(weights, name, make)
            case AttendBack() as back:
                return Backward(back, make).write(name)
            case Attend() as attend:
                return Forward(attend, make).write(name)


@dataclass(frozen=True, slots=True)
class Call:
    """One launch: kernel(args, task) for each task in 0..tasks, in any order, on any thread. It writes the operands `writes`; for `listing` see
    `kernel.contraction.Launch`."""

    source: Source
    tasks: int
    args: tuple[Operand | int, ...]
    writes: tuple[str, ...]
    listing: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Launches in order; bytes of each scratch buffer (aligned to 64); constant tables."""

    calls: tuple[Call, ...]
    scratch: tuple[int, ...]
    constants: tuple[Table, ...]


def vectors(target: Target) -> Vectors:
    """The registers of `target`."""
    many = target.lanes == 16 or target.triple.startswith(("aarch64", "arm64"))
    cache = (512 if target.lanes == 16 else 256) * 1024  # half of what such machines have
    features, x86 = target.features.split(","), target.triple.startswith(("x86_64", "i686"))
    quads = "+avx512vnni" in features if target.lanes == 16 else target.lanes == 8 and "+avxvnni" in features
    madd = x86 and (target.lanes < 16 or "+avx512bw" in features)
    return Vectors(target.lanes * 4, 32 if many else 16, target.lanes == 16 and "+avx512bf16" in features, cache, quads, madd)


def matmul(
    dtype: DType, batch: int, m: int, n: int, k: int, transpose_a: bool = False, transpose_b: bool = False,
    a_stride: int | None = None, b_stride: int | None = None, epilogue: Epilogue | None = None, target: Target | None = None,
    settled: bool = False, schedule: Schedule = MODEL, listed: bool = False,
) -> Recipe:  # fmt: skip
    """out[batch, m, n] = a @ b; a [batch, m, k] or [batch, k, m] if transposed, b [batch, k, n] or [batch, n, k].

    `a_stride` and `b_stride` are the elements from matrix to matrix: None if dense, 0 if one matrix serves the whole batch. What is made
    of a `b` that is `settled` is kept from run to run. `listed`: a table may say where the rows of `a` are.
    """
    machine = vectors(target or host())
    how = (transpose_a, transpose_b, a_stride, b_stride, epilogue)
    return _recipe(products.matmul(machine, dtype, batch, m, n, k, *how, settled=settled, schedule=schedule, listed=listed))


def integer_matmul(
    left: DType, right: DType, batch: int, m: int, n: int, k: int, transpose_b: bool = False, a_stride: int | None = None,
    b_stride: int | None = None, epilogue: Epilogue | None = None, target: Target | None = None, schedule: Schedule = MODEL,
) -> Recipe:  # fmt: skip
    """The same of int8 and uint8, in int32; only `b` may be transposed."""
    machine = vectors(target or host())
    how = (transpose_b, a_stride, b_stride, epilogue)
    return _recipe(integers.integer_matmul(machine, left, right, batch, m, n, k, *how, schedule=schedule))


def convolution(
    spec: ConvSpec, epilogue: Epilogue | None = None, target: Target | None = None, settled: bool = False, schedule: Schedule = MODEL
) -> Recipe:  # fmt: skip
    """(a = x, b = w) -> out; what is made of weights that are `settled` is kept from run to run."""
    machine = vectors(target or host())
    steps = winograd.convolution(machine, spec, epilogue, settled, schedule) or depthwise.convolution(machine, spec, epilogue)
    return _recipe(steps or plans.convolution(machine, spec, epilogue, settled, schedule))


def pools(spec: ConvSpec, window: tuple[int, ...], epilogue: Epilogue | None, target: Target | None = None) -> bool:
    """Whether a convolution can end with `epilogue` and then maxima over windows of that size, which stand side by side."""
    machine = vectors(target or host())
    if not (spec.rank == len(window) == 2 and spec.dtype is float32):
        return False
    sides = window[0], window[1]
    if winograd.worth(machine, plans.normalize(spec), False):
        return winograd.pools(sides)
    return not (epilogue and epilogue.uses_rows) and plans.pools(machine, spec, sides)


def convolution_input_gradient(spec: ConvSpec, target: Target | None = None, schedule: Schedule = MODEL) -> Recipe:
    """(a = gradient of out, b = w) -> gradient of x"""
    machine = vectors(target or host())
    steps = winograd.convolution_input_gradient(machine, spec, schedule) or depthwise.convolution_input_gradient(machine, spec)
    return _recipe(steps or plans.convolution_input_gradient(machine, spec, schedule))


def convolution_weight_gradient(spec: ConvSpec, target: Target | None = None, schedule: Schedule = MODEL) -> Recipe:
    """(a = x, b = gradient of out) -> gradient of w; plain sums are cut into pieces, and follow the model."""
    machine = vectors(target or host())
    steps = winograd.convolution_weight_gradient(machine, spec, schedule) or correlation.convolution_weight_gradient(machine, spec)
    return _recipe(steps or weight_gradient.convolution_weight_gradient(machine, spec))


def routes(spec: ConvSpec, window: tuple[int, ...], target: Target | None = None) -> bool:
    """Whether `routed_weight_gradient` can do it."""
    machine = vectors(target or host())
    possible = spec.rank == len(window) == 2 and spec.dtype is float32 and not winograd.worth(machine, plans.normalize(spec), True)
    return possible and weight_gradient.routes(machine, spec, (window[0], window[1]))


def routed_weight_gradient(spec: ConvSpec, window: tuple[int, int], target: Target | None = None, schedule: Schedule = MODEL) -> Recipe:
    """(a = x, b = gradient of maxima over windows side by side of out, places in these) -> gradient of w"""
    return _recipe(weight_gradient.routed_weight_gradient(vectors(target or host()), spec, window))


def attention(spec: AttentionSpec, target: Target | None = None) -> Recipe:
    """(q, k, v, mask) -> out, highest, share"""
    return _recipe(blocks.attention(vectors(target or host()), spec))


def attention_gradient(spec: AttentionSpec, target: Target | None = None) -> Recipe:
    """(q, k, v, highest, share, delta, g, mask) -> dq, dk, dv"""
    return _recipe(blocks.attention_gradient(vectors(target or host()), spec))


def _recipe(steps: Steps) -> Recipe:
    calls = tuple(Call(_source(step.kernel), step.tasks, step.args, step.writes, step.listing) for step in steps.launches)
    return Recipe(calls, steps.scratch, steps.constants)


def _source(description: Description) -> Source:
    epilogue = getattr(description, "epilogue", None)
    text = f" {text_of(epilogue)}" if epilogue else ""
    return Source(description, _key(description) + text)


@cache
def _key(description: Description) -> str:
    fields = [str(getattr(description, f)) for f in description.__dataclass_fields__ if f != "epilogue"]
    return f"contraction {REVISION} {type(description).__name__.lower()} {' '.join(fields)}"
