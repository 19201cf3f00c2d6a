"""Layers for images and sound with given transformations, and bounding boxes."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, integers, uniform

CASES: dict[str, Case] = {}
PICTURES = uniform(1, 0.0, 255.0, 2, 9, 12, 3)
COARSE = integers(2, 0, 6, 2, 9, 12, 3).astype("float32") * 40
BOXES = {"boxes": np.array([[[1, 2, 5, 7], [3, 1, 11, 8]], [[0, 0, 4, 4], [6, 5, 12, 9]]], "float32"), "labels": np.array([[0, 1], [2, 3]])}
SHAPE = PICTURES.shape


def column(*values: float) -> np.ndarray:
    return np.array(values, "float32").reshape(-1, 1)


def transformed(make: Any, transformation: Any, images: Any, boxes: bool) -> Any:
    def run(tf: Any) -> Arrays:
        layer = make(tf.keras.layers)
        given = {k: tf.constant(v) if isinstance(v, np.ndarray) else v for k, v in transformation.items()}
        found = {"images": array(layer.transform_images(tf.constant(images), given))}
        if boxes:
            moved = layer.transform_bounding_boxes({k: tf.constant(v) for k, v in BOXES.items()}, given)
            found |= {k: array(v) for k, v in moved.items()}
        return found

    return run


def moving(**values: Any) -> dict[str, Any]:
    return {**values, "input_shape": SHAPE}


FACTORS = np.array([0.3, 0.8], "float32")
CORNERS = np.tile(np.array([[0, 0], [11, 0], [0, 8], [11, 8]], "float32"), (2, 1, 1))
for name, make, transformation, boxes in (
    ("translation", lambda L: L.RandomTranslation(0.2, 0.2, bounding_box_format="xyxy"),
     moving(translations=np.array([[1.5, -2.0], [-3.25, 0.5]], "float32")), True),
    ("zoom", lambda L: L.RandomZoom(0.2, 0.2, fill_mode="nearest", bounding_box_format="xyxy"),
     moving(height_zoom=column(0.7, 1.2), width_zoom=column(1.1, 0.8)), True),
    ("shear", lambda L: L.RandomShear(0.2, 0.2, fill_mode="constant", bounding_box_format="xyxy"),
     moving(shear_factor=np.array([[0.2, -0.1], [-0.3, 0.15]], "float32")), True),
    ("perspective", lambda L: L.RandomPerspective(0.2, bounding_box_format="xyxy"),
     moving(apply_perspective=np.array([True, True]), start_points=CORNERS, end_points=CORNERS * (1 + uniform(3, -0.2, 0.2, 2, 4, 2))), True),
    ("flip", lambda L: L.RandomFlip("horizontal", bounding_box_format="xyxy"), moving(flips=np.array([True, False]).reshape(2, 1, 1, 1)), True),
    ("crop_middle", lambda L: L.CenterCrop(5, 6, bounding_box_format="xyxy"), moving(), True),
    ("crop_enlarged", lambda L: L.CenterCrop(14, 16, bounding_box_format="xyxy"), moving(), True),
    ("brightness", lambda L: L.RandomBrightness(0.2), {"rgb_delta": FACTORS.reshape(2, 1, 1, 1) * 100}, False),
    ("contrast", lambda L: L.RandomContrast(0.2), {"contrast_factor": FACTORS.reshape(2, 1, 1, 1)}, False),
    ("saturation", lambda L: L.RandomSaturation(0.2), {"factor": FACTORS}, False),
    ("hue", lambda L: L.RandomHue(0.2), {"factor": FACTORS - 0.5}, False),
    ("degeneration", lambda L: L.RandomColorDegeneration(0.2), {"factor": FACTORS.reshape(2, 1, 1, 1)}, False),
    ("sharpness", lambda L: L.RandomSharpness(0.2), {"factor": FACTORS}, False),
    ("solarization", lambda L: L.Solarization(0.2, 0.2),
     {"additions": 90 * FACTORS.reshape(2, 1, 1, 1), "thresholds": 200 * FACTORS.reshape(2, 1, 1, 1)}, False),
    ("posterization", lambda L: L.RandomPosterization(3), {"shift_factor": np.array([5, 6], "uint8")}, False),
    ("blur", lambda L: L.RandomGaussianBlur(1.0, 5), {"should_apply_blur": np.array([True, False]), "blur_factor": FACTORS}, False),
    ("mixup", lambda L: L.MixUp(), {"mix_weight": FACTORS, "permutation_order": np.array([1, 0])}, False),
):  # fmt: skip
    CASES[name] = Case(transformed(make, transformation, PICTURES, boxes), 1e-5)

for name, make, images in (
    ("auto_contrast", lambda L: L.AutoContrast(), PICTURES),
    ("equalization", lambda L: L.Equalization(bins=64), COARSE),
    ("clahe", lambda L: L.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 4)), COARSE),
    ("resizing", lambda L: L.Resizing(5, 20), PICTURES),
    ("resizing_cropped", lambda L: L.Resizing(8, 8, "bicubic", crop_to_aspect_ratio=True, antialias=True), PICTURES),
    ("resizing_padded", lambda L: L.Resizing(8, 8, pad_to_aspect_ratio=True, fill_value=7.0), PICTURES),
):
    CASES[name] = Case(lambda tf, m=make, x=images: {"images": array(m(tf.keras.layers)(tf.constant(x)))}, 1e-5)


def resized_boxes(tf: Any) -> Arrays:
    found: Arrays = {}
    for tag, options in (("plain", {}), ("cropped", {"crop_to_aspect_ratio": True}), ("padded", {"pad_to_aspect_ratio": True})):
        layer = tf.keras.layers.Resizing(8, 8, bounding_box_format="xyxy", **options)
        moved = layer.transform_bounding_boxes({k: tf.constant(v) for k, v in BOXES.items()}, SHAPE[1:3])
        found |= {f"{tag}_{k}": array(v) for k, v in moved.items()}
    return found


CASES["resized_boxes"] = Case(resized_boxes)


def boxes(tf: Any) -> Arrays:
    B = tf.keras.utils.bounding_boxes
    one, other = BOXES["boxes"][0], BOXES["boxes"][1] + 0.5
    turned = B.affine_transform(tf.constant(BOXES["boxes"]), *(tf.constant(v) for v in (FACTORS * 90, FACTORS / 9, -FACTORS / 9, FACTORS + 0.5,
                                                                                        FACTORS * 20, -FACTORS * 9)), height=9, width=12)  # fmt: skip
    deltas = B.encode_box_to_deltas(one, other, "xyxy", "xywh", variance=[0.1, 0.1, 0.2, 0.2])
    return {
        "affine": array(turned),
        "deltas": array(deltas),
        "decoded": array(B.decode_deltas_to_boxes(one, deltas, "xyxy", "xywh", variance=[0.1, 0.1, 0.2, 0.2])),
        "iou": array(B.compute_iou(one, other, "xyxy")),
        "iou_masked": array(B.compute_iou(one, -other, "xyxy", use_masking=True)),
        "ciou": array(B.compute_ciou(one, other, "xyxy")),
        "relative": array(B.convert_format(one, "center_yxhw", "rel_xywh", height=9, width=12)),
        "crop": array(B.crop(one, 1, 2, 5, 6)),
    }


CASES["boxes"] = Case(boxes, 1e-5)
SOUND = np.sin(np.arange(1200, dtype="float32") ** 1.2 / 7).reshape(2, 600)
CASES["mel"] = Case(lambda tf: {"y": array(tf.keras.layers.MelSpectrogram(fft_length=128, sequence_stride=64, sequence_length=100, num_mel_bins=10,
                                                                         sampling_rate=8000)(tf.constant(SOUND)))}, 1e-3)  # fmt: skip
CASES["mel_plain"] = Case(lambda tf: {"y": array(tf.keras.layers.MelSpectrogram(fft_length=64, sequence_stride=16, num_mel_bins=8, mag_exp=1.5,
                                                                               power_to_db=False)(tf.constant(SOUND)))}, 1e-4)  # fmt: skip
for mode in ("log", "magnitude", "psd", "real", "stft"):
    CASES[f"stft_{mode}"] = Case(lambda tf, m=mode: {"y": array(tf.keras.layers.STFTSpectrogram(
        m, 32, 20, 64, np.hanning(32), padding="same", expand_dims=m != "psd")(tf.constant(SOUND.reshape(2, 200, 3))))},
        5e-4 if mode == "log" else 1e-4)  # fmt: skip
