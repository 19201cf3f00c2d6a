"""Optimizers: two variables over twenty updates with fixed gradients, in float32 and with a scaled loss; schedules at fixed steps."""

from functools import cache
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, normal

CASES: dict[str, Case] = {}
STEPS = 20
RATES = (0, 1, 2, 3, 5, 7, 9, 10, 11, 15, 19, 20, 21, 30, 50, 99, 100, 1000)


def run_optimizer(tf: Any, kind: str, options: dict[str, Any], policy: str = "float32") -> Arrays:
    """In float16 the optimizer is wrapped, the gradients are scaled as those of a scaled loss, and one of them is infinite.

    In bfloat16 the variables have that type, and with them what the optimizer keeps.
    """
    O = tf.keras.optimizers
    made = getattr(O, kind)(**{k: v(O) if callable(v) else v for k, v in options.items()})
    scaled = policy == "mixed_float16"
    optimizer = O.LossScaleOptimizer(made, initial_scale=8.0, dynamic_growth_steps=7) if scaled else made
    shapes = {"a": (5,), "b": (3, 2)}
    low = "bfloat16" if policy == "bfloat16" else "float32"
    variables = [tf.keras.Variable(normal(1 + i, *s), dtype=low, name=n) for i, (n, s) in enumerate(shapes.items())]
    history: list[np.ndarray] = []
    for step in range(STEPS):
        grads = [gradient(step, i, *s) for i, s in enumerate(shapes.values())]
        if scaled:
            grads = [np.where(step == 4, np.inf, g * array(optimizer.scale_loss(1.0))).astype("float32") for g in grads]
        optimizer.apply_gradients(zip([tf.constant(g) for g in grads], variables, strict=True))
        history.append(np.concatenate([array(v).ravel().astype("float32") for v in variables]))
    names = [" ".join([v.path.split("/")[-1], *map(str, v.shape)]) for v in optimizer.variables if len(v.shape)]  # Keras lists some scalars unnamed
    return {
        "history": np.stack(history),
        "iterations": array(optimizer.iterations).astype("int64"),
        "learning_rate": array(tf.convert_to_tensor(optimizer.learning_rate)),
        "variables": np.array(names, "U"),
    } | ({"scale": array(optimizer.dynamic_scale)} if scaled else {})


@cache
def gradient(step: int, which: int, *shape: int) -> np.ndarray:
    """Gradients of changing scale, with exact zeros now and then."""
    raw = normal(100 + 10 * step + which, *shape) * (0.1 + step % 5)
    return np.where(np.abs(raw) < 0.05, np.float32(0), raw).astype("float32")


# In bfloat16, Keras fails where it accumulates (it adds float32), and 1 - 0.999 is 0, by which these divide. It rounds after each operation, and
# Tenfold after each update, which is then nearer to that in float32.
DIVIDING = ("Nadam", "Lamb", "ScheduleFreeAdamW")


def add(kind: str, tag: str = "", tolerance: float = 5e-6, every: bool = True, **options: Any) -> None:
    """`every`: in all policies; what all optimizers have in common is recorded in all of them once."""
    for policy, allowed in (("float32", tolerance), ("mixed_float16", tolerance), ("bfloat16", 0.035))[: 3 if every else 1]:
        if policy == "bfloat16" and ("gradient_accumulation_steps" in options or (kind in DIVIDING and "beta_2" not in options)):
            continue
        label = "_".join(part for part in (kind, tag, policy if policy != "float32" else "") if part)
        CASES[label] = Case(lambda tf, p=policy: run_optimizer(tf, kind, options, p), allowed, kind, policy)


def decaying(O: Any) -> Any:
    return O.schedules.ExponentialDecay(0.1, 5, 0.5)


