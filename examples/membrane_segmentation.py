"""Which pixels are cells, which are the membranes between them? A small U-Net on microscope pictures (ISBI 2012).

TENFOLD_DATA_DIR=... python examples/membrane_segmentation.py
"""

import io
import os
import tarfile
from pathlib import Path

import numpy as np

import tenfold as tf
from tenfold.keras import layers

TILE = 128


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Pictures [30, 512, 512, 1] from 0 to 1, and 1 for cell, 0 for membrane."""
    found: dict[str, dict[int, np.ndarray]] = {"image": {}, "label": {}}
    with tarfile.open(Path(os.environ["TENFOLD_DATA_DIR"]) / "membrane" / "membrane.tar.gz") as archive:
        for member in archive:
            path = Path(member.name)
            if path.suffix == ".png" and path.parent.name in found:
                picture = tf.keras.utils.load_img(io.BytesIO(archive.extractfile(member).read()), color_mode="grayscale")
                found[path.parent.name][int("".join(filter(str.isdigit, path.stem)))] = np.asarray(picture)
    x, y = (np.stack([part[i] for i in sorted(part)])[..., None] for part in found.values())
    return x.astype("float32") / 255, (y > 127).astype("float32")


def tiles(x: np.ndarray) -> np.ndarray:
    count, height, width, channels = x.shape
    x = x.reshape(count, height // TILE, TILE, width // TILE, TILE, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(-1, TILE, TILE, channels)


def block(x, filters: int):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    return x


def unet() -> tf.keras.Model:
    inputs = x = tf.keras.Input((None, None, 1))
    passed = []
    for filters in (12, 24, 48):
        x = block(x, filters)
        passed.append(x)
        x = layers.MaxPooling2D()(x)
    x = block(x, 96)
    for filters in (48, 24, 12):
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = block(layers.Concatenate()([x, passed.pop()]), filters)
    return tf.keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


def main(epochs: int = 6) -> float:
    tf.keras.utils.set_random_seed(0)
    x, y = pictures()
    x_train, y_train = tiles(x[:25]), tiles(y[:25])
    x_train, y_train = (np.concatenate([a, a.transpose(0, 2, 1, 3)]) for a in (x_train, y_train))
    model = unet()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", tf.keras.metrics.BinaryIoU(target_class_ids=[0], name="membrane_iou")])
    model.fit(x_train, y_train, batch_size=16, epochs=epochs)
    scores = model.evaluate(tiles(x[25:]), tiles(y[25:]), return_dict=True)
    print(f"{100 * scores['accuracy']:.1f} % of the pixels of the five last pictures are right, IoU of the membrane {scores['membrane_iou']:.2f}")
    return scores["accuracy"]


if __name__ == "__main__":
    main()
