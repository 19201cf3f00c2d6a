"""WAV files of 16-bit PCM as arrays, and back."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import InvalidArgumentError

SCALE = np.float32(32768)  # samples are -1 ... 1 outside


def decoded(content: bytes, name: str = "decode_wav") -> tuple[NDArray[np.float32], int]:
    """The samples, [samples, channels], from -1 to 1, and how many there are a second.

    Raises:
        InvalidArgumentError: it is something else.
    """
    try:
        with wave.open(io.BytesIO(content), "rb") as stream:
            if stream.getsampwidth() != 2:
                raise InvalidArgumentError(f"[{name}] there are {8 * stream.getsampwidth()} bits a sample. Expected 16-bit PCM.")
            channels, rate, frames = stream.getnchannels(), stream.getframerate(), stream.readframes(stream.getnframes())
    except (wave.Error, EOFError) as error:
        raise InvalidArgumentError(f"[{name}] this is not a WAV file of PCM samples ({error or 'it is cut off'}).") from error
    whole = len(frames) // (2 * channels) * 2 * channels
    return np.frombuffer(frames[:whole], "<i2").reshape(-1, channels).astype(np.float32) / SCALE, rate


def encoded(samples: NDArray[np.float32], rate: int) -> bytes:
    """A WAV file of samples [samples, channels]; what is beyond -1 ... 1 is cut off, halves are rounded away from zero."""
    if not 0 < rate < 2**32:
        raise InvalidArgumentError(f"[encode_wav] sample_rate must be in (0, 2^32); received {rate}.")
    if not 0 < samples.shape[1] < 2**15:
        raise InvalidArgumentError(f"[encode_wav] expected audio [samples, channels] with at least one channel; received shape {samples.shape}.")
    scaled = np.clip(np.nan_to_num(samples), -1, 1) * SCALE
    whole = np.clip(np.copysign(np.floor(np.abs(scaled) + np.float32(0.5)), scaled), -32768, 32767).astype("<i2")
    out: Any = io.BytesIO()
    with wave.open(out, "wb") as stream:
        stream.setparams((samples.shape[1], 2, rate, 0, "NONE", ""))
        stream.writeframes(whole.tobytes())
    content: bytes = out.getvalue()
    return content
