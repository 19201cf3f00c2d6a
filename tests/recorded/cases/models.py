"""Models of keras.applications with given weights, on small images."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, uniform

CASES: dict[str, Case] = {}


def filled(model: Any) -> None:
    """Gives the weights numbers that keep activations of about one size."""
    for i, weight in enumerate(model.weights):
        name, shape = weight.path.split("/")[-1], tuple(weight.shape)
        if name in ("gamma", "moving_variance", "variance"):
            weight.assign(uniform(i, 0.8, 1.2, *shape))
        elif name == "count":
            continue
        elif name in ("beta", "bias", "moving_mean", "mean"):
            weight.assign(uniform(i, -0.1, 0.1, *shape))
        else:
            fan = np.prod(shape[:2]) if "depthwise" in weight.path else np.prod(shape[:-1])
            weight.assign(uniform(i, -1.0, 1.0, *shape) * np.float32(np.sqrt(3 / fan)))


def features(make: Any, size: int) -> Any:
    def run(tf: Any) -> Arrays:
        model = make(tf.keras.applications, {"weights": None, "include_top": False, "input_shape": (size, size, 3), "pooling": "avg"})
        filled(model)
        return {"features": array(model.predict(uniform(7, 0.0, 255.0, 2, size, size, 3), verbose=0))}

    return run


for name, make, size in (
    ("mobilenet_v2", lambda A, options: A.MobileNetV2(alpha=0.35, **options), 40),
    ("mobilenet_v3", lambda A, options: A.MobileNetV3Small(alpha=0.75, **options), 48),
    ("efficientnet", lambda A, options: A.EfficientNetB0(**options), 40),
    ("resnet_v2", lambda A, options: A.ResNet50V2(**options), 32),
):
    CASES[name] = Case(features(make, size), 2e-4)
