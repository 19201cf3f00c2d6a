"""Where are the blood cells, and of which kind? A one-stage detector on BCCD: each place of a 15 x 20 grid says what begins there.
Of the cells in the test pictures it finds as many as an F1 of 0.68 says, at an overlap of one half, after 8 epochs.

TENFOLD_DATA_DIR=... python examples/blood_cells.py
"""

import io
import os
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

import tenfold as tf
from tenfold.keras import layers

KINDS = ("RBC", "WBC", "Platelets")
HEIGHT, WIDTH, CELL = 240, 320, 16
GRID = (HEIGHT // CELL, WIDTH // CELL)


def examples() -> dict[str, tuple[np.ndarray, list[np.ndarray]]]:
    """Part -> pictures [n, 240, 320, 3], and for each its boxes [count, 5]: kind, then centre and size as parts of the picture."""
    files = {}
    with tarfile.open(Path(os.environ["TENFOLD_DATA_DIR"]) / "bccd" / "BCCD.tar.gz") as archive:
        for member in archive:
            if member.isfile():
                files["/".join(Path(member.name).parts[-2:])] = archive.extractfile(member).read()
    parts = {}
    for part in ("train", "val", "test"):
        names = files[f"Main/{part}.txt"].decode().split()
        pictures = [tf.keras.utils.load_img(io.BytesIO(files[f"JPEGImages/{n}.jpg"]), target_size=(HEIGHT, WIDTH)) for n in names]
        parts[part] = np.stack([np.asarray(p) for p in pictures]), [boxes(files[f"Annotations/{n}.xml"]) for n in names]
    return parts


def boxes(xml: bytes) -> np.ndarray:
    found = []
    for thing in ElementTree.fromstring(xml).iter("object"):
        x0, y0, x1, y1 = (float(thing.find(f"bndbox/{name}").text) for name in ("xmin", "ymin", "xmax", "ymax"))
        if x1 > x0 and y1 > y0:
            found.append((KINDS.index(thing.find("name").text), (x0 + x1) / 1280, (y0 + y1) / 960, (x1 - x0) / 640, (y1 - y0) / 480))
    return np.array(found, "float32").reshape(-1, 5)


def mirrored(x: np.ndarray, all_boxes: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The pictures and boxes, and these from left to right, upside down, and both."""
    for axis, centre in ((2, 1), (1, 2)):
        sign = np.where(np.arange(5) == centre, -1, 1).astype("float32")
        x, all_boxes = np.concatenate([x, np.flip(x, axis)]), all_boxes + [sign * boxes + (sign < 0) for boxes in all_boxes]
    return x, all_boxes


def targets(all_boxes: list[np.ndarray]) -> np.ndarray:
    """[n, 15, 20, 8]: is there a centre, where in its cell, how large, of which kind."""
    y = np.zeros((len(all_boxes), *GRID, 8), "float32")
    for picture, found in zip(y, all_boxes, strict=True):
        for kind, cx, cy, w, h in found:
            i, j = min(int(cy * GRID[0]), GRID[0] - 1), min(int(cx * GRID[1]), GRID[1] - 1)
            picture[i, j] = [1, cy * GRID[0] - i, cx * GRID[1] - j, h, w, *np.eye(3)[int(kind)]]
    return y


def loss(y, z):
    there = y[..., 0]
    centre = tf.nn.sigmoid_cross_entropy_with_logits(labels=there, logits=z[..., 0])
    place = tf.reduce_sum((y[..., 1:5] - tf.sigmoid(z[..., 1:5])) ** 2, -1)
    kind = tf.nn.softmax_cross_entropy_with_logits(labels=y[..., 5:], logits=z[..., 5:])
    return tf.reduce_mean(tf.reduce_sum(centre + there * (8 * place + kind), (1, 2)))


def detector() -> tf.keras.Model:
    inputs = tf.keras.Input((HEIGHT, WIDTH, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    for filters in (16, 32, 64, 128):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Conv2D(128, 3, padding="same", activation="relu")(x)
    return tf.keras.Model(inputs, layers.Conv2D(8, 1)(x))


def detections(z: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Rows [score, kind, y0, x0, y1, x1] of one picture, without boxes that overlap a better one."""
    score = 1 / (1 + np.exp(-z[..., 0]))
    i, j = np.nonzero(score > threshold)
    place = 1 / (1 + np.exp(-z[i, j, 1:5]))
    cy, cx, h, w = (i + place[:, 0]) / GRID[0], (j + place[:, 1]) / GRID[1], place[:, 2], place[:, 3]
    corners = np.stack([cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2], 1)
    kept = tf.image.non_max_suppression(corners.astype("float32"), score[i, j].astype("float32"), 50, 0.5).numpy()
    return np.column_stack([score[i, j], z[i, j, 5:].argmax(-1), corners])[kept]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    inner = np.prod(np.maximum(0, np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])))
    return inner / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inner)


def f1(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """Of pairs of the same kind that overlap by half."""
    right = sum(len(f) for f in found) + sum(len(w) for w in wanted)
    pairs = 0
    for boxes_found, boxes_wanted in zip(found, wanted, strict=True):
        free = [(int(k), np.array([cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2])) for k, cx, cy, w, h in boxes_wanted]
        for row in boxes_found:
            best = max(free, key=lambda box, row=row: overlap(row[2:], box[1]) * (box[0] == row[1]), default=None)
            if best is not None and best[0] == row[1] and overlap(row[2:], best[1]) >= 0.5:
                pairs += 1
                free = [box for box in free if box is not best]
    return 2 * pairs / right


def main(epochs: int = 8) -> float:
    tf.keras.utils.set_random_seed(0)
    parts = examples()
    x, known = mirrored(*parts["train"])
    y = targets(known)
    model = detector()
    rate = tf.keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(x) // 16))
    model.compile(tf.keras.optimizers.Adam(rate), loss)
    model.fit(x, y, batch_size=16, epochs=epochs, validation_data=(parts["val"][0], targets(parts["val"][1])))
    found = [detections(z) for z in model.predict(parts["test"][0])]
    score = f1(found, parts["test"][1])
    print(f"F1 of the cells that are found in the test pictures: {score:.2f}")
    return score


if __name__ == "__main__":
    main()
