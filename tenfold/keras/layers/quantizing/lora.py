"""Low-rank adaptation (Hu 2021): a frozen matrix, and a trained product of two thin ones that is added to it."""

from __future__ import annotations

from typing import Any

from tenfold.keras import initializers
from tenfold.keras.layers.base import Layer
from tenfold.primitives.contraction import matmul
from tenfold.tensor.variable import Variable


class LowRank(Layer):
    """A layer whose matrix can be adapted. It keeps the matrix as `_kernel` (or `_embeddings`) and shows it as `kernel`.

    Attributes:
        lora_enabled: whether the matrix is adapted.
        lora_rank: the inner size of the product.
        lora_alpha: the product is scaled by lora_alpha / lora_rank.
    """

    weight_name = "kernel"
    lora_enabled = False
    lora_rank: int | None = None
    lora_alpha: float | None = None

    def _take_lora(self, rank: int | None, alpha: float | None) -> None:
        self.lora_rank, self.lora_alpha = rank, rank if alpha is None else alpha

    @property
    def _weight(self) -> Any:
        """The stored matrix, a variable."""
        return getattr(self, f"_{self.weight_name}")

    def _shown_weight(self) -> Any:
        """What `kernel` gives: the variable, or its sum with what adapts it."""
        if not self.built and f"_{self.weight_name}" not in self.__dict__:
            raise AttributeError(f"You must build the layer before accessing `{self.weight_name}`.")
        return self._adapted(self._weight) if self.lora_enabled else self._weight

    def _adapted(self, weight: Any) -> Any:
        return weight + self._delta()

    def _delta(self) -> Any:
        """What adaptation adds to the matrix."""
        a, b = (getattr(self, f"lora_{self.weight_name}_{which}") for which in "ab")
        return matmul(a.value, b.value) * self._lora_scale

    @property
    def _lora_scale(self) -> float:
        assert self.lora_alpha is not None
        assert self.lora_rank is not None
        return self.lora_alpha / self.lora_rank

    def _matrix_shape(self) -> tuple[int, ...]:
        """The shape of the matrix before it was quantized."""
        return tuple(self._weight.shape)

    def enable_lora(self, rank: int, lora_alpha: float | None = None, a_initializer: Any = "he_uniform", b_initializer: Any = "zeros") -> None:
        """Freezes the matrix, and from now on adds `lora_alpha / rank` times the product of two thin ones, which are trained.

        Args:
            rank: the inner size of the product.
            lora_alpha: default: rank.
            a_initializer, b_initializer: initial values of the two.

        Raises:
            ValueError: the layer is not built, is adapted already, or has a constraint for the matrix.
        """
        name = self.weight_name
        if getattr(self, f"{name}_constraint", None):
            raise ValueError(f"Lora is incompatible with {'embedding' if name == 'embeddings' else name} constraints. "
                             f"In order to enable lora on this layer, remove the `{name}_constraint` argument.")  # fmt: skip
        if not self.built:
            raise ValueError("Cannot enable lora on a layer that isn't yet built.")
        if self.lora_enabled:
            raise ValueError("lora is already enabled. This can only be done once per layer.")
        if self.quantization_mode in ("gptq", "awq"):
            raise NotImplementedError(f"lora is not currently supported with {self.quantization_mode.upper()} quantization.")
        shape = self._matrix_shape()
        penalty = getattr(self, f"{name}_regularizer", None)
        for which, size, start in (("a", (*shape[:-1], rank), a_initializer), ("b", (rank, shape[-1]), b_initializer)):
            made = self.add_weight(size, initializers.get(start), "float32", regularizer=penalty, name=f"lora_{name}_{which}")
            setattr(self, f"lora_{name}_{which}", made)
        self._weight.trainable, self._weight._stays_frozen = False, True
        self.lora_enabled = True
        self._take_lora(rank, lora_alpha)

    def _adapted_at_build(self) -> None:
        """Called at the end of `build`: what the arguments of the layer ask for."""
        if self.lora_rank and not self.lora_enabled:
            self.built = True
            self.enable_lora(self.lora_rank, self.lora_alpha)

    # --- files: what is saved is the sum, so that layers without adaptation can read it ---
    def _saved_names(self) -> list[str]:
        return [v for v in (self.weight_name, "bias") if getattr(self, v if v == "bias" else f"_{v}", None) is not None]

    def _saved(self, name: str) -> Any:
        """The value to save under a name, or None."""
        return self._shown_weight() if name == self.weight_name else getattr(self, name, None)

    def save_own_variables(self, store: Any) -> None:
        if not self.lora_enabled:
            super().save_own_variables(store)
            return
        for i, name in enumerate(self._saved_names()):
            store[str(i)] = self._saved(name).numpy()

    def load_own_variables(self, store: Any) -> None:
        if not self.lora_enabled:
            super().load_own_variables(store)
            return
        for i, name in enumerate(self._saved_names()):
            variable = self._weight if name == self.weight_name else getattr(self, name)
            _assign(variable, store[str(i)])
        self._forget_delta()

    def _forget_delta(self) -> None:
        for which in "ab":
            made = getattr(self, f"lora_{self.weight_name}_{which}", None)
            if made is not None:
                made.assign(made.read_value() * 0)

    def _lora_config(self) -> dict[str, Any]:
        return {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha} if self.lora_rank else {}


def _assign(variable: Variable, value: Any) -> None:
    variable.assign(value[()].astype(variable.dtype.numpy) if hasattr(value, "astype") or hasattr(value, "shape") else value)
