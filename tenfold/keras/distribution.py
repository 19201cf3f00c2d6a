"""`keras.distribution`: how data and variables lie on a mesh of devices. Tenfold computes on one device, the CPU; larger meshes are descriptions."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tenfold.keras.base.symbolic import KerasTensor
from tenfold.tensor.tensor import as_tensor

BATCH = "batch"


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of a type: there is one CPU.

    Example:
        >>> list_devices()
        ['cpu:0']
    """
    return ["cpu:0"] if device_type is None or device_type.lower() == "cpu" else []


def get_device_count(device_type: str | None = None) -> int:
    """The number of devices of a type."""
    return len(list_devices(device_type))


def initialize(job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None) -> None:
    """Prepares several processes for computing together.

    Args:
        job_addresses: of all processes, separated by commas.
        num_processes: how many there are.
        process_id: which of them this is.

    Raises:
        NotImplementedError: more than one is asked for.
    """
    count = num_processes if num_processes is not None else int(os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES", "1"))
    count = max(count, len((job_addresses or "").split(",")), (process_id or 0) + 1)
    if count > 1:
        raise NotImplementedError(f"[distribution.initialize] one process computes alone. Received: num_processes={count}")


class DeviceMesh:
    """Devices in a grid with named axes.

    Args:
        shape: the grid's.
        axis_names: one for each axis.
        devices: as many as the grid has places; default: `list_devices()`.

    Example:
        >>> DeviceMesh((2, 2), ["batch", "model"], [f"cpu:{i}" for i in range(4)])
        <DeviceMesh shape=(2, 2), axis_names=['batch', 'model']>
    """

    def __init__(self, shape: Any, axis_names: Any, devices: Any = None) -> None:
        if not shape or not axis_names:
            raise ValueError(f"Shape and axis_names cannot be empty. Received: shape={shape}, axis_names={axis_names}")
        if len(shape) != len(axis_names):
            raise ValueError(f"Shape and axis_names should have same size. Received: shape={shape}, axis_names={axis_names}")
        given = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != given.size:
            raise ValueError(f"Shape does not match the number of devices. Received: shape={shape}; devices.shape={given.shape}")
        self.shape, self.axis_names, self.devices = shape, axis_names, given.reshape(shape)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Along which axes of a mesh the axes of a tensor are cut.

    Args:
        axes: for each axis of the tensor a name, or None.
        device_mesh: the mesh; may come later.
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self.axes = tuple(axes)
        self._device_mesh = device_mesh
        self._check()

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh; it can be set once."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(f"Cannot override device mesh value. Existing value is {self._device_mesh}")
        self._device_mesh = mesh
        self._check()

    def _check(self) -> None:
        if self._device_mesh is not None:
            valid, named = set(self._device_mesh.axis_names), set(self.axes) - {None}
            if named - valid:
                raise ValueError(f"Invalid axis names for Layout. Valid axis names: {valid}, Got {named}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping[str, Any]):
    """Layouts by the paths of variables: keys are regular expressions.

    Args:
        device_mesh: the mesh of layouts that name none.

    Example:
        >>> layouts = LayoutMap(DeviceMesh((1,), ["model"]))
        >>> layouts[".*dense.*kernel"] = (None, "model")
        >>> layouts["net/dense_3/kernel"].axes, layouts["net/dense_3/bias"]
        ((None, 'model'), None)
    """

    def __init__(self, device_mesh: DeviceMesh | None) -> None:
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def __getitem__(self, key: str) -> Any:
        if key in self._layouts:
            return self._layouts[key]
        matching = [pattern for pattern in self._layouts if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"Path '{key}' matches multiple layout specification keys: {matching}. Please make sure each tensor/variable path only "
                             "matches at most one layout specification key in the LayoutMap.")  # fmt: skip
        return self._layouts[matching[0]] if matching else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(f"{key} already exist in the LayoutMap with value {self._layouts[key]}. Please make sure to not use duplicated keys.")
        layout = TensorLayout(layout) if isinstance(layout, tuple) else layout
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"{layout} should be a TensorLayout type, got {type(layout)}")
        if layout.device_mesh is None and self.device_mesh is not None:
            layout.device_mesh = self.device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)


