"""SwapEMAWeights: evaluation with the moving averages of the weights."""

from __future__ import annotations

from typing import Any

from tenfold.keras.callbacks.base import Callback
from tenfold.keras.callbacks.rates import parts_of


class SwapEMAWeights(Callback):
    """Exchanges the weights for their moving averages before evaluation and prediction, and back again after it.

    The optimizer must keep averages: `SGD(use_ema=True)`.

    Args:
        swap_on_epoch: whether to exchange them at the end of each epoch too, so that a ModelCheckpoint after this callback saves the averages.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._ema_weights_in_model = False

    def _averaging(self) -> list[Any]:
        """The optimizers that keep averages.

        Raises:
            ValueError: none does.
        """
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        found = [o for o in parts_of(optimizer) if getattr(o, "use_ema", False)]
        if not found:
            raise ValueError("SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. "
                             f"Received: {type(optimizer).__name__} with use_ema=False.")  # fmt: skip
        return [o for o in found if o.built]

    def _swap(self, averages_in_model: bool) -> None:
        if self._ema_weights_in_model == averages_in_model:
            return
        for optimizer in self._averaging():
            for weight, average in zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True):
                value = weight.numpy()
                weight.assign(average.numpy())
                average.assign(value)
        self._ema_weights_in_model = averages_in_model

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not self.swap_on_epoch or self._ema_weights_in_model:
            return
        self._swap(True)
        if epoch == self.params["epochs"] - 1:  # at the end of fit the optimizer sets the weights to what now are the averages
            for optimizer in self._averaging():
                for weight, average in zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True):
                    average.assign(weight.numpy())

    def on_test_begin(self, logs: Any = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Any = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: Any = None) -> None:
        self._swap(False)
