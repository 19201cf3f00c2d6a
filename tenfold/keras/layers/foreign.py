"""Layers around other frameworks' code: there is nothing here that could run it, and they say what to do instead."""

from __future__ import annotations

from typing import Any

from tenfold.keras.layers.base import Layer


class _Foreign(Layer):
    """A layer that is refused."""

    needs: str
    instead: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        raise NotImplementedError(f"{name}: {self.needs}, which Tenfold does not contain. Try {self.instead}.")


class TFSMLayer(_Foreign):
    """Would run a TensorFlow SavedModel; refused."""

    needs = "a SavedModel is run by TensorFlow"
    instead = "saving the model as a `.keras` file where it was made, and keras.saving.load_model here"


class TorchModuleWrapper(_Foreign):
    """Would run a PyTorch module; refused."""

    needs = "a torch.nn.Module is run by PyTorch"
    instead = "the same layers of keras.layers, with layer.set_weights([p.detach().numpy() for p in module.parameters()]), transposed as needed"