class Distribution:
    """Base of the ways in which data and variables lie on a mesh.

    Args:
        device_mesh: the devices.
        batch_dim_name: the mesh's axis along which data are cut.
        auto_shard_dataset: whether each process takes its part of a data set; there is one process.
    """

    num_processes = 1
    data_shard_id = 0

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True) -> None:
        self.device_mesh, self.batch_dim_name, self.auto_shard_dataset = device_mesh, batch_dim_name, auto_shard_dataset

    @property
    def num_model_replicas(self) -> int:
        """How many copies of the model there are."""
        raise NotImplementedError

    @property
    def num_data_shards(self) -> int:
        """Into how many parts the processes cut a data set."""
        return min(self.num_model_replicas, self.num_processes)

    def get_data_layout(self, data_shape: Sequence[Any]) -> TensorLayout:
        """The layout of data: their first axis is cut."""
        return TensorLayout([self.batch_dim_name, *[None] * (len(data_shape) - 1)], self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable: not cut, unless it says so itself."""
        own: TensorLayout | None = getattr(variable, "_layout", None)
        return own if own is not None else TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of an intermediate tensor."""
        return None

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Inside, this is the current distribution."""
        outer = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(outer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Each device has a copy of the model, and a part of each batch.

    Args:
        device_mesh: of one axis.
        devices: instead of a mesh.
        auto_shard_dataset: see Distribution.

    Example:
        >>> DataParallel().get_data_layout((32, 10)).axes
        ('batch', None)
    """

    def __init__(self, device_mesh: Any = None, devices: Any = None, auto_shard_dataset: bool = True) -> None:
        if device_mesh is None:
            given = np.array(list_devices() if devices is None else devices)
            device_mesh = DeviceMesh(given.shape, [BATCH], given)
        if not isinstance(device_mesh, DeviceMesh):
            raise ValueError(f"Expect `mesh` to be an instance of `DeviceMesh`. Received: mesh={device_mesh} (of type {type(device_mesh)})")
        if device_mesh.devices.ndim != 1:
            warnings.warn(f"Expect the input mesh to be 1D, but received mesh.devices.ndim={device_mesh.devices.ndim}. The first axis will be used "
                          "for data-parallel sharding.", stacklevel=2)  # fmt: skip
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)

    @property
    def num_model_replicas(self) -> int:
        return int(self.device_mesh.devices.size)


class ModelParallel(Distribution):
    """Variables are cut as a LayoutMap says, data along one axis of the mesh.

    Args:
        layout_map: layouts by paths.
        batch_dim_name: the axis for data; default: the mesh's first.
        auto_shard_dataset: see Distribution.
    """

    def __init__(self, *, layout_map: Any = None, batch_dim_name: str | None = None, auto_shard_dataset: bool = True, **kwargs: Any) -> None:
        kwargs.pop("device_mesh", None)
        if kwargs:
            raise TypeError(f"[ModelParallel] unknown arguments {sorted(kwargs)}.")
        if layout_map is None:
            raise ValueError("You must specify a layout_map argument.")
        if not isinstance(layout_map, LayoutMap) or layout_map.device_mesh is None:
            raise ValueError(f"Argument `layout_map` must be a `LayoutMap` instance with a device mesh. Received: layout_map={layout_map}")
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self._layout_map = layout_map

    @property
    def num_model_replicas(self) -> int:
        return int(self.device_mesh.shape[list(self.device_mesh.axis_names).index(self.batch_dim_name)])

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        own = getattr(variable, "_layout", None)
        found: TensorLayout | None = self._layout_map[variable.path] if own is None else own
        return found if found is not None else super().get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        found: TensorLayout | None = self._layout_map[path]
        return found


_current: list[Any] = [None]


def distribution() -> Any:
    """The current distribution; None if none is set."""
    return _current[0]


def set_distribution(value: Distribution | None) -> None:
    """Sets the current distribution, or none.

    Raises:
        NotImplementedError: it needs more than one device.
    """
    if value is not None and value.device_mesh is not None and getattr(value.device_mesh, "devices", np.zeros(1)).size > 1:
        raise NotImplementedError(f"[set_distribution] Tenfold computes on one device; {value.device_mesh} has more. Try DataParallel().")
    _current[0] = value


def distribute_tensor(tensor: Any, layout: TensorLayout) -> Any:
    """The tensor in another layout: the same, since there is one device."""
    return tensor if isinstance(tensor, KerasTensor) else as_tensor(tensor)


__all__ = [
    "DataParallel", "DeviceMesh", "LayoutMap", "ModelParallel", "TensorLayout", "distribute_tensor", "distribution", "get_device_count", "initialize",
    "list_devices", "set_distribution",
]  # fmt: skip
