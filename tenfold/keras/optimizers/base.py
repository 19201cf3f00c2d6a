"""Optimizer: what turns gradients into updates."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base import defaults
from tenfold.keras.base.naming import auto_name
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.base.variables import Variable, name_scope, path_of, with_state
from tenfold.keras.optimizers import schedules
from tenfold.keras.optimizers.arguments import change_if, check_clipping, check_counts, clipped, joined, older_spellings, overwritten
from tenfold.keras.optimizers.compiled import given_rate
from tenfold.keras.optimizers.shared import shared
from tenfold.keras.optimizers.state import OptimizerState
from tenfold.keras.saving.serialization import serialize_keras_object
from tenfold.ops.module import name_scope as op_scope
from tenfold.primitives.arithmetic import cast, floordiv, maximum, select
from tenfold.primitives.indexed_slices import by_rows

MODULE = "keras.optimizers"


class Optimizer(OptimizerState):
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

    updates_are_dear = False  # whether an update takes more than a pass over the variables

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        learning_rate = older_spellings(learning_rate, kwargs)
        check_clipping(clipnorm, clipvalue, global_clipnorm)
        check_counts(use_ema, ema_momentum, ema_overwrite_frequency, gradient_accumulation_steps)
        self.name = name or auto_name(type(self).__name__)
        self.weight_decay, self.clipnorm, self.clipvalue, self.global_clipnorm = weight_decay, clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency
        self.loss_scale_factor, self.gradient_accumulation_steps = loss_scale_factor, gradient_accumulation_steps
        self.built = False
        self._variables: list[Variable] = []
        self.placeholders: list[Variable] = []  # those of its variables that hold nothing
        self._trainable_variables: list[Any] = []
        self._trainable_variables_indices: dict[int, int] = {}
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
            return self._learning_rate(self._iterations)
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
        self._trainable_variables_indices = {id(v): i for i, v in enumerate(self._trainable_variables)}
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [self.add_variable_from_reference(v, "gradient_accumulator") for v in variables]
        self.built = True

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
        trainable_variables = self._known(trainable_variables)
        if len(grads) != len(trainable_variables):
            raise ValueError(f"Expected one gradient per variable. Received {len(grads)} gradients for {len(trainable_variables)} variables.")
        self._check_known(trainable_variables)
        pairs = self._without_missing(grads, trainable_variables)
        for g, v in pairs:
            if overwritten(v):
                self._overwrite(g, v)
        pairs = [p for p in pairs if not overwritten(p[1])]
        gradients, variables = [by_rows(partial(cast, dtype=v.dtype), g) for g, v in pairs], [v for _, v in pairs]
        if self._compiled.serve(self, variables):
            rate = None if isinstance(self._learning_rate, Variable) else self._rate()
            self._compiled(self, self._update_and_count, gradients, variables, rate)
        else:
            self._update_and_count(gradients, variables)
        for v in variables:
            if getattr(v, "constraint", None) is not None:
                v.assign(v.constraint(v))

    def _update_and_count(self, gradients: list[Any], variables: list[Any]) -> None:
        """Updates the variables, and counts."""
        with op_scope(self.name):
            scale = self.loss_scale_factor
            if variables:
                self._accumulate_or_update(gradients if scale is None else [g / scale for g in gradients], variables)
                self._average(variables)
            self._iterations.assign_add(1)

    def _known(self, variables: Sequence[Any] | None) -> Sequence[Any]:
        """The variables to update: those given, or those that it was built with; builds it if it is not."""
        if variables is None:
            if not self.built:
                raise ValueError("When passing `grads` without `variables`, the optimizer must already be built on a list of variables. "
                                 "Call `optimizer.build(trainable_variables)` first.")  # fmt: skip
            return self._trainable_variables
        if not self.built:
            self.build(variables)
        return variables

    def _check_known(self, variables: Sequence[Any]) -> None:
        for v in variables:
            if id(v) not in self._trainable_variables_indices:
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
        self._apply_weight_decay(variables)
        rate = self._rate()
        for g, v in zip(gradients, variables, strict=True):
            self.update_step(g, v, cast(rate, v.dtype))

    def _rate(self) -> Any:
        rate = self.learning_rate if (given := given_rate(self)) is None else given
        return rate.value if isinstance(rate, Variable) else as_tensor(rate)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable; to be defined by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} does not implement update_step(gradient, variable, learning_rate).")

    def assign(self, variable: Any, value: Any) -> None:
        """Sets a variable. Updates go through this method and the next two, so that subclasses can see them."""
        variable.assign(value)

    def assign_add(self, variable: Any, value: Any) -> None:
        """Adds to a variable; of IndexedSlices only their rows."""
        variable.assign_add(value)

    def assign_sub(self, variable: Any, value: Any) -> None:
        """Subtracts from a variable; of IndexedSlices only their rows."""
        variable.assign_sub(value)

    # --- accumulation ---
    def _is_due(self) -> Any:
        """Whether this is the last of the steps whose gradients are one update."""
        return math.equal((self._iterations.value + 1) % self.gradient_accumulation_steps, 0)

    def _accumulate_or_update(self, gradients: list[Any], variables: list[Any]) -> None:
        steps = self.gradient_accumulation_steps
        if not steps:
            self._update(gradients, variables)
            return
        sums = [self.slot(self._accumulated_gradients, v) for v in variables]
        totals = [as_tensor(g + s.value) for g, s in zip(gradients, sums, strict=True)]
        state = [*variables, *self._kept()]
        due = self._is_due()
        change_if(due, state, lambda: self._update([t / steps for t in totals], variables), self.updates_are_dear)
        for s, total in zip(sums, totals, strict=True):
            s.assign(select(due, total * 0, total))

    def _kept(self) -> list[Variable]:
        """What an update changes of its own state."""
        fixed = {id(v) for v in (self._iterations, self._learning_rate, *self._accumulated_gradients)}
        return [v for v in self._variables if id(v) not in fixed]

    def _overwrite(self, gradient: Any, variable: Any) -> None:
        """What is given as gradient is the new value; of several steps the largest."""
        if not self.gradient_accumulation_steps:
            variable.assign(gradient)
            return
        largest = self.slot(self._accumulated_gradients, variable)
        due, value = self._is_due(), maximum(as_tensor(gradient), largest.value)
        variable.assign(select(due, value, variable.read_value()))
        largest.assign(select(due, value * 0, value))

    # --- averages ---
    def _average(self, variables: list[Any]) -> None:
        """Moves the moving averages, and every so often sets the variables to them."""
        if not self.use_ema:
            return
        count = self.iterations
        count = count.value if isinstance(count, Variable) else count
        due = None if not self.ema_overwrite_frequency else math.equal((count + 1) % self.ema_overwrite_frequency, 0)
        for v in self._trainable_variables:
            average = self.slot(self._model_variables_moving_average, v)
            if average is None:
                continue
            momentum = cast(math.not_equal(count, 0), v.dtype) * self.ema_momentum
            average.assign(momentum * average + (1 - momentum) * v)
            if due is not None:
                v.assign(select(due, average.value, v.read_value()))

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """At the end of training: sets the variables to their moving averages, if there are any."""
        if self.use_ema and self.built:
            for v in var_list:
                if (average := self.slot(self._model_variables_moving_average, v)) is not None:
                    v.assign(average.value)

    def scale_loss(self, loss: Any) -> Any:
        """The loss, multiplied by `loss_scale_factor` if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # --- the state as an argument and a result ---
    def stateless_apply(self, optimizer_variables: Sequence[Any], grads: Sequence[Any],
                        trainable_variables: Sequence[Any]) -> tuple[list[Any], list[Any]]:  # fmt: skip
        """(the model's variables, the optimizer's) after a step from these values; the variables themselves stay.

        Raises:
            ValueError: the optimizer is not built, or there are more or fewer values than variables.
        """
        if not self.built:
            raise ValueError(f"To call `stateless_apply`, {type(self).__name__} must be built (i.e. its variables must have been created). "
                             "You can build it via `optimizer.build(trainable_variables)`.")  # fmt: skip
        own, models = self.variables, self._trainable_variables
        if len(optimizer_variables) != len(own) or len(trainable_variables) != len(models):
            raise ValueError(f"Argument `optimizer_variables` must be a list of tensors corresponding 1:1 to {type(self).__name__}().variables, and "
                             f"`trainable_variables` to those that it was built with. Expected {len(own)} and {len(models)}; received "
                             f"{len(optimizer_variables)} and {len(trainable_variables)}.")  # fmt: skip
        after = with_state([*models, *own], [*trainable_variables, *optimizer_variables], lambda: self.apply(grads), type(self).__name__)[1]
        return after[: len(models)], after[len(models) :]

    # --- clipping and decay ---
    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        if self.weight_decay is None:
            return
        rate, decay = self._rate(), self.weight_decay
        for v in variables:
            if self._use_weight_decay(v):
                v.assign(v - v * shared(("decay", decay, v.dtype), partial(self._decay, rate, v.dtype), rate))

    def _decay(self, rate: Any, dtype: Any) -> Any:
        """The share by which a step shrinks variables of a type."""
        return cast(rate, dtype) * self.weight_decay

    def _clip_gradients(self, gradients: list[Any]) -> list[Any]:
        return clipped(gradients, self.clipnorm, self.clipvalue, self.global_clipnorm)

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
            rate = serialize_keras_object(rate)
        names = ("weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum", "ema_overwrite_frequency",
                 "loss_scale_factor", "gradient_accumulation_steps")  # fmt: skip
        return {"name": self.name, "learning_rate": rate, **{n: getattr(self, n) for n in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """An optimizer from its config."""
        if isinstance(config.get("learning_rate"), dict):
            config = {**config, "learning_rate": schedules.deserialize(config["learning_rate"], custom_objects)}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def with_options(init: Callable[..., None]) -> Callable[..., None]:
    """The constructor of an optimizer with the options that all optimizers have."""
    return joined(init, Optimizer.__init__)
