"""GradientTape: remembers operations, and differentiates what it remembers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import product
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import reshape, stack
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.tensor.variable import Variable
from tenfold.transform.backward_plan import Seed, gradients
from tenfold.transform.recording import Recording
from tenfold.transform.vjp import zeros


class GradientTape:
    """Records operations for automatic differentiation, as `tf.GradientTape`.

    Trainable variables are watched when they are read; other tensors by `watch`.

    Args:
        persistent: whether `gradient` may be called more than once.
        watch_accessed_variables: whether trainable variables are watched by themselves.

    Example:
        >>> x = as_tensor(3.0)
        >>> with GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = x * x
        >>> float(tape.gradient(y, x))
        6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._done = Recording(watch_accessed_variables)
        self._recording = False
        self._used = False
        self._read: list[Variable] = []  # the variables of what was recorded before it was used

    # --- recording ---
    def __enter__(self) -> GradientTape:
        if self._recording:
            raise ValueError("Tape is still recording: it cannot be entered twice. Try `with tape.stop_recording():`, or a second tape.")
        self._recording = True
        state.tapes.append(self._done)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._recording:
            self._stop()

    def _stop(self) -> None:
        self._recording = False
        state.tapes.remove(self._done)

    def watch(self, tensor: Any) -> None:
        """Makes the tape follow `tensor` (or a nested structure of them, or variables).

        Raises:
            ValueError: something in it is no tensor.
        """
        for t in nest.flatten(tensor):
            if isinstance(t, Variable):
                value = t._tensor if state.trace is None else state.trace.read(t)
                t._export()
                self._done.follow(t, value)
            elif type(t) is not Tensor:
                raise InvalidArgumentError(f"[watch] expected a tensor or a variable; received {type(t).__name__}. Try tf.convert_to_tensor first.")
            elif t.dtype.is_differentiable:
                self._done.watch(t)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that were read, in that order."""
        return (*self._read, *[seen[0] for seen in self._done.variables.values()])

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Inside this context the tape remembers nothing."""
        if not self._recording:
            raise ValueError("Tape is not recording.")
        self._stop()
        try:
            yield
        finally:
            self.__enter__()

    def reset(self) -> None:
        """Forgets everything remembered so far."""
        recording = self._recording
        if recording:
            self._stop()
        self._done, self._read = Recording(self._done.watches_variables), []
        if recording:
            self.__enter__()

    # --- differentiating ---
    def gradient(self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: Any = "none") -> Any:
        """The gradient of `target` (summed over its elements and over several targets) by each of `sources`.

        Args:
            target: a tensor or a nested structure of them.
            sources: tensors or variables, nested; the result has this structure and their shapes. Those of which rows were gathered get
                `tf.IndexedSlices`.
            output_gradients: weights of the targets' elements; default: ones.
            unconnected_gradients: "none" gives None where a target does not depend on a source; "zero" gives zeros.

        Raises:
            RuntimeError: the tape was used before and is not persistent.
        """
        done = self._taken()
        zero = unconnected_gradients != "none" and _gives_zeros(unconnected_gradients)
        seeds = [(target, None)] if type(target) is Tensor and output_gradients is None else self._seeds(done, target, output_gradients)
        flat = nest.flatten(sources)
        found = self._by_source(done, seeds, flat, sparse=True)
        if zero:
            found = [zeros(self._value(s)) if g is None else g for s, g in zip(flat, found, strict=True)]
        return nest.pack(sources, found)

    def _taken(self) -> Recording:
        """What was recorded, to be used: by a tape that is not persistent for the only time."""
        done = self._done
        if not self._persistent:
            if self._recording:
                self._stop()
            if self._used:
                raise RuntimeError("A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians). "
                                   "Try tf.GradientTape(persistent=True).")  # fmt: skip
            self._used, self._done = True, Recording(done.watches_variables)
            self._read = [seen[0] for seen in done.variables.values()]
        return done

    def _seeds(self, done: Recording, target: Any, output_gradients: Any) -> list[Seed]:
        """Pairs of a target and the weights of its elements."""
        targets = [t for t in nest.flatten(target) if t is not None]
        weights = [None] * len(targets) if output_gradients is None else nest.flatten(output_gradients)
        if len(targets) == 1 and len(weights) != 1:
            weights = [output_gradients]
        if len(weights) != len(targets):
            raise InvalidArgumentError(f"[gradient] expected one output gradient per target ({len(targets)}); received {len(weights)}.")
        return [self._seed(self._target(done, t), w) for t, w in zip(targets, weights, strict=True)]

    def _target(self, done: Recording, t: Any) -> Tensor:
        """A target's value; a variable counts as read."""
        value = self._value(t)
        if isinstance(t, Variable) and t.trainable:
            done.saw(t, value)
        return value

    @staticmethod
    def _value(t: Any) -> Tensor:
        if isinstance(t, Variable):
            return t._tensor if state.trace is None else state.trace.read(t)
        return t if type(t) is Tensor else as_tensor(t)

    @staticmethod
    def _seed(target: Tensor, weight: Any) -> Seed:
        if weight is None:
            return target, None
        w = as_tensor(weight, hint=target.dtype)
        w = w if w.dtype is target.dtype else cast(w, target.dtype)
        if w.ndim != target.ndim:
            raise ShapeError(f"[gradient] an output gradient has shape {w.shape}; its target has {target.shape}.")
        return target, w

    def _by_source(self, done: Recording, seeds: Sequence[Seed], sources: list[Any], sparse: bool = False) -> list[Any]:
        """Gradients by tensors and variables; a variable's is the sum over its values that were read."""
        values: list[Tensor] = []
        counts: list[int] = []
        for s in sources:
            if isinstance(s, Variable):
                _, *mine = done.variables.get(id(s), (s,))
            elif isinstance(s, Tensor):
                mine = [s] if id(s) in done.watched else []
            else:
                raise InvalidArgumentError(f"[gradient] a source must be a tensor or a variable; received {type(s).__name__}.")
            values += mine
            counts.append(len(mine))
        found = gradients(done, seeds, values, sparse)
        return found if counts.count(1) == len(counts) else _summed(found, counts)

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The matrix of all partial derivatives: shape `target.shape + source.shape` for each source."""
        done = self._taken()
        y = self._value(target)
        flat = nest.flatten(sources)
        count = product(y.sizes)
        if not isinstance(count, int):
            raise ShapeError("[jacobian] the target's shape must be known. Try an input_signature without None.")
        rows = [self._by_source(done, [(y, reshape(wrap(row), y.sizes))], flat) for row in np.eye(count, dtype=y.dtype.numpy)]
        zero = _gives_zeros(unconnected_gradients)
        result: list[Any] = []
        for i, s in enumerate(flat):
            shape = (*y.sizes, *self._value(s).sizes)
            if not rows or all(r[i] is None for r in rows):
                result.append(reshape(stack([zeros(self._value(s))] * count), shape) if zero and count else None)
            else:
                result.append(reshape(stack([zeros(self._value(s)) if r[i] is None else r[i] for r in rows]), shape))
        return nest.pack(sources, result)

    def batch_jacobian(
        self,
        target: Any,
        source: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The Jacobian of each row of `target` by the same row of `source`: shape `[batch, *target.shape[1:], *source.shape[1:]]`."""
        done = self._taken()
        y, x = self._value(target), self._value(source)
        if not y.sizes or not x.sizes or y.sizes[0] != x.sizes[0]:
            raise ShapeError(f"[batch_jacobian] expected equal first dimensions; received target {y.shape} and source {x.shape}.")
        inner = product(y.sizes[1:])
        if not isinstance(inner, int):
            raise ShapeError("[batch_jacobian] the target's inner shape must be known.")
        rows = []
        for unit in np.eye(inner, dtype=y.dtype.numpy):
            seed = zeros(y) + reshape(wrap(unit), (1, *y.sizes[1:]))
            g = self._by_source(done, [(y, seed)], [source])[0]
            rows.append(zeros(x) if g is None else g)
        return reshape(stack(rows, axis=1), (y.sizes[0], *y.sizes[1:], *x.sizes[1:]))


def _gives_zeros(unconnected: Any) -> bool:
    """Whether sources without a connection get zeros, from "none", "zero" or a member of tf.UnconnectedGradients."""
    name = unconnected if isinstance(unconnected, str) else str(getattr(unconnected, "value", unconnected))
    if name.lower() not in ("none", "zero"):
        raise InvalidArgumentError(f"[gradient] unconnected_gradients must be 'none' or 'zero'; received {unconnected!r}.")
    return name.lower() == "zero"


def _summed(found: list[Any], counts: list[int]) -> list[Any]:
    """The sums of so many each, in turn; None where there is nothing to add."""
    rest, result = iter(found), []
    for n in counts:
        total: Any = None
        for _ in range(n):
            g = next(rest)
            total = g if total is None else total if g is None else total + g
        result.append(total)
    return result
