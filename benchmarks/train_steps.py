"""One training step: an MLP 784-128-10 at batch 128 and a CIFAR-10 CNN at batch 32 and 256, Adam, cross-entropy from logits.

The batch is already a tensor of the framework; `train_on_batch` is what Keras's users call, with NumPy arrays and an accuracy.
"""

from collections.abc import Callable
from typing import Any

import common
import steps
from common import Run, Suite

SUITE = Suite("train_steps.py")
BATCHES = {"mlp_b128": 128, "cnn_b32": 32, "cnn_b256": 256}


def batch(workload: str) -> tuple[Any, Any]:
    """Images and labels as NumPy arrays; NHWC."""
    import numpy as np

    random = np.random.default_rng(0)
    size = BATCHES[workload]
    shape = (784,) if workload.startswith("mlp") else (32, 32, 3)
    return random.random((size, *shape), dtype="float32"), random.integers(0, 10, size).astype("int32")


def keras_model(tf: Any, workload: str) -> Any:
    L = tf.keras.layers
    if workload.startswith("mlp"):
        return tf.keras.Sequential([L.Input((784,)), L.Dense(128, activation="relu"), L.Dense(10)])
    convolutions = [L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(64, 3, activation="relu"), L.MaxPooling2D()]
    return tf.keras.Sequential([L.Input((32, 32, 3)), *convolutions, L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10)])


def function_step(tf: Any, workload: str, **options: Any) -> Run:
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return steps.tape_step(tf, keras_model(tf, workload), loss, tf.keras.optimizers.Adam(1e-3), batch(workload), **options)


def keras_step(tf: Any, workload: str) -> Run:
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return steps.keras_step(keras_model(tf, workload), loss, "adam", batch(workload))


def torch_model(torch: Any, workload: str) -> Any:
    nn = torch.nn
    if workload.startswith("mlp"):
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    model = nn.Sequential(
        *(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(2304, 128), nn.ReLU(), nn.Linear(128, 10)),
    )
    return model.to(memory_format=torch.channels_last)


def torch_step(workload: str, compiled: bool) -> Run:
    """channels_last, fused Adam."""
    torch = common.torch()
    model = torch_model(torch, workload)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    x, y = (torch.from_numpy(array) for array in batch(workload))
    if x.ndim == 4:
        x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    labels = y.long()

    def loss_of(images: Any, targets: Any) -> Any:
        return torch.nn.functional.cross_entropy(model(images), targets)

    return steps.torch_step(torch, loss_of, optimizer, (x, labels), compiled)


def jax_parameters(jax: Any, workload: str) -> list[tuple[Any, Any]]:
    shapes = [(784, 128), (128, 10)] if workload.startswith("mlp") else [(3, 3, 3, 32), (3, 3, 32, 64), (2304, 128), (128, 10)]
    keys = jax.random.split(jax.random.key(0), len(shapes))
    return [(jax.random.normal(key, s) * 0.05, jax.numpy.zeros(s[-1])) for key, s in zip(keys, shapes, strict=True)]


def jax_logits(jax: Any, parameters: list[tuple[Any, Any]], x: Any) -> Any:
    relu, lax = jax.nn.relu, jax.lax
    for w, b in parameters[:-2]:
        x = relu(lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + b)
        x = lax.reduce_window(x, -jax.numpy.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    (w1, b1), (w2, b2) = parameters[-2:]
    return relu(x.reshape(x.shape[0], -1) @ w1 + b1) @ w2 + b2


def jax_step(workload: str) -> Run:
    jax = common.jax()
    import optax

    def loss_of(weights: Any, images: Any, labels: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(jax_logits(jax, weights, images), labels).mean()

    return steps.jax_step(jax, loss_of, optax.adam(1e-3), jax_parameters(jax, workload), batch(workload))


def register(workload: str) -> None:
    def add(framework: str, variant: str, prepare: Callable[[], Run]) -> None:
        SUITE.add(workload, framework, variant)(prepare)

    add("tenfold", "function", lambda: function_step(common.tenfold(), workload))
    add("tenfold", "train_on_batch", lambda: keras_step(common.tenfold(), workload))
    add("tensorflow", "function", lambda: function_step(common.tensorflow(), workload))
    add("tensorflow", "jit_compile", lambda: function_step(common.tensorflow(), workload, jit_compile=True))
    add("torch", "eager", lambda: torch_step(workload, compiled=False))
    add("torch", "compile", lambda: torch_step(workload, compiled=True))
    add("jax", "jit", lambda: jax_step(workload))


for each in BATCHES:
    register(each)

if __name__ == "__main__":
    common.main(SUITE)
