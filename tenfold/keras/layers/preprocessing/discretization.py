"""Discretization: numbers as the bins that they fall into."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype, int32
from tenfold.keras.base.registry import register
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.categories import CategoryLayer, as_values, batches, encode, encoded_shape, is_data, one_of
from tenfold.primitives.arithmetic import cast, less_equal
from tenfold.primitives.movement import expand_dims

Summary = np.ndarray[Any, Any]  # [2, n]: values in order, and how many of the data each stands for


@register(MODULE)
class Discretization(CategoryLayer):
    """Numbers as the bins that they fall into, with boundaries given or learnt as quantiles.

    Args:
        bin_boundaries: the boundaries, ascending: n of them make n + 1 bins, of which each begins with its boundary.
        num_bins: how many bins `adapt` is to make, each with about as many of the data.
        epsilon: how exact the quantiles are.
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: whether eager calls return a SparseTensor (not with "int").

    Example:
        >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])([[-1.5, 1.0, 3.4, 0.5]]).numpy()
        array([[0, 2, 3, 1]], dtype=int32)
    """

    def __init__(self, bin_boundaries: Any = None, num_bins: int | None = None, epsilon: float = 0.01, output_mode: str = "int",
                 sparse: bool = False, dtype: Any = None, name: str | None = None) -> None:  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        if sparse and output_mode == "int":
            raise ValueError("`sparse=True` may only be used if `output_mode` is `'one_hot'`, `'multi_hot'`, or `'count'`. "
                             f"Received: sparse={sparse} and output_mode={output_mode}")  # fmt: skip
        self.output_mode = one_of(self, "output_mode", output_mode, ("int", "one_hot", "multi_hot", "count"))
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"`num_bins` must be greater than or equal to 0. Received: `num_bins={num_bins}`")
        if num_bins is not None and bin_boundaries is not None:
            raise ValueError("Both `num_bins` and `bin_boundaries` should not be set. "
                             f"Received: `num_bins={num_bins}` and `bin_boundaries={bin_boundaries}`")  # fmt: skip
        if num_bins is None and bin_boundaries is None:
            raise ValueError("You need to set either `num_bins` or `bin_boundaries`.")
        self.bin_boundaries: Any = None if bin_boundaries is None else np.asarray(bin_boundaries, np.float64).tolist()
        self.num_bins, self.epsilon, self.sparse = num_bins, epsilon, sparse
        self.summary: Any = None if bin_boundaries else _nothing()

    @property
    def output_dtype(self) -> str:
        """The type of its output."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    # --- learning the boundaries ---
    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learns the boundaries from an array, or from (the first `steps`) batches."""
        if self.num_bins is None:
            raise ValueError("Cannot adapt a Discretization layer that has been initialized with `bin_boundaries`, use `num_bins` instead.")
        self.reset_state()
        for batch in [data] if is_data(data, lists=False) else batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Takes in a batch."""
        values = np.asarray(as_tensor(data)._elements(), np.float32)
        self.summary = _merged(_summary(values, self.epsilon), self.summary, self.epsilon)

    def finalize_state(self) -> None:
        """Makes the boundaries of what was taken in."""
        if self.num_bins is not None:
            self.bin_boundaries = _compressed(self.summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def reset_state(self) -> None:
        """Forgets what was taken in."""
        if self.num_bins is not None:
            self.summary = _nothing()

    # --- the layer ---
    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError("You need to either pass the `bin_boundaries` argument at construction time or call `adapt(dataset)` before you can "
                             "start using the `Discretization` layer.")  # fmt: skip
        x = as_values(inputs)
        x = x if x.dtype.is_floating else cast(x, as_dtype(self.compute_dtype))
        edges = as_tensor(np.asarray(self.bin_boundaries, np.float64).astype(x.dtype.numpy))
        reached = less_equal(edges, expand_dims(x, x.ndim))
        return encode(math.reduce_sum(cast(reached, int32), -1), self.output_mode, self._depth(), self.output_dtype, self.sparse)

    def _depth(self) -> int:
        return int(self.num_bins or 0) if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    def compute_output_shape(self, input_shape: Any) -> Any:
        return encoded_shape(input_shape, self.output_mode, self._depth())

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype, sparse=self.sparse)

    def load_own_variables(self, store: Any) -> None:
        if len(store.keys()) == 1:  # as older versions wrote it
            self.summary = np.asarray(store["0"])

    def get_config(self) -> dict[str, Any]:
        return {"bin_boundaries": self.bin_boundaries, "num_bins": self.num_bins, "epsilon": self.epsilon, "output_mode": self.output_mode,
                "sparse": self.sparse, "name": self.name, "dtype": self.dtype}  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from its config, adapted if the config says so."""
        if config.get("bin_boundaries") is None or config.get("num_bins") is None:
            return cls(**config)
        made = cls(**{k: v for k, v in config.items() if k != "bin_boundaries"})
        made.bin_boundaries = config["bin_boundaries"]
        return made


# --- quantiles of data that come in parts ---
def _nothing() -> Summary:
    return np.zeros((2, 0), np.float32)


def _summary(values: np.ndarray[Any, Any], epsilon: float) -> Summary:
    """About 1 / epsilon of the values, at equal distances in their order."""
    ordered = np.sort(values, axis=None)
    step = max(ordered.size * epsilon, 1)
    chosen = ordered[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _merged(a: Summary, b: Summary, epsilon: float) -> Summary:
    both = np.concatenate((a, b), axis=1)
    return _compressed(both[:, np.argsort(both[0])], epsilon)


def _compressed(summary: Summary, epsilon: float) -> Summary:
    """The same data with 1 / epsilon values: those where so much of the weight lies before them."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    weight = summary[1].cumsum()
    share = weight / weight[-1]
    before = np.interp(shares, share, weight)
    return np.stack([np.interp(shares, share, summary[0]), np.diff(before, prepend=0.0)]).astype(np.float32)
