"""Winograd's convolutions against NumPy in float64: margins, tiles that end outside, epilogues, error, determinism."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.codegen import contraction, cpu
from tenfold.codegen.contraction import ConvSpec, Operand, Recipe
from tenfold.codegen.cpu import compile_kernel
from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel import winograd
from tenfold.kernel.contraction import Blocks, Collect, Filter, Spread, Vectors
from tenfold.runtime.native import host
from tests.test_contraction import F32, TOLERANCE, apply, bias_relu, check, check_convolution, conv_spec, convolve, everything, run, sample

SAME = ((1, 1), (1, 1))
SPECS = {
    "whole_tiles": conv_spec(F32, 2, (16, 16), 64, 64, (3, 3), padding=SAME),
    "ragged_tiles": conv_spec(F32, 6, (7, 7), 64, 128, (3, 3), padding=SAME),
    "ragged_panels": conv_spec(F32, 3, (14, 9), 96, 80, (3, 3), padding=SAME),
    "ragged_last_panel": conv_spec(F32, 3, (14, 9), 64, 40, (3, 3), padding=SAME),
    "no_margin": conv_spec(F32, 3, (18, 21), 64, 64, (3, 3)),
    "wide_margin": conv_spec(F32, 3, (13, 14), 64, 64, (3, 3), padding=((2, 1), (0, 2))),
    "chunks": conv_spec(F32, 5, (58, 56), 64, 64, (3, 3), padding=SAME),
    "many_channels": conv_spec(F32, 16, (8, 8), 512, 256, (3, 3), padding=SAME),
}


def transformed(recipe: Recipe) -> bool:
    return any(isinstance(c.source.description, (Spread, Collect, Filter)) for c in recipe.calls)


@pytest.mark.parametrize("name", SPECS)
def test_convolutions(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOLERANCE, "float32", 5e-6)
    spec = SPECS[name]
    assert transformed(contraction.convolution(spec)) and transformed(contraction.convolution_input_gradient(spec))
    check_convolution(spec)


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets tasks take some tiles at a time through all steps, wherever registers are few."""
    monkeypatch.setattr(winograd, "BLOCKS", 1)
    monkeypatch.setattr(winograd, "EACH", 6)
    monkeypatch.setattr(winograd, "WEIGHTS", 512)


def blocks(recipe: Recipe) -> list[Blocks]:
    return [c.source.description for c in recipe.calls if isinstance(c.source.description, Blocks)]


FEW, MANY = Vectors(32, 16, cache=256 * 1024), Vectors(64, 32)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (conv_spec(F32, 16, (56, 56), 64, 64, (3, 3), padding=SAME), True),
        (conv_spec(F32, 1, (56, 56), 64, 64, (3, 3), padding=SAME), True),
        (conv_spec(F32, 16, (28, 28), 128, 128, (3, 3), padding=SAME), True),
        (conv_spec(F32, 32, (16, 16), 32, 64, (3, 3), padding=SAME), True),
        (conv_spec(F32, 1, (28, 28), 128, 128, (3, 3), padding=SAME), False),  # few blocks
        (conv_spec(F32, 16, (14, 14), 256, 256, (3, 3), padding=SAME), False),  # many weights
        (conv_spec(F32, 16, (14, 14), 64, 512, (3, 3), padding=SAME), False),  # blocks larger than the cache
    ],
)
def test_tasks_take_tiles_through_all_steps_where_the_weights_are_few(spec: ConvSpec, expected: bool) -> None:
    kinds = [[type(step.kernel) for step in winograd.convolution(machine, spec).launches] for machine in (FEW, MANY)]  # type: ignore[union-attr]
    assert (kinds[0] == [Filter, Blocks]) is expected
    assert Blocks not in kinds[1] and {Spread, Collect} <= set(kinds[1])


