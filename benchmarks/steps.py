"""One training step as each framework's good users write it; the workloads bring model, loss, optimizer and data."""

from collections.abc import Callable, Sequence
from typing import Any

from common import Run


def tape_step(tf: Any, model: Any, loss_of: Any, optimizer: Any, arrays: Sequence[Any], **options: Any) -> Run:
    """A custom training loop under tf.function: TensorFlow and Tenfold run the same lines."""
    optimizer.build(model.trainable_variables)
    x, y = map(tf.constant, arrays)

    def step(inputs: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(inputs, training=True))
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    compiled = tf.function(step, **options)
    return Run(lambda: compiled(x, y), wait=lambda loss: loss.numpy())


def keras_step(model: Any, loss: Any, optimizer: Any, arrays: Sequence[Any]) -> Run:
    """compile and train_on_batch with NumPy arrays."""
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    x, y = arrays
    return Run(lambda: model.train_on_batch(x, y))


def torch_step(torch: Any, loss_of: Callable[..., Any], optimizer: Any, tensors: Sequence[Any], compiled: bool) -> Run:
    """Forward pass and loss eagerly, or through torch.compile."""
    forward = torch.compile(loss_of) if compiled else loss_of

    def step() -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = forward(*tensors)
        loss.backward()
        optimizer.step()
        return loss

    return Run(step, wait=lambda loss: loss.item())


def jax_step(jax: Any, loss_of: Callable[..., Any], optimizer: Any, weights: Any, arrays: Sequence[Any]) -> Run:
    """jit of the whole step, with donated weights and state; an optimizer of optax. `loss_of(weights, *arrays)`."""
    import optax

    state = [weights, optimizer.init(weights)]
    data = [jax.device_put(array) for array in arrays]

    def update(weights: Any, moments: Any, *data: Any) -> tuple[Any, Any, Any]:
        loss, grads = jax.value_and_grad(loss_of)(weights, *data)
        changes, moments = optimizer.update(grads, moments, weights)
        return optax.apply_updates(weights, changes), moments, loss

    compiled = jax.jit(update, donate_argnums=(0, 1))

    def step() -> Any:
        state[0], state[1], loss = compiled(state[0], state[1], *data)
        return loss

    return Run(step, wait=lambda loss: loss.block_until_ready())
