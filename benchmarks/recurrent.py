"""A step of training of a text classifier: embedding 20000x128, LSTM, GRU or SimpleRNN of 128 units over 100 steps, one logit; batch 64, Adam."""

from collections.abc import Callable
from typing import Any

import common
import steps
from common import Run, Suite

SUITE = Suite("recurrent.py")
WORDS, SIZE, STEPS, BATCH = 20000, 128, 100, 64
LAYERS = {"lstm": ("LSTM", "LSTM"), "gru": ("GRU", "GRU"), "simple_rnn": ("SimpleRNN", "RNN")}  # workload: in Keras, in PyTorch


def reviews() -> tuple[Any, Any]:
    """Words and labels as NumPy arrays."""
    import numpy as np

    random = np.random.default_rng(0)
    return random.integers(0, WORDS, (BATCH, STEPS)).astype("int32"), random.integers(0, 2, (BATCH, 1)).astype("float32")


def keras_model(tf: Any, workload: str = "lstm") -> Any:
    L = tf.keras.layers
    recurrent = getattr(L, LAYERS[workload][0])
    return tf.keras.Sequential([L.Input((STEPS,), dtype="int32"), L.Embedding(WORDS, SIZE), recurrent(SIZE), L.Dense(1)])


def function_step(tf: Any, workload: str, **options: Any) -> Run:
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    return steps.tape_step(tf, keras_model(tf, workload), loss, tf.keras.optimizers.Adam(1e-3), reviews(), **options)


def keras_step(tf: Any, workload: str) -> Run:
    return steps.keras_step(keras_model(tf, workload), tf.keras.losses.BinaryCrossentropy(from_logits=True), "adam", reviews())


def torch_step(workload: str, compiled: bool) -> Run:
    """Fused Adam."""
    torch = common.torch()
    nn = torch.nn

    class Classifier(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(WORDS, SIZE), nn.Linear(SIZE, 1)
            self.recurrent = getattr(nn, LAYERS[workload][1])(SIZE, SIZE, batch_first=True)

        def forward(self, words: Any) -> Any:
            outputs, _ = self.recurrent(self.embedding(words))
            return self.head(outputs[:, -1])

    model = Classifier()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    words, labels = map(torch.from_numpy, reviews())

    def loss_of(inputs: Any, targets: Any) -> Any:
        return nn.functional.binary_cross_entropy_with_logits(model(inputs), targets)

    return steps.torch_step(torch, loss_of, optimizer, (words.long(), labels), compiled)


def jax_logits(jax: Any, weights: Any, words: Any) -> Any:
    """The products with the inputs in one, the loop over time as a scan."""
    jnp = jax.numpy
    inputs = weights["embedding"][words] @ weights["kernel"] + weights["bias"]

    def cell(state: Any, x: Any) -> tuple[Any, None]:
        h, c = state
        i, f, g, o = jnp.split(x + h @ weights["recurrent"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((BATCH, SIZE))
    (h, _), _ = jax.lax.scan(cell, (zeros, zeros), jnp.swapaxes(inputs, 0, 1))
    return h @ weights["head"]


def jax_step() -> Run:
    jax = common.jax()
    import optax

    shapes = {"embedding": (WORDS, SIZE), "kernel": (SIZE, 4 * SIZE), "recurrent": (SIZE, 4 * SIZE), "bias": (4 * SIZE,), "head": (SIZE, 1)}
    keys = jax.random.split(jax.random.key(0), len(shapes))
    weights = {name: jax.random.normal(key, shape) * 0.05 for key, (name, shape) in zip(keys, shapes.items(), strict=True)}

    def loss_of(weights: Any, words: Any, labels: Any) -> Any:
        return optax.sigmoid_binary_cross_entropy(jax_logits(jax, weights, words), labels).mean()

    return steps.jax_step(jax, loss_of, optax.adam(1e-3), weights, reviews())


def add(workload: str) -> None:
    def variant(framework: str, name: str, prepare: Callable[[], Run]) -> None:
        SUITE.add(workload, framework, name)(prepare)

    variant("tenfold", "function", lambda: function_step(common.tenfold(), workload))
    variant("tenfold", "train_on_batch", lambda: keras_step(common.tenfold(), workload))
    variant("tensorflow", "function", lambda: function_step(common.tensorflow(), workload))
    variant("tensorflow", "jit_compile", lambda: function_step(common.tensorflow(), workload, jit_compile=True))
    variant("torch", "eager", lambda: torch_step(workload, compiled=False))
    variant("torch", "compile", lambda: torch_step(workload, compiled=True))


for workload in LAYERS:
    add(workload)
SUITE.add("lstm", "jax", "jit")(jax_step)

if __name__ == "__main__":
    common.main(SUITE)
