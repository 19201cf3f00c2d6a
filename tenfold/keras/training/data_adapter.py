"""Whatever users give to fit, evaluate and predict -> batches of NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.dtypes import BY_NUMPY, as_dtype
from tenfold.core.errors import DTypeError, InvalidArgumentError
from tenfold.core.strings import encoded, is_text
from tenfold.keras.base.defaults import floatx
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.training.batch_structure import leaves
from tenfold.keras.training.batches import ArrayBatches, Batches, Item
from tenfold.keras.training.sparse_rows import SparseRows, is_sparse, sparse_rows
from tenfold.keras.training.workers import made_ahead
from tenfold.ops.ragged import RaggedTensor
from tenfold.tensor.tensor import Tensor
from tenfold.tensor.variable import Variable


class PyDataset:
    """Base class of data sets that give whole batches by number, as `keras.utils.PyDataset`: write `__len__` and `__getitem__`.

    Args:
        workers: threads or processes that make batches while others are trained on; up to 1 thread: none, batches are made when needed.
        use_multiprocessing: processes, each with a copy of the data set: for `__getitem__` in pure Python. Arrays, not tensors, should be made there.
        max_queue_size: batches that may wait.

    Example:
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, i):
        ...         x = np.arange(4.0) + 4 * i
        ...         return x, x**2
        >>> len(Squares())
        2
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__(index) that returns a batch.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None: endless."""
        try:
            return len(self)  # type: ignore[arg-type]
        except TypeError:
            return None

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


class IterableBatches(Batches):
    """Batches from a generator, a PyDataset, a tf.data.Dataset, or any iterable of batches."""

    def __init__(self, source: Any, class_weight: Any = None, name: str = "x", shuffle: Any = False) -> None:
        self.source = source
        self.class_weight = class_weight
        self.shuffle = shuffle
        self.by_number = hasattr(source, "__getitem__") and (isinstance(source, PyDataset) or hasattr(source, "__len__"))
        self.once = not self.by_number and hasattr(source, "__next__")
        self.endless = self.once
        self._iterator: Any = None
        if isinstance(source, PyDataset):
            self.steps = source.num_batches
        elif callable(getattr(source, "cardinality", None)):
            count = int(source.cardinality())
            self.steps = count if count >= 0 else None
            self.endless = count == -1
        elif hasattr(source, "__len__"):
            self.steps = len(source)
        if self.steps == 0:
            raise InvalidArgumentError(f"[fit] the data set `{name}` is empty: it has no batches. Expected at least one.")

    def epoch(self) -> Iterator[Item]:
        if hasattr(self.source, "on_epoch_begin"):
            self.source.on_epoch_begin()
        for item in self._items():
            data = self._standard(item)
            yield leaves(data), data, None

    def _items(self) -> Iterable[Any]:
        if self.by_number:
            numbers = range(self.steps) if self.steps is not None else _count()
            order = np.random.permutation(self.steps).tolist() if self.shuffle and self.steps is not None else numbers
            return made_ahead(self.source, order) if isinstance(self.source, PyDataset) else (self.source[i] for i in order)
        if self.once:
            self._iterator = self._iterator or iter(self.source)
            return self._iterator  # type: ignore[no-any-return]
        return self.source  # type: ignore[no-any-return]

    def _standard(self, item: Any) -> tuple[Any, ...]:
        x, y, weight = unpack_x_y_sample_weight(item)
        if self.class_weight is not None and y is not None:
            weight = class_weights(y, self.class_weight, weight)
        data = tuple(part for part in (x, y, weight) if part is not None) if weight is None or y is not None else (x,)
        return tuple(nest.map_structure(lambda a, n=n: as_array(a, n), part) for n, part in zip(("x", "y", "sample_weight"), data, strict=False))

    def finish_epoch(self) -> None:
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()


def _count() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def as_rows(value: Any, name: str) -> Any:
    """As `as_array`, but what is sparse stays so."""
    return sparse_rows(value, floatx()) if is_sparse(value) else value if isinstance(value, SparseRows) else as_array(value, name)


def as_array(value: Any, name: str) -> Any:
    """A contiguous array of a supported type; floating-point numbers in Keras's default precision.

    Raises:
        ValueError, TypeError: it is no array of numbers.
    """
    if value is None:
        return None
    if type(value) is np.ndarray:
        array = value
    elif isinstance(value, Tensor):
        array = value._elements()
    elif isinstance(value, Variable):
        array = np.asarray(value)
    elif isinstance(value, KerasTensor):
        raise InvalidArgumentError(
            f"[fit] `{name}` is a symbolic KerasTensor, which holds no data. Expected NumPy arrays or tensors. Try x=np.array(...)."
        )
    elif hasattr(value, "toarray") or hasattr(value, "todense"):  # of SciPy, of JAX: a batch is small
        array = np.asarray(value.toarray() if hasattr(value, "toarray") else value.todense())
    elif isinstance(value, RaggedTensor):
        raise InvalidArgumentError(
            f"[fit] `{name}` is a RaggedTensor, and layers compute with whole tensors. Expected rows of one length. Try {name}.to_tensor(), "
            "and Embedding(mask_zero=True) or Masking() so that what is filled up does not count."
        )
    elif hasattr(value, "__array__"):
        array = np.asarray(value)
    elif isinstance(value, (int, float, bool)):
        raise InvalidArgumentError(
            f"[fit] `{name}` holds the Python number {value!r} where an array was expected: a list or dict is read as several inputs. "
            f"Try np.array({name})."
        )
    else:
        raise InvalidArgumentError(
            f"[fit] `{name}` has the unrecognized type {type(value).__name__}. Expected NumPy arrays or tensors. Try np.array({name})."
        )
    if is_text(array):
        return encoded(array, "fit")
    if array.dtype.kind in "OVMm" and (array.dtype not in BY_NUMPY or array.dtype == object):
        raise DTypeError(
            f"[fit] `{name}` holds {array.dtype} values. Expected numbers or strings in one rectangular array. Try {name}.astype('float32'), "
            "or padding rows to one length."
        )
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "f" and array.dtype is not as_dtype(floatx()).numpy:
        array = array.astype(floatx())
    return np.ascontiguousarray(array) if array.ndim else array


def is_array(value: Any) -> bool:
    """Whether `value` is data itself, not a source of batches."""
    if isinstance(value, (np.ndarray, np.generic, Tensor, Variable, KerasTensor, SparseRows, RaggedTensor, int, float, bool)):
        return True
    return not isinstance(value, PyDataset) and hasattr(value, "__array__") and hasattr(value, "shape")


def are_arrays(data: Any) -> bool:
    """Whether `data` is an array or a nested structure of them."""
    found = nest.flatten(data)
    return bool(found) and all(leaf is None or is_array(leaf) or hasattr(leaf, "toarray") or isinstance(leaf, str) for leaf in found)


def make_batches(x: Any, y: Any = None, sample_weight: Any = None, batch_size: int | None = None, shuffle: Any = False, class_weight: Any = None,
                 method: str = "fit", reuse: bool = True) -> Batches:  # fmt: skip
    """The batches of the data given to `method`.

    Raises:
        ValueError: empty data, different lengths, arguments that do not go together.
    """
    if batch_size is not None and (isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
        raise InvalidArgumentError(f"[{method}] batch_size must be a positive integer. Received: batch_size={batch_size!r}. Try batch_size=32.")
    if x is None:
        raise InvalidArgumentError(f"[{method}] no data was given. Received: x=None. Try model.{method}(x, y).")
    if not are_arrays(x):
        _check_source(x, y, sample_weight, batch_size, method)
        return IterableBatches(x, class_weight, shuffle=shuffle if isinstance(x, PyDataset) else False)
    parts = [nest.map_structure(lambda a: as_rows(a, "x"), x)]
    if y is not None:
        parts.append(nest.map_structure(lambda a: as_array(a, "y"), y))
    if class_weight is not None:
        if y is None:
            raise InvalidArgumentError(f"[{method}] class_weight needs labels. Received: y=None. Try model.{method}(x, y, class_weight=...).")
        sample_weight = class_weights(parts[1], class_weight, sample_weight)
    if sample_weight is not None:
        if y is None:
            raise InvalidArgumentError(f"[{method}] sample_weight needs targets. Received: y=None. Try model.{method}(x, y, sample_weight=...).")
        parts.append(nest.map_structure(lambda a: as_array(a, "sample_weight"), sample_weight))
    check_lengths(parts, method)
    return ArrayBatches(tuple(parts), None if batch_size is None else int(batch_size), shuffle, reuse)


def _check_source(x: Any, y: Any, sample_weight: Any, batch_size: Any, method: str) -> None:
    if isinstance(x, (list, tuple, Mapping)) or x is None or isinstance(x, (str, bytes)) or not (hasattr(x, "__iter__") or hasattr(x, "__getitem__")):
        for leaf in nest.flatten(x):
            as_array(leaf, "x")
        raise InvalidArgumentError(f"[{method}] no data was given: x is an empty {type(x).__name__}. Try an array with at least one row.")
    kind = type(x).__name__
    if y is not None:
        raise InvalidArgumentError(
            f"[{method}] `y` must not be given when `x` is a {kind}: it yields (x, y) batches itself. Try model.{method}(dataset)."
        )
    if sample_weight is not None:
        raise InvalidArgumentError(f"[{method}] `sample_weight` must not be given when `x` is a {kind}. Try yielding (x, y, sample_weight) batches.")
    if batch_size is not None and method != "predict":
        raise InvalidArgumentError(
            f"[{method}] `batch_size` must not be given when `x` is a {kind}: it yields whole batches. Received: batch_size={batch_size}."
        )


def check_lengths(parts: list[Any], method: str) -> None:
    """Raises ValueError unless all arrays have the same number of rows, at least one."""
    names = ("x", "y", "sample_weight")
    flat = leaves(parts)
    if not flat:
        raise InvalidArgumentError(f"[{method}] no data was given: all inputs are None. Try an array for each input that is not optional.")
    if flat[0].ndim and len(flat[0]) and all([a.ndim and len(a) == len(flat[0]) for a in flat]):
        return
    for name, part in zip(names, parts, strict=False):
        for a in leaves(part):
            if a.ndim == 0:
                raise InvalidArgumentError(
                    f"[{method}] `{name}` is a scalar. Expected an array whose first dimension counts the samples. Try {name}[None]."
                )
    sizes = {name: [len(a) for a in leaves(part)] for name, part in zip(names, parts, strict=False)}
    if len({n for part in sizes.values() for n in part}) > 1:
        shown = "; ".join(f"'{name}' sizes: {', '.join(map(str, part))}" for name, part in sizes.items())
        raise InvalidArgumentError(
            f"[{method}] Data cardinality is ambiguous. Make sure all arrays contain the same number of samples. Received {shown}. "
            "Try comparing the arrays' .shape[0]."
        )
    if next(iter(sizes.values()))[0] == 0:
        raise InvalidArgumentError(f"[{method}] no data was given: the arrays have 0 rows. Expected at least one.")


def class_weights(y: Any, class_weight: Any, sample_weight: Any) -> Any:
    """The weight of each row's class: `y` holds class numbers or one-hot rows."""
    if sample_weight is not None:
        raise InvalidArgumentError(
            "[fit] You cannot give `class_weight` and `sample_weight` at the same time. Try multiplying them into sample_weight."
        )
    if not isinstance(class_weight, Mapping):
        raise InvalidArgumentError(
            f"[fit] class_weight must be a dict from class number to weight. Received: {type(class_weight).__name__}. Try {{0: 1.0, 1: 2.0}}."
        )
    if nest.is_nested(y):
        raise InvalidArgumentError(
            "[fit] `class_weight` is only supported for models with a single output. Try sample_weight with one array per output."
        )
    labels = as_array(y, "y")
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    labels = np.rint(labels).astype(np.int64)
    weights = np.ones(labels.shape, "float32")
    for number, weight in class_weight.items():
        weights[labels == number] = weight
    return weights


