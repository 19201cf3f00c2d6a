"""ResNet-18 in plain JAX, NHWC: a training step with optax, a call."""

from typing import Any

import common
from common import Run

STAGES = ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1))  # filters and stride of the eight blocks


def initial(jax: Any) -> tuple[Any, Any]:
    """Weights, and the moving means and variances, as dictionaries by name."""
    jnp, keys = jax.numpy, iter(jax.random.split(jax.random.key(0), 64))
    weights, moving = {}, {}

    def add(name: str, kernel: int, inputs: int, filters: int) -> None:
        scale = (2.0 / (kernel * kernel * inputs)) ** 0.5
        weights[name] = jax.random.normal(next(keys), (kernel, kernel, inputs, filters)) * scale
        weights[name + "/scale"], weights[name + "/shift"] = jnp.ones(filters), jnp.zeros(filters)
        moving[name + "/mean"], moving[name + "/variance"] = jnp.zeros(filters), jnp.ones(filters)

    add("stem", 7, 3, 64)
    inputs = 64
    for i, (filters, _) in enumerate(STAGES):
        add(f"{i}/first", 3, inputs, filters)
        add(f"{i}/second", 3, filters, filters)
        if inputs != filters:
            add(f"{i}/shortcut", 1, inputs, filters)
        inputs = filters
    weights["head"], weights["bias"] = jax.random.normal(next(keys), (512, 1000)) * 0.01, jnp.zeros(1000)
    return weights, moving


def logits(jax: Any, weights: Any, moving: Any, x: Any, training: bool) -> tuple[Any, Any]:
    """The result, and the moving statistics after this batch."""
    jnp, lax = jax.numpy, jax.lax
    after = dict(moving)

    def normalized(x: Any, name: str, stride: int) -> Any:
        x = lax.conv_general_dilated(x, weights[name], (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        mean, variance = moving[name + "/mean"], moving[name + "/variance"]
        if training:
            mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
            after[name + "/mean"] = 0.9 * moving[name + "/mean"] + 0.1 * mean
            after[name + "/variance"] = 0.9 * moving[name + "/variance"] + 0.1 * variance
        factor = weights[name + "/scale"] * lax.rsqrt(variance + 1e-5)
        return x * factor + (weights[name + "/shift"] - mean * factor)

    x = jax.nn.relu(normalized(x, "stem", 2))
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")
    for i, (filters, stride) in enumerate(STAGES):
        y = jax.nn.relu(normalized(x, f"{i}/first", stride))
        y = normalized(y, f"{i}/second", 1)
        x = jax.nn.relu(y + (x if x.shape[-1] == filters else normalized(x, f"{i}/shortcut", stride)))
    return x.mean((1, 2)) @ weights["head"] + weights["bias"], after


def step(images: Any, labels: Any) -> Run:
    """jit of the whole step with donated weights and state; optax's SGD."""
    jax = common.jax()
    import optax

    optimizer = optax.sgd(0.01, momentum=0.9)
    weights, moving = initial(jax)
    state = [weights, moving, optimizer.init(weights)]
    x, y = map(jax.device_put, (images, labels))

    def loss_of(weights: Any, moving: Any, x: Any, y: Any) -> tuple[Any, Any]:
        result, after = logits(jax, weights, moving, x, training=True)
        return optax.softmax_cross_entropy_with_integer_labels(result, y).mean(), after

    def update(weights: Any, moving: Any, momenta: Any, x: Any, y: Any) -> tuple[Any, ...]:
        (loss, moving), grads = jax.value_and_grad(loss_of, has_aux=True)(weights, moving, x, y)
        changes, momenta = optimizer.update(grads, momenta)
        return optax.apply_updates(weights, changes), moving, momenta, loss

    compiled = jax.jit(update, donate_argnums=(0, 1, 2))

    def train() -> Any:
        *state[:], loss = compiled(*state, x, y)
        return loss

    return Run(train, wait=lambda loss: loss.block_until_ready())


def call(images: Any) -> Run:
    jax = common.jax()
    weights, moving = initial(jax)
    x = jax.device_put(images)
    forward = jax.jit(lambda weights, moving, x: logits(jax, weights, moving, x, training=False)[0])
    return Run(lambda: forward(weights, moving, x), wait=lambda y: y.block_until_ready())