def test_a_task_takes_several_blocks_in_the_same_memory() -> None:
    for n, tasks in ((1, 8), (3, 8), (16, 16)):
        steps = winograd.convolution(FEW, conv_spec(F32, n, (56, 56), 64, 64, (3, 3), padding=SAME))
        assert steps and steps.launches[-1].tasks == tasks


@pytest.mark.parametrize("name", SPECS)
def test_blocks_of_tiles_have_the_same_bits(name: str, in_blocks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, rng = SPECS[name], np.random.default_rng(0)
    x, w = sample(rng, F32, spec.n, *spec.input, spec.ci), sample(rng, F32, *spec.kernel, spec.ci, spec.co)
    g = sample(rng, F32, spec.n, *spec.output, spec.co)

    def both() -> list[np.ndarray]:
        recipes = contraction.convolution(spec), contraction.convolution_input_gradient(spec)
        fits = 37 * 6 * (4 * max(spec.ci, spec.co) + 64) <= 2 * contraction.vectors(host()).cache
        assert [len(blocks(recipe)) for recipe in recipes] == [int(fits and winograd.BLOCKS == 1 and contraction.vectors(host()).count == 16)] * 2
        operands = ((x, w, g.shape), (g, w, x.shape))
        return [run(recipe, {"a": a, "b": b}, shape, F32) for recipe, (a, b, shape) in zip(recipes, operands, strict=True)]

    made = both()
    monkeypatch.setattr(winograd, "BLOCKS", 1 << 30)
    for actual, expected in zip(made, both(), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_transformed_weights_are_written_panel_by_panel() -> None:
    spec, rng = SPECS["ragged_last_panel"], np.random.default_rng(0)
    recipe = contraction.convolution(spec)
    call = next(c for c in recipe.calls if isinstance(c.source.description, Filter))
    w, scratch = sample(rng, F32, *spec.kernel, spec.ci, spec.co), [np.full(n // 4, np.nan, np.float32) for n in recipe.scratch]
    buffers = {"b": w, **{f"scratch{i}": b for i, b in enumerate(scratch)}, **{f"table{i}": t for i, t in enumerate(recipe.constants)}}
    kernel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(compile_kernel(call.source))
    args = np.array([buffers[a.name].ctypes.data + a.offset if isinstance(a, Operand) else a for a in call.args], np.int64)
    (made,) = (b for i, b in enumerate(scratch) if f"scratch{i}" in call.writes)
    plane, size = made[: len(made) // 36], spec.ci * spec.co // call.tasks
    for task in range(call.tasks):
        kernel(args.ctypes.data, task)
        if task < call.tasks // 2:  # while panels are whole
            assert np.isfinite(plane[: (task + 1) * size]).all() and np.isnan(plane[(task + 1) * size :]).all()


def test_large_images_are_asked_for_early() -> None:
    for n, far in ((16, True), (1, False)):
        spec = conv_spec(F32, n, (28, 28), 128, 128, (3, 3), padding=SAME)
        steps = winograd.convolution_weight_gradient(FEW, spec), winograd.convolution(FEW, spec)
        kernels = [getattr(step.kernel, "spread", step.kernel) for made in steps if made for step in made.launches]
        assert {kernel.ahead for kernel in kernels if isinstance(kernel, Spread)} == {far}


@pytest.mark.parametrize("dtype", [dtypes.bfloat16, dtypes.float16], ids=lambda d: d.name)
def test_half_precision_is_computed_in_float32(dtype: DType) -> None:
    for name in ("ragged_panels", "chunks"):
        spec = replace(SPECS[name], dtype=dtype)
        if dtype is dtypes.float16 or not contraction.vectors(host()).pairs:
            assert transformed(contraction.convolution(spec)) and transformed(contraction.convolution_weight_gradient(spec))
        check_convolution(spec)


@pytest.mark.parametrize("which", ["bias_relu", "everything"])
@pytest.mark.parametrize(("name", "least"), [("chunks", 1 << 30), ("no_margin", 1)])
def test_epilogue(name: str, least: int, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "BLOCKS", least)
    spec, rng = SPECS[name], np.random.default_rng(0)
    x, w = sample(rng, F32, spec.n, *spec.input, spec.ci), sample(rng, F32, *spec.kernel, spec.ci, spec.co)
    shape = (spec.n, *spec.output, spec.co)
    rows = int(np.prod(shape[:-1]))
    extras = [sample(rng, F32, spec.co), sample(rng, F32, rows, spec.co), sample(rng, F32, rows)]
    epilogue = bias_relu() if which == "bias_relu" else everything(spec.co)
    operands = {"a": x, "b": w, **{f"extra{i}": e for i, e in enumerate(extras)}}
    actual = run(contraction.convolution(spec, epilogue), operands, shape, F32)
    out = convolve(spec, x, w, np.zeros(shape, np.float32))[0]
    expected = apply(out.reshape(rows, spec.co), which, extras).reshape(shape)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=5e-6 * np.abs(expected).max())


def test_error_is_about_twice_that_of_plain_sums() -> None:
    rng = np.random.default_rng(0)
    x, w = sample(rng, F32, 2, 16, 16, 64), sample(rng, F32, 3, 3, 64, 64)
    spec = SPECS["whole_tiles"]
    exact = convolve(spec, x, w, np.zeros((2, 16, 16, 64), np.float32))[0]
    actual = run(contraction.convolution(spec), {"a": x, "b": w}, exact.shape, F32)
    assert np.sqrt(((actual - exact) ** 2).mean()) < 1e-6 * exact.std()


@pytest.mark.parametrize("least", [1, 1 << 30], ids=["blocks", "images"])
def test_order_and_threads_do_not_matter(least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "BLOCKS", least)
    spec, rng = SPECS["ragged_panels"], np.random.default_rng(0)
    x, w = sample(rng, F32, spec.n, *spec.input, spec.ci), sample(rng, F32, *spec.kernel, spec.ci, spec.co)
    g = sample(rng, F32, spec.n, *spec.output, spec.co)

    def two_threads(n: int) -> list[list[int]]:
        tasks = [int(i) for i in np.random.default_rng(1).permutation(n)]
        return [tasks[: n // 3], tasks[n // 3 :]]

    for recipe, a, b, shape in (
        (contraction.convolution(spec), x, w, g.shape),
        (contraction.convolution_input_gradient(spec), g, w, x.shape),
        (contraction.convolution_weight_gradient(spec), x, g, w.shape),
    ):
        first = run(recipe, {"a": a, "b": b}, shape, F32)
        np.testing.assert_array_equal(run(recipe, {"a": a, "b": b}, shape, F32, two_threads), first)


def test_weights_in_parts_have_the_same_bits_and_take_less_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, rng = SPECS["ragged_panels"], np.random.default_rng(0)
    x, w = sample(rng, F32, spec.n, *spec.input, spec.ci), sample(rng, F32, *spec.kernel, spec.ci, spec.co)
    g = sample(rng, F32, spec.n, *spec.output, spec.co)

    def all_three() -> list[tuple[int, np.ndarray]]:
        recipes = contraction.convolution(spec), contraction.convolution_input_gradient(spec), contraction.convolution_weight_gradient(spec)
        operands = ((x, w, g.shape), (g, w, x.shape), (x, g, w.shape))
        made = [run(recipe, {"a": a, "b": b}, shape, F32) for recipe, (a, b, shape) in zip(recipes, operands, strict=True)]
        return [(max(recipe.scratch), result) for recipe, result in zip(recipes, made, strict=True)]

    whole = all_three()
    monkeypatch.setattr(winograd, "CHUNK", 1)
    for (most, expected), (least, actual) in zip(whole, all_three(), strict=True):
        assert least < most
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("channels", [(64, 80), (48, 64)])
def test_sums_over_some_images_at_a_time_have_the_same_bits_and_take_less_memory(channels: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    spec, rng = conv_spec(F32, 23, (9, 8), *channels, (3, 3), padding=SAME), np.random.default_rng(0)
    x, g = sample(rng, F32, spec.n, *spec.input, spec.ci), sample(rng, F32, spec.n, *spec.output, spec.co)
    w = np.zeros((3, 3, *channels), np.float32)
    recipe = contraction.convolution_weight_gradient(spec)
    whole = run(recipe, {"a": x, "b": g}, w.shape, F32)
    check(whole, convolve(spec, x, w, g)[2], F32)
    monkeypatch.setattr(winograd, "CHUNK", 1)
    parts = contraction.convolution_weight_gradient(spec)
    assert len(parts.calls) > len(recipe.calls) and sum(parts.scratch) < sum(recipe.scratch)
    np.testing.assert_array_equal(run(parts, {"a": x, "b": g}, w.shape, F32), whole)


def test_parts_of_weights_that_are_kept_do_not_share_memory() -> None:
    x = tf.constant(np.random.default_rng(0).standard_normal((16, 8, 8, 512)).astype("float32"))
    frozen = tf.Variable(np.random.default_rng(1).standard_normal((3, 3, 512, 256)).astype("float32") * 0.02)

    @tf.function
    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.nn.conv2d(x, frozen, 1, "SAME") ** 2)
        return tape.gradient(y, x)

    first = gradient(x).numpy()
    np.testing.assert_array_equal(gradient(x).numpy(), first)  # what is kept serves the second run too
    spec = conv_spec(F32, 16, (8, 8), 512, 256, (3, 3), padding=SAME)
    out = convolve(spec, x.numpy(), frozen.numpy(), np.zeros((16, 8, 8, 256), np.float32))[0]
    expected = convolve(spec, x.numpy(), frozen.numpy(), 2 * out)[1]
    np.testing.assert_allclose(first, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


def test_images_that_are_kept_are_all_transformed_though_they_share_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "CHUNK", 1)
    images = np.random.default_rng(0).standard_normal((24, 8, 8, 64)).astype("float32")
    weights = tf.Variable(np.random.default_rng(1).standard_normal((3, 3, 64, 64)).astype("float32") * 0.02)

    @tf.function
    def step() -> Any:
        with tf.GradientTape() as tape:
            y = tf.nn.conv2d(images, weights, 1, "SAME")
            loss = tf.reduce_sum(y**2) / 2
        gradient = tape.gradient(loss, weights)
        weights.assign(weights * 1.0)
        return y, gradient

    y, gradient = (t.numpy() for t in step())
    spec = conv_spec(F32, 24, (8, 8), 64, 64, (3, 3), padding=SAME)
    out = convolve(spec, images, weights.numpy(), np.zeros_like(y))[0]
    expected = convolve(spec, images, weights.numpy(), out)[2]
    np.testing.assert_allclose(y, out, rtol=0, atol=2e-5 * np.abs(out).max())
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPECS["whole_tiles"], groups=2),
        replace(SPECS["whole_tiles"], dilation=(1, 2)),
        conv_spec(F32, 2, (16, 16), 64, 64, (3, 3), (2, 2), SAME),
        conv_spec(F32, 2, (16, 16), 60, 64, (3, 3), padding=SAME),
        conv_spec(F32, 1, (7, 7), 512, 512, (3, 3), padding=SAME),
        conv_spec(F32, 2, (16, 16), 64, 64, (1, 1)),
    ],
)
def test_where_it_does_not_serve(spec: ConvSpec) -> None:
    assert not transformed(contraction.convolution(spec))


def test_hosts_with_narrow_registers_sum_plainly() -> None:
    narrow = replace(cpu.host(), lanes=4)
    assert not transformed(contraction.convolution(SPECS["whole_tiles"], target=narrow))
    assert Vectors().bytes == 64
