"""Hashing and HashedCrossing: categories without a vocabulary, in buckets. The buckets are those of Keras on TensorFlow."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import int64, string
from tenfold.core.hashing import combined, fingerprint, fingerprints, siphash
from tenfold.core.strings import as_bytes
from tenfold.keras.base.defaults import floatx
from tenfold.keras.base.registry import register
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.categories import CategoryLayer, as_values, encode, encoded_shape, one_of, salt_of
from tenfold.ops.ragged import RaggedTensor
from tenfold.ops.sparse import SparseTensor
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import reshape
from tenfold.primitives.strings import each_string
from tenfold.tensor.tensor import Tensor

CROSSING_KEY = 0xDECAFCAFFE  # with which TensorFlow begins to combine the parts of a cross


@register(MODULE)
class Hashing(CategoryLayer):
    """Strings or integers in buckets, by a hash.

    Args:
        num_bins: the number of buckets.
        mask_value: what falls into bucket 0, alone.
        salt: one or two integers; with them buckets are those of SipHash, without them of FarmHash.
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: whether eager calls return a SparseTensor (not with "int").

    Example:
        >>> Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).numpy().ravel()
        array([1, 0, 1, 1, 2])
    """

    def __init__(self, num_bins: int, mask_value: Any = None, salt: Any = None, output_mode: str = "int", sparse: bool = False,
                 **kwargs: Any) -> None:  # fmt: skip
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else floatx()
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(f"The `num_bins` for `Hashing` cannot be `None` or non-positive values. Received: num_bins={num_bins}.")
        if output_mode == "int" and self.dtype_policy.name not in ("int32", "int64"):
            raise ValueError('When `output_mode="int"`, `dtype` should be an integer type, \'int32\' or \'int64\'. '
                             f"Received: dtype={kwargs['dtype']}")  # fmt: skip
        self.output_mode = one_of(self, "output_mode", output_mode, ("int", "one_hot", "multi_hot", "count"))
        if sparse and output_mode == "int":
            raise ValueError('`sparse` may only be true if `output_mode` is `"one_hot"`, `"multi_hot"`, or `"count"`. '
                             f"Received: sparse={sparse} and output_mode={output_mode}")  # fmt: skip
        self.num_bins, self.mask_value, self.sparse = num_bins, mask_value, sparse
        self.salt = salt_of(self, salt)
        self.strong_hash = self.salt is not None

    def call(self, inputs: Any) -> Any:
        x = as_values(inputs)
        if isinstance(x, (RaggedTensor, SparseTensor)):
            numbers: Any = x.with_values(self._hash_values_to_bins(x.values))
        else:
            single = self.output_mode == "one_hot" and x.ndim > 0 and isinstance(x.sizes[-1], int) and x.sizes[-1] == 1
            numbers = self._hash_values_to_bins(reshape(x, x.sizes[:-1]) if single else x)
        return encode(numbers, self.output_mode, self.num_bins, self.compute_dtype, self.sparse)

    def _hash_values_to_bins(self, values: Tensor) -> Tensor:
        if values.dtype.is_floating or values.dtype.is_bool:
            values = cast(values, int64)
        mask = None if self.num_bins == 1 else as_bytes(self.mask_value) if isinstance(self.mask_value, str) else self.mask_value
        result: Tensor = each_string(values, function=_Buckets(self.num_bins, self.salt, mask), dtype=int64)
        return result

    def compute_output_shape(self, input_shape: Any) -> Any:
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype, sparse=self.sparse)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_bins": self.num_bins, "salt": self.salt, "mask_value": self.mask_value,
                "output_mode": self.output_mode, "sparse": self.sparse}  # fmt: skip


class _Buckets:
    """The buckets of strings or integers; if there is a mask, bucket 0 is its own."""

    def __init__(self, count: int, salt: Any, mask: Any) -> None:
        self._first = int(mask is not None)
        self._count, self._mask = count - self._first, mask
        self._key = None if salt is None else (int(salt[0]), int(salt[1]))

    def many(self, values: list[Any]) -> list[int]:
        """The bucket of each value."""
        written = values if values and isinstance(values[0], bytes) else [b"%d" % v for v in values]
        hashes = fingerprints(written) if self._key is None else [siphash(s, self._key) for s in written]
        found = [self._first + h % self._count for h in hashes]
        return found if self._mask is None else [0 if v == self._mask else n for v, n in zip(values, found, strict=True)]


@register(MODULE)
class HashedCrossing(CategoryLayer):
    """Combinations of categories in buckets, by a hash: two features become one.

    Args:
        num_bins: the number of buckets.
        output_mode: "int" or "one_hot".
        sparse: whether eager calls return a SparseTensor (not with "int").

    Call arguments:
        inputs: a list of tensors of integers or strings, of one shape: (), (batch,) or (batch, 1).

    Example:
        >>> HashedCrossing(num_bins=5)((["A", "B", "A"], [101, 101, 102])).numpy()
        array([1, 4, 3])
    """

    def __init__(self, num_bins: int, output_mode: str = "int", sparse: bool = False, name: str | None = None, dtype: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(name=name, dtype="int64" if output_mode == "int" and dtype is None else dtype, **kwargs)
        self.output_mode = one_of(self, "output_mode", output_mode, ("int", "one_hot"))
        self.num_bins, self.sparse = num_bins, sparse

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"`HashedCrossing` should be called on a list or tuple of inputs. Received: inputs={inputs}")
        if len(inputs) < 2:
            raise ValueError(f"`HashedCrossing` should be called on at least two inputs. Received: inputs={inputs}")
        tensors = [as_values(x) for x in inputs]
        self._check(tensors)
        count = self.num_bins

        def bucket(*values: Any) -> int:
            key = CROSSING_KEY
            for value in values:
                key = combined(key, fingerprint(value) if isinstance(value, bytes) else value)
            return key % count

        return encode(each_string(*tensors, function=bucket, dtype=int64), self.output_mode, count, self.compute_dtype, self.sparse)

    def _check(self, tensors: list[Any]) -> None:
        if any(isinstance(x, (RaggedTensor, SparseTensor)) for x in tensors):
            raise ValueError(f"All `HashedCrossing` inputs should be dense tensors. Received: inputs={tensors}")
        first = tuple(tensors[0].shape)
        if len(first) > 2 or (len(first) == 2 and first[-1] != 1):
            raise ValueError(f"All `HashedCrossing` inputs should have shape `()`, `(batch_size)` or `(batch_size, 1)`. Received: inputs={tensors}")
        if any(tuple(x.shape) != first for x in tensors[1:]):
            raise ValueError(f"All `HashedCrossing` inputs should have equal shape. Received: inputs={tensors}")
        if not all(x.dtype.is_integer or x.dtype is string for x in tensors):
            raise ValueError(f"All `HashedCrossing` inputs should have an integer or string dtype. Received: inputs={tensors}")

    def compute_output_shape(self, input_shape: Any) -> Any:
        if len(input_shape) != 2 or not all(isinstance(s, (tuple, list)) for s in input_shape):
            raise ValueError(f"Expected as input a list/tuple of 2 tensors. Received input_shape={input_shape}")
        if tuple(input_shape[0])[-1:] != tuple(input_shape[1])[-1:]:
            raise ValueError(f"Expected the two input tensors to have identical shapes. Received input_shape={input_shape}")
        return encoded_shape(input_shape[0], self.output_mode, self.num_bins)

    def get_config(self) -> dict[str, Any]:
        return {"num_bins": self.num_bins, "output_mode": self.output_mode, "sparse": self.sparse, "name": self.name, "dtype": self.dtype}
