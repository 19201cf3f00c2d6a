"""Layers for images and sound with given transformations, and bounding boxes."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, integers, uniform
from recorded.cases.layer_runs import Names, Table

TABLE = Table()
CASES = TABLE.cases
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
    ("erasing", lambda L: L.RandomErasing(),
     {"apply_erasing": np.array([True, False]), "batch_masks": COARSE > 100, "fill_value": np.flip(PICTURES, 1)}, False),
    ("cutmix", lambda L: L.CutMix(), {"batch_masks": COARSE > 100, "mix_weight": FACTORS, "permutation_order": np.array([1, 0])}, False),
    ("mixup", lambda L: L.MixUp(), {"mix_weight": FACTORS, "permutation_order": np.array([1, 0])}, False),
):  # fmt: skip
    CASES[name] = Case(transformed(make, transformation, PICTURES, boxes), kind=make(Names()))

# Images in mixed precision have the 16-bit type. Counting (equalization) has no gradient.
FLOAT32 = {"mixed_bfloat16": 0.0, "mixed_float16": 0.0}  # where Keras gives float32 although it announces the 16-bit type
TABLE.add("auto_contrast", lambda L: L.AutoContrast(), PICTURES, steps=0)
TABLE.add("auto_contrast_range", lambda L: L.AutoContrast((0, 300)), PICTURES, steps=0)
TABLE.add("equalization", lambda L: L.Equalization(bins=64), COARSE, smooth=False)
TABLE.add("equalization_range", lambda L: L.Equalization((0, 250)), COARSE, smooth=False)
CLAHE = "ContrastLimitedAdaptiveHistogramEqualization"
TABLE.add("clahe", lambda L: getattr(L, CLAHE)(tile_grid_size=(2, 4)), COARSE, smooth=False)
TABLE.add("clahe_limit", lambda L: getattr(L, CLAHE)(clip_limit=2.0, tile_grid_size=(3, 3)), COARSE, smooth=False)
TABLE.add("resizing", lambda L: L.Resizing(5, 20), PICTURES, steps=0)
TABLE.add("resizing_padded", lambda L: L.Resizing(8, 8, pad_to_aspect_ratio=True, fill_value=7.0), PICTURES, steps=0)
TABLE.add("resizing_cropped", lambda L: L.Resizing(8, 8, "bicubic", crop_to_aspect_ratio=True, antialias=True), PICTURES, smooth=False)
TABLE.add("center_crop", lambda L: L.CenterCrop(5, 6), PICTURES, steps=0)
TABLE.add("center_crop_enlarged", lambda L: L.CenterCrop(14, 16), PICTURES, mixed=FLOAT32, steps=0)
TABLE.add("pipeline", lambda L: L.Pipeline([L.Rescaling(0.5), L.CenterCrop(5, 6)]), PICTURES, steps=0)
TABLE.add("pipeline_sizes", lambda L: L.Pipeline([L.Resizing(5, 20), L.Rescaling(2.0, 1.0)]), PICTURES, steps=0)
TABLE.add("category_one_hot", lambda L: L.CategoryEncoding(6, "one_hot"), integers(6, 0, 6, 3, 1), mixed=FLOAT32, smooth=False)
TABLE.add("category_multi_hot", lambda L: L.CategoryEncoding(6), integers(6, 0, 6, 3, 4), mixed=FLOAT32, smooth=False)
TABLE.add("discretization", lambda L: L.Discretization([50.0, 100.0]), PICTURES, smooth=False)
TABLE.add("discretization_one_hot", lambda L: L.Discretization([50.0, 100.0], output_mode="one_hot"), PICTURES[0, 0, :, :1], smooth=False)


def resized_boxes(tf: Any) -> Arrays:
    found: Arrays = {}
    for tag, options in (("plain", {}), ("cropped", {"crop_to_aspect_ratio": True}), ("padded", {"pad_to_aspect_ratio": True})):
        layer = tf.keras.layers.Resizing(8, 8, bounding_box_format="xyxy", **options)
        moved = layer.transform_bounding_boxes({k: tf.constant(v) for k, v in BOXES.items()}, SHAPE[1:3])
        found |= {f"{tag}_{k}": array(v) for k, v in moved.items()}
    return found


CASES["resized_boxes"] = Case(resized_boxes)


def limited_boxes(tf: Any, count: int) -> Arrays:
    """Filled up or cut to a number."""
    layer = tf.keras.layers.MaxNumBoundingBoxes(count, bounding_box_format="xyxy")
    found = layer({"images": tf.constant(PICTURES), "bounding_boxes": {k: tf.constant(v) for k, v in BOXES.items()}})
    return {k: array(v).astype("float32") for k, v in found["bounding_boxes"].items()}


for count in (1, 4):
    CASES[f"limited_boxes_{count}"] = Case(lambda tf, n=count: limited_boxes(tf, n), kind="MaxNumBoundingBoxes")


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
TABLE.add("mel", lambda L: L.MelSpectrogram(fft_length=128, sequence_stride=64, sequence_length=100, num_mel_bins=10, sampling_rate=8000), SOUND,
          1e-3, {"mixed_bfloat16": 0.03, "mixed_float16": 0.01}, smooth=False)  # fmt: skip
TABLE.add("mel_plain", lambda L: L.MelSpectrogram(fft_length=64, sequence_stride=16, num_mel_bins=8, mag_exp=1.5, power_to_db=False), SOUND, 1e-4,
          {"mixed_float16": 0.01}, smooth=False)  # fmt: skip
for mode in ("magnitude", "stft", "log", "psd", "real"):
    TABLE.add(f"stft_{mode}", lambda L, m=mode: L.STFTSpectrogram(m, 32, 20, 64, np.hanning(32), padding="same", expand_dims=m != "psd"),
              SOUND.reshape(2, 200, 3), 5e-4 if mode == "log" else 1e-4, {"mixed_bfloat16": 0.0}, steps=0, smooth=False)  # fmt: skip
