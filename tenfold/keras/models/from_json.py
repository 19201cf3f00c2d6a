"""`keras.models.model_from_json`."""

from __future__ import annotations

import json
from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.saving.serialization import CustomObjectScope, deserialize_keras_object


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """The model that `model.to_json()` described, with new weights.

    Raises:
        ValueError: it is no description of a model.
    """
    try:
        config = json.loads(json_string)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgumentError(f"[model_from_json] not a JSON text: {error}. Try model.to_json().") from None
    with CustomObjectScope(custom_objects or {}):
        return deserialize_keras_object(config)
