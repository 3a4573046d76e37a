"""Images: raw files to arrays (`sources`), arrays on disk (`arrays`), arrays to batches (`images`).

`ImageData` brings Lightning and torch along; it is imported on first use, so that `prepare` and `compare`, which need
neither, start at once.
"""

from typing import TYPE_CHECKING, Any

from pixelrnn.data.arrays import check_images, open_arrays, read_description, write_arrays
from pixelrnn.data.sources.binarized_mnist import binarized_mnist
from pixelrnn.data.sources.celeba import celeba
from pixelrnn.data.sources.cifar import cifar10
from pixelrnn.data.sources.digits import digits
from pixelrnn.data.sources.folder import image_folder
from pixelrnn.data.sources.imagenet import imagenet
from pixelrnn.data.sources.mnist import fashion_mnist, mnist, mnist_dynamic
from pixelrnn.data.sources.own_arrays import npy_arrays, npz_arrays
from pixelrnn.data.sources.photos import patch_corners, photo_patches
from pixelrnn.data.splits import SPLITS, Pairs, Splits

if TYPE_CHECKING:
    from pixelrnn.data.images import ImageData

__all__ = [
    "SPLITS",
    "ImageData",
    "Pairs",
    "Splits",
    "binarized_mnist",
    "celeba",
    "check_images",
    "cifar10",
    "digits",
    "fashion_mnist",
    "image_folder",
    "imagenet",
    "mnist",
    "mnist_dynamic",
    "npy_arrays",
    "npz_arrays",
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
