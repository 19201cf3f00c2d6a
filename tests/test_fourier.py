"""The kernel of Fourier transforms, against NumPy's in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold as tf
from tenfold.codegen.fourier import LEAST, radices
from tenfold.compiler.fourier import MOST, fourier, takes
from tenfold.primitives.by_rows import WORTH

TOLERANCE = {"complex64": 3e-6, "complex128": 1e-14}
LENGTHS = [64, 72, 80, 96, 112, 128, 192, 256, 320, 400, 448, 480, 512, 600, 1000, 1024, 2048, 2520, 4096]


def random(*shape: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def close(found: Any, wanted: Any, tolerance: float) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()


@settings(max_examples=25, deadline=None)
@given(n=st.sampled_from(LENGTHS), rows=st.sampled_from([1, 2, 15, 16, 17, 40]), dtype=st.sampled_from([*TOLERANCE]), inverse=st.booleans())
def test_rows(n: int, rows: int, dtype: str, inverse: bool) -> None:
    assert takes(n)
    x = random(rows, n).astype(dtype)
    found = fourier(x, inverse)
    assert found.dtype == dtype
    close(found, (np.fft.ifft if inverse else np.fft.fft)(x.astype(np.complex128)), TOLERANCE[dtype])
    terms = fourier(x.real)
    assert terms.dtype == dtype
    close(terms, np.fft.rfft(x.real.astype(np.float64)), TOLERANCE[dtype])


def test_lengths_without_a_kernel() -> None:
    for n in (0, 1, 8, 56, 100, 8 * 11, 8 * 13 * 3, LEAST - 8, 2 * MOST):
        assert not takes(n)
    assert all(np.prod(radices(n) or ()) == n for n in LENGTHS)


@pytest.mark.parametrize("n", [480, 512, 331])
def test_operations_on_large_arrays(n: int) -> None:
    """Eager and compiled; 331 is prime."""
    x = random(WORTH // n + 1, n).astype(np.complex64)
    for f, wanted in ((tf.signal.fft, np.fft.fft), (tf.signal.ifft, np.fft.ifft)):
        close(f(x).numpy(), wanted(x.astype(np.complex128)), 3e-6)
        close(tf.function(f)(x).numpy(), wanted(x.astype(np.complex128)), 3e-6)
    real = np.ascontiguousarray(x.real)
    close(tf.signal.rfft(real).numpy(), np.fft.rfft(real.astype(np.float64)), 3e-6)
    close(tf.signal.irfft(tf.signal.rfft(real), [n]).numpy(), real, 1e-5)


def test_several_axes_and_views() -> None:
    x = random(5, 256, 128).astype(np.complex64)
    close(tf.signal.fft2d(x).numpy(), np.fft.fft2(x.astype(np.complex128)), 3e-6)
    close(tf.signal.fft3d(x).numpy(), np.fft.fftn(x.astype(np.complex128)), 3e-6)
    turned = x.transpose(2, 0, 1)[::-1]
    close(tf.signal.fft(turned).numpy(), np.fft.fft(turned.astype(np.complex128)), 3e-6)


def test_gradients() -> None:
    x = random(WORTH // 512 + 1, 512).real.astype(np.float32)
    weights = random(len(x), 257, seed=1)
    given_ = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given_)
        loss = tf.reduce_sum(tf.math.real(tf.signal.rfft(given_) * tf.constant(weights.astype(np.complex64))))
    whole = np.zeros((len(x), 512), np.complex128)
    whole[:, :257] = weights
    close(tape.gradient(loss, given_).numpy(), np.fft.fft(whole).real, 1e-5)  # sum over k of w_k exp(-2 pi i j k / n)


def test_the_same_bits_with_one_thread_and_two() -> None:
    x = random(300, 512).astype(np.complex64)
    both = [fourier(x)]
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        both.append(fourier(x))
    finally:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    assert both[0].tobytes() == both[1].tobytes()
