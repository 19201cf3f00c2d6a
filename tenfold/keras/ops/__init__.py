"""`keras.ops`: functions of tensors, arrays, and the symbolic tensors of functional models. Each file is loaded when it is first used."""

from tenfold.keras.base import lazy as _lazy
from tenfold.keras.ops import linalg as _linalg
from tenfold.keras.ops import nn as _nn
from tenfold.keras.ops import numpy as _numpy

NAMES = {
    "tenfold.keras.ops.numpy": "numpy=*",
    "tenfold.keras.ops.nn": "nn=*",
    "tenfold.keras.ops.linalg": "linalg=*",
    "tenfold.keras.ops.image": "image=*",
    "tenfold.keras.ops.core": "cast convert_to_numpy convert_to_tensor custom_gradient dtype is_tensor saturate_cast scatter scatter_update "
    "shape slice slice_update stop_gradient unstack",
    "tenfold.keras.ops.rearranging": "rearrange",
    "tenfold.keras.ops.looping": "associative_scan cond fori_loop map scan switch vectorized_map while_loop",
    "tenfold.keras.ops.math": "cdist erf erfc erfinv extract_sequences in_top_k logdet logsumexp rsqrt segment_max segment_min segment_prod "
    "segment_sum top_k view_as_complex view_as_real",
    "tenfold.keras.ops.fourier": "fft fft2 ifft2 irfft istft rfft stft",
} | _numpy.NAMES | _nn.NAMES | _linalg.NAMES  # fmt: skip
__getattr__, __dir__, __all__ = _lazy.names("tenfold.keras.ops", NAMES)
