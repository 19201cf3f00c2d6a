"""PyDataset(workers=...): batches made ahead by threads and processes, in order."""

import os
import threading
from typing import Any

import numpy as np
import pytest

from tenfold import keras


class Numbers(keras.utils.PyDataset):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.makers: set[Any] = set()

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Any:
        self.makers.add(threading.current_thread().name)
        if index == 11 and self.max_queue_size == 3:
            raise RuntimeError("no batch 11")
        return np.full((2, 1), index, "float32"), np.full((2, 1), os.getpid(), "float64")


def model() -> Any:
    made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    made.compile("sgd", "mse")
    return made


@pytest.mark.parametrize("options", [{}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}, {"workers": 4, "max_queue_size": 1}])
def test_batches_come_in_order_whoever_makes_them(options):
    data = Numbers(**options)
    np.testing.assert_allclose(model().predict(data, verbose=0)[:, 0], np.repeat(np.arange(12), 2), rtol=1e-6)
    threads = {name for name in data.makers if name.startswith("tenfold-batches")}
    assert bool(threads) == (options.get("workers", 1) > 1 and not options.get("use_multiprocessing"))
    assert bool(data.makers) != bool(options.get("use_multiprocessing"))  # processes have copies of their own


def test_an_error_in_a_worker_reaches_the_user():
    with pytest.raises(RuntimeError, match="no batch 11"):
        model().fit(Numbers(workers=2, max_queue_size=3), verbose=0)


def test_training_may_stop_early():
    model().fit(Numbers(workers=2), steps_per_epoch=3, epochs=2, verbose=0)
