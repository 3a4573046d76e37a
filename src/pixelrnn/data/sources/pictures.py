"""Pictures to arrays: opened, cut, made smaller, in as many levels as asked for."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pixelrnn.data.quantize import quantize
from pixelrnn.data.sources.raw import reading
from pixelrnn.data.splits import Pairs
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, in_one_line

FITS = ("resize", "crop", "none")
TOGETHER = 256  # images handed on at a time


def check_fit(fit: str) -> None:
    """Raise InputError unless `fit` is one of FITS."""
    if fit not in FITS:
        raise InputError(f"fit={fit}: expected {', '.join(FITS)}")


def read_picture(
    file: str | Path, shape: Sequence[int], levels: int, fit: str = "resize"
) -> np.ndarray:
    """Read an image file as uint8 of `shape` (c, h, w) with levels 0..K-1; for `fit` see `fitted`.

    Raises InputError if it is damaged, no image, of a kind that isn't read, or doesn't fit.
    """
    file = as_path(file, "file")
    return fitted(in_one_line(file), open_picture(file, shape[0]), shape, levels, fit)


def open_picture(file: Path, colors: int) -> Image.Image:
    """Open a picture: gray for one color, RGB for three.

    Transparency is dropped; what a camera noted about its orientation is heeded. Raises InputError
    if it is damaged, no image, too large for Pillow, or of more than 8 bits a color.
    """
    name = in_one_line(file)
    try:
        with reading(name, "an image", "replace or remove it"), Image.open(file) as picture:
            return in_colors(name, picture, colors)
    except InputError as error:
        if isinstance(error.__cause__, Image.DecompressionBombError):
            most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
            raise InputError(
                f"{name} is too large: Pillow reads up to {most:,} pixels: make it smaller"
            ) from error
        raise


def in_colors(what: str | Path, picture: Image.Image, colors: int) -> Image.Image:
    """Return an upright picture in gray for one color, in RGB for three.

    Raises InputError, on `what`, for a mode of more than 8 bits a color, or one that Pillow can't
    convert.
    """
    if picture.mode.startswith(("I", "F")):
        raise InputError(
            f"{what}: mode {picture.mode} has more than 8 bits a color: convert it to 8 bits"
        )
    upright = ImageOps.exif_transpose(picture)
    upright.load()  # damage is seen here, so that what is raised next is about the mode
    try:
        if upright.mode == "LAB":
            upright = upright.convert("RGB")  # Pillow knows no direct way to gray
        return upright.convert("L" if colors == 1 else "RGB")
    except ValueError as error:
        raise InputError(
            f"{what}: mode {picture.mode} is not one that Pillow converts: save it as RGB"
        ) from error


def fitted(
    what: str | Path, picture: Image.Image, shape: Sequence[int], levels: int, fit: str
) -> np.ndarray:
    """Return a picture, gray or RGB as `shape` says, as uint8 (c, h, w) with levels 0..K-1.

    Of a picture of another size, `fit="resize"` takes as much of the middle as has the right
    proportions and makes that smaller or larger, "crop" takes the middle h x w pixels, "none"
    refuses it. Raises InputError, on `what`, if it is refused or too small to be cut from.
    """
    _, height, width = shape
    if picture.size != (width, height):
        if fit == "none":
            raise InputError(
                f"{what}: {picture.width}x{picture.height} pixels, expected {width}x{height}: "
                "set fit=resize or fit=crop"
            )
        if fit == "resize":
            picture = ImageOps.fit(picture, (width, height))
        else:
            picture = _crop(what, picture, height, width)
    pixels = np.asarray(picture).reshape(height, width, -1)
    return quantize(pixels.transpose(2, 0, 1), levels)


def stacked(pictures: Iterable[tuple[str, np.ndarray]]) -> Pairs:
    """Turn a stream of (split, one image) into one of (split, several images)."""
    waiting: dict[str, list[np.ndarray]] = {}
    for split, picture in pictures:
        waiting.setdefault(split, []).append(picture)
        if len(waiting[split]) == TOGETHER:
            yield split, np.stack(waiting.pop(split))
    for split, rest in waiting.items():
        yield split, np.stack(rest)


def _crop(what: str | Path, picture: Image.Image, height: int, width: int) -> Image.Image:
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    if min(left, top) < 0:
        raise InputError(
            f"{what}: {picture.width}x{picture.height} pixels are too few to cut "
            f"{width}x{height} from"
        )
    return picture.crop((left, top, left + width, top + height))
