"""Images to bytes and back, in memory: what `pixelrnn.compress` and `pixelrnn.decompress` are."""

import io
from typing import Any

import numpy as np

from pixelrnn.codec import container
from pixelrnn.codec.coder import Coder
from pixelrnn.codec.container import MOST_LANES, Header, read, read_header, write
from pixelrnn.errors import InputError, check_whole
from pixelrnn.models.in_batches import Model

BATCH = 1000  # images a stream; 1 to 32 bits are lost in each


def compress(model: Model, images: Any, *, verify: bool = True, batch_size: int = BATCH) -> bytes:
    """Compress images by a model, without loss, to about their negative log-likelihood in bits.

    `images`: whole numbers 0..K-1 (n, c, h, w), n >= 0, as an array or a tensor. `batch_size` of
    them share a stream, at most 4,096; memory grows with it. With `verify` the bytes are
    decompressed and compared before they are returned. 44 bytes are the header, 8 more each
    stream's.

    Raises InputError for other images, and where `verify` finds a difference.
    """
    check_lanes(batch_size)
    coder = Coder(model)
    levels = _as_levels(images, coder)
    header = start(coder, len(levels), batch_size, b"")
    file = io.BytesIO()
    batches = (levels[i : i + header.lanes] for i in range(0, len(levels), header.lanes))
    write(file, coder, header, batches)
    if verify:
        container.verify(file, coder)
    return file.getvalue()


def decompress(model: Model, data: bytes) -> np.ndarray:
    """Return the images that `compress` put into `data`: levels (n, c, h, w), bit by bit the same.

    Raises InputError if they are not from this model, were changed or cut, or can't be told on this
    machine: never a wrong image.
    """
    file, what = io.BytesIO(data), "the data"
    header = read_header(file, what)
    coder = Coder(model)
    none = np.empty((0, *header.shape), coder.values.dtype)
    return np.concatenate([none, *read(file, coder, header, what)])


def start(coder: Coder, images: int, lanes: int, contents: bytes) -> Header:
    """Return the header of a file."""
    model = coder.model
    lanes = max(1, min(lanes, images))
    return Header(coder.fingerprint, model.shape, coder.levels, images, lanes, contents)


def check_lanes(batch_size: object) -> None:
    """Raise InputError unless it is a number of images that a stream may hold."""
    check_whole(batch_size=batch_size)
    if batch_size > MOST_LANES:  # type: ignore[operator]
        raise InputError(f"batch_size={batch_size}: a stream holds at most {MOST_LANES} images")


def _as_levels(images: Any, coder: Coder) -> np.ndarray:
    """Return images as levels. Raises InputError for others than the model's."""
    model = coder.model
    array = np.asarray(images.cpu() if hasattr(images, "cpu") else images)
    if array.dtype.kind not in "iu" or array.shape[1:] != model.shape:
        expected = ", ".join(map(str, model.shape))
        raise InputError(
            f"images are {array.dtype} {array.shape}, expected whole numbers (n, {expected})"
        )
    if array.size and not 0 <= array.min() <= array.max() < coder.levels:
        raise InputError(
            f"levels {array.min()} to {array.max()}, but the model's are 0..{coder.levels - 1}"
        )
    return array.astype(coder.values.dtype)
