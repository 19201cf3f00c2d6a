"""`tf.signal.*`: Fourier transforms, frames and windows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype, complex64, float32
from tenfold.core.errors import InvalidArgumentError
from tenfold.core.shapes import normalize_axis
from tenfold.ops.shaping import integers
from tenfold.primitives import arithmetic as a
from tenfold.primitives.fourier import fft as fft_
from tenfold.primitives.fourier import fit
from tenfold.primitives.fourier import irfft as irfft_
from tenfold.primitives.fourier import rfft as rfft_
from tenfold.primitives.gather import gather, iota
from tenfold.primitives.movement import broadcast_to, expand_dims, pad, reshape, slice_
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import Tensor, as_tensor, wrap


def _complex(x: Any) -> Tensor:
    tensor = as_tensor(x)
    return tensor if tensor.dtype.is_complex else a.cast(tensor, complex64)


def fft(input: Any, name: str | None = None) -> Tensor:
    """The discrete Fourier transform of the last dimension.

    Example:
        >>> import tenfold as tf
        >>> tf.signal.fft(tf.constant([1, 1], tf.complex64)).numpy()
        array([2.+0.j, 0.+0.j], dtype=complex64)
    """
    result: Tensor = fft_(_complex(input))
    return result


def ifft(input: Any, name: str | None = None) -> Tensor:
    """The inverse of `fft`."""
    result: Tensor = fft_(_complex(input), inverse=True)
    return result


def fft2d(input: Any, name: str | None = None) -> Tensor:
    """The discrete Fourier transform of the last two dimensions."""
    result: Tensor = fft_(_complex(input), (-2, -1))
    return result


def ifft2d(input: Any, name: str | None = None) -> Tensor:
    """The inverse of `fft2d`."""
    result: Tensor = fft_(_complex(input), (-2, -1), inverse=True)
    return result


def fft3d(input: Any, name: str | None = None) -> Tensor:
    """The discrete Fourier transform of the last three dimensions."""
    result: Tensor = fft_(_complex(input), (-3, -2, -1))
    return result


def ifft3d(input: Any, name: str | None = None) -> Tensor:
    """The inverse of `fft3d`."""
    result: Tensor = fft_(_complex(input), (-3, -2, -1), inverse=True)
    return result


def rfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
    """The Fourier transform of real data along the last dimension: its first n // 2 + 1 terms.

    Example:
        >>> import tenfold as tf
        >>> tf.signal.rfft([1.0, 1.0]).numpy()
        array([2.+0.j, 0.+0.j], dtype=complex64)
    """
    x = as_tensor(input_tensor)
    if fft_length is not None:
        (n,) = integers("rfft", fft_length)
        x = fit(x, [x.ndim - 1], [n]) if x.sizes[-1] <= n else _cut(x, n)
    result: Tensor = rfft_(x)
    return result


def _cut(x: Tensor, n: Any) -> Tensor:
    return x[..., :n]


def irfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
    """The inverse of `rfft`; `fft_length` says whether the result has an odd length."""
    x = as_tensor(input_tensor)
    if fft_length is None:
        n = 2 * (x.sizes[-1] - 1)
    else:
        n = integers("irfft", fft_length)[0]
        terms = n // 2 + 1
        x = _cut(x, terms) if x.sizes[-1] > terms else fit(x, [x.ndim - 1], [terms])
    result: Tensor = irfft_(x, n)
    return result


def frame(signal: Any, frame_length: Any, frame_step: Any, pad_end: bool = False, pad_value: Any = 0, axis: int = -1,
          name: str | None = None) -> Tensor:  # fmt: skip
    """Windows of `frame_length` elements, `frame_step` apart, as a new dimension.

    Example:
        >>> import tenfold as tf
        >>> tf.signal.frame([1, 2, 3, 4], 2, 1).numpy().tolist()
        [[1, 2], [2, 3], [3, 4]]
    """
    x = as_tensor(signal)
    at = normalize_axis("frame", axis, x.ndim)
    (length,), (step,) = integers("frame", frame_length), integers("frame", frame_step)
    n = x.sizes[at]
    if pad_end:
        if not isinstance(n, int):
            raise InvalidArgumentError("[frame] with pad_end the size of the axis must be known while the function is traced.")
        count = -(-n // step)
        missing = max((count - 1) * step + length - n, 0)
        x = pad(x, [0] * x.ndim, [missing if i == at else 0 for i in range(x.ndim)], value=pad_value)
    else:
        count = (n - length) // step + 1
        count = max(count, 0) if isinstance(count, int) else count
    places: Any = expand_dims(iota(count), 1)
    return gather(x, places * step + iota(length), at)


def overlap_and_add(signal: Any, frame_step: Any, name: str | None = None) -> Tensor:
    """The sum of frames [..., number, length] that begin `frame_step` apart: the transpose of `frame`.

    Example:
        >>> import tenfold as tf
        >>> tf.signal.overlap_and_add([[1, 1, 1], [2, 2, 2]], 2).numpy()
        array([1, 1, 3, 2, 2], dtype=int32)
    """
    x = as_tensor(signal)
    (step,) = integers("overlap_and_add", frame_step)
    *lead, count, length = x.sizes
    parts = -(-length // step)
    wide = pad(x, [0] * x.ndim, [*[0] * (x.ndim - 1), parts * step - length])
    blocks = reshape(wide, (*lead, count, parts, step))
    total: Any = 0
    for k in range(parts):
        block = reshape(slice_(blocks, [*[0] * (x.ndim - 1), k, 0], (*lead, count, 1, step)), (*lead, count, step))
        total = pad(block, [*[0] * len(lead), k, 0], [*[0] * len(lead), parts - 1 - k, 0]) + total
    whole = reshape(total, (*lead, (count + parts - 1) * step))
    return slice_(whole, [0] * (len(lead) + 1), (*lead, (count - 1) * step + length))


def _window(window_length: Any, periodic: bool, dtype: Any, first: float, second: float) -> Tensor:
    (n,) = integers("window", window_length)
    even = 1 - n % 2
    divisor = n + int(periodic) * even - 1
    if n == 1:
        return as_tensor(np.ones(1), as_dtype(dtype))
    values = first - second * np.cos(2 * math.pi * np.arange(n) / divisor)
    return a.cast(wrap(values), dtype)


def hann_window(window_length: Any, periodic: bool = True, dtype: Any = float32, name: str | None = None) -> Tensor:
    """The Hann window.

    Example:
        >>> import tenfold as tf
        >>> tf.signal.hann_window(4).numpy()
        array([0. , 0.5, 1. , 0.5], dtype=float32)
    """
    return _window(window_length, periodic, dtype, 0.5, 0.5)


def hamming_window(window_length: Any, periodic: bool = True, dtype: Any = float32, name: str | None = None) -> Tensor:
    """The Hamming window."""
    return _window(window_length, periodic, dtype, 0.54, 0.46)


def stft(signals: Any, frame_length: Any, frame_step: Any, fft_length: Any = None, window_fn: Any = hann_window, pad_end: bool = False,
         name: str | None = None) -> Tensor:  # fmt: skip
    """The short-time Fourier transform: of overlapping, windowed frames. `fft_length` is the next power of 2 by default.

    Example:
        >>> import tenfold as tf
        >>> tf.signal.stft(tf.zeros([16]), frame_length=4, frame_step=2).shape
        TensorShape([7, 3])
    """
    (length,) = integers("stft", frame_length)
    n = 1 << (length - 1).bit_length() if fft_length is None else integers("stft", fft_length)[0]
    frames: Any = frame(signals, length, frame_step, pad_end)
    return rfft(frames if window_fn is None else frames * window_fn(length, dtype=frames.dtype), [n])


def inverse_stft_window_fn(frame_step: Any, forward_window_fn: Any = hann_window, name: str | None = None) -> Any:
    """The window for `inverse_stft` that undoes the window of a `stft` with this step: divided by the sum of the squares of what overlaps."""
    (step,) = integers("inverse_stft_window_fn", frame_step)

    def window(frame_length: Any, dtype: Any = float32) -> Tensor:
        forward: Any = forward_window_fn(frame_length, dtype=dtype)
        length = forward.sizes[0]
        parts = -(-length // step)
        squares = reshape(pad(forward * forward, [0], [parts * step - length]), (parts, step))
        total = reshape(broadcast_to(sum_(squares, 0, True), (parts, step)), (parts * step,))
        return forward / slice_(total, [0], [length])

    return window


def inverse_stft(stfts: Any, frame_length: Any, frame_step: Any, fft_length: Any = None, window_fn: Any = hann_window,
                 name: str | None = None) -> Tensor:  # fmt: skip
    """The signal of a short-time Fourier transform: its frames transformed back, windowed, and added where they overlap.

    Example:
        >>> import tenfold as tf
        >>> x = tf.signal.stft(tf.ones([16]), frame_length=4, frame_step=2)
        >>> tf.signal.inverse_stft(x, 4, 2, window_fn=tf.signal.inverse_stft_window_fn(2)).numpy()[4:8].round(5)
        array([1., 1., 1., 1.], dtype=float32)
    """
    (length,) = integers("inverse_stft", frame_length)
    n = 1 << (length - 1).bit_length() if fft_length is None else integers("inverse_stft", fft_length)[0]
    frames: Any = irfft(stfts, [n])
    frames = slice_(frames, [0] * frames.ndim, (*frames.sizes[:-1], min(length, n)))
    if length > n:
        frames = pad(frames, [0] * frames.ndim, [*[0] * (frames.ndim - 1), length - n])
    if window_fn is not None:
        frames = frames * window_fn(length, dtype=frames.dtype)
    return overlap_and_add(frames, frame_step)


def fftshift(x: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """The zero frequency moved to the middle."""
    return _rolled(x, axes, lambda n: n // 2)


def ifftshift(x: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """The inverse of `fftshift`."""
    return _rolled(x, axes, lambda n: -(n // 2))


def _rolled(x: Any, axes: Any, by: Any) -> Tensor:
    tensor = as_tensor(x)
    for axis in range(tensor.ndim) if axes is None else integers("fftshift", axes):
        n = tensor.sizes[axis]
        tensor = gather(tensor, wrap(np.roll(np.arange(n), by(n)).astype(np.int32)), axis)
    return tensor


__all__ = [
    "fft", "fft2d", "fft3d", "fftshift", "frame", "hamming_window", "hann_window", "ifft", "ifft2d", "ifft3d", "ifftshift", "inverse_stft",
    "inverse_stft_window_fn", "irfft", "overlap_and_add", "rfft", "stft",
]  # fmt: skip
