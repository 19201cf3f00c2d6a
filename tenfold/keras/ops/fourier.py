"""Fourier transforms in `keras.ops`: complex tensors are pairs of real ones."""

from __future__ import annotations

from typing import Any

from tenfold.core.shapes import Sym, differ
from tenfold.ir.primitive import Spec
from tenfold.keras.ops.define import Array, Arrays, operation
from tenfold.ops import elementwise as e
from tenfold.ops import shaping, signal
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import pad
from tenfold.tensor.tensor import as_tensor


def _check_pair(x: Any, rank: int) -> None:
    if len(x) != 2:
        raise ValueError(f"Input `x` should be a tuple of two tensors - real and imaginary. Received: {len(x)} of them.")
    real, imag = x
    if len(real.sizes) != len(imag.sizes) or any(differ(m, n) for m, n in zip(real.sizes, imag.sizes, strict=True)):
        raise ValueError("Input `x` should be a tuple of two tensors - real and imaginary. Both the real and imaginary parts should have the same "
                         f"shape. Received: x[0].shape = {real.shape}, x[1].shape = {imag.shape}")  # fmt: skip
    if real.ndim < rank:
        raise ValueError(f"Input should have rank >= {rank}. Received: input.shape = {real.shape}")


def _complex(x: Any, rank: int, known: int = 0) -> Any:
    """A complex tensor from its parts; the last `known` sizes must be known.

    Raises:
        ValueError: they are no pair of such tensors.
    """
    _check_pair(x, rank)
    real, imag = x
    if known and any(isinstance(n, Sym) for n in real.sizes[-known:]):
        what = "dimension" if known == 1 else f"{known} axes"
        raise ValueError(f"Input should have its last {what} fully-defined. Received: input.shape = {real.shape}")
    if not (real.dtype.is_floating and imag.dtype.is_floating):
        raise ValueError(f"At least one tensor in input `x` is not of type float. Received: {real.dtype.name} and {imag.dtype.name}.")
    return e.complex(real, imag)


def _parts(x: Any) -> tuple[Any, Any]:
    return e.real(x), e.imag(x)


@operation("math", kind="FFT")
def fft(x: Arrays) -> tuple[Array, Array]:
    """The discrete Fourier transform of the last axis, of and as (real, imaginary).

    Example:
        >>> real, imag = fft(([1.0, 1.0], [0.0, 0.0]))
        >>> real.numpy()
        array([2., 0.], dtype=float32)
    """
    return _parts(signal.fft(_complex(x, 1, 1)))


@operation("math", kind="FFT2")
def fft2(x: Arrays) -> tuple[Array, Array]:
    """The discrete Fourier transform of the last two axes, of and as (real, imaginary)."""
    return _parts(signal.fft2d(_complex(x, 2, 2)))


@operation("math", kind="IFFT2")
def ifft2(x: Arrays) -> tuple[Array, Array]:
    """The inverse of `fft2`."""
    return _parts(signal.ifft2d(_complex(x, 2, 2)))


@operation("math", kind="RFFT")
def rfft(x: Array, fft_length: int | None = None) -> tuple[Array, Array]:
    """The Fourier transform of real data along the last axis: its first n // 2 + 1 terms, as (real, imaginary).

    Example:
        >>> real, imag = rfft([1.0, 1.0, 1.0, 1.0])
        >>> real.numpy()
        array([4., 0., 0.], dtype=float32)
    """
    if x.ndim < 1:
        raise ValueError(f"Input should have rank >= 1. Received: input.shape = {x.shape}")
    return _parts(signal.rfft(x, None if fft_length is None else [fft_length]))


@operation("math", kind="IRFFT")
def irfft(x: Arrays, fft_length: int | None = None) -> Array:
    """The inverse of `rfft`; `fft_length` says whether the result has an odd length."""
    return signal.irfft(_complex(x, 1), None if fft_length is None else [fft_length])


