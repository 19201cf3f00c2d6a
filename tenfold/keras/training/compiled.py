"""What `compile` was given, and what was made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.keras import metrics
from tenfold.keras.training.compile_loss import CompileLoss
from tenfold.keras.training.compile_utils import CompileMetrics
from tenfold.keras.training.step import Step
from tenfold.transform.function import Function

RARELY = 3  # times: figures that are read so seldom are not worth compiling a function


class Compiled:
    """A model's loss and metrics, and its steps. (Not a layer's attribute that holds variables: files know it by itself.)"""

    def __init__(self, arguments: dict[str, Any], output_names: list[str] | None) -> None:
        self.arguments = arguments
        loss, plain, weighted = (arguments[k] for k in ("loss", "metrics", "weighted_metrics"))
        self.loss_tracker = metrics.Mean(name="loss")
        self.loss = None if loss is None else CompileLoss(loss, arguments["loss_weights"], output_names)
        self.metrics = None if plain is None and weighted is None else CompileMetrics(plain, weighted, output_names)
        self.eager = bool(arguments["run_eagerly"])
        self.trainable: tuple[int, ...] = ()
        self.steps: dict[str, Step] = {}
        self.forget()

    def forget(self) -> None:
        """What was traced is traced anew when it is needed next."""
        self.steps.clear()
        self.order: list[str] = []  # of the figures in a list of them
        self._figures: Callable[[], dict[str, Any]] | None = None
        self._asked = 0

    def figures(self, model: Any) -> dict[str, Any]:
        """The results of the model's metrics; by a compiled function, if they are asked for often."""
        self._asked += 1
        if self._figures is None and self._asked > RARELY:
            self._figures = model.get_metrics_result if self.eager or self.reads_more(model) else Function(model.get_metrics_result)
        return dict(model.get_metrics_result() if self._figures is None else self._figures())

    def reads_more(self, model: Any) -> bool:
        """Whether one of the metrics is the user's own, whose result may depend on more than variables."""
        return any(_is_users(m) for metric in model.metrics for m in getattr(metric, "metrics", [metric]))


def _is_users(metric: Any) -> bool:
    """Whether the metric's `result` is not of this package."""
    return str(type(metric).result.__module__).partition(".")[0] != __name__.partition(".")[0]
