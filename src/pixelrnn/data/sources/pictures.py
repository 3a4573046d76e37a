"""Image files to arrays: opened, cut, made smaller, in as many levels as asked for."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from pixelrnn.data.quantize import quantize
from pixelrnn.data.sources.raw import reading
from pixelrnn.data.splits import Pairs
from pixelrnn.errors import InputError

FITS = ("resize", "crop", "none")
TOGETHER = 256  # images handed on at a time


def read_picture(file: Path, shape: Sequence[int], levels: int, fit: str = "resize") -> np.ndarray:
    """An image file as uint8 of `shape` (c, h, w) with levels 0..K-1.

    Of an image of another size, `fit="resize"` takes as much of the middle as has the right proportions and makes that
    smaller or larger, "crop" takes the middle h x w pixels, "none" refuses it.

    Raises:
        InputError: it is damaged, no image, has more than 8 bits a color, or doesn't fit.
    """
    colors, height, width = shape
    picture = open_picture(file, colors)
    if fit == "none" and picture.size != (width, height):
        raise InputError(
            f"{file}: {picture.width}x{picture.height} pixels, expected {width}x{height}: set fit=resize or fit=crop"
        )
    fitted = (
        ImageOps.fit(picture, (width, height))
        if fit == "resize"
        else crop(file, picture, height, width)
    )
    return to_levels(fitted, levels)


def open_picture(file: Path, colors: int, content: IO[bytes] | None = None) -> Image.Image:
    """The picture in `file`, or in its `content` where that has been opened: gray for one color, RGB for three.

    Transparency is dropped; what a camera noted about its orientation is heeded.

    Raises:
        InputError: it is damaged, no image, or has more than 8 bits a color.
    """
    with reading(file, "an image", "replace or remove it"), Image.open(content or file) as picture:
        if picture.mode.startswith(("I", "F")):
            raise InputError(
                f"{file}: mode {picture.mode} has more than 8 bits a color: convert it to 8 bits"
            )
        return ImageOps.exif_transpose(picture).convert("L" if colors == 1 else "RGB")


def crop(file: Path, picture: Image.Image, height: int, width: int) -> Image.Image:
    """The middle of the picture. Raises InputError, on `file`, if it is smaller."""
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    if min(left, top) < 0:
        raise InputError(
            f"{file}: {picture.width}x{picture.height} pixels are too few to cut {width}x{height} from"
        )
    return picture.crop((left, top, left + width, top + height))


def to_levels(picture: Image.Image, levels: int) -> np.ndarray:
    """uint8 (c, h, w) with levels 0..K-1."""
    pixels = np.asarray(picture)
    return quantize(pixels.reshape(picture.height, picture.width, -1).transpose(2, 0, 1), levels)


def stacked(pictures: Iterable[tuple[str, np.ndarray]]) -> Pairs:
    """A stream of (split, one image) as one of (split, several images)."""
    waiting: dict[str, list[np.ndarray]] = {}
    for split, picture in pictures:
        waiting.setdefault(split, []).append(picture)
        if len(waiting[split]) == TOGETHER:
            yield split, np.stack(waiting.pop(split))
    for split, rest in waiting.items():
        yield split, np.stack(rest)
