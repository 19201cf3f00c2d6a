"""Optimizer: what turns gradients into updates."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras import defaults, identifiers, initializers, schedules
from tenfold.keras.naming import auto_name
from tenfold.keras.untyped import as_tensor, math
from tenfold.keras.variables import Variable, name_scope, path_of
from tenfold.ops.module import name_scope as op_scope
from tenfold.primitives.arithmetic import cast, floordiv, maximum, minimum, select
from tenfold.primitives.indexed_slices import by_rows, values_of

MODULE = "keras.optimizers"


class Optimizer:
    """Updates variables from gradients. Subclasses define `slots` and `update_step`; a step of training compiles it as a whole.

    Args:
        learning_rate: a number, a schedule, or a function of no arguments.
        weight_decay: the share by which weights shrink in each step, times the learning rate.
        clipnorm: each gradient's norm is at most this. clipvalue: each element. global_clipnorm: the norm of all together.
        use_ema: whether to keep a moving average of the variables.
        ema_momentum: of that average.
        ema_overwrite_frequency: every so many steps the variables are set to their average.
        loss_scale_factor: the loss is multiplied, and the gradients divided, by this.
        gradient_accumulation_steps: update only every so many steps, with the mean of the gradients.
        name: default: made from the class's name.
    """

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        if kwargs.pop("decay", None) is not None:
            raise ValueError("Argument `decay` is no longer supported and will be ignored. Try a schedule, e.g. schedules.InverseTimeDecay.")
        if kwargs:
            raise ValueError(f"Argument(s) not recognized: {kwargs}")
        clips = [c for c in (clipnorm, clipvalue, global_clipnorm) if c is not None]
        if len(clips) > 1:
            raise ValueError(f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: clipnorm={clipnorm}, "
                             f"clipvalue={clipvalue}, global_clipnorm={global_clipnorm}.")  # fmt: skip
        if any(c <= 0 for c in clips):
            raise ValueError(f"Clipping thresholds must be positive. Received: {clips[0]}")
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={ema_momentum}")
        for what, count in (("ema_overwrite_frequency", ema_overwrite_frequency), ("gradient_accumulation_steps", gradient_accumulation_steps)):
            if count is not None and (not isinstance(count, int) or count < (2 if what.startswith("grad") else 1)):
                raise ValueError(f"`{what}` must be an integer >= {2 if what.startswith('grad') else 1} or None. Received: {what}={count}")
        self.name = name or auto_name(type(self).__name__)
        self.weight_decay, self.clipnorm, self.clipvalue, self.global_clipnorm = weight_decay, clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency
        self.loss_scale_factor, self.gradient_accumulation_steps = loss_scale_factor, gradient_accumulation_steps
        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Any] = []
        self._index: dict[int, int] = {}
        self._excluded: set[int] = set()
        self._excluded_names: Any = None
        with name_scope(self.name):
            self._iterations = self._track(Variable(np.int64(0), dtype="int64", trainable=False, name="iteration"))
            if callable(learning_rate) and not isinstance(learning_rate, Variable):
                self._learning_rate = learning_rate
            elif isinstance(learning_rate, (int, float, np.number)):
                rate = np.asarray(learning_rate, as_dtype(defaults.floatx()).numpy)
                self._learning_rate = self._track(Variable(rate, trainable=False, name="learning_rate"))
            else:
                raise ValueError(f"Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable. "
                                 f"Received: learning_rate={learning_rate!r}")  # fmt: skip

    # --- state ---
    def _track(self, variable: Variable) -> Variable:
        self._variables.append(variable)
        return variable

    @property
    def variables(self) -> list[Variable]:
        """Its state: the step count, the learning rate, and what the method keeps for each variable."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """How many updates were made."""
        if self.gradient_accumulation_steps:
            return floordiv(self._iterations.value, self.gradient_accumulation_steps)
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The rate now: a Variable if it was given as a number (assign to change it), else what the schedule says."""
        if isinstance(self._learning_rate, schedules.LearningRateSchedule):
            return self._learning_rate(self.iterations)
        return self._learning_rate if isinstance(self._learning_rate, Variable) else self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(self._learning_rate, Variable) and not callable(value):
            self._learning_rate.assign(cast(as_tensor(value, hint=self._learning_rate.dtype), self._learning_rate.dtype))
        elif callable(value):
            self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = value
        else:
            raise TypeError("This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor argument, "
                            "hence its learning rate is not settable. Try creating it with a float.")  # fmt: skip

    lr = learning_rate

    def build(self, variables: Sequence[Any]) -> None:
        """Makes the state for these variables."""
        if self.built:
            return
        self._trainable_variables = list(variables)
        self._index = {id(v): i for i, v in enumerate(self._trainable_variables)}
        with name_scope(self.name):
            if self.use_ema:
                self._averages = self.add_optimizer_variables(variables, "average")
            if self.gradient_accumulation_steps:
                self._accumulated = self.add_optimizer_variables(variables, "gradient_accumulator")
        self.built = True

    def add_variable(self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: str = "none", layout: Any = None,
                     name: str | None = None) -> Variable:  # fmt: skip
        """Makes a variable of its state."""
        return self._track(Variable(initializers.get(initializer), tuple(shape), dtype or defaults.floatx(), trainable=False, name=name))

    def add_variable_from_reference(self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros") -> Variable:
        """Makes a variable of its state in the shape and type of a model's variable."""
        base = path_of(reference_variable).replace("/", "_").replace(":", "_")
        return self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, name=f"{base}_{name or 'var'}")

    def add_optimizer_variables(self, trainable_variables: Sequence[Any], name: Any, initializer: Any = "zeros") -> Any:
        """One variable per model variable and name: a list, or with several names a tuple of lists."""
        names = [name] if isinstance(name, str) else list(name)
        made: tuple[list[Any], ...] = tuple([] for _ in names)
        with name_scope(self.name):
            for v in trainable_variables:
                for column, what in zip(made, names, strict=True):
                    column.append(self.add_variable_from_reference(v, what, initializer))
        return made[0] if isinstance(name, str) else made

    def _get_variable_index(self, variable: Any) -> int:
        return self._index[id(variable)]

    def slot(self, variables: list[Any], variable: Any) -> Any:
        """The entry of `variables` that belongs to a model's variable."""
        return variables[self._index[id(variable)]]

    # --- a step ---
    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Any:
        """Updates the variables.

        Args:
            grads_and_vars: pairs of gradient and variable.
        """
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Updates the variables (default: those that it was built with) with these gradients.

        Raises:
            ValueError: no gradient exists, or a variable is unknown.
        """
        if not len(grads):
            return
        if trainable_variables is None:
            if not self.built:
                raise ValueError("When passing `grads` without `variables`, the optimizer must already be built on a list of variables. "
                                 "Call `optimizer.build(trainable_variables)` first.")  # fmt: skip
            trainable_variables = self._trainable_variables
        elif not self.built:
            self.build(trainable_variables)
        if len(grads) != len(trainable_variables):
            raise ValueError(f"Expected one gradient per variable. Received {len(grads)} gradients for {len(trainable_variables)} variables.")
        self._check_known(trainable_variables)
        pairs = self._without_missing(grads, trainable_variables)
        for g, v in [p for p in pairs if getattr(p[1], "overwrite_with_gradient", False)]:
            v.assign(g)
        pairs = [p for p in pairs if not getattr(p[1], "overwrite_with_gradient", False)]
        scale = self.loss_scale_factor
        gradients = [by_rows(partial(cast, dtype=v.dtype), g) for g, v in pairs]
        gradients = gradients if scale is None else [g / scale for g in gradients]
        variables = [v for _, v in pairs]
        with op_scope(self.name):
            if variables:
                self._accumulate_or_update(gradients, variables)
                self._average(variables)
                for v in variables:
                    if v.constraint is not None:
                        v.assign(v.constraint(v))
            self._iterations.assign_add(1)

    def _check_known(self, variables: Sequence[Any]) -> None:
        for v in variables:
            if id(v) not in self._index:
                raise ValueError(f"Unknown variable: {v!r}. This optimizer can only be called for the variables it was originally built with. "
                                 "When working with a new set of variables, you should recreate a new optimizer instance.")  # fmt: skip

    def _without_missing(self, grads: Sequence[Any], variables: Sequence[Any]) -> list[tuple[Any, Any]]:
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        missing = [path_of(v) for g, v in zip(grads, variables, strict=True) if g is None]
        if not pairs:
            raise ValueError(f"No gradients provided for any variable. Missing: {missing}. Is the loss computed inside the tape?")
        if missing:
            warnings.warn(f"Gradients do not exist for variables {missing} when minimizing the loss. If using `model.compile()`, did you forget to "
                          "provide a `loss` argument?", stacklevel=4)  # fmt: skip
        return pairs

    def _update(self, gradients: list[Any], variables: list[Any]) -> None:
        gradients = self._clip_gradients(gradients)
        rate = self.learning_rate
        rate = rate.value if isinstance(rate, Variable) else as_tensor(rate)
        for v in variables:
            if self.weight_decay is not None and self._use_weight_decay(v):
                v.assign(v - v * (cast(rate, v.dtype) * self.weight_decay))
        for g, v in zip(gradients, variables, strict=True):
            self.update_step(g, v, cast(rate, v.dtype))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable; to be defined by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} does not implement update_step(gradient, variable, learning_rate).")

    def _accumulate_or_update(self, gradients: list[Any], variables: list[Any]) -> None:
        steps = self.gradient_accumulation_steps
        if not steps:
            self._update(gradients, variables)
            return
        sums = [self.slot(self._accumulated, v) for v in variables]
        totals = [g + s.value for g, s in zip(gradients, sums, strict=True)]
        due = math.equal((self._iterations.value + 1) % steps, 0)
        skipped = {id(v) for v in (self._iterations, self._learning_rate, *self._accumulated)}
        state = variables + [v for v in self._variables if id(v) not in skipped]
        before = [v.read_value() for v in state]
        self._update([t / steps for t in totals], variables)
        for v, old in zip(state, before, strict=True):
            v.assign(select(due, v.read_value(), old))
        for s, total in zip(sums, totals, strict=True):
            s.assign(select(due, total * 0, total))

    def _average(self, variables: list[Any]) -> None:
        """Moves the moving averages, and every so often sets the variables to them."""
        if not self.use_ema:
            return
        count = self.iterations
        count = count.value if isinstance(count, Variable) else count
        due = None if not self.ema_overwrite_frequency else math.equal((count + 1) % self.ema_overwrite_frequency, 0)
        for v in self._trainable_variables:
            average = self.slot(self._averages, v)
            momentum = cast(math.not_equal(count, 0), v.dtype) * self.ema_momentum
            average.assign(momentum * average + (1 - momentum) * v)
            if due is not None:
                v.assign(select(due, average.value, v.read_value()))

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """At the end of training: sets the variables to their moving averages, if there are any."""
        if self.use_ema and self.built:
            for v in var_list:
                v.assign(self.slot(self._averages, v).value)

    def scale_loss(self, loss: Any) -> Any:
        """The loss, multiplied by `loss_scale_factor` if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # --- clipping and decay ---
    def _clip_gradients(self, gradients: list[Any]) -> list[Any]:
        if self.clipnorm:
            return [g * self.clipnorm / maximum(_norm([g]), self.clipnorm) for g in gradients]
        if self.global_clipnorm:
            norm = _norm(gradients)
            scale = self.global_clipnorm / maximum(norm, self.global_clipnorm) + (norm - norm)  # a norm that is not finite makes all NaN
            return [g * cast(scale, g.dtype) for g in gradients]
        if limit := self.clipvalue:
            return [by_rows(lambda x: minimum(maximum(x, -limit), limit), g) for g in gradients]
        return gradients

    def exclude_from_weight_decay(self, var_list: Sequence[Any] | None = None, var_names: Sequence[str] | None = None) -> None:
        """Names variables that do not decay: themselves, or by words in their names. To be called before `build`."""
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` can only be configured before the optimizer is built.")
        self._excluded = {id(v) for v in var_list or ()}
        self._excluded_names = re.compile("|".join(var_names)) if var_names else None

    def _use_weight_decay(self, variable: Any) -> bool:
        return id(variable) not in self._excluded and not (self._excluded_names is not None and self._excluded_names.search(variable.name))

    # --- files ---
    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.numpy())
        elif isinstance(rate, schedules.LearningRateSchedule):
            rate = schedules.serialize(rate)
        else:
            rate = 0.5  # a function cannot be written to a file; Keras writes this, too
        names = ("weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum", "ema_overwrite_frequency",
                 "loss_scale_factor", "gradient_accumulation_steps")  # fmt: skip
        return {"name": self.name, "learning_rate": rate, **{n: getattr(self, n) for n in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """An optimizer from its config."""
        if isinstance(config.get("learning_rate"), dict):
            config = {**config, "learning_rate": schedules.deserialize(config["learning_rate"], custom_objects)}
        return cls(**config)

    def get_weights(self) -> list[Any]:
        """The values of its state."""
        return [v.numpy() for v in self._variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets its state.

        Raises:
            ValueError: the optimizer is not built, or shapes differ.
        """
        if not self.built:
            raise ValueError("You are calling `set_weights()` on an optimizer that has not yet been built. Please call "
                             "`optimizer.build(trainable_variables)` to create the optimizer weights before calling `set_weights()`.")  # fmt: skip
        for v, value in zip(self._variables, weights, strict=True):
            v.assign(np.asarray(value).astype(v.dtype.numpy))

    def save_own_variables(self, store: Any) -> None:
        """Writes its state into `store`, under "0", "1", ..."""
        for i, v in enumerate(self._variables):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads its state from `store`; one of another number of variables is left out, with a warning."""
        if len(store.keys()) != len(self._variables):
            warnings.warn(f"Skipping variable loading for optimizer '{self.name}', because it has {len(self._variables)} variables whereas the saved "
                          f"optimizer has {len(store.keys())} variables.", stacklevel=2)  # fmt: skip
            return
        for i, v in enumerate(self._variables):
            v.assign(np.asarray(store[str(i)]).astype(v.dtype.numpy))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _norm(gradients: list[Any]) -> Any:
    total: Any = 0.0
    for g in gradients:
        x = values_of(g)
        total = total + math.reduce_sum(x * x)
    return math.sqrt(total)


def get(identifier: Any) -> Any:
    """The optimizer that `identifier` means: an optimizer, a name, a class or a config.

    Raises:
        ValueError: nothing of this name exists.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    found = identifiers.deserialize(MODULE, "optimizer", identifier) if isinstance(identifier, (dict, str)) else identifier
    found = found() if isinstance(found, type) and issubclass(found, Optimizer) else found
    if not isinstance(found, Optimizer):
        raise ValueError(f"Could not interpret optimizer identifier: {identifier!r}. Expected a name such as 'adam', or an Optimizer.")
    return found


def serialize(optimizer: Any) -> Any:
    """The config of an optimizer."""
    return identifiers.serialize(optimizer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The optimizer of a config or name."""
    found = identifiers.deserialize(MODULE, "optimizer", config, custom_objects)
    return found() if isinstance(found, type) else found
