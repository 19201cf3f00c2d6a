"""`keras.visualization`: boxes and masks drawn on images, and galleries of images."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.visualization",
    {
        "tenfold.keras.visualization.boxes": "draw_bounding_boxes",
        "tenfold.keras.visualization.masks": "draw_segmentation_masks",
        "tenfold.keras.visualization.galleries": "plot_bounding_box_gallery plot_image_gallery plot_segmentation_mask_gallery",
    },
)
