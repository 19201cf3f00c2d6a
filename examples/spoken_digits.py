"""Which digit was spoken? A convolutional network on spectrograms, which the model computes itself from the samples.

Result: 98 % of the test recordings are understood.

    TENFOLD_DATA_DIR=... python examples/spoken_digits.py
"""

import io
import os
import tarfile
import wave
from pathlib import Path

import numpy as np

import tenfold as tf
from tenfold.keras import layers

RATE = SAMPLES = 8000  # one second


def recordings() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples [3000, 8000] from -1 to 1, digits, and numbers within a speaker's recordings of a digit: 0 to 4 are the test set."""
    path = Path(os.environ["TENFOLD_DATA_DIR"]) / "free-spoken-digit-dataset" / "recordings.tar.gz"
    samples, digits, numbers = [], [], []
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.name.endswith(".wav"):
                continue
            with wave.open(io.BytesIO(archive.extractfile(member).read())) as stream:
                x = np.frombuffer(stream.readframes(SAMPLES), "<i2").astype("float32") / 32768
            samples.append(np.pad(x, (0, SAMPLES - len(x))))
            digit, _, number = Path(member.name).stem.split("_")
            digits.append(int(digit))
            numbers.append(int(number))
    return np.stack(samples), np.array(digits), np.array(numbers)


def network() -> tf.keras.Model:
    inputs = tf.keras.Input((SAMPLES,))
    x = layers.MelSpectrogram(fft_length=256, sequence_stride=128, sampling_rate=RATE, num_mel_bins=40, max_freq=RATE / 2)(inputs)
    x = layers.BatchNormalization()(layers.Reshape((*x.shape[1:], 1))(x))
    for filters in (24, 48, 96):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return tf.keras.Model(inputs, layers.Dense(10)(x))


def main(epochs: int = 12) -> float:
    tf.keras.utils.set_random_seed(0)
    x, y, numbers = recordings()
    test = numbers < 5
    model = network()
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(x[~test], y[~test], batch_size=64, epochs=epochs)
    accuracy = model.evaluate(x[test], y[test])[1]
    print(f"{100 * accuracy:.1f} % of the test recordings are understood")
    return accuracy


if __name__ == "__main__":
    main()