OWN: dict[str, dict[str, dict[str, Any]]] = {
    "SGD": {"momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True}},
    "Adam": {"betas": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}, "amsgrad": {"amsgrad": True}},
    "AdamW": {"options": {"weight_decay": 0.2, "beta_1": 0.85}, "amsgrad": {"amsgrad": True}},
    "RMSprop": {"momentum": {"momentum": 0.9}, "centered": {"centered": True},
                "both": {"rho": 0.8, "momentum": 0.5, "centered": True, "epsilon": 1e-4}},
    "Adagrad": {"start": {"initial_accumulator_value": 0.3, "epsilon": 1e-4}},
    "Adadelta": {"rho": {"rho": 0.8, "epsilon": 1e-4}},
    "Adamax": {"betas": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}},
    "Nadam": {"betas": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}},
    "Adafactor": {"options": {"beta_2_decay": -0.6, "clip_threshold": 0.5, "relative_step": False}},
    "Ftrl": {"l1": {"l1_regularization_strength": 0.2, "l2_regularization_strength": 0.1, "beta": 0.3},
             "shrinkage": {"l2_shrinkage_regularization_strength": 0.1, "learning_rate_power": -0.7}},
    "Lamb": {"betas": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}},
    "ScheduleFreeAdamW": {"warmup": {"warmup_steps": 5}, "betas": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}},
    "Lion": {"betas": {"beta_1": 0.8, "beta_2": 0.95}},
    "Muon": {"plain": {"nesterov": False, "rms_rate": None, "ns_steps": 3, "adam_lr_ratio": 0.1}, "excluded": {"exclude_layers": ["b"]}},
}  # fmt: skip
COMMON: dict[str, dict[str, Any]] = {
    "rate": {"learning_rate": 0.05},
    "decay": {"weight_decay": 0.1},
    "clipnorm": {"clipnorm": 1.0},
    "clipvalue": {"clipvalue": 0.5},
    "global_clipnorm": {"global_clipnorm": 1.0},
    "schedule": {"learning_rate": decaying},
    "ema": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 7},
    "accumulation": {"gradient_accumulation_steps": 3, "weight_decay": 0.02},
    "accumulation_ema": {"gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 2, "ema_momentum": 0.7},
    "scaled": {"loss_scale_factor": 4.0},
}
for kind, own in OWN.items():
    tolerance = 1e-4 if kind == "Muon" else 1e-5
    add(kind, tolerance=tolerance)
    for tag, options in (COMMON | own).items():
        add(kind, tag, tolerance, tag in own or kind in ("SGD", "Adam"), **{"learning_rate": 0.05, **options})
add("SGD", "momentum_decay", momentum=0.8, weight_decay=0.01)
add("SGD", "accumulation_schedule", gradient_accumulation_steps=4, learning_rate=lambda O: O.schedules.CosineDecay(0.1, 20))


def several(tf: Any, chosen: Any, **options: Any) -> Arrays:
    """Two optimizers by the names of the variables."""
    tf.keras.backend.clear_session()
    O = tf.keras.optimizers
    optimizer = O.MultiOptimizer(chosen(O), **options)
    variables = [tf.keras.Variable(normal(1, 5), name="a1"), tf.keras.Variable(normal(2, 3, 2), name="b")]
    history = []
    for step in range(STEPS):
        optimizer.apply_gradients(zip([tf.constant(normal(10 + step, *v.shape)) for v in variables], variables, strict=True))
        history.append(np.concatenate([array(v).ravel() for v in variables]))
    return {"history": np.stack(history), "names": np.array([v.path for v in optimizer.variables])}


def matrices(tf: Any, **options: Any) -> Arrays:
    """Muon looks at shapes and paths."""
    tf.keras.backend.clear_session()
    optimizer = tf.keras.optimizers.Muon(**options)
    shapes = {"wide": (3, 6), "tall": (7, 2), "bias": (5,), "embeddings": (4, 3)}
    variables = [tf.keras.Variable(normal(i, *s), name=n) for i, (n, s) in enumerate(shapes.items())]
    history = []
    for step in range(STEPS):
        optimizer.apply_gradients(zip([tf.constant(normal(10 * step + i, *v.shape)) for i, v in enumerate(variables)], variables, strict=True))
        history.append(np.concatenate([array(v).ravel() for v in variables]))
    return {"history": np.stack(history), "names": np.array([v.path for v in optimizer.variables])}


SCALED = lambda O: O.OptimizerMap(O.Adam(0.05), {"a.*": O.SGD(0.1, momentum=0.5, weight_decay=0.1)})  # noqa: E731
SWAPPED = lambda O: O.OptimizerMap(O.RMSprop(0.02), {"b": O.Lion(0.01)})  # noqa: E731
CASES["several"] = Case(lambda tf: several(tf, SCALED, loss_scale_factor=4.0), kind="MultiOptimizer")
CASES["several_plain"] = Case(lambda tf: several(tf, SWAPPED), kind="MultiOptimizer")
CASES["Muon_matrices"] = Case(matrices, 1e-4)
PLAIN = {"learning_rate": 0.05, "nesterov": False, "rms_rate": None, "ns_steps": 3, "adam_lr_ratio": 0.1, "weight_decay": None}
CASES["Muon_matrices_plain"] = Case(lambda tf: matrices(tf, exclude_layers=["ta"], **PLAIN), 1e-4)


# --- schedules ---
def run_schedule(tf: Any, kind: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Arrays:
    schedule = getattr(tf.keras.optimizers.schedules, kind)(*arguments, **options)
    return {"rates": np.stack([array(tf.convert_to_tensor(schedule(step))) for step in RATES])}


def add_schedule(kind: str, tag: str, *arguments: Any, **options: Any) -> None:
    CASES[f"{kind}_{tag}"] = Case(lambda tf: run_schedule(tf, kind, arguments, options), 3e-6, kind)


add_schedule("ExponentialDecay", "plain", 0.1, 10, 0.9)
add_schedule("ExponentialDecay", "staircase", 0.1, 10, 0.5, staircase=True)
add_schedule("PiecewiseConstantDecay", "plain", [3, 10, 50], [1.0, 0.5, 0.1, 0.01])
add_schedule("PiecewiseConstantDecay", "one", [10], [0.1, 0.01])
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
