"""GradientTape: remembers operations, and differentiates what it remembers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import product
from tenfold.ir.primitive import Primitive
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import reshape, stack
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.tensor.variable import Variable
from tenfold.transform.backward_plan import Seed, gradients
from tenfold.transform.vjp import Record, zeros


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
        self._watch_variables = watch_accessed_variables
        self._clear()
        self._recording = False
        self._used = False

    def _clear(self) -> None:
        self._records: list[Record] = []
        self._watched: dict[int, Tensor] = {}
        self._variables: dict[int, tuple[Variable, dict[int, Tensor]]] = {}

    # --- recording ---
    def __enter__(self) -> GradientTape:
        if self._recording:
            raise ValueError("Tape is still recording: it cannot be entered twice. Try `with tape.stop_recording():`, or a second tape.")
        self._recording = True
        state.tapes.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._recording:
            self._stop()

    def _stop(self) -> None:
        self._recording = False
        state.tapes.remove(self)

    def record(self, primitive: Primitive, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> None:
        """Called by `bind` for every operation while the tape records."""
        watched = self._watched
        for x in inputs:
            if id(x) in watched:
                self._records.append((primitive, inputs, outputs, attrs))
                for y in outputs:
                    if y.dtype.is_differentiable:
                        watched[id(y)] = y
                return

    def saw(self, variable: Variable, tensor: Tensor) -> None:
        """Called when a trainable variable is read."""
        if self._watch_variables:
            self._watch_variable(variable, tensor)

    def _watch_variable(self, variable: Variable, tensor: Tensor) -> None:
        if tensor.dtype.is_differentiable:
            self._watched[id(tensor)] = tensor
            self._variables.setdefault(id(variable), (variable, {}))[1][id(tensor)] = tensor

    def watch(self, tensor: Any) -> None:
        """Makes the tape follow `tensor` (or a nested structure of them, or variables).

        Raises:
            ValueError: something in it is no tensor.
        """
        for t in nest.flatten(tensor):
            if isinstance(t, Variable):
                value = t._tensor if state.trace is None else state.trace.read(t)
                t._exported = True
                self._watch_variable(t, value)
            elif type(t) is not Tensor:
                raise InvalidArgumentError(f"[watch] expected a tensor or a variable; received {type(t).__name__}. Try tf.convert_to_tensor first.")
            elif t.dtype.is_differentiable:
                self._watched[id(t)] = t

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that were read, in that order."""
        return tuple(v for v, _ in self._variables.values())

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
        self._clear()

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
        self._use()
        zero = unconnected_gradients != "none" and _gives_zeros(unconnected_gradients)
        targets = [target] if type(target) is Tensor else [t for t in nest.flatten(target) if t is not None]
        weights = [None] * len(targets) if output_gradients is None else nest.flatten(output_gradients)
        if len(targets) == 1 and len(weights) != 1:
            weights = [output_gradients]
        if len(weights) != len(targets):
            raise InvalidArgumentError(f"[gradient] expected one output gradient per target ({len(targets)}); received {len(weights)}.")
        seeds = [self._seed(self._target(t), w) for t, w in zip(targets, weights, strict=True)]
        flat = nest.flatten(sources)
        found = self._by_source(seeds, flat, sparse=True)
        if zero:
            found = [zeros(self._value(s)) if g is None else g for s, g in zip(flat, found, strict=True)]
        if not self._persistent:
            self._clear()
        return nest.pack(sources, found)

    def _use(self) -> None:
        if self._recording and not self._persistent:
            self._stop()
        if self._used and not self._persistent:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians). Try tf.GradientTape(persistent=True)."
            )
        self._used = True

    def _target(self, t: Any) -> Tensor:
        """A target's value; a variable counts as read."""
        value = self._value(t)
        if isinstance(t, Variable) and t.trainable:
            self.saw(t, value)
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

    def _by_source(self, seeds: Sequence[Seed], sources: list[Any], sparse: bool = False) -> list[Any]:
        """Gradients by tensors and variables; a variable's is the sum over its values that were read."""
        watched = self._watched
        values: list[list[Tensor]] = []
        for s in sources:
            if isinstance(s, Variable):
                values.append(list(self._variables[id(s)][1].values()) if id(s) in self._variables else [])
            elif isinstance(s, Tensor):
                values.append([s] if id(s) in watched else [])
            else:
                raise InvalidArgumentError(f"[gradient] a source must be a tensor or a variable; received {type(s).__name__}.")
        found = iter(gradients(self._records, seeds, [t for mine in values for t in mine], sparse))
        result: list[Any] = []
        for mine in values:
            total: Any = None
            for _ in mine:
                g = next(found)
                total = g if total is None else total if g is None else total + g
            result.append(total)
        return result

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The matrix of all partial derivatives: shape `target.shape + source.shape` for each source."""
        self._use()
        y = self._value(target)
        flat = nest.flatten(sources)
        count = product(y.sizes)
        if not isinstance(count, int):
            raise ShapeError("[jacobian] the target's shape must be known. Try an input_signature without None.")
        rows = [self._by_source([(y, reshape(wrap(row), y.sizes))], flat) for row in np.eye(count, dtype=y.dtype.numpy)]
        zero = _gives_zeros(unconnected_gradients)
        result: list[Any] = []
        for i, s in enumerate(flat):
            shape = (*y.sizes, *self._value(s).sizes)
            if not rows or all(r[i] is None for r in rows):
                result.append(reshape(stack([zeros(self._value(s))] * count), shape) if zero and count else None)
            else:
                result.append(reshape(stack([zeros(self._value(s)) if r[i] is None else r[i] for r in rows]), shape))
        if not self._persistent:
            self._clear()
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
        self._use()
        y, x = self._value(target), self._value(source)
        if not y.sizes or not x.sizes or y.sizes[0] != x.sizes[0]:
            raise ShapeError(f"[batch_jacobian] expected equal first dimensions; received target {y.shape} and source {x.shape}.")
        inner = product(y.sizes[1:])
        if not isinstance(inner, int):
            raise ShapeError("[batch_jacobian] the target's inner shape must be known.")
        rows = []
        for unit in np.eye(inner, dtype=y.dtype.numpy):
            seed = zeros(y) + reshape(wrap(unit), (1, *y.sizes[1:]))
            g = self._by_source([(y, seed)], [source])[0]
            rows.append(zeros(x) if g is None else g)
        if not self._persistent:
            self._clear()
        return reshape(stack(rows, axis=1), (y.sizes[0], *y.sizes[1:], *x.sizes[1:]))


def _gives_zeros(unconnected: Any) -> bool:
    """Whether sources without a connection get zeros, from "none", "zero" or a member of tf.UnconnectedGradients."""
    name = unconnected if isinstance(unconnected, str) else str(getattr(unconnected, "value", unconnected))
    if name.lower() not in ("none", "zero"):
        raise InvalidArgumentError(f"[gradient] unconnected_gradients must be 'none' or 'zero'; received {unconnected!r}.")
    return name.lower() == "zero"
