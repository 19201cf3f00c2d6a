"""tf.audio: what TensorFlow 2.21 makes of the same samples and files."""

import numpy as np
import pytest

import tenfold as tf

SAMPLES = np.array([[0, 0.5], [1, -1], [2, -3], [0.3, -0.3], [1.5 / 32768, -1.5 / 32768], [0.5 / 32768, -2.5 / 32768]], np.float32)
FILE = (
    b"RIFF<\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00@\x1f\x00\x00\x00}\x00\x00\x04\x00\x10\x00data\x18\x00\x00\x00"
    b"\x00\x00\x00@\xff\x7f\x00\x80\xff\x7f\x00\x80f&\x9a\xd9\x02\x00\xfe\xff\x01\x00\xfd\xff"
)
WHOLE = np.array([[0, 16384], [32767, -32768], [32767, -32768], [9830, -9830], [2, -2], [1, -3]], np.float32)


def test_files_are_tensorflows_byte_for_byte() -> None:
    assert tf.audio.encode_wav(SAMPLES.astype(np.float64), 8000).numpy() == FILE
    assert tf.function(tf.audio.encode_wav)(SAMPLES, tf.constant(8000)).numpy() == FILE
    assert len(tf.audio.encode_wav(np.zeros((0, 1)), 1).numpy()) == 44
    assert tf.audio.encode_wav([[np.inf], [-np.inf], [np.nan]], 1).numpy()[44:] == b"\xff\x7f\x00\x80\x00\x00"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, WHOLE),
        ({"desired_channels": 1}, WHOLE[:, :1]),
        ({"desired_channels": 3}, WHOLE[:, [0, 1, 1]]),
        ({"desired_samples": 2}, WHOLE[:2]),
        ({"desired_samples": 8}, np.pad(WHOLE, ((0, 2), (0, 0)))),
    ],
)
@pytest.mark.parametrize("traced", [False, True])
def test_decode(options: dict[str, int], expected: np.ndarray, traced: bool) -> None:
    def decode(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        audio, rate = tf.audio.decode_wav(content, **options)
        return audio * 2.0, rate

    audio, rate = (tf.function(decode) if traced else decode)(tf.constant(FILE))
    np.testing.assert_array_equal(audio.numpy() * 16384, expected)
    assert audio.dtype == tf.float32 and rate.dtype == tf.int32 and int(rate) == 8000


@pytest.mark.parametrize("content", [b"", b"RIFFxxxx", FILE[:30], b"no sound at all", FILE.replace(b"\x04\x00\x10\x00data", b"\x04\x00\x08\x00data")])
def test_what_is_no_wav_file_is_refused(content: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="PCM"):
        tf.audio.decode_wav(content)


def test_mistakes() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="sample_rate must be in"):
        tf.audio.encode_wav(SAMPLES, 0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expand_dims"):
        tf.audio.encode_wav(SAMPLES[:, 0], 8000)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one string"):
        tf.audio.decode_wav([FILE, FILE])
