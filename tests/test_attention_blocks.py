"""Attention in blocks: against the plain formula in NumPy, its gradients against differences, in every shape, mask and type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from primitive_checks import check_gradient, close, compiled, gradients, weighted

import tenfold as tf
from tenfold.codegen import attention_blocks
from tenfold.codegen import contraction as kernels
from tenfold.codegen.contraction import vectors
from tenfold.core import dtypes
from tenfold.core.dtypes import as_dtype
from tenfold.ops.attention import dot_product_attention
from tenfold.primitives.attention import attention
from tenfold.runtime.native import host
from tenfold.tensor.tensor import wrap

SHAPES = {  # batch, queries, keys, heads, key heads, size, size of value
    "small": (2, 5, 5, 2, 2, 8, 8),
    "one": (1, 1, 1, 1, 1, 1, 1),
    "odd sizes": (1, 37, 37, 2, 2, 19, 13),
    "several blocks": (1, 150, 150, 2, 2, 32, 32),
    "more keys": (1, 70, 200, 2, 1, 20, 12),
    "fewer keys": (1, 200, 70, 4, 2, 17, 33),
    "few queries, many keys": (1, 3, 700, 1, 1, 4, 4),
}
MASKS = {  # kind, and which of (batch, heads, queries, keys) it has
    "none": None,
    "padding": ("bool", (1, 0, 0, 1)),
    "whole": ("bool", (1, 1, 1, 1)),
    "queries": ("bool", (1, 0, 1, 0)),
    "added": ("float", (0, 1, 1, 1)),
}


def operands(shape: tuple[int, ...], dtype: str, mask: Any = None) -> list[Any]:
    b, t, s, h, kh, d, e = shape
    rng = np.random.default_rng(sum(shape))
    xs: list[Any] = [rng.normal(size=size).astype(dtype) for size in ((b, t, h, d), (b, s, kh, d), (b, s, kh, e))]
    if mask:
        kind, has = mask
        size = tuple(n if there else 1 for n, there in zip((b, h, t, s), has, strict=True))
        xs.append(rng.random(size) < 0.7 if kind == "bool" else rng.normal(size=size).astype(dtype))
    return xs


def formula(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
    """softmax(q @ k.T / sqrt(size)) @ v in float64, head by head."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[2] // x.shape[2], axis=2) for x in (k, v))
    scores = np.einsum("btnh,bsnh->bnts", q, k) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -1e30) if mask.dtype == bool else scores + mask
    if causal:
        scores = np.where(np.tri(*scores.shape[2:], dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum("bnts,bsnh->btnh", weights / weights.sum(-1, keepdims=True), v)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients(shape: str, mask: str, causal: bool) -> None:
    """Compiled values against the formula; compiled gradients against the oracle's, which the next test checks."""
    if causal and mask in ("padding", "whole", "queries"):
        pytest.skip("a row that sees nothing may look ahead: see dot_product_attention")
    for dtype in ("float32", "float64") if shape == "odd sizes" else ("float32",):
        xs = operands(SHAPES[shape], dtype, MASKS[mask])

        def operation(q: Any, k: Any, v: Any, *m: Any) -> Any:
            return attention(q, k, v, *m, causal=causal)[0]

        want = formula(*xs, causal=causal)
        (got,) = compiled(operation, *xs)
        close(got, want.astype(dtype), "value", scale=2)
        scalar = weighted(operation, [np.random.default_rng(1).normal(size=want.shape).astype(dtype)])
        found = compiled(lambda *a, s=scalar: gradients(s, a), *xs)
        for name, got, expected in zip("qkvm", found, gradients(scalar, [wrap(x) for x in xs]), strict=False):
            close(got, expected._array, f"gradient of {name}", scale=20)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", ["none", "padding", "added"])
def test_derivatives_against_differences(mask: str, causal: bool) -> None:
    xs = operands((2, 4, 4, 4, 2, 3, 2), "float64", MASKS[mask])
    check_gradient(lambda q, k, v, *m: attention(q, k, v, *m, causal=causal)[0], *xs, order=2)


def test_rows_that_see_nothing_see_everything_alike() -> None:
    """As in Keras: their scores are all the same, large and negative, and none of them depends on query or key."""
    q, k, v = operands((1, 3, 5, 1, 1, 4, 4), "float32")
    mask = np.zeros((1, 1, 3, 5), bool)
    mask[0, 0, 1, 2] = True
    (y,) = compiled(lambda *xs: attention(*xs, mask)[0], q, k, v)
    np.testing.assert_allclose(y[0, 0, 0], v[0, :, 0].mean(0), rtol=1e-6)
    np.testing.assert_allclose(y[0, 1, 0], v[0, 2, 0], rtol=1e-6)
    dq, dk, dv = compiled(lambda *xs: gradients(lambda *a: tf.reduce_sum(attention(*a, mask)[0] ** 2.0), xs), q, k, v)
    np.testing.assert_allclose(dq, 0, atol=1e-5)
    np.testing.assert_allclose(dk, 0, atol=1e-5)
    np.testing.assert_allclose(dv[0, 0, 0], sum(2 * y[0, i, 0] / 5 for i in (0, 2)), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_dot_product_attention_with_masks_and_causality(dtype: str) -> None:
    xs = [x.astype(as_dtype(dtype).numpy) for x in operands((2, 40, 40, 4, 2, 16, 16), "float32")]
    mask = np.random.default_rng(0).random((2, 1, 1, 40)) < 0.8
    mask[..., 0] = True
    y = tf.function(lambda *a: dot_product_attention(*a, mask=mask, is_causal=True))(*map(tf.constant, xs))
    assert y.dtype == dtype
    want = formula(*(x.astype(np.float32) for x in xs), mask & np.tri(40, dtype=bool))
    np.testing.assert_allclose(y.numpy().astype(np.float64), want, atol={"float32": 2e-6, "float16": 2e-3, "bfloat16": 2e-2}[dtype])


def test_keras_ops_with_everything_at_once() -> None:
    """Bias, mask and soft cap keep the scores in memory; the result is the formula's all the same."""
    q, k, v = operands((2, 6, 9, 4, 2, 8, 8), "float32")
    rng = np.random.default_rng(0)
    bias, mask = rng.normal(size=(1, 4, 6, 9)).astype("float32"), rng.random((2, 1, 6, 9)) < 0.7
    mask[..., 0] = True
    y = tf.keras.ops.dot_product_attention(q, k, v, bias=bias, mask=mask)
    np.testing.assert_allclose(y.numpy(), formula(q, k, v, np.where(mask, bias, -1e30)), atol=2e-6)
    y = tf.keras.ops.dot_product_attention(q, k, v, attn_logits_soft_cap=1e6)
    np.testing.assert_allclose(y.numpy(), formula(q, k, v), atol=1e-4)
    with pytest.raises(ValueError, match="Flash attention takes neither"):
        tf.keras.ops.dot_product_attention(q, k, v, bias=bias, flash_attention=True)
    i, m = tf.keras.Input((6, 4, 8)), tf.keras.Input((1, 6, 6), dtype="bool")
    model = tf.keras.Model([i, m], tf.keras.ops.dot_product_attention(i, i, i, mask=m))
    np.testing.assert_allclose(model.predict([q, mask[:, :, :, :6]], verbose=0), formula(q, q, q, mask[:, :, :, :6]), atol=2e-6)


def test_infinite_masks_and_blocks_without_any_key() -> None:
    q, k, v = operands((1, 20, 150, 1, 1, 8, 8), "float32")
    mask = np.zeros((1, 1, 20, 150), np.float32)
    mask[..., :100] = -np.inf
    mask[0, 0, 3] = -np.inf
    (y,) = compiled(lambda *xs: attention(*xs, mask)[0], q, k, v)
    assert np.isnan(y[0, 3]).all()
    np.testing.assert_allclose(np.delete(y, 3, 1), np.delete(formula(q, k[:, 100:], v[:, 100:]), 3, 1), rtol=2e-5, atol=2e-6)


def test_batched_by_vectorized_map() -> None:
    q, k, v = operands((6, 7, 7, 2, 2, 4, 4), "float64")
    rows = [x.reshape(3, 2, *x.shape[1:]) for x in (q, k)]
    mask = np.arange(7).reshape(1, 1, 1, 7) < 5
    got = tf.vectorized_map(lambda pair: attention(*pair, v[:2], mask)[0], tuple(map(tf.constant, rows)))
    for i in range(3):
        np.testing.assert_allclose(got.numpy()[i], formula(rows[0][i], rows[1][i], v[:2], mask), rtol=1e-10)


def test_nothing_to_attend_to() -> None:
    for shape in ((0, 3, 3, 1, 1, 2, 2), (1, 0, 3, 1, 1, 2, 2), (1, 3, 0, 1, 1, 2, 2)):
        xs = operands(shape, "float32")
        for y in compiled(lambda *a: [attention(*a)[0], *gradients(lambda *b: tf.reduce_sum(attention(*b)[0]), a)], *xs):
            assert not y.any()


def test_mistakes_are_explained() -> None:
    q, k, v = operands((1, 3, 4, 2, 2, 5, 5), "float32")
    with pytest.raises(ValueError, match=r"\[attention\] expected query .* received \(1, 3, 2, 5\), \(1, 4, 2, 4\)"):
        attention(q, k[..., :4], v)
    with pytest.raises(ValueError, match="multiple of the key's"):
        attention(np.ones((1, 3, 3, 5), np.float32), k, v)
    with pytest.raises(ValueError, match=r"mask that broadcasts to \(1, 2, 3, 4\)"):
        attention(q, k, v, np.ones((1, 2, 3, 3), bool))


@pytest.mark.parametrize("layer", ["multi head", "grouped"])
def test_layers_never_hold_all_scores(layer: str) -> None:
    """One training step's memory grows with the steps, not with their square."""

    def arena(steps: int) -> int:
        made: Any = tf.keras.layers.MultiHeadAttention(2, 8) if layer == "multi head" else tf.keras.layers.GroupQueryAttention(8, 4, 2)
        x = tf.constant(np.ones((1, steps, 16), np.float32))
        made(x, x)

        @tf.function
        def step(x: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(made(x, x, use_causal_mask=True) ** 2.0)
            return tape.gradient(loss, made.trainable_variables)

        step(x)
        return max(p.arena_bytes for p in step.get_concrete_function(x)._programs.values())

    assert arena(2048) < 2.2 * arena(1024)


def test_other_registers() -> None:
    """The kernels can be written for every kind of host."""
    spec = kernels.AttentionSpec(as_dtype("float32"), 2, 100, 100, 4, 2, 24, 24, 0.2, True, as_dtype("bool"), (2, 1, 1, 100))
    for recipe in (kernels.attention(spec), kernels.attention_gradient(spec)):
        for call in recipe.calls:
            assert "define void @kernel" in call.source.emit("kernel", host())


@pytest.mark.parametrize("make", [kernels.attention, kernels.attention_gradient])
def test_products_come_in_units(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The innermost loops take several products in a turn, and one at a time what is left."""

    def multiplications(unit: int) -> int:
        monkeypatch.setattr(attention_blocks, "UNIT", unit)
        source = make(kernels.AttentionSpec(dtypes.float32, 1, 40, 40, 1, 1, 8, 8, 1.0)).calls[0].source
        return int(source.emit("name", host()).count("@llvm.fma"))

    tile = 6 if vectors(host()).count == 16 else 8
    products = 2 if make is kernels.attention else 5
    assert multiplications(4) - multiplications(1) == 3 * products * 2 * tile
