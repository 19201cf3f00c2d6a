"""What is recorded of a layer, whichever it is: values, gradients, twenty steps of training, in float32 and in mixed precision.

A table of layers is a list of `add(name, make, inputs)`: `make(L)` gets `keras.layers` and builds the layer under the policy of the case. The
first two configurations of a class in a file are recorded under every policy and trained; further ones are recorded in float32.
"""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, fill_weights, normal

Make = Callable[[Any], Any]
TOLERANCES = {"float32": 1e-5, "mixed_bfloat16": 0.03, "mixed_float16": 0.006}  # the mixed ones: a few roundings
CONFIGURATIONS = 2
STEPS = 20


class Names:
    """Stands for `keras.layers` to tell which class a function makes."""

    def __getattr__(self, name: str) -> Callable[..., str]:
        return lambda *args, **options: name


@contextmanager
def policy_of(tf: Any, name: str) -> Any:
    tf.keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        tf.keras.config.set_dtype_policy("float32")


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """`function` of every array in lists and dictionaries."""
    if isinstance(value, (list, tuple)):
        return [mapped(function, v) for v in value]
    if isinstance(value, dict):
        return {k: mapped(function, v) for k, v in value.items()}
    return function(value) if isinstance(value, np.ndarray) else value


def leaves(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return leaves([found[k] for k in sorted(found)])
    return [leaf for part in found for leaf in leaves(part)] if isinstance(found, (list, tuple)) else [found]


@dataclass(frozen=True)
class Run:
    """How a layer is called: `inputs` in one list unless they are `spread` over the arguments; `options` of the call may hold arrays.

    `smooth`: it has gradients. `calls`: how often it is called to begin with, for a state that it keeps. `changes`: in training it gives
    something else than in inference, and not at random. `random`: what it gives in training is chance.
    """

    make: Make
    inputs: Any
    options: dict[str, Any] = field(default_factory=dict)
    spread: bool = False
    smooth: bool = True
    calls: int = 1
    changes: bool = False
    random: bool = False
    steps: int = 0
    compiled: bool = False
    policy: str = "float32"

    def __call__(self, tf: Any) -> Arrays:
        with policy_of(tf, self.policy):
            layer = self.make(tf.keras.layers)
            xs, options = mapped(tf.constant, self.inputs), mapped(tf.constant, self.options)
            self.call(layer, xs, options, training=False)
            fill_weights(layer.weights, seed=11)
            if self.calls > 1:
                layer.reset_state()
                for _ in range(self.calls - 1):
                    self.call(layer, xs, options, training=False)
            found = self.values(tf, layer, xs, options)
            if self.smooth and all(v.dtype.kind in "fV" for k, v in found.items() if k.startswith("y")):
                found |= self.gradients(tf, layer, xs, options)
                fill_weights(layer.weights, seed=23)
                found |= self.training(tf, layer, xs, options) if self.steps else {}
            return found

    def call(self, layer: Any, xs: Any, options: dict[str, Any], training: bool) -> list[Any]:
        found = layer(*xs, training=training, **options) if self.spread else layer(xs, training=training, **options)
        return [y for y in leaves(found) if y is not None]

    def values(self, tf: Any, layer: Any, xs: Any, options: dict[str, Any]) -> Arrays:
        found = {f"y{i}": array(y) for i, y in enumerate(self.call(layer, xs, options, training=False))}
        found["kinds"] = np.array([v.dtype.name for v in found.values()], "U")
        found["weights"] = np.array([f"{path(w)} {tuple(w.shape)} {np.dtype(type_of(w))}" for w in layer.weights], "U")
        return found

    def gradients(self, tf: Any, layer: Any, xs: Any, options: dict[str, Any]) -> Arrays:
        """Of the sum of the outputs times fixed numbers, by the inputs and the weights; and the state that the call leaves."""
        watched = [x for x in leaves(xs) if array(x).dtype.kind == "f"]
        with tf.GradientTape() as tape:
            for x in watched:
                tape.watch(x)
            ys = self.call(layer, xs, options, training=not self.random)
            loss = sum(tf.reduce_sum(tf.cast(y, "float32") * tf.constant(normal(70 + i, *y.shape))) for i, y in enumerate(ys))
        grads = tape.gradient(loss, [*watched, *layer.trainable_variables])
        found = {f"g{i}": array(tf.convert_to_tensor(g)) for i, g in enumerate(grads) if g is not None}
        found |= {f"state{i}": array(w) for i, w in enumerate(layer.non_trainable_variables) if "seed" not in w.name}
        return found | ({f"t{i}": array(y) for i, y in enumerate(ys)} if self.changes else {})

    def training(self, tf: Any, layer: Any, xs: Any, options: dict[str, Any]) -> Arrays:
        """Momentum towards fixed targets: the losses, and the variables at the end; a layer without weights moves its inputs."""
        optimizer = tf.keras.optimizers.SGD(0.02, momentum=0.9)
        variables = list(layer.trainable_variables)
        moved = [] if variables else [tf.Variable(x) for x in leaves(self.inputs) if x.dtype.kind == "f"]
        targets = [tf.constant(normal(80 + i, *y.shape)) for i, y in enumerate(self.call(layer, xs, options, training=False))]

        def step() -> Any:
            with tf.GradientTape() as tape:
                fresh = iter(moved)
                inputs = mapped(lambda x: tf.convert_to_tensor(next(fresh)) if moved and x.dtype.kind == "f" else tf.constant(x), self.inputs)
                ys = self.call(layer, inputs, options, training=not self.random)
                loss = sum(tf.reduce_mean((tf.cast(y, "float32") - t) ** 2) for y, t in zip(ys, targets, strict=True))
            chosen = variables or moved
            pairs = [(g, v) for g, v in zip(tape.gradient(loss, chosen), chosen, strict=True) if g is not None]
            optimizer.apply_gradients(pairs)
            return loss

        run = tf.function(step) if self.compiled else step
        losses = [float(run()) for _ in range(self.steps)] if variables or moved else []
        return {"losses": np.array(losses, "float32")} | {f"w{i}": array(v) for i, v in enumerate(variables or moved)}


def path(weight: Any) -> str:
    """Where a weight is in its layer, without the numbers that tell equal names apart."""
    return re.sub(r"_\d+(?=/|$)", "", weight.path.split("/", 1)[-1])


def type_of(weight: Any) -> str:
    return str(weight.dtype if isinstance(weight.dtype, str) else weight.dtype.name)


def plain(run: Run) -> Callable[[Any], Arrays]:
    """Arrays that a file can hold: floats as float32, those of mixed precision without the digits that mean nothing."""

    def found(tf: Any) -> Arrays:
        arrays = {n: np.asarray(v, "float32") if v.dtype.name in ("bfloat16", "float16") else v for n, v in run(tf).items()}
        return arrays if run.policy == "float32" else {n: rounded(v) if v.dtype == "float32" else v for n, v in arrays.items()}

    return found


def rounded(values: np.ndarray) -> np.ndarray:
    return ((np.ascontiguousarray(values).view("uint32") + 0x400) & 0xFFFFF800).view("float32").reshape(values.shape)


class Table:
    """The layers of a file of cases."""

    def __init__(self) -> None:
        self.cases: dict[str, Case] = {}
        self.seen: Counter[str] = Counter()

    def add(self, name: str, make: Make, inputs: Any, tolerance: float = 1e-5, mixed: dict[str, float] | None = None, every: bool = False,
            **how: Any) -> None:  # fmt: skip
        """`mixed`: tolerances that differ for a policy, 0 to leave it out; `every`: all policies in any case; `how`: fields of Run."""
        kind = make(Names())
        self.seen[kind] += 1
        full = self.seen[kind] <= CONFIGURATIONS
        for policy, allowed in (TOLERANCES | {"float32": tolerance} | (mixed or {})).items():
            if not allowed or (policy != "float32" and not full and not every):
                continue
            compiled = self.seen[kind] == 1 and policy != "mixed_float16"
            run = Run(make, inputs, policy=policy, **({"steps": STEPS if full else 0, "compiled": compiled} | how))
            label = name if policy == "float32" else f"{name}_{policy}"
            assert label not in self.cases, label
            self.cases[label] = Case(plain(run), allowed, kind, policy)
