"""Initializers: shape, dtype, standard deviation, mean and bounds of a large sample (never the values)."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array

CASES: dict[str, Case] = {}
STATISTICAL = 0.015
SHAPES = {"matrix": (300, 500), "convolution": (5, 5, 64, 96)}
BOUNDED = ("RandomUniform", "TruncatedNormal", "GlorotUniform", "HeUniform", "LecunUniform", "GlorotNormal", "HeNormal", "LecunNormal")


def run_initializer(tf: Any, kind: str, options: dict[str, Any], shape: tuple[int, ...]) -> Arrays:
    initializer = getattr(tf.keras.initializers, kind)(**options)
    sample = array(initializer(shape))
    spread = float(sample.std())
    found = {
        "shape": np.array(sample.shape),
        "dtype": np.array([sample.dtype.name], dtype="U"),
        "std": np.array(spread, "float32"),
        "one_plus_mean": np.array(1 + sample.mean(), "float32"),
    }
    if kind in BOUNDED:
        found |= {"low": sample.min(), "high": sample.max()}
    return found


def exact(tf: Any) -> Arrays:
    I = tf.keras.initializers
    return {
        "zeros": array(I.Zeros()((2, 3))),
        "ones": array(I.Ones()((4,))),
        "constant": array(I.Constant(2.5)((2, 2))),
        "identity": array(I.Identity(gain=2.0)((3, 4))),
    }


def orthogonal(tf: Any) -> Arrays:
    """Q is unique only up to its random start: what must hold is that its short side is orthonormal times the gain."""
    q = array(tf.keras.initializers.Orthogonal(gain=1.5, seed=3)((20, 30)))
    return {"product": np.round(q @ q.T, 4) + 0.0, "shape": np.array(q.shape)}


for kind, options in {
    "RandomNormal": {"mean": 0.5, "stddev": 0.2},
    "RandomUniform": {"minval": -0.3, "maxval": 0.9},
    "TruncatedNormal": {"mean": 0.1, "stddev": 0.4},
    **{k: {} for k in ("GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal")},
    "VarianceScaling": {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"},
}.items():
    for where, shape in SHAPES.items():
        CASES[f"{kind}_{where}"] = Case(lambda tf, k=kind, o=options, s=shape: run_initializer(tf, k, dict(o, seed=7), s), STATISTICAL)
CASES["exact"] = Case(exact)
CASES["orthogonal"] = Case(orthogonal, 1e-3)
