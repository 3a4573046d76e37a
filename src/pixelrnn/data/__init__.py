"""Images: raw files to arrays (`sources`), arrays on disk (`arrays`), arrays to batches (`images`)."""

from pixelrnn.data.arrays import check_images, open_arrays, read_description, write_arrays
from pixelrnn.data.images import ImageData
from pixelrnn.data.sources import SPLITS, Splits, digits, patch_corners, photo_patches

__all__ = [
    "SPLITS",
    "ImageData",
    "Splits",
    "check_images",
    "digits",
    "open_arrays",
    "patch_corners",
    "photo_patches",
    "read_description",
    "write_arrays",
]
