"""Images: raw files to arrays (`sources`), arrays on disk (`arrays`), arrays to batches (`images`).

`ImageData` brings Lightning and torch along; it is imported on first use, so that `prepare` and `compare`, which need
neither, start at once.
"""

from typing import TYPE_CHECKING, Any

from pixelrnn.data.arrays import check_images, open_arrays, read_description, write_arrays
from pixelrnn.data.sources import SPLITS, Splits, digits, patch_corners, photo_patches

if TYPE_CHECKING:
    from pixelrnn.data.images import ImageData

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


def __getattr__(name: str) -> Any:
    if name != "ImageData":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pixelrnn.data.images import ImageData

    return ImageData