def split(parts: tuple[Any, ...], fraction: float) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The first rows for training and the last ones, `fraction` of all, for validation.

    Raises:
        ValueError: the fraction is out of range, or one of the sides would be empty.
    """
    if not 0 < fraction < 1:
        raise InvalidArgumentError(f"[fit] validation_split must be between 0 and 1. Received: validation_split={fraction}. Try 0.2.")
    if not all(part is None or are_arrays(part) for part in parts):
        raise InvalidArgumentError("[fit] `validation_split` is only supported for arrays and tensors. Try validation_data=(x_val, y_val).")
    arrays = [None if p is None else nest.map_structure(lambda a: as_rows(a, "x"), p) for p in parts]
    check_lengths([p for p in arrays if p is not None], "fit")
    size = len(nest.flatten(arrays[0])[0])
    at = math.floor(size * (1 - fraction))
    if at == 0 or at == size:
        raise InvalidArgumentError(
            f"[fit] Training data contains {size} samples, which is not sufficient to split it as specified by validation_split={fraction}. "
            "Try more data or another fraction."
        )
    first = tuple(None if p is None else nest.map_structure(lambda a: _part(a, slice(at)), p) for p in arrays)
    return first, tuple(None if p is None else nest.map_structure(lambda a: _part(a, slice(at, None)), p) for p in arrays)


def _part(array: Any, rows: slice) -> Any:
    return array.part(rows) if isinstance(array, SparseRows) else array[rows]


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of a batch; missing ones are None.

    Raises:
        ValueError: the tuple has more than three parts.
    """
    if not isinstance(data, tuple):
        return (data, None, None)
    if len(data) > 3:
        raise InvalidArgumentError(
            f"[fit] Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`; found a tuple of {len(data)}."
        )
    return tuple([*data, None, None][:3])


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The batch tuple of its parts."""
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)
