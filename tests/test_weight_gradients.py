"""Gradients of convolutions' weights, where tasks copy the rows of their tiles and the gradient of the output lies in panels."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.codegen import contraction
from tenfold.codegen.contraction import ConvSpec
from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel import winograd
from tenfold.kernel.contraction import Pack, Steps, Tile, Vectors
from tenfold.kernel.weight_gradient import convolution_weight_gradient, side_by_side
from tests.test_contraction import F32, check, conv_spec, convolve, run, sample

NARROW, WIDE = Vectors(32, 16, cache=256 * 1024), Vectors(64, 32)
SAME = ((1, 1), (1, 1))
SPECS = {
    "three by three": conv_spec(F32, 3, (14, 14), 64, 128, (3, 3), (2, 2), SAME),
    "rows that end within tiles": conv_spec(F32, 2, (9, 11), 64, 70, (1, 1), (2, 2)),
    "five positions an image": conv_spec(F32, 7, (5, 1), 100, 64, (1, 1)),
    "many blocks": conv_spec(F32, 2, (43, 41), 48, 80, (2, 2), (2, 2)),
    "groups": conv_spec(F32, 2, (12, 10), 128, 192, (3, 2), (2, 1), SAME, groups=2),
    "dilated": conv_spec(F32, 2, (12, 13), 54, 64, (2, 3), padding=SAME, dilation=(2, 2)),
    "no images": conv_spec(F32, 0, (8, 8), 64, 64, (3, 3), (2, 2)),
    "volumes": conv_spec(F32, 2, (4, 5, 6), 52, 66, (2, 1, 2), (1, 2, 1)),
}


def tiles(steps: Steps) -> list[Tile]:
    return [step.kernel for step in steps.launches if isinstance(step.kernel, Tile)]


def tile(steps: Steps) -> Tile:
    (found,) = tiles(steps)
    return found


def of(spec: ConvSpec, dtype: DType) -> ConvSpec:
    return ConvSpec(dtype, *(getattr(spec, f) for f in list(ConvSpec.__dataclass_fields__)[1:]))


@pytest.mark.parametrize("dtype", [F32, dtypes.float64, dtypes.bfloat16, dtypes.float16, dtypes.int32], ids=str)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_it_is_the_sum_over_all_positions(spec: ConvSpec, dtype: DType) -> None:
    spec, rng = of(spec, dtype), np.random.default_rng(0)
    x, g = sample(rng, dtype, spec.n, *spec.input, spec.ci), sample(rng, dtype, spec.n, *spec.output, spec.co)
    w = np.zeros((*spec.kernel, spec.ci // spec.groups, spec.co), x.dtype)
    expected = convolve(spec, x, w, g)[2]
    recipe = contraction.convolution_weight_gradient(spec)
    actual = run(recipe, {"a": x, "b": g}, w.shape, dtype)
    check(actual, expected, dtype)
    backwards = run(recipe, {"a": x, "b": g}, w.shape, dtype, lambda tasks: [list(range(tasks))[::-1]])
    np.testing.assert_array_equal(backwards, actual)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_rows_and_panels_are_copied_where_registers_are_few(spec: ConvSpec) -> None:
    """A position's channels for a tile are a part of a line; with many registers tiles take whole lines."""
    steps = convolution_weight_gradient(NARROW, spec)
    assert tile(steps).copied_a is F32 and tile(steps).padded and tile(steps).unit == 4
    assert any(isinstance(step.kernel, Pack) for step in steps.launches) or not spec.n
    assert tile(convolution_weight_gradient(WIDE, spec)).copied_a is None


WINOGRAD = {
    "panels": conv_spec(F32, 5, (13, 14), 64, 136, (3, 3), padding=SAME),
    "copied": conv_spec(F32, 4, (14, 14), 96, 264, (3, 3), padding=SAME),
    "many blocks": conv_spec(F32, 12, (27, 28), 64, 256, (3, 3), padding=SAME),
}


@pytest.mark.parametrize("spec", WINOGRAD.values(), ids=WINOGRAD.keys())
def test_both_transformed_operands_lie_in_panels(spec: ConvSpec) -> None:
    """With few registers; in parts of some images, where these are many."""
    steps = winograd.convolution_weight_gradient(NARROW, spec)
    assert steps is not None and tiles(steps) and all(t.padded and not t.copied_a for t in tiles(steps))
    plain = winograd.convolution_weight_gradient(WIDE, spec)
    assert plain is None or not any(t.padded or t.copied_a for t in tiles(plain))
    rng = np.random.default_rng(0)
    x, g = sample(rng, F32, spec.n, *spec.input, spec.ci), sample(rng, F32, spec.n, *spec.output, spec.co)
    w = np.zeros((*spec.kernel, spec.ci, spec.co), x.dtype)
    recipe = contraction.convolution_weight_gradient(spec)
    expected, actual = convolve(spec, x, w, g)[2], run(recipe, {"a": x, "b": g}, w.shape, F32)
    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max() + 1e-4)
    np.testing.assert_array_equal(run(recipe, {"a": x, "b": g}, w.shape, F32, lambda tasks: [list(range(tasks))[::-1]]), actual)


def test_few_rows_or_columns_are_read_where_they_lie() -> None:
    for spec in (
        conv_spec(F32, 8, (28, 28), 192, 32, (1, 1)),
        conv_spec(F32, 8, (28, 28), 32, 192, (1, 1)),
        conv_spec(F32, 2, (32, 32), 3, 64, (7, 7)),
    ):
        assert tile(convolution_weight_gradient(NARROW, spec)).copied_a is None


def test_a_tiles_rows_stand_side_by_side() -> None:
    places = np.array([0, 4, 8, 12, 16, 100, 104, 108, 112, 116, 120, 124, 128], np.int64)
    numbers = side_by_side(places, 4, 4)
    assert numbers.tolist() == [0, 1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    for first in range(0, len(numbers), 4):
        rows = places[numbers[first : first + 4]]
        assert (np.diff(rows) <= 4).all() and rows[-1] - rows[0] <= 12
