"""Dataset: a stream of elements made step by step, as `tf.data.Dataset`; the part of it that Keras programs need."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.dtypes import DType, as_dtype, string
from tenfold.core.errors import InvalidArgumentError, TraceError
from tenfold.tensor.spec import TensorSpec
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.transform.function import Function

AUTOTUNE, INFINITE, UNKNOWN = -1, -1, -2
Start = Callable[[], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a data set is, if its elements are rows of `arrays`: those with these `numbers`, so that a batch is taken at once."""

    arrays: list[Any]
    numbers: Callable[[], Iterable[int]]

    def chunks(self, size: int) -> Iterator[list[Any]]:
        """Rows in their order, `size` at a time: one array for each of `arrays`."""
        numbers = self.numbers()
        if isinstance(numbers, range):
            yield from ([a[i : i + size] for a in self.arrays] for i in range(0, len(numbers), size))
            return
        rest = iter(numbers)
        while chosen := list(itertools.islice(rest, size)):
            yield [a[chosen] for a in self.arrays]


class Dataset:
    """Elements (tensors, or tuples and dicts of them), one after the other; each use starts anew.

    Hints about parallelism, order and buffers are accepted and change nothing; the elements are always those of the plain order.

    Example:
        >>> data = Dataset.from_tensor_slices([1, 2, 3, 4]).map(lambda x: x * 10).batch(3)
        >>> [batch.numpy().tolist() for batch in data]
        [[10, 20, 30], [40]]
    """

    def __init__(self, start: Start, spec: Any, count: int, rows: Rows | None = None) -> None:
        self._start = start
        self.element_spec = spec
        self._count = count  # of elements; INFINITE, or UNKNOWN
        self._rows = rows

    # --- sources ---
    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> Dataset:
        """The rows of arrays (nested in tuples or dicts), of one length."""
        structure = _structure(tensors)
        arrays = [as_tensor(leaf)._elements() for leaf in nest.flatten(structure)]
        if not arrays or any(a.ndim == 0 or len(a) != len(arrays[0]) for a in arrays):
            shapes = [a.shape for a in arrays]
            raise InvalidArgumentError(f"[from_tensor_slices] expected arrays with the same number of rows; received shapes {shapes}.")

        spec = nest.pack(structure, [_spec(wrap(a), a.shape[1:]) for a in arrays])
        return _of_rows(Rows(arrays, lambda: range(len(arrays[0]))), spec, len(arrays[0]))

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> Dataset:
        """One element."""
        element = nest.map_structure(as_tensor, _structure(tensors))
        return Dataset(lambda: iter([element]), nest.map_structure(_spec, element), 1)

    @staticmethod
    def from_generator(generator: Callable[..., Iterable[Any]], output_types: Any = None, output_shapes: Any = None, args: Any = None,
                       output_signature: Any = None, name: str | None = None) -> Dataset:  # fmt: skip
        """What a generator function yields; `output_signature` says what it is."""
        if output_signature is None:
            if output_types is None:
                raise InvalidArgumentError("[from_generator] expected output_signature (a structure of tf.TensorSpec).")
            kinds = nest.flatten(output_types)
            shapes = [None] * len(kinds) if output_shapes is None else nest.flatten(output_shapes) if len(kinds) > 1 else [output_shapes]
            output_signature = nest.pack(output_types, [TensorSpec(s, t) for s, t in zip(shapes, kinds, strict=True)])
        specs = nest.flatten(output_signature)

        def start() -> Iterator[Any]:
            for element in generator(*(args or ())):
                leaves = nest.flatten(element) if nest.is_nested(output_signature) else [element]
                yield nest.pack(output_signature, [_as_declared(leaf, s.dtype) for leaf, s in zip(leaves, specs, strict=True)])

        return Dataset(start, output_signature, UNKNOWN)

    @staticmethod
    def range(*args: int, output_type: Any = "int64", name: str | None = None) -> Dataset:
        """The integers of Python's `range`."""
        return Dataset.from_tensor_slices(np.arange(*args, dtype=as_dtype(output_type).numpy))

    @staticmethod
    def zip(*datasets: Any, name: str | None = None) -> Dataset:
        """Tuples with one element of each data set; as many as the shortest has."""
        parts: tuple[Dataset, ...] = tuple(datasets[0]) if len(datasets) == 1 and isinstance(datasets[0], (tuple, list)) else datasets
        counts = [d._count for d in parts if d._count != INFINITE]
        count = INFINITE if not counts else UNKNOWN if UNKNOWN in counts else min(counts)
        return Dataset(lambda: iter(zip(*parts)), tuple(d.element_spec for d in parts), count)  # noqa: B905  the shortest ends it

    # --- steps ---
    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, deterministic: bool | None = None,
            name: str | None = None) -> Dataset:  # fmt: skip
        """`map_func` of each element (of the parts of a tuple). It is compiled once, for all batch sizes; run as it is if it cannot be traced."""
        spread = type(self.element_spec) is tuple
        signature = self.element_spec if spread else (self.element_spec,)
        try:
            function: Any = Function(map_func, signature)
            spec = function.get_concrete_function(*signature).structured_outputs
        except TraceError:
            function = map_func
            spec = nest.map_structure(_spec, function(*next(iter(self)) if spread else (next(iter(self)),)))

        def start() -> Iterator[Any]:
            return (function(*element) if spread else function(element) for element in self)

        return Dataset(start, spec, self._count)

    def batch(self, batch_size: int, drop_remainder: bool = False, num_parallel_calls: Any = None, deterministic: bool | None = None,
              name: str | None = None) -> Dataset:  # fmt: skip
        """Elements of one shape stacked, `batch_size` at a time; the last batch may be smaller."""
        size = int(batch_size)
        if size < 1:
            raise InvalidArgumentError(f"[batch] expected a positive batch size; received {batch_size}.")
        count = self._count if self._count < 0 else self._count // size if drop_remainder else -(-self._count // size)

        rows = self._rows

        def start() -> Iterator[Any]:
            if rows is not None:
                chunks = rows.chunks(size)
                yield from (nest.pack(self.element_spec, list(map(wrap, c))) for c in chunks if len(c[0]) == size or not drop_remainder)
                return
            elements = iter(self)
            while chunk := list(itertools.islice(elements, size)):
                if len(chunk) == size or not drop_remainder:
                    yield _stacked(chunk)

        lead = size if drop_remainder else None
        return Dataset(start, nest.map_structure(lambda s: TensorSpec((lead, *s.shape), s.dtype), self.element_spec), count)

    def unbatch(self, name: str | None = None) -> Dataset:
        """The rows of each element."""

        def start() -> Iterator[Any]:
            return (row for element in self for row in Dataset.from_tensor_slices(element))

        return Dataset(start, nest.map_structure(lambda s: TensorSpec(s.shape[1:], s.dtype), self.element_spec), UNKNOWN)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements for which `predicate` is true."""
        spread = type(self.element_spec) is tuple

        def start() -> Iterator[Any]:
            return (element for element in self if bool(predicate(*element) if spread else predicate(element)))

        return Dataset(start, self.element_spec, UNKNOWN)

    def take(self, count: int, name: str | None = None) -> Dataset:
        """The first `count` elements; -1: all."""
        if count < 0:
            return self
        known = count if self._count == INFINITE else UNKNOWN if self._count == UNKNOWN else min(count, self._count)
        return self._arranged(lambda start: itertools.islice(start(), count), known)

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """All but the first `count` elements."""
        known = self._count if self._count < 0 else max(self._count - count, 0)
        return self._arranged(lambda start: itertools.islice(start(), count, None), known)

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """The elements `count` times; default: for ever."""
        if count is None or count < 0:
            return self._arranged(lambda start: itertools.chain.from_iterable(start() for _ in itertools.count()), INFINITE)
        known = self._count * count if self._count >= 0 else self._count
        return self._arranged(lambda start: itertools.chain.from_iterable(start() for _ in range(count)), known)

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """The elements of this data set, then those of the other."""
        counts = (self._count, dataset._count)
        known = INFINITE if INFINITE in counts else UNKNOWN if UNKNOWN in counts else sum(counts)
        return Dataset(lambda: itertools.chain(iter(self), iter(dataset)), self.element_spec, known)

    def shuffle(self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool | None = True,
                name: str | None = None) -> Dataset:  # fmt: skip
        """The elements in random order: each is drawn from a buffer of the next `buffer_size`."""
        rng = np.random.default_rng(seed)
        fixed = int(rng.integers(1 << 62))

        def mixed(start: Start) -> Iterator[Any]:
            draw = np.random.default_rng(rng.integers(1 << 62) if reshuffle_each_iteration is not False else fixed)
            elements = iter(start())
            buffer = list(itertools.islice(elements, max(int(buffer_size), 1)))
            for element in elements:
                at = int(draw.integers(len(buffer)))
                yield buffer[at]
                buffer[at] = element
            yield from (buffer[i] for i in draw.permutation(len(buffer)).tolist())

        return self._arranged(mixed, self._count)

    def _arranged(self, arrange: Callable[[Start], Iterable[Any]], count: int) -> Dataset:
        """The same elements in another order, or another number of them: `arrange` is given what starts an iteration."""
        rows = self._rows
        if rows is None:
            return Dataset(lambda: arrange(self._start), self.element_spec, count)
        return _of_rows(Rows(rows.arrays, lambda: arrange(rows.numbers)), self.element_spec, count)

    def cache(self, filename: str = "", name: str | None = None) -> Dataset:
        """The same elements, kept in memory from the first whole pass on."""
        kept: list[Any] = []
        done: list[bool] = []

        def start() -> Iterator[Any]:
            if done:
                yield from kept
                return
            made = []
            for element in self:
                made.append(element)
                yield element
            kept[:], done[:] = made, [True]

        return Dataset(start, self.element_spec, self._count)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """(number, element) pairs."""
        numbers = Dataset(lambda: (wrap(np.int64(i)) for i in itertools.count(start)), TensorSpec((), "int64"), INFINITE)
        return Dataset.zip(numbers, self)

    def prefetch(self, buffer_size: int = AUTOTUNE, name: str | None = None) -> Dataset:
        """Itself: nothing is made in advance yet."""
        return self

    def with_options(self, options: Any, name: str | None = None) -> Dataset:
        """Itself: options change no elements."""
        return self

    def apply(self, transformation_func: Callable[[Dataset], Any]) -> Any:
        """`transformation_func` of the data set."""
        return transformation_func(self)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any], name: str | None = None) -> Any:
        """`reduce_func(state, element)` for all elements, one after the other."""
        state = nest.map_structure(as_tensor, initial_state)
        for element in self:
            state = reduce_func(state, element)
        return state

    # --- what it is ---
    def cardinality(self, name: str | None = None) -> Tensor:
        """The number of elements; -1: infinite, -2: unknown."""
        return wrap(np.int64(self._count))

    def __len__(self) -> int:
        if self._count < 0:
            raise TypeError(f"The dataset is {'infinite' if self._count == INFINITE else 'of unknown length'}. Try take(n), or cardinality().")
        return self._count

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(self._start())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements as NumPy arrays."""
        return (nest.map_structure(lambda t: t.numpy(), element) for element in self)

    def __repr__(self) -> str:
        return f"<Dataset element_spec={self.element_spec}>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"Tenfold's tf.data.Dataset has no {name} (yet). Try a Python generator with Dataset.from_generator.")


def _of_rows(rows: Rows, spec: Any, count: int) -> Dataset:
    return Dataset(lambda: (nest.pack(spec, [wrap(a[i]) for a in rows.arrays]) for i in rows.numbers()), spec, count, rows)


def _structure(tensors: Any) -> Any:
    """Lists are data; tuples and dicts are structure."""
    if isinstance(tensors, dict):
        return {k: _structure(v) for k, v in tensors.items()}
    if isinstance(tensors, tuple):
        return tuple(_structure(v) for v in tensors)
    return as_tensor(tensors)


def _spec(tensor: Tensor, shape: Any = None) -> TensorSpec:
    return TensorSpec(tensor.shape if shape is None else shape, tensor.dtype)


def _as_declared(value: Any, dtype: DType) -> Tensor:
    """What a generator gave, in the type that was declared: numbers are converted as NumPy does it, fractions lost."""
    is_number = dtype is not string and not isinstance(value, Tensor)
    return as_tensor(np.asarray(value, dtype.numpy) if is_number else value, dtype)


def _stacked(elements: list[Any]) -> Any:
    columns = [nest.flatten(e) for e in elements]
    return nest.pack(elements[0], [wrap(np.stack([leaf._elements() for leaf in column])) for column in zip(*columns, strict=True)])
