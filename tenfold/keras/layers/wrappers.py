"""Layers that wrap a layer: Wrapper, TimeDistributed, Bidirectional."""

from __future__ import annotations

from typing import Any

from tenfold.core import nest
from tenfold.core.shapes import Sym, product
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.call import signature
from tenfold.keras.saving.serialization import deserialize_keras_object as deserialize
from tenfold.keras.saving.serialization import serialize_keras_object as serialize
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import concat, reshape, reverse, stack

MERGE_MODES = ("sum", "mul", "ave", "concat", None)


@register(MODULE)
class Wrapper(Layer):
    """A layer around another one.

    Args:
        layer: the layer inside.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"Layer {layer} supplied to Wrapper isn't a supported layer type. Please ensure wrapped layer is a valid Keras layer.")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": serialize(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        return cls(deserialize(config.pop("layer"), custom_objects), **config)


@register(MODULE)
class TimeDistributed(Wrapper):
    """Applies a layer to each step of [batch, steps, ...].

    Args:
        layer: the layer inside.

    Example:
        >>> import numpy as np
        >>> from tenfold.keras.layers.core import Dense
        >>> TimeDistributed(Dense(8))(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 5, 8])
    """

    _repeats = True

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"Please initialize `TimeDistributed` layer with a `keras.layers.Layer` instance. Received: {layer}")
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ValueError(f"`TimeDistributed` Layer should be passed an `input_shape` with at least 3 dimensions, received: {input_shape}")
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if mask is not None:
            _check_mask(mask, inputs)
        info, options = signature(type(self.layer).call), {}
        if info.has_training:
            options["training"] = training
        mask = mask if info.has_mask else None
        n, steps = inputs.sizes[:2]
        if any("seed" not in w.name for w in self.layer.non_trainable_variables) and not isinstance(steps, Sym):  # it may change from step to step
            outputs = [self.layer.call(inputs[:, i], **options, **({} if mask is None else {"mask": mask[:, i]})) for i in range(steps)]
            return stack(outputs, 1)
        if mask is not None:
            options["mask"] = reshape(mask, (product((n, steps)), *mask.sizes[2:]))
        together = reshape(inputs, (product((n, steps)), *inputs.sizes[2:]))
        return nest.map_structure(lambda y: reshape(y, (n, steps, *y.sizes[1:])), self.layer.call(together, **options))


def _check_mask(mask: Any, inputs: Any) -> None:
    if mask.ndim < 2:
        raise ValueError("The `mask` passed to the `TimeDistributed` layer must be at least 2D (e.g., `(batch_size, timesteps)`), but it has "
                         f"{mask.ndim} dimension(s) with shape {tuple(mask.shape)}.")  # fmt: skip
    if any(a is not None and b is not None and a != b for a, b in zip(mask.shape[:2], inputs.shape[:2], strict=True)):
        raise ValueError(f"The `mask` passed to the `TimeDistributed` layer has a shape {tuple(mask.shape)} that is incompatible with the input "
                         f"shape {tuple(inputs.shape)}. The first two dimensions of the mask (batch size and timesteps) must match the input's "
                         f"first two dimensions. Expected mask shape prefix: {tuple(inputs.shape[:2])}.")  # fmt: skip


@register(MODULE)
class Bidirectional(Layer):
    """A recurrent layer and a second one that reads the sequence backwards, their outputs merged.

    Args:
        layer: an RNN; copied from its config.
        merge_mode: "sum", "mul", "concat", "ave", or None for both outputs.
        weights: initial weights: those of the forward layer, then those of the backward layer.
        backward_layer: default: a copy of `layer` that goes backwards.

    Example:
        >>> import numpy as np
        >>> from tenfold.keras.layers.recurrent import LSTM
        >>> Bidirectional(LSTM(4))(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 8])
    """

    forward_layer: Any
    backward_layer: Any

    def __init__(self, layer: Any, merge_mode: str | None = "concat", weights: Any = None, backward_layer: Any = None, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"Please initialize `Bidirectional` layer with a `keras.layers.Layer` instance. Received: {layer}")
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise ValueError(f"`backward_layer` need to be a `keras.layers.Layer` instance. Received: {backward_layer}")
        if merge_mode not in MERGE_MODES:
            raise ValueError(f'Invalid merge mode. Received: {merge_mode}. Merge mode should be one of {{"sum", "mul", "ave", "concat", None}}')
        super().__init__(**kwargs)
        self.forward_layer = _copy(layer, "forward_")
        self.backward_layer = backward_layer or _copy(layer, "backward_", go_backwards=True)
        _check_pair(self.forward_layer, self.backward_layer)
        for each in (self.forward_layer, self.backward_layer):
            if getattr(each, "zero_output_for_mask", None) is not None:
                each.zero_output_for_mask = each.return_sequences
        self.merge_mode = merge_mode
        given: Any = layer
        self.stateful, self.return_sequences, self.return_state = given.stateful, given.return_sequences, given.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec
        self._initial_weights = weights

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for each in (self.forward_layer, self.backward_layer):
            if not each.built:
                each.build(sequences_shape)
                each.built = True
        if self._initial_weights:
            half = len(self._initial_weights) // 2
            self.forward_layer.set_weights(self._initial_weights[:half])
            self.backward_layer.set_weights(self._initial_weights[half:])
            self._initial_weights = None

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None) -> Any:
        states: list[Any] = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            states = [list(initial_state[:half]), list(initial_state[half:])]
        results = []
        for each, start in zip((self.forward_layer, self.backward_layer), states, strict=True):
            info = signature(type(each).call)
            options = {**({"training": training} if info.has_training else {}), **({"mask": mask} if info.has_mask else {})}
            results.append(each(sequences, initial_state=start, **options))
        last: tuple[Any, ...] = ()
        if self.return_state:
            last = (*results[0][1:], *results[1][1:])
            results = [r[0] for r in results]
        y, backward = (cast(r, self.compute_dtype) for r in results)
        merged = _merge(y, reverse(backward, (1,)) if self.return_sequences else backward, self.merge_mode)
        if self.return_state:
            return (*merged, *last) if self.merge_mode is None else (merged, *last)
        return merged

    @property
    def states(self) -> Any:
        """The states of both layers, if they are stateful."""
        if not getattr(self.forward_layer, "states", None):
            return None
        return (*self.forward_layer.states, *self.backward_layer.states)

    def reset_state(self) -> None:
        """Sets the states of stateful layers to 0."""
        if not self.stateful:
            raise AttributeError("Layer must be stateful.")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """The same as `reset_state`."""
        self.reset_state()

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        flat = nest.flatten(mask)
        kept = flat[0] if self.return_sequences and flat else None
        found = kept if self.merge_mode else (kept, kept)
        if not self.return_state:
            return found
        count = 2 * len(nest.flatten(self.forward_layer.state_size))
        return [*nest.flatten(found), *[None] * count]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "merge_mode": self.merge_mode, "layer": serialize(self.forward_layer),
                "backward_layer": serialize(self.backward_layer)}  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        for name in ("layer", "backward_layer"):
            if config.get(name) is not None:
                config[name] = deserialize(config[name], custom_objects)
        return cls(**config)


def _copy(layer: Any, prefix: str, **changes: Any) -> Any:
    """A fresh layer from the config of `layer`."""
    config = serialize(layer)
    settings = {**config["config"], "name": prefix + layer.name.removeprefix(prefix), **changes}
    made = deserialize({**config, "config": settings})
    if hasattr(layer, "use_cudnn"):
        made.use_cudnn = layer.use_cudnn
    return made


def _check_pair(forward: Any, backward: Any) -> None:
    if forward.go_backwards == backward.go_backwards:
        raise ValueError("Forward layer and backward layer should have different `go_backwards` value. Received: "
                         f"forward_layer.go_backwards {forward.go_backwards}, backward_layer.go_backwards={backward.go_backwards}")  # fmt: skip
    for name in ("stateful", "return_sequences", "return_state"):
        a, b = getattr(forward, name), getattr(backward, name)
        if a != b:
            raise ValueError(f'Forward layer and backward layer are expected to have the same value for attribute "{name}", got '
                             f'"{a}" for forward layer and "{b}" for backward layer')  # fmt: skip


def _merge(a: Any, b: Any, mode: str | None) -> Any:
    if mode == "concat":
        return concat([a, b], axis=-1)
    return (a, b) if mode is None else a * b if mode == "mul" else (a + b) / 2 if mode == "ave" else a + b
