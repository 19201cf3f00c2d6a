"""Optimizers: two variables over 20 updates with fixed gradients; learning-rate schedules at fixed steps."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, normal

CASES: dict[str, Case] = {}
STEPS = 20


def run_optimizer(tf: Any, kind: str, options: dict[str, Any]) -> Arrays:
    options = {k: v(tf) if callable(v) else v for k, v in options.items()}
    optimizer = getattr(tf.keras.optimizers, kind)(**options)
    variables = [tf.Variable(normal(1, 5), name="a"), tf.Variable(normal(2, 3, 2), name="b")]
    history: list[np.ndarray] = []
    for step in range(STEPS):
        grads = [tf.constant(gradient(step, 0, 5)), tf.constant(gradient(step, 1, 3, 2))]
        optimizer.apply_gradients(zip(grads, variables, strict=True))
        history.append(np.concatenate([array(v).ravel() for v in variables]))
    return {
        "history": np.stack(history),
        "iterations": array(optimizer.iterations).astype("int64"),
        "learning_rate": array(tf.convert_to_tensor(optimizer.learning_rate)),
    }


def gradient(step: int, which: int, *shape: int) -> np.ndarray:
    """Gradients of changing scale, with exact zeros now and then."""
    raw = normal(100 + 10 * step + which, *shape) * (0.1 + step % 5)
    return np.where(np.abs(raw) < 0.05, np.float32(0), raw).astype("float32")


def add(kind: str, tag: str = "", **options: Any) -> None:
    CASES[f"{kind}{'_' + tag if tag else ''}"] = Case(lambda tf: run_optimizer(tf, kind, options), 5e-6)


add("SGD")
add("SGD", "rate", learning_rate=0.1)
add("SGD", "momentum", learning_rate=0.05, momentum=0.9)
add("SGD", "nesterov", learning_rate=0.05, momentum=0.9, nesterov=True)
add("SGD", "weight_decay", learning_rate=0.05, weight_decay=0.1)
add("SGD", "momentum_weight_decay", learning_rate=0.05, momentum=0.8, weight_decay=0.01)
add("Adam")
add("Adam", "rate", learning_rate=0.02)
add("Adam", "betas", learning_rate=0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-3)
add("Adam", "amsgrad", learning_rate=0.02, amsgrad=True)
add("Adam", "weight_decay", learning_rate=0.02, weight_decay=0.1)
add("AdamW")
add("AdamW", "options", learning_rate=0.02, weight_decay=0.2, beta_1=0.85)
add("AdamW", "amsgrad", learning_rate=0.02, amsgrad=True)
add("RMSprop")
add("RMSprop", "momentum", learning_rate=0.01, momentum=0.9)
add("RMSprop", "centered", learning_rate=0.01, centered=True)
add("RMSprop", "centered_momentum", learning_rate=0.01, rho=0.8, momentum=0.5, centered=True, epsilon=1e-4)
add("RMSprop", "weight_decay", learning_rate=0.01, weight_decay=0.05)
for kind in ("SGD", "Adam"):
    add(kind, "clipnorm", learning_rate=0.1, clipnorm=1.0)
    add(kind, "clipvalue", learning_rate=0.1, clipvalue=0.5)
    add(kind, "global_clipnorm", learning_rate=0.1, global_clipnorm=1.0)
    add(kind, "schedule", learning_rate=lambda tf: tf.keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5))
    add(kind, "ema", learning_rate=0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=7)
add("Adam", "accumulation", learning_rate=0.1, gradient_accumulation_steps=3)


def run_schedule(tf: Any, kind: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Arrays:
    schedule = getattr(tf.keras.optimizers.schedules, kind)(*arguments, **options)
    steps = (0, 1, 2, 3, 5, 7, 9, 10, 11, 15, 19, 20, 21, 30, 50, 99, 100, 1000)
    return {"rates": np.stack([array(tf.convert_to_tensor(schedule(step))) for step in steps])}


def add_schedule(kind: str, tag: str, *arguments: Any, **options: Any) -> None:
    CASES[f"{kind}_{tag}"] = Case(lambda tf: run_schedule(tf, kind, arguments, options), 3e-6)


add_schedule("ExponentialDecay", "plain", 0.1, 10, 0.9)
add_schedule("ExponentialDecay", "staircase", 0.1, 10, 0.5, staircase=True)
add_schedule("PiecewiseConstantDecay", "plain", [3, 10, 50], [1.0, 0.5, 0.1, 0.01])
add_schedule("PolynomialDecay", "plain", 0.1, 20)
add_schedule("PolynomialDecay", "power", 0.1, 20, end_learning_rate=0.01, power=2.0)
add_schedule("PolynomialDecay", "cycle", 0.1, 20, end_learning_rate=0.01, power=0.5, cycle=True)
add_schedule("CosineDecay", "plain", 0.1, 20)
add_schedule("CosineDecay", "alpha", 0.1, 20, alpha=0.1)
add_schedule("CosineDecay", "warmup", 0.0, 20, warmup_target=0.1, warmup_steps=10)
add_schedule("CosineDecayRestarts", "plain", 0.1, 10)
add_schedule("CosineDecayRestarts", "options", 0.1, 7, t_mul=1.5, m_mul=0.8, alpha=0.05)
add_schedule("InverseTimeDecay", "plain", 0.1, 10, 0.5)
add_schedule("InverseTimeDecay", "staircase", 0.1, 10, 0.5, staircase=True)
