"""The devices that programs run on, and what this machine's processor can do."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache

from tenfold.runtime.native import host
from tenfold.runtime.threads import num_threads


@dataclass(frozen=True, slots=True)
class Device:
    """A device, as `tf.config.PhysicalDevice` names it."""

    name: str  # "/physical_device:CPU:0"
    device_type: str

    @property
    def logical(self) -> str:
        """The name of the logical device on it."""
        return self.name.replace("/physical_device:", "/device:")


@dataclass(frozen=True, slots=True)
class Processor:
    """What `tenfold info` tells about the processor."""

    model: str
    llvm_name: str
    triple: str
    lanes: int  # float32 numbers in a vector
    features: tuple[str, ...]
    cores: int  # that this process may use
    threads: int  # that kernels run on


_TOLD = ("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vnni", "avx512bf16", "avx512fp16", "amx-tile", "neon", "sve", "dotprod", "bf16")


@cache
def devices() -> tuple[Device, ...]:
    """All devices of this machine."""
    return (Device("/physical_device:CPU:0", "CPU"),)


def processor() -> Processor:
    """The processor of this machine."""
    target = host()
    on = {f[1:] for f in target.features.split(",") if f.startswith("+")}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = tuple(f for f in _TOLD if f in on)
    return Processor(_model(), target.cpu, target.triple, target.lanes, told, cores, num_threads())


def _model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