def _window(window: Any, sequence_length: int, fft_length: int, dtype: Any) -> Any:
    """A function for `signal.stft` that gives the window, with zeros on both sides up to `fft_length`; None for no window."""
    if window is None:
        return None
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(f'If a string is passed to `window`, it must be one of `"hann"`, `"hamming"`. Received: window={window}')
        values = (signal.hann_window if window == "hann" else signal.hamming_window)(sequence_length, dtype=dtype)
    else:
        values = cast(as_tensor(window), dtype)
    if values.sizes != (sequence_length,):
        raise ValueError(f"The shape of `window` must be equal to [sequence_length]. Received: window shape={values.shape}")
    left = (fft_length - sequence_length) // 2
    wide = pad(values, [left], [fft_length - sequence_length - left])
    return lambda length, dtype: wide


def _check_stride(sequence_stride: Any) -> None:
    if not isinstance(sequence_stride, int) or sequence_stride < 1:
        raise ValueError(f"`sequence_stride` must be a positive integer. Received: sequence_stride={sequence_stride}")


@operation("math", kind="STFT")
def stft(x: Array, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True) -> tuple[Array, Array]:
    """The short-time Fourier transform of the last axis: of overlapping, windowed sequences, as (real, imaginary).

    Args:
        x: float32 or float64.
        sequence_length: how long the window is.
        sequence_stride: how far apart the sequences begin.
        fft_length: how long they are, with zeros around the window.
        window: "hann", "hamming", a tensor [sequence_length] or None.
        center: whether `x` is mirrored at both ends, so that the sequences are centred at multiples of the stride.

    Example:
        >>> real, imag = stft(tf.ones([16]), 4, 2, 4)
        >>> real.shape
        TensorShape([9, 3])
    """
    if x.dtype.name not in ("float32", "float64"):
        raise TypeError(f"Invalid input type. Expected `float32` or `float64`. Received: input type={x.dtype.name}")
    if fft_length < sequence_length:
        raise ValueError("`fft_length` must equal or larger than `sequence_length`. "
                         f"Received: sequence_length={sequence_length}, fft_length={fft_length}")  # fmt: skip
    _check_stride(sequence_stride)
    shape = _window(window, sequence_length, fft_length, x.dtype)
    if center:
        x = shaping.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], "REFLECT")
    return _parts(signal.stft(x, fft_length, sequence_stride, fft_length, shape))


def _istft_spec(x: Any, sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None, window: Any = "hann",
                center: bool = True) -> Spec:  # fmt: skip
    _check_pair(x, 2)
    count = x[0].sizes[-2]
    size = (count - 1) * sequence_stride + fft_length - (2 * (fft_length // 2) if center else 0)
    return Spec((*x[0].sizes[:-2], size if length is None else length), x[0].dtype)


@operation("math", kind="ISTFT", spec=_istft_spec)
def istft(x: Arrays, sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None, window: Any = "hann",
          center: bool = True) -> Array:  # fmt: skip
    """The signal of a short-time Fourier transform: the inverse of `stft`.

    Args:
        x: (real, imaginary), each [..., sequences, terms].
        sequence_length, sequence_stride, fft_length, window, center: as in `stft`.
        length: how long the signal is; default: as long as the sequences reach.

    Example:
        >>> x = tf.reshape(tf.range(16.0), [1, 16])
        >>> istft(stft(x, 4, 2, 4), 4, 2, 4).numpy().round(3)[0, :4]
        array([0., 1., 2., 3.], dtype=float32)
    """
    spectrum = _complex(x, 2)
    _check_stride(sequence_stride)
    shape: Any = _window(window, sequence_length, fft_length, x[0].dtype)
    undo = None if shape is None else signal.inverse_stft_window_fn(sequence_stride, shape)
    y: Any = signal.inverse_stft(spectrum, fft_length, sequence_stride, fft_length, undo)
    start = fft_length // 2 if center else 0
    if length is not None:
        return y[..., start : start + length]
    return y[..., start : y.sizes[-1] - start]
