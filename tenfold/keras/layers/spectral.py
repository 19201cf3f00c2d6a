"""SpectralNormalization: a layer whose kernel keeps the largest singular value 1."""

from __future__ import annotations

from typing import Any

from tenfold.keras import initializers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import math
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.wrappers import Wrapper
from tenfold.primitives.arithmetic import cast, equal, select
from tenfold.primitives.contraction import matmul
from tenfold.primitives.elementwise import rsqrt, stop_gradient
from tenfold.primitives.movement import reshape


@register(MODULE)
class SpectralNormalization(Wrapper):
    """In training divides the kernel (or table) of a layer by its largest singular value, which bounds how much the layer can stretch its input.

    Args:
        layer: a layer with a `kernel` or `embeddings`.
        power_iterations: how many steps of the power method each call takes.

    Example:
        >>> import numpy as np
        >>> from tenfold.keras.layers.core import Dense
        >>> SpectralNormalization(Dense(2))(np.ones((1, 3), "float32"), training=True).shape
        TensorShape([1, 2])
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(f"`power_iterations` should be greater than zero. Received: `power_iterations={power_iterations}`")
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        self.kernel: Any = getattr(self.layer, "kernel", None)
        if self.kernel is None:
            self.kernel = getattr(self.layer, "embeddings", None)
        if self.kernel is None:
            raise ValueError(f"{type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings'")
        self.vector_u = self.add_weight((1, self.kernel.sizes[-1]), initializers.TruncatedNormal(stddev=0.02), self.kernel.dtype, trainable=False,
                                        name="vector_u")  # fmt: skip

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            vector, kernel = self.normalized_weights()
            zero = math.reduce_all(equal(self.kernel.value, 0))
            self.vector_u.assign(select(zero, cast(self.vector_u.value, vector.dtype), vector))
            self.kernel.assign(select(zero, cast(self.kernel.value, kernel.dtype), kernel))
        return cast(self.layer(inputs), inputs.dtype)

    def normalized_weights(self) -> tuple[Any, Any]:
        """(the next left singular vector, the kernel over its singular value)."""
        kernel = self.kernel.value
        rows: Any = reshape(kernel, (-1, kernel.sizes[-1]))
        u: Any = self.vector_u.value
        for _ in range(self.power_iterations):
            v = _unit(matmul(u, rows, transpose_b=True))
            u = _unit(matmul(v, rows))
        u, v = stop_gradient(u), stop_gradient(v)
        sigma = matmul(matmul(v, rows), u, transpose_b=True)
        return cast(u, self.vector_u.dtype), cast(reshape(rows / sigma, kernel.sizes), self.kernel.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _unit(x: Any) -> Any:
    return x * rsqrt(math.maximum(math.reduce_sum(x * x), 1e-12))
