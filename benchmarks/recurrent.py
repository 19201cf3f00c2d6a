"""A step of training of a text classifier: embedding 20000x128, LSTM of 128 units over 100 steps, one logit; batch 64, Adam."""

from collections.abc import Callable
from typing import Any

import common
from common import Run, Suite

SUITE = Suite("recurrent.py")
WORDS, SIZE, STEPS, BATCH = 20000, 128, 100, 64


def reviews() -> tuple[Any, Any]:
    """Words and labels as NumPy arrays."""
    import numpy as np

    random = np.random.default_rng(0)
    return random.integers(0, WORDS, (BATCH, STEPS)).astype("int32"), random.integers(0, 2, (BATCH, 1)).astype("float32")


def keras_model(tf: Any) -> Any:
    L = tf.keras.layers
    return tf.keras.Sequential([L.Input((STEPS,), dtype="int32"), L.Embedding(WORDS, SIZE), L.LSTM(SIZE), L.Dense(1)])


def function_step(tf: Any, **options: Any) -> Run:
    """A custom training loop under tf.function: TensorFlow and Tenfold run the same lines."""
    model = keras_model(tf)
    loss_of = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    optimizer = tf.keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    x, y = (tf.constant(array) for array in reviews())

    def step(words: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(words, training=True))
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    compiled = tf.function(step, **options)
    return Run(lambda: compiled(x, y), wait=lambda loss: loss.numpy())


def keras_step(tf: Any) -> Run:
    """compile and train_on_batch with NumPy arrays."""
    model = keras_model(tf)
    model.compile(optimizer="adam", loss=tf.keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    x, y = reviews()
    return Run(lambda: model.train_on_batch(x, y))


def torch_step(compiled: bool) -> Run:
    """Fused Adam; compiled: forward and loss through torch.compile."""
    torch = common.torch()
    nn = torch.nn

    class Classifier(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.lstm, self.head = nn.Embedding(WORDS, SIZE), nn.LSTM(SIZE, SIZE, batch_first=True), nn.Linear(SIZE, 1)

        def forward(self, words: Any) -> Any:
            _, (last, _) = self.lstm(self.embedding(words))
            return self.head(last[0])

    model = Classifier()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    words, labels = map(torch.from_numpy, reviews())
    words = words.long()

    def loss_of(inputs: Any, targets: Any) -> Any:
        return nn.functional.binary_cross_entropy_with_logits(model(inputs), targets)

    forward = torch.compile(loss_of) if compiled else loss_of

    def step() -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = forward(words, labels)
        loss.backward()
        optimizer.step()
        return loss

    return Run(step, wait=lambda loss: loss.item())


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
    """jit of the whole step with donated weights and state; optax's Adam."""
    jax = common.jax()
    import optax

    optimizer = optax.adam(1e-3)
    shapes = {"embedding": (WORDS, SIZE), "kernel": (SIZE, 4 * SIZE), "recurrent": (SIZE, 4 * SIZE), "bias": (4 * SIZE,), "head": (SIZE, 1)}
    keys = jax.random.split(jax.random.key(0), len(shapes))
    weights = {name: jax.random.normal(key, shape) * 0.05 for key, (name, shape) in zip(keys, shapes.items(), strict=True)}
    state = [weights, optimizer.init(weights)]
    x, y = map(jax.device_put, reviews())

    def loss_of(weights: Any, words: Any, labels: Any) -> Any:
        return optax.sigmoid_binary_cross_entropy(jax_logits(jax, weights, words), labels).mean()

    def update(weights: Any, moments: Any, words: Any, labels: Any) -> tuple[Any, Any, Any]:
        loss, grads = jax.value_and_grad(loss_of)(weights, words, labels)
        changes, moments = optimizer.update(grads, moments)
        return optax.apply_updates(weights, changes), moments, loss

    compiled = jax.jit(update, donate_argnums=(0, 1))

    def step() -> Any:
        state[0], state[1], loss = compiled(state[0], state[1], x, y)
        return loss

    return Run(step, wait=lambda loss: loss.block_until_ready())


def add(framework: str, variant: str, prepare: Callable[[], Run]) -> None:
    SUITE.add("lstm", framework, variant)(prepare)


add("tenfold", "function", lambda: function_step(common.tenfold()))
add("tenfold", "train_on_batch", lambda: keras_step(common.tenfold()))
add("tensorflow", "function", lambda: function_step(common.tensorflow()))
add("tensorflow", "jit_compile", lambda: function_step(common.tensorflow(), jit_compile=True))
add("torch", "eager", lambda: torch_step(compiled=False))
add("torch", "compile", lambda: torch_step(compiled=True))
add("jax", "jit", jax_step)

if __name__ == "__main__":
    common.main(SUITE)
