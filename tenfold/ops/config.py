"""`tf.config.*`: devices, threads and switches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from tenfold.compiler import tuning
from tenfold.core.config import config
from tenfold.core.errors import InvalidArgumentError
from tenfold.runtime.device import Device, devices
from tenfold.runtime.threads import num_threads, set_num_threads
from tenfold.transform.function import switches

PhysicalDevice = Device


class LogicalDevice:
    """A device that operations run on."""

    def __init__(self, name: str, device_type: str) -> None:
        self.name, self.device_type = name, device_type

    def __repr__(self) -> str:
        return f"LogicalDevice(name={self.name!r}, device_type={self.device_type!r})"


class LogicalDeviceConfiguration:
    """Limits of a part of a device; accepted and not used."""

    def __init__(self, memory_limit: int | None = None, experimental_priority: int | None = None,
                 experimental_device_ordinal: int | None = None) -> None:  # fmt: skip
        self.memory_limit = memory_limit


_state: dict[str, Any] = {"soft": True, "inter": 0, "intra": 0, "jit": "", "options": {}, "visible": None}


def list_physical_devices(device_type: str | None = None) -> list[Device]:
    """The devices of this machine, or those of one type.

    Example:
        >>> import tenfold as tf
        >>> [d.device_type for d in tf.config.list_physical_devices("CPU")]
        ['CPU']
    """
    return [d for d in devices() if device_type in (None, d.device_type)]


def get_visible_devices(device_type: str | None = None) -> list[Device]:
    """The devices that operations may run on."""
    chosen = devices() if _state["visible"] is None else _state["visible"]
    return [d for d in chosen if device_type in (None, d.device_type)]


def set_visible_devices(devices: Any, device_type: str | None = None) -> None:
    """Chooses the devices that operations may run on. The processor cannot be taken away."""
    chosen = [devices] if isinstance(devices, Device) else list(devices)
    others = [d for d in list_physical_devices() if device_type is not None and d.device_type != device_type]
    if not any(d.device_type == "CPU" for d in [*chosen, *others]):
        raise InvalidArgumentError("[set_visible_devices] the CPU must stay visible.")
    _state["visible"] = [*others, *chosen]


def list_logical_devices(device_type: str | None = None) -> list[LogicalDevice]:
    """The devices that operations run on."""
    return [LogicalDevice(d.logical, d.device_type) for d in get_visible_devices(device_type)]


def set_logical_device_configuration(device: Device, logical_devices: Iterable[Any]) -> None:
    """Divides a device; accepted for one part only.

    Raises:
        ValueError: more than one part is asked for.
    """
    if len(list(logical_devices)) > 1:
        raise InvalidArgumentError("[set_logical_device_configuration] a device cannot be divided. Expected one part.")


def get_logical_device_configuration(device: Device) -> None:
    """No device is divided."""
    return None


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Whether `tf.function`s run as plain Python, for debugging.

    Example:
        >>> import tenfold as tf
        >>> tf.config.run_functions_eagerly(False); tf.config.functions_run_eagerly()
        False
    """
    switches.run_eagerly = bool(run_eagerly)


def functions_run_eagerly() -> bool:
    """Whether `tf.function`s run as plain Python."""
    return switches.run_eagerly


def set_soft_device_placement(enabled: bool) -> None:
    """Whether `tf.device` may name a device that does not exist, with a warning."""
    _state["soft"] = bool(enabled)


def get_soft_device_placement() -> bool:
    """Whether `tf.device` may name a device that does not exist."""
    return bool(_state["soft"])


def enable_op_determinism() -> None:
    """Does nothing: Tenfold always gives the same bits for the same program and seeds, with any number of threads."""


def _set_threads(kind: str, number: int) -> None:
    """`intra` is how many threads kernels use, from now on (0: as many as TENFOLD_NUM_THREADS or the processors say); `inter` is remembered
    only: programs run one kernel at a time."""
    if not isinstance(number, int) or number < 0:
        raise InvalidArgumentError(f"[threading] expected a number of threads >= 0; received {number!r}.")
    _state[kind] = number
    if kind == "intra":
        set_num_threads(number or config.threads)


def _get_threads(kind: str) -> int:
    return num_threads() if kind == "intra" else int(_state[kind] or 1)


threading = SimpleNamespace(
    set_inter_op_parallelism_threads=lambda num_threads: _set_threads("inter", num_threads),
    get_inter_op_parallelism_threads=lambda: _get_threads("inter"),
    set_intra_op_parallelism_threads=lambda num_threads: _set_threads("intra", num_threads),
    get_intra_op_parallelism_threads=lambda: _get_threads("intra"),
)


def _set_options(options: Mapping[str, Any]) -> None:
    """`autotune` decides whether programs that are compiled from now on measure their contractions, as TENFOLD_AUTOTUNE=1 does; the other
    options are remembered only."""
    _state["options"].update(options)
    if "autotune" in options:
        tuning.switch.on = bool(options["autotune"])


optimizer = SimpleNamespace(
    set_jit=lambda enabled: _state.update(jit=enabled),
    get_jit=lambda: _state["jit"],
    set_experimental_options=_set_options,
    get_experimental_options=lambda: {**_state["options"], "autotune": tuning.switch.on},
)

experimental = SimpleNamespace(
    list_physical_devices=list_physical_devices,
    list_logical_devices=list_logical_devices,
    get_visible_devices=get_visible_devices,
    set_visible_devices=set_visible_devices,
    set_memory_growth=lambda device, enable: None,
    get_memory_growth=lambda device: True,
    set_virtual_device_configuration=set_logical_device_configuration,
    VirtualDeviceConfiguration=LogicalDeviceConfiguration,
    enable_op_determinism=enable_op_determinism,
)


__all__ = [
    "LogicalDevice", "LogicalDeviceConfiguration", "PhysicalDevice", "enable_op_determinism", "experimental", "functions_run_eagerly",
    "get_logical_device_configuration", "get_soft_device_placement", "get_visible_devices", "list_logical_devices",
    "list_physical_devices", "optimizer", "run_functions_eagerly", "set_logical_device_configuration", "set_soft_device_placement",
    "set_visible_devices", "threading",
]  # fmt: skip
