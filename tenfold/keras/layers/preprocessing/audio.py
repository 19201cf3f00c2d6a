"""Spectrograms of sound."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from tenfold.keras import ops
from tenfold.keras.base import defaults, windows
from tenfold.keras.base.registry import register
from tenfold.keras.initializers import constant as constant_initializers
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.primitives.movement import reshape


@lru_cache(16)
def mel_weights(bands: int, terms: int, rate: float, low: float, high: float) -> Any:
    """A matrix [terms, bands]: triangles that are evenly spread over the mel scale, 1127 log(1 + f / 700)."""

    def mel(hertz: Any) -> Any:
        return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)

    at = mel(np.linspace(0.0, rate / 2, terms))[1:, None]  # without the constant term
    edges = np.linspace(mel(low), mel(high), bands + 2)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((at - left) / (middle - left), (right - at) / (right - middle))
    return np.pad(np.maximum(triangles, 0), [[1, 0], [0, 0]]).astype(np.float32)


@register(MODULE)
class MelSpectrogram(Layer):
    """Sound waves [..., samples] as the strength of frequency bands over time, [..., bands, frames].

    Args:
        fft_length: samples of each transform.
        sequence_stride: samples between frames.
        sequence_length: samples of each frame; default: `fft_length`.
        window: "hann", "hamming", values, or None.
        sampling_rate: samples per second.
        num_mel_bins: how many bands.
        min_freq, max_freq: the lowest and highest frequency, in hertz; default: from 20 to half the sampling rate.
        power_to_db: whether to give decibels.
        top_db: how many decibels below the loudest what is softer is raised to.
        mag_exp: the exponent of magnitudes; 2: power.
        min_power, ref_power: the least power, and that of 0 decibels.
    """

    _stateless = True

    def __init__(self, fft_length: int = 2048, sequence_stride: int = 512, sequence_length: int | None = None, window: Any = "hann",
                 sampling_rate: float = 16000, num_mel_bins: int = 128, min_freq: float = 20.0, max_freq: float | None = None,
                 power_to_db: bool = True, top_db: float = 80.0, mag_exp: float = 2.0, min_power: float = 1e-10, ref_power: float = 1.0,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.fft_length, self.sequence_stride, self.sequence_length = fft_length, sequence_stride, sequence_length or fft_length
        if self.fft_length < self.sequence_length:
            raise ValueError("`fft_length` must be greater than or equal to `sequence_length`. "
                             f"Received: `sequence_length`={self.sequence_length}, `fft_length`={fft_length}.")  # fmt: skip
        self.window, self.sampling_rate, self.num_mel_bins = window, sampling_rate, num_mel_bins
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power

    def linear_to_mel_weight_matrix(self, num_mel_bins: int = 20, num_spectrogram_bins: int = 129, sampling_rate: float = 8000,
                                    lower_edge_hertz: float = 125.0, upper_edge_hertz: float = 3800.0, dtype: Any = "float32") -> Any:  # fmt: skip
        """A matrix [num_spectrogram_bins, num_mel_bins] that turns frequencies into mel bands."""
        weights = mel_weights(num_mel_bins, num_spectrogram_bins, float(sampling_rate), float(lower_edge_hertz), float(upper_edge_hertz))
        return ops.convert_to_tensor(weights, dtype)

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.compute_dtype if self.compute_dtype in ("float32", "float64") else "float32")
        real, imag = ops.stft(x, sequence_length=self.sequence_length, sequence_stride=self.sequence_stride, fft_length=self.fft_length,
                              window=self.window, center=True)  # fmt: skip
        power = real * real + imag * imag
        spectrum = power if self.mag_exp == 2 else ops.power(ops.sqrt(power), self.mag_exp)
        matrix = self.linear_to_mel_weight_matrix(self.num_mel_bins, spectrum.shape[-1], self.sampling_rate, self.min_freq, self.max_freq, x.dtype)
        bands = ops.matmul(spectrum, matrix)
        bands = self._decibels(bands) if self.power_to_db else bands
        return ops.cast(ops.swapaxes(bands, -1, -2), self.compute_dtype)

    def _decibels(self, power: Any) -> Any:
        reference = float(np.log10(max(abs(self.ref_power), self.min_power)))
        level = 10.0 * (ops.log10(ops.maximum(power, self.min_power)) - reference)
        return ops.maximum(level, ops.max(level) - self.top_db)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(..., bands, frames)."""
        samples = input_shape[-1]
        frames = None if samples is None else (samples + self.sequence_stride + 1) // self.sequence_stride
        return (*input_shape[:-1], self.num_mel_bins, frames)

    def get_config(self) -> dict[str, Any]:
        names = ("fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate", "num_mel_bins", "min_freq", "max_freq",
                 "power_to_db", "top_db", "mag_exp", "min_power", "ref_power")  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


