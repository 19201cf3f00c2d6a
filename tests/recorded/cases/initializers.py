"""Initializers: shape, dtype, standard deviation, mean and bounds of a large sample (never the values)."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array

CASES: dict[str, Case] = {}
STATISTICAL = 0.015
SHAPES = {"matrix": (300, 500), "convolution": (5, 5, 48, 96)}
BOUNDED = ("RandomUniform", "TruncatedNormal", "GlorotUniform", "HeUniform", "LecunUniform", "GlorotNormal", "HeNormal", "LecunNormal")


def run_initializer(tf: Any, kind: str, options: dict[str, Any], shape: tuple[int, ...], dtype: str = "float32") -> Arrays:
    initializer = getattr(tf.keras.initializers, kind)(**options)
    sample = array(initializer(shape, dtype=dtype))
    wide = sample.astype("float64")
    found = {
        "shape": np.array(sample.shape),
        "dtype": np.array([sample.dtype.name], dtype="U"),
        "std": np.array(wide.std(), "float32"),
        "one_plus_mean": np.array(1 + wide.mean(), "float32"),
        "quantiles": np.quantile(wide, [0.05, 0.25, 0.75, 0.95]).astype("float32"),
    }
    if kind in BOUNDED:
        found |= {"low": np.float32(sample.min()), "high": np.float32(sample.max())}
    return found


def orthogonal(tf: Any, kind: str, shape: tuple[int, ...]) -> Arrays:
    """Q is unique only up to its random start: what must hold is that its short side is orthonormal times the gain."""
    q = array(getattr(tf.keras.initializers, kind)(gain=1.5, seed=3)(shape)).reshape(-1, shape[-1])
    short = q if q.shape[0] <= q.shape[1] else q.T
    return {"product": np.round(short @ short.T, 4) + 0.0, "shape": np.array(q.shape)}


EXACT: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[int, ...]]] = {
    "Zeros": ({}, {}, (2, 3)), "Ones": ({}, {}, (2, 3)), "Constant": ({"value": 2.5}, {}, (2, 2)),
    "Identity": ({"gain": 2.0}, {}, (3, 4)), "IdentityInitializer": ({"gain": 0.5}, {}, (4, 4)),
    "STFT": ({}, {"side": "imag", "scaling": "density"}, (8, 1, 9)), "STFTInitializer": ({"side": "imag"}, {}, (9, 1, 5)),
}  # fmt: skip


def run_exact(tf: Any, kind: str, options: dict[str, Any], shape: tuple[int, ...], dtype: str) -> Arrays:
    value = array(getattr(tf.keras.initializers, kind)(**options)(shape, dtype=dtype))
    return {"value": value.astype("float32"), "dtype": np.array([value.dtype.name])}


def spectral(tf: Any) -> Arrays:
    I = tf.keras.initializers
    names = ("hann", "hamming", "blackman", "bartlett", "nuttall", "blackmanharris", "flattop", "tukey", "bohman", "barthann", "cosine", "triang",
             "boxcar")  # fmt: skip
    found = {f"{n}_{p}": array(I.STFT("real", n, None, p)((9, 1, 5))) for n in names for p in (False, True)}
    return found | {s: array(I.STFT("imag", "hann", s)((8, 1, 9))) for s in ("density", "spectrum")}


CASES["spectral"] = Case(spectral, 2e-6)
POLICIES = {"float32": 1e-6, "bfloat16": 5e-3, "float16": 1e-3}
for kind, (first, second, shape) in EXACT.items():
    for i, options in enumerate((first, second)):
        for dtype, tolerance in list(POLICIES.items())[: 1 if "STFT" in kind else 3]:  # Keras computes angles in 16 bits
            CASES[f"{kind}_{i}_{dtype}"] = Case(
                lambda tf, k=kind, o=options, s=shape, d=dtype: run_exact(tf, k, o, s, d), tolerance, kind, dtype
            )

RANDOM: dict[str, list[dict[str, Any]]] = {
    "RandomNormal": [{}, {"mean": 0.5, "stddev": 0.2}],
    "RandomUniform": [{}, {"minval": -0.3, "maxval": 0.9}],
    "TruncatedNormal": [{}, {"mean": 0.1, "stddev": 0.4}],
    **{k: [{}] for k in ("GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal")},
    "VarianceScaling": [{}, {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}, {"mode": "fan_avg", "distribution": "untruncated_normal"},
                        {"scale": 0.5, "mode": "fan_in", "distribution": "truncated_normal"}],
}  # fmt: skip
for kind, choices in RANDOM.items():
    for i, options in enumerate(choices):
        for where, shape in SHAPES.items():
            for dtype in POLICIES if where == "matrix" else ("float32",):
                CASES[f"{kind}_{i}_{where}_{dtype}"] = Case(
                    lambda tf, k=kind, o=options, s=shape, d=dtype: run_initializer(tf, k, dict(o, seed=7), s, d), STATISTICAL, kind, dtype
                )
for mode in ("fan_in", "fan_out", "fan_avg"):
    options = {"scale": 2.0, "mode": mode, "seed": 7, "input_axes": [0], "output_axes": [1, 2]}
    CASES[f"axes_{mode}"] = Case(lambda tf, o=options: run_initializer(tf, "VarianceScaling", o, (300, 20, 30)), STATISTICAL, "VarianceScaling")
for kind in ("Orthogonal", "OrthogonalInitializer"):
    for shape in ((20, 30), (30, 20), (3, 3, 2, 40)):
        CASES[f"{kind}_{len(shape)}_{shape[0]}"] = Case(lambda tf, k=kind, s=shape: orthogonal(tf, k, s), 1e-3, kind)
