"""`keras.ops.image`: colors, sizes, patches and warps of images."""

from tenfold.keras.base import lazy

NAMES = {
    "tenfold.keras.ops.image_colors": "hsv_to_rgb rgb_to_grayscale rgb_to_hsv",
    "tenfold.keras.ops.image_filters": "gaussian_blur sobel_edges ssim",
    "tenfold.keras.ops.image_patches": "extract_patches extract_patches_3d",
    "tenfold.keras.ops.image_sizes": "crop_images pad_images resize scale_and_translate",
    "tenfold.keras.ops.image_warps": "affine_transform elastic_transform map_coordinates perspective_transform",
}
__getattr__, __dir__, __all__ = lazy.names("tenfold.keras.ops.image", NAMES)
