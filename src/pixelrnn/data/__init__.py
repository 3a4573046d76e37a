"""Images: raw files to arrays (`sources`), arrays on disk (`arrays`), arrays to batches (`images`).

What brings torch along is imported on first use, so that `prepare` and `compare`, which need none
of it for most data, start at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pixelrnn.data.arrays import check_images, open_arrays, read_description, write_arrays
from pixelrnn.data.sources.binarized_mnist import binarized_mnist
from pixelrnn.data.sources.digits import digits
from pixelrnn.data.sources.drawn import drawn_from_gray
from pixelrnn.data.sources.folder import image_folder
from pixelrnn.data.sources.imagenet import imagenet
from pixelrnn.data.sources.ising import ising
from pixelrnn.data.sources.own_arrays import npy_arrays, npz_arrays
from pixelrnn.data.sources.photos import patch_corners, photo_patches
from pixelrnn.data.splits import SPLITS, Pairs, Splits

if TYPE_CHECKING:
    from pixelrnn.data.images import ImageData
    from pixelrnn.data.sources.torchvision_sets import torchvision_images

__all__ = [
    "SPLITS",
    "ImageData",
    "Pairs",
    "Splits",
    "binarized_mnist",
    "check_images",
    "digits",
    "drawn_from_gray",
    "image_folder",
    "imagenet",
    "ising",
    "npy_arrays",
    "npz_arrays",
    "open_arrays",
    "patch_corners",
    "photo_patches",
    "read_description",
    "torchvision_images",
    "write_arrays",
]

_NEEDS_TORCH = {
    "ImageData": "pixelrnn.data.images",
    "torchvision_images": "pixelrnn.data.sources.torchvision_sets",
}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_NEEDS_TORCH[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
