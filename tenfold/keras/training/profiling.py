"""`model.profile`: one step of a model under the profiler."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tenfold.compiler.peaks import peaks
from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.training import loops
from tenfold.keras.training.data_adapter import as_array
from tenfold.keras.training.step import Step
from tenfold.ops.roofline_report import Report, report_of
from tenfold.runtime.profiler import Event, Profile

WARM = 2  # steps before the first that is measured


def profile(model: Any, x: Any, y: Any = None, batch_size: int | None = None, sample_weight: Any = None, training: bool | None = None,
            steps: int = 20) -> Report:  # fmt: skip
    """Profiles a step of training, evaluation or prediction, and leaves the model as it was.

    Args:
        model: compiled, if there is a `y`.
        x, y, sample_weight: arrays, of which the first rows are taken.
        batch_size: how many; default 32.
        training: default: if there is a `y` and an optimizer.
        steps: how many times the step runs; of each launch the shortest time counts.

    Raises:
        ValueError: the steps do not run compiled.
    """
    if steps < 1:
        raise InvalidArgumentError(f"[profile] steps must be a positive integer. Received: steps={steps!r}.")
    rows = 32 if batch_size is None else batch_size
    x, y, sample_weight = (_first(value, rows) for value in (x, y, sample_weight))
    if training is None:
        training = y is not None and (model.optimizer is not None or not model.compiled)
    kind = "train" if training else "predict" if y is None else "test"
    step, arrays, structure = _step(model, kind, x, y, sample_weight)
    nothing = InvalidArgumentError("[profile] nothing ran compiled. Expected compiled steps. Try compile(run_eagerly=False) "
                                   "and no TENFOLD_COMPILE=0.")  # fmt: skip
    if step.runs_eagerly():  # it would change the model; that its optimizer may be compiled tells nothing about it
        raise nothing
    step.prepare(arrays, structure)
    kept = [(v, v.numpy().copy()) for v in step.changes()]
    try:
        events, wall = best([_measured(lambda: step(arrays, structure)) for _ in range(WARM + steps)][WARM:])
    finally:
        for variable, elements in kept:
            variable.assign(elements)
    if not events:
        raise nothing
    title = f"{model.name}, {kind} step on {nest.flatten(x)[0].shape[0]} rows"
    return report_of(events, peaks(), title, wall=wall, root=model.name)


def _first(value: Any, rows: int) -> Any:
    return None if value is None else nest.map_structure(lambda a: as_array(a, "data")[:rows], value)


def _step(model: Any, kind: str, x: Any, y: Any, sample_weight: Any) -> tuple[Step, list[Any], Any]:
    if kind == "predict":
        return model._predict_step(), nest.flatten((x,)), (x,)
    step: Step = model._step(kind)
    arrays, structure = loops.one_batch(x, y, sample_weight, "profile").whole()
    return step, arrays, structure


def _measured(run: Callable[[], Any]) -> tuple[list[Event], float]:
    with Profile() as open_profile:
        start = time.perf_counter()
        run()
        wall = time.perf_counter() - start
    return open_profile.events, wall


def best(runs: list[tuple[list[Event], float]]) -> tuple[list[Event], float]:
    """The shortest run, each of its launches as short as in the run where it was shortest: what other programs add is left out."""
    events, _ = min(runs, key=lambda run: run[1])
    alike = [(found, w) for found, w in runs if len(found) == len(events) and all(a.source is b.source for a, b in zip(found, events, strict=True))]
    lengths = [min(same) for same in zip(*([e.duration for e in found] for found, _ in alike), strict=True)]
    between = min(w - sum(e.duration for e in found) for found, w in alike)
    return [replace(e, duration=length) for e, length in zip(events, lengths, strict=True)], sum(lengths) + max(between, 0.0)
