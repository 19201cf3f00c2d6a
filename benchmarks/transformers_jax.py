"""The transformers of transformers.py in plain JAX: a training step with optax, a call."""

from typing import Any

import common
import steps
from common import Run

Sizes = dict[str, int]


def initial(jax: Any, sizes: Sizes, head: bool) -> Any:
    jnp, size = jax.numpy, sizes["size"]
    keys = iter(jax.random.split(jax.random.key(0), 4 * sizes["layers"] + 3))

    def matrix(*shape: int) -> Any:
        return jax.random.normal(next(keys), shape) * 0.02

    def norm() -> Any:
        return jnp.ones(size), jnp.zeros(size)

    def block() -> Any:
        products = {"qkv": (size, 3 * size), "out": (size, size), "up": (size, 4 * size), "down": (4 * size, size)}
        return {name: (matrix(*shape), jnp.zeros(shape[1])) for name, shape in products.items()} | {"n1": norm(), "n2": norm()}

    weights = {"words": matrix(sizes["vocabulary"], size), "places": matrix(sizes["steps"], size), "norm": norm()}
    weights["blocks"] = [block() for _ in range(sizes["layers"])]
    return weights | ({"head": matrix(size, sizes["vocabulary"])} if head else {})


def forward(jax: Any, weights: Any, words: Any, heads: int, first: bool) -> Any:
    """`first`: normalized before attention and MLP, and causal, with a product at the end (GPT), or after them (BERT)."""
    jnp = jax.numpy
    epsilon = 1e-5 if first else 1e-12

    def norm(x: Any, scale: Any, shift: Any) -> Any:
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + epsilon) * scale + shift

    def dense(x: Any, kernel: Any, bias: Any) -> Any:
        return x @ kernel + bias

    def attend(x: Any, block: Any) -> Any:
        q, k, v = (z.reshape(*z.shape[:2], heads, -1) for z in jnp.split(dense(x, *block["qkv"]), 3, axis=-1))
        return dense(jax.nn.dot_product_attention(q, k, v, is_causal=first).reshape(x.shape), *block["out"])

    def mlp(x: Any, block: Any) -> Any:
        return dense(jax.nn.gelu(dense(x, *block["up"]), approximate=False), *block["down"])

    x = weights["words"][words] + weights["places"]
    x = x if first else norm(x, *weights["norm"])
    for block in weights["blocks"]:
        if first:
            x = x + attend(norm(x, *block["n1"]), block)
            x = x + mlp(norm(x, *block["n2"]), block)
        else:
            x = norm(x + attend(x, block), *block["n1"])
            x = norm(x + mlp(x, block), *block["n2"])
    return norm(x, *weights["norm"]) @ weights["head"] if first else x


def step(data: Any, sizes: Sizes) -> Run:
    jax = common.jax()
    import optax

    def loss_of(weights: Any, words: Any, labels: Any) -> Any:
        logits = forward(jax, weights, words, sizes["heads"], first=True)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    weights = initial(jax, sizes, head=True)
    return steps.jax_step(jax, loss_of, optax.adamw(3e-4, weight_decay=0.1), weights, (data[:, :-1], data[:, 1:]))


def call(words: Any, sizes: Sizes) -> Run:
    jax = common.jax()
    weights, x = initial(jax, sizes, head=False), jax.device_put(words)
    compiled = jax.jit(lambda weights, words: forward(jax, weights, words, sizes["heads"], first=False))
    return Run(lambda: compiled(weights, x), wait=lambda y: y.block_until_ready())
