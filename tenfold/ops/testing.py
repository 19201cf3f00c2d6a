"""`tf.test.*`: what programs ask about the machine."""

from __future__ import annotations

from typing import Any

from tenfold.ops.config import list_physical_devices


def is_built_with_cuda() -> bool:
    """Whether kernels for NVIDIA graphics processors are there."""
    return False


def is_built_with_gpu_support() -> bool:
    """Whether kernels for graphics processors are there."""
    return False


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: Any = None) -> bool:
    """Whether operations can run on a graphics processor."""
    return bool(list_physical_devices("GPU"))


def gpu_device_name() -> str:
    """The first graphics processor's name, or nothing."""
    gpus = list_physical_devices("GPU")
    return gpus[0].logical if gpus else ""
