"""`tf.audio`: recordings in WAV files of 16-bit PCM. They are read and written in Python; a compiled function calls that between its programs."""

from __future__ import annotations

from typing import Any, NamedTuple

from tenfold.core.missing import missing as _missing
from tenfold.primitives.audio import wav_file, wav_samples
from tenfold.tensor.tensor import Tensor

__getattr__ = _missing("tf.audio")


class DecodeWav(NamedTuple):
    """What `decode_wav` returns."""

    audio: Tensor
    sample_rate: Tensor


def decode_wav(contents: Any, desired_channels: int = -1, desired_samples: int = -1, name: str | None = None) -> DecodeWav:
    """The samples of a WAV file, float32 [samples, channels] from -1 to 1, and how many there are a second.

    Args:
        contents: the file's bytes.
        desired_channels: how many to return: others are dropped, missing ones are copies of the last; -1: as many as there are.
        desired_samples: how many to return: others are dropped, missing ones are zeros; -1: as many as there are.
        name: accepted and not used.

    Example:
        >>> audio, rate = decode_wav(encode_wav([[0.5], [-1.0]], 8000), desired_samples=3)
        >>> audio.numpy().tolist(), int(rate)
        ([[0.5], [-1.0], [0.0]], 8000)
    """
    return DecodeWav(*wav_samples(contents, int(desired_samples), int(desired_channels)))


def encode_wav(audio: Any, sample_rate: Any, name: str | None = None) -> Tensor:
    """The bytes of a WAV file of samples [samples, channels] from -1 to 1; what is beyond is cut off."""
    return wav_file(audio, sample_rate)
