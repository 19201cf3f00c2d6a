"""Layers that act at random in training: mean and deviation of each element of the output, over many draws for one input."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, normal, uniform
from recorded.cases.layer_runs import Names

CASES: dict[str, Case] = {}
VECTOR, SEQUENCE = 1 + uniform(1, 0.0, 1.0, 6), 1 + uniform(2, 0.0, 1.0, 4, 3)
IMAGE, VOLUME = uniform(3, 20.0, 235.0, 6, 7, 3), 1 + uniform(4, 0.0, 1.0, 2, 3, 2, 3)
CALLS = 4
BATCHWISE: dict[str, Any] = {"batch": 2, "calls": 200, "tolerance": 0.3}  # one draw (at least of a part) for a whole batch


def draws(tf: Any, make: Any, sample: np.ndarray, batch: int, calls: int) -> Arrays:
    layer, x = make(tf.keras.layers), tf.constant(np.repeat(sample[None], batch, 0))
    found = np.concatenate([array(layer(x, training=True)).astype("float64") for _ in range(calls)])
    still = array(layer(x[:2], training=False)).astype("float32")
    return {"mean": found.mean(0).astype("float32"), "deviation": found.std(0).astype("float32"), "inference": still}


def add(name: str, make: Any, sample: np.ndarray, batch: int = 1024, calls: int = CALLS, tolerance: float = 0.1) -> None:
    CASES[name] = Case(lambda tf: draws(tf, make, sample, batch, calls), tolerance, make(Names()))


PLAIN: dict[str, tuple[np.ndarray, list[dict[str, Any]]]] = {
    "Dropout": (VECTOR, [{"rate": 0.3}, {"rate": 0.6, "noise_shape": (None, 1)}]),
    "AlphaDropout": (VECTOR, [{"rate": 0.3}, {"rate": 0.1}]),
    "GaussianDropout": (VECTOR, [{"rate": 0.3}, {"rate": 0.6}]),
    "GaussianNoise": (VECTOR, [{"stddev": 0.5}, {"stddev": 0.1}]),
    "SpatialDropout1D": (SEQUENCE, [{"rate": 0.3}, {"rate": 0.6}]),
    "SpatialDropout2D": (IMAGE, [{"rate": 0.3}, {"rate": 0.6, "data_format": "channels_first"}]),
    "SpatialDropout3D": (VOLUME, [{"rate": 0.3}, {"rate": 0.6}]),
}
IMAGES: dict[str, list[dict[str, Any]]] = {
    "RandomBrightness": [{"factor": 0.3}, {"factor": (0.1, 0.4), "value_range": (0, 200)}],
    "RandomColorDegeneration": [{"factor": 0.5}, {"factor": (0.3, 0.9)}],
    "RandomContrast": [{"factor": 0.4}, {"factor": (0.2, 0.6), "value_range": (0, 200)}],
    "RandomFlip": [{}, {"mode": "vertical"}],
    "RandomGrayscale": [{"factor": 0.4}, {"factor": 0.9}],
    "RandomHue": [{"factor": 0.3}, {"factor": (0.1, 0.5)}],
    "RandomInvert": [{"factor": 0.4}, {"factor": 0.8, "value_range": (0, 240)}],
    "RandomPerspective": [{"factor": 0.7, "scale": 0.6}, {"factor": 1.0, "fill_value": 9.0, "interpolation": "nearest"}],
    "RandomPosterization": [{"factor": 3}, {"factor": 6}],
    "RandomRotation": [{"factor": 0.2}, {"factor": (-0.1, 0.3), "fill_mode": "constant", "fill_value": 5.0}],
    "RandomSaturation": [{"factor": 0.5}, {"factor": (0.1, 0.3)}],
    "RandomSharpness": [{"factor": 0.5}, {"factor": (0.6, 0.9)}],
    "RandomShear": [{"x_factor": 0.3, "y_factor": 0.2}, {"x_factor": (0.1, 0.4), "fill_mode": "constant"}],
    "RandomTranslation": [{"height_factor": 0.3, "width_factor": 0.2},
                          {"height_factor": (0.1, 0.3), "width_factor": 0.4, "fill_mode": "nearest"}],
    "RandomErasing": [{}, {"factor": 0.6, "scale": (0.1, 0.4), "fill_value": 7.0}],
    "RandomZoom": [{"height_factor": 0.4}, {"height_factor": (-0.3, 0.2), "width_factor": 0.1, "fill_mode": "nearest"}],
    "Solarization": [{"addition_factor": 0.3, "threshold_factor": 0.5}, {"addition_factor": (0.1, 0.4), "value_range": (0, 240)}],
    "RandomColorJitter": [{"brightness_factor": 0.3, "contrast_factor": 0.4}, {"saturation_factor": 0.4, "hue_factor": 0.3}],
}  # fmt: skip
AT_ONCE: dict[str, list[dict[str, Any]]] = {
    "RandomCrop": [{"height": 4, "width": 5}, {"height": 6, "width": 3}],
    "RandomGaussianBlur": [{}, {"factor": 0.6, "kernel_size": 5, "sigma": (0.3, 0.9)}],
}
for kind, (sample, choices) in PLAIN.items():
    for i, options in enumerate(choices):
        add(f"{kind}_{i}", lambda L, k=kind, o=options: getattr(L, k)(**o, seed=5), sample)
for kind, choices in IMAGES.items():
    for i, options in enumerate(choices):
        add(f"{kind}_{i}", lambda L, k=kind, o=options: getattr(L, k)(**o, seed=5), IMAGE)
for kind, choices in AT_ONCE.items():
    for i, options in enumerate(choices):
        add(f"{kind}_{i}", lambda L, k=kind, o=options: getattr(L, k)(**o, seed=5), IMAGE, **BATCHWISE)
for i, options in enumerate(({"scale": (0.7, 0.7), "interpolation": "nearest"}, {"factor": 0.7, "scale": (0.5, 0.9), "fill_mode": "constant"})):
    add(f"RandomElasticTransform_{i}", lambda L, o=options: L.RandomElasticTransform(**o, seed=5), IMAGE, 64, 10, 0.3)


def mixtures(tf: Any, kind: str, **options: Any) -> Arrays:
    """Two kinds of images in a batch, mixed."""
    layer = getattr(tf.keras.layers, kind)(**options, seed=5)
    images = np.repeat(np.stack([IMAGE, 255 - IMAGE]), 512, 0)
    labels = np.repeat(np.eye(2, dtype="float32"), 512, 0)
    found = layer({"images": tf.constant(images), "labels": tf.constant(labels)}, training=True)
    y, z = array(found["images"]).astype("float64"), array(found["labels"]).astype("float64")
    return {"mean": y[:512].mean(0).astype("float32"), "deviation": y[:512].std(0).astype("float32"),
            "labels": np.stack([z[:512].mean(0), z[:512].std(0), z[512:].mean(0)]).astype("float32")}  # fmt: skip


# CutMix draws one parameter for a batch, and that of few values is not pinned down by one batch.
for name, options in {"MixUp_0": {}, "MixUp_1": {"alpha": 0.5}, "CutMix_1": {"factor": (0.3, 0.8)}}.items():
    kind = name.partition("_")[0]
    CASES[name] = Case(lambda tf, k=kind, o=options: mixtures(tf, k, **o), 0.1, kind)


def dropped(tf: Any, make: Any) -> Arrays:
    """Dropout inside a recurrent or attention layer: what it does to the mean and deviation of the output."""
    layer, x = make(tf.keras.layers), tf.constant(np.repeat(normal(7, 1, 5, 4), 2048, 0))
    inputs = (x, x) if layer.name.startswith(("multi", "group")) else (x,)
    layer(*inputs)
    for i, weight in enumerate(layer.weights):
        weight.assign(normal(40 + i, *weight.shape) * 0.5)
    found = array(layer(*inputs, training=True)).astype("float64")
    return {"mean": found.mean(0).astype("float32"), "deviation": found.std(0).astype("float32")}


for name, make in {
    "SimpleRNN": lambda L: L.SimpleRNN(3, dropout=0.3, recurrent_dropout=0.2, seed=5),
    "LSTM": lambda L: L.LSTM(3, dropout=0.3, recurrent_dropout=0.2, seed=5),
    "GRU": lambda L: L.GRU(3, dropout=0.3, recurrent_dropout=0.2, seed=5),
    "GRU_before": lambda L: L.GRU(3, dropout=0.3, recurrent_dropout=0.2, reset_after=False, seed=5),
    "MultiHeadAttention": lambda L: L.MultiHeadAttention(2, 3, dropout=0.4, seed=5),
    "GroupQueryAttention": lambda L: L.GroupQueryAttention(3, 2, 1, dropout=0.4, seed=5),
}.items():
    CASES[f"inside_{name}"] = Case(lambda tf, m=make: dropped(tf, m), 0.25, name.partition("_")[0])
