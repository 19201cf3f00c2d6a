"""What one operation costs outside a compiled function: the sum of two 8x8 tensors; tanh(a @ w).sum() with its gradient."""

from typing import Any

import common
from common import Run, Suite

SUITE = Suite("eager.py")


def matrices() -> tuple[Any, Any]:
    import numpy as np

    random = np.random.default_rng(0)
    return random.random((8, 8), dtype="float32"), random.random((8, 8), dtype="float32")


def tf_add(tf: Any) -> Run:
    a, b = map(tf.constant, matrices())
    return Run(lambda: a + b, wait=lambda c: c.numpy())


def tf_gradient(tf: Any) -> Run:
    a, start = matrices()
    a, w = tf.constant(a), tf.Variable(start)

    def call() -> Any:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.tanh(a @ w))
        return tape.gradient(y, w)

    return Run(call, wait=lambda g: g.numpy())


@SUITE.add("add_8x8", "tenfold")
def add_tenfold() -> Run:
    return tf_add(common.tenfold())


@SUITE.add("add_8x8", "tensorflow")
def add_tensorflow() -> Run:
    return tf_add(common.tensorflow())


@SUITE.add("add_8x8", "torch")
def add_torch() -> Run:
    a, b = map(common.torch().from_numpy, matrices())
    return Run(lambda: a + b)


@SUITE.add("add_8x8", "jax")
def add_jax() -> Run:
    import jax

    a, b = map(jax.device_put, matrices())
    return Run(lambda: a + b, wait=lambda c: c.block_until_ready())


@SUITE.add("tanh_gradient", "tenfold")
def gradient_tenfold() -> Run:
    return tf_gradient(common.tenfold())


@SUITE.add("tanh_gradient", "tensorflow")
def gradient_tensorflow() -> Run:
    return tf_gradient(common.tensorflow())


@SUITE.add("tanh_gradient", "torch")
def gradient_torch() -> Run:
    torch = common.torch()
    a, w = map(torch.from_numpy, matrices())
    w.requires_grad_()

    def call() -> Any:
        w.grad = None
        (a @ w).tanh().sum().backward()
        return w.grad

    return Run(call)


@SUITE.add("tanh_gradient", "jax")
def gradient_jax() -> Run:
    import jax

    jnp = jax.numpy
    a, w = map(jax.device_put, matrices())
    gradient = jax.grad(lambda v: jnp.tanh(a @ v).sum())
    return Run(lambda: gradient(w), wait=lambda g: g.block_until_ready())


if __name__ == "__main__":
    common.main(SUITE)