@register(MODULE)
class STFTSpectrogram(Layer):
    """Spectrograms of signals [batch, samples, channels], by convolutions whose kernels can be trained.

    Args:
        mode: "log", "magnitude", "psd", "real", "imag", "angle" or "stft" (real and imaginary parts).
        frame_length: samples of each frame.
        frame_step: samples between frames; default: half a frame.
        fft_length: samples of each transform; default: the power of two that holds a frame.
        window: "hann", "hamming", values, or None.
        periodic: whether the window is one period long.
        scaling: "density", "spectrum" or None.
        padding: "valid" or "same".
        expand_dims: whether frequencies get an axis of their own, so that results are images.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, mode: str = "log", frame_length: int = 256, frame_step: int | None = None, fft_length: int | None = None,
                 window: Any = "hann", periodic: bool = False, scaling: str | None = "density", padding: str = "valid", expand_dims: bool = False,
                 data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError("`frame_step` should be a positive integer not greater than `frame_length`. "
                             f"Received frame_step={frame_step}, frame_length={frame_length}")  # fmt: skip
        if fft_length is not None and fft_length < frame_length:
            raise ValueError("`fft_length` should be not less than `frame_length`. "
                             f"Received fft_length={fft_length}, frame_length={frame_length}")  # fmt: skip
        if fft_length is not None and fft_length & (fft_length - 1):
            warnings.warn(f"`fft_length` is recommended to be a power of two. Received fft_length={fft_length}", stacklevel=2)
        if mode not in MODES:
            raise ValueError(f"Output mode is invalid, it must be one of {', '.join(MODES)}. Received: mode={mode}")
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(f"Scaling is invalid, it must be `None`, 'density' or 'spectrum'. Received scaling={scaling}")
        if padding not in ("valid", "same"):
            raise ValueError(f"Padding is invalid, it should be 'valid', 'same'. Received: padding={padding}")
        if isinstance(window, str):
            windows.check(window)
        super().__init__(**kwargs)
        self.mode, self.frame_length, self.frame_step, self.fft_length = mode, frame_length, frame_step, fft_length
        self._step = frame_step or frame_length // 2
        self._terms = (fft_length or 1 << (frame_length - 1).bit_length()) // 2 + 1
        self.window, self.periodic, self.scaling, self.padding, self.expand_dims = window, periodic, scaling, padding, expand_dims
        self.data_format = defaults.data_format(data_format)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        for side in ("real", "imag"):
            if self.mode not in ("real", "imag") or self.mode == side:
                start = constant_initializers.STFT(side, self.window, self.scaling, self.periodic)
                weight = self.add_weight(name=f"{side}_kernel", shape=(self.frame_length, 1, self._terms), initializer=start)
                setattr(self, f"{side}_kernel", weight)

    def _transformed(self, signals: Any, side: str) -> Any:
        """[batch, channels, frames, terms] of signals [batch, channels, samples]."""
        batch, channels, samples = signals.sizes
        kernel = ops.cast(getattr(self, f"{side}_kernel"), signals.dtype)
        y = ops.conv(reshape(signals, (batch * channels, samples, 1)), kernel, strides=self._step, padding=self.padding, data_format="channels_last")
        return reshape(y, (batch, channels, *y.sizes[1:]))

    def call(self, inputs: Any) -> Any:
        if inputs.dtype.name not in ("float16", "bfloat16", "float32", "float64"):
            raise TypeError(f"Invalid input type. Expected `float16`, `float32` or `float64`. Received: input type={inputs.dtype.name}")
        signals = ops.swapaxes(inputs, 1, 2) if self.data_format == "channels_last" else inputs
        parts = {side: self._transformed(signals, side) for side in ("real", "imag") if self.mode not in ("real", "imag") or self.mode == side}
        return self._arranged(self._combined(parts))

    def _combined(self, parts: dict[str, Any]) -> Any:
        if self.mode in parts:
            return parts[self.mode]
        real, imag = parts["real"], parts["imag"]
        if self.mode == "angle":
            return ops.arctan2(imag, real)
        if self.mode == "stft":
            return ops.concatenate([real, imag], axis=-1)
        power = real * real + imag * imag
        if self.mode == "psd":  # all but the first and last term stand for two frequencies
            return power + ops.pad(power[..., 1:-1], [[0, 0], [0, 0], [0, 0], [1, 1]])
        magnitude = ops.sqrt(ops.maximum(power, defaults.epsilon()))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, defaults.epsilon()))

    def _arranged(self, y: Any) -> Any:
        """[batch, channels, frames, terms] in the layer's format."""
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(y, (0, 2, 3, 1)) if last else y
        batch, channels, frames, terms = y.sizes
        if last:
            return reshape(ops.transpose(y, (0, 2, 1, 3)), (batch, frames, channels * terms))
        return reshape(ops.swapaxes(y, 2, 3), (batch, channels * terms, frames))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape."""
        last = self.data_format == "channels_last"
        samples, channels = (input_shape[1], input_shape[2]) if last else (input_shape[2], input_shape[1])
        terms = self._terms * (2 if self.mode == "stft" else 1)
        start = 0 if self.padding == "same" else self.frame_length - 1
        frames = None if samples is None else -(-(samples - start) // self._step)
        if self.expand_dims:
            return (input_shape[0], frames, terms, channels) if last else (input_shape[0], channels, frames, terms)
        return (input_shape[0], frames, channels * terms) if last else (input_shape[0], channels * terms, frames)

    def get_config(self) -> dict[str, Any]:
        names = ("mode", "frame_length", "frame_step", "fft_length", "window", "periodic", "scaling", "padding", "data_format", "expand_dims")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
