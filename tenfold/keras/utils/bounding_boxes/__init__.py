"""`keras.utils.bounding_boxes`: boxes in images, in nine formats."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.utils.bounding_boxes",
    {
        "tenfold.keras.utils.bounding_boxes.formats": "convert_format",
        "tenfold.keras.utils.bounding_boxes.geometry": "affine_transform clip_to_image_size crop pad",
        "tenfold.keras.utils.bounding_boxes.anchors": "decode_deltas_to_boxes encode_box_to_deltas",
        "tenfold.keras.utils.bounding_boxes.overlaps": "compute_ciou compute_iou",
    },
)
