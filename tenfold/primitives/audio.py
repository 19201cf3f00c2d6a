"""Primitives on recordings in WAV files. They run in Python: a compiled function calls them between its programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core import wav
from tenfold.core.dtypes import float32, int32, string
from tenfold.core.errors import InvalidArgumentError
from tenfold.core.shapes import Size, show
from tenfold.core.strings import array_of
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.define import primitive
from tenfold.primitives.strings import as_strings, unknown
from tenfold.tensor.tensor import Tensor, as_tensor


def _decode_spec(content: Spec, samples: Size, channels: Size) -> tuple[Spec, Spec]:
    if content.shape:
        raise InvalidArgumentError(f"[decode_wav] expected one string; received shape {show(content.shape)}. Try tf.map_fn for several.")
    return Spec((samples, channels), float32), Spec((), int32)


def _decode_oracle(content: Any, samples: Size, channels: Size) -> tuple[Any, Any]:
    found, rate = wav.decoded(content.item())
    if isinstance(channels, int) and channels > 0:
        found = found[:, np.minimum(np.arange(channels), found.shape[1] - 1)]
    if isinstance(samples, int) and samples > 0:
        found = np.pad(found[:samples], ((0, max(samples - len(found), 0)), (0, 0)))
    return np.ascontiguousarray(found), np.array(rate, np.int32)


@primitive(Kind.HOST, spec=_decode_spec, oracle=_decode_oracle, apart=True)
def wav_samples(apply: Any, content: Any, samples: int = -1, channels: int = -1) -> tuple[Tensor, Tensor]:
    """(samples, how many a second) of a WAV file; -1: as many samples and channels as there are."""
    sizes = (n if n > 0 else unknown(name) for n, name in ((samples, "samples"), (channels, "channels")))
    result: tuple[Tensor, Tensor] = apply(as_strings("decode_wav", content), **dict(zip(("samples", "channels"), sizes, strict=True)))
    return result


def _encode_spec(audio: Spec, rate: Spec) -> Spec:
    if len(audio.shape) != 2 or rate.shape:
        raise InvalidArgumentError(f"[encode_wav] expected audio [samples, channels] and one sample_rate; received shapes {show(audio.shape)} and "
                                   f"{show(rate.shape)}. Try tf.expand_dims(audio, -1) for one channel.")  # fmt: skip
    return Spec((), string)


@primitive(Kind.HOST, spec=_encode_spec, oracle=lambda audio, rate: array_of([wav.encoded(audio, int(rate))], ()))
def wav_file(apply: Any, audio: Any, rate: Any) -> Tensor:
    """A WAV file of samples [samples, channels]."""
    result: Tensor = apply(as_tensor(audio, float32), as_tensor(rate, int32))
    return result


__all__ = ["wav_file", "wav_samples"]
