"""Pictures to arrays: opened, cut, made smaller, in as many levels as asked for.

Transparent ones are laid on a `ground` first: without one, a drawing in black ink on nothing would
be all black. Of 16 bits a color the upper 8 are kept, but for data of more than 256 levels (see
`deep`); of an animation the first frame. How many pictures that happened to is counted in `seen`,
for `describe_seen` to say.
"""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageColor, ImageOps

from pixelrnn.data.sources.deep import in_bands, is_deep, read_gray, read_whole
from pixelrnn.data.sources.raw import reading
from pixelrnn.data.splits import Pairs
from pixelrnn.data.values import values_of
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, in_one_line
from pixelrnn.reading import check_regular

T = TypeVar("T")

FITS = ("resize", "crop", "none")
TOGETHER = 256  # images handed on at a time
WHITE = "white"
FEW = 256  # levels that bytes tell apart
MOST_PIXELS = "PIXELRNN_MOST_PIXELS"  # of a picture that is read, in the environment
_PILLOWS_MOST = Image.MAX_IMAGE_PIXELS

TRANSPARENT, DEEP, SEVERAL = "transparent", "deep", "several"
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_LAYERED = {"PSD"}  # its frames are layers, and what is read are all of them together


def check_fit(fit: str) -> None:
    """Raise InputError unless `fit` is one of FITS."""
    if fit not in FITS:
        raise InputError(f"fit={fit}: expected {', '.join(FITS)}")


def read_color(ground: object) -> tuple[int, int, int]:
    """Return red, green and blue of a ground: a gray level 0..255, or a name as CSS has them.

    Raises InputError for anything else.
    """
    if isinstance(ground, int) and not isinstance(ground, bool) and 0 <= ground <= 255:
        return ground, ground, ground
    color: tuple[int, ...] = ()
    with suppress(ValueError):
        color = ImageColor.getrgb(str(ground))
    if len(color) != 3:  # none, or one with a transparency of its own
        raise InputError(
            f"ground={ground}: expected white, black, another color's name, or a gray level 0..255"
        )
    return color[0], color[1], color[2]


def describe_seen(seen: Mapping[str, int], ground: str | int) -> list[str]:
    """Return a line for each kind of picture that was not taken as it is, with their number."""
    happened = {
        TRANSPARENT: f"transparent in places: laid on ground={ground}",
        DEEP: "of 16 bits a color: the upper 8 were kept",
        SEVERAL: "of several frames or pages: the first was taken",
    }
    number = {kind: seen[kind] for kind in happened if seen.get(kind)}
    return [f"{n} picture{'s' * (n > 1)} {happened[kind]}" for kind, n in number.items()]


def read_picture(
    file: str | Path,
    shape: Sequence[int],
    levels: int | None,
    fit: str = "resize",
    ground: str | int = WHITE,
    seen: Counter[str] | None = None,
) -> np.ndarray:
    """Read an image file as `shape` (c, h, w) with levels 0..K-1; for `fit` see `fitted`.

    Of more than 256 levels a picture of 16 bits gives all that it has. Raises InputError if it is
    damaged, no image, of a kind that isn't read, or doesn't fit.
    """
    file = as_path(file, "file")
    name, values = in_one_line(file), values_of(levels)
    if levels is None or levels <= FEW:
        picture = open_picture(file, shape[0], ground, seen)
        return fitted(name, picture, shape, levels, fit)
    bands = open_bands(file, shape[0], ground, seen)
    fitting = [_fitting(name, band, shape, fit) for band in bands]
    pixels = np.rint(np.stack([np.asarray(band) for band in fitting]))  # resizing overshoots
    return values.from_pixels(name, pixels.clip(0, 2**16 - 1).astype(np.uint16))


def open_bands(
    file: Path, colors: int, ground: str | int = WHITE, seen: Counter[str] | None = None
) -> list[Image.Image]:
    """Open a picture as one of fractions 0..65535 for each color, 16 bits whole, see `deep`.

    A picture of 8 bits has v (1 + 256) in place of v. Raises InputError as `open_picture`.
    """
    seen = Counter() if seen is None else seen

    def read(name: str, picture: Image.Image) -> np.ndarray:
        if not is_deep(picture):
            pixels = np.asarray(in_colors(name, picture, colors, ground, seen))
            return pixels.reshape(*pixels.shape[:2], -1).astype(np.uint16) * 257
        several = _has_several(picture)
        whole, transparent = read_whole(name, file, picture, read_color(ground))
        seen.update({SEVERAL: int(several), TRANSPARENT: int(transparent)})
        return whole

    return in_bands(_open(file, read), colors)


def open_picture(
    file: Path, colors: int, ground: str | int = WHITE, seen: Counter[str] | None = None
) -> Image.Image:
    """Open a picture: gray for one color, RGB for three; see `in_colors`.

    Raises InputError if it is damaged, no image, too large for Pillow, or of fractions.
    """
    return _open(file, lambda name, opened: in_colors(name, opened, colors, ground, seen))


def is_deep_file(file: Path) -> bool:
    """Return whether a picture has 16 bits a color. Raises InputError as `open_picture`."""
    return _open(file, lambda _, picture: is_deep(picture))


def _most_pixels() -> int:
    """Return how many pixels a picture may have, before it is taken for an attack on memory.

    Pillow's limit, unless the user knows better. Raises InputError for what is no number.
    """
    text = os.environ.get(MOST_PIXELS) or str(_PILLOWS_MOST)
    if not text.isascii() or not text.isdecimal():
        raise InputError(f"{MOST_PIXELS}={text} must be a number of pixels")
    return int(text)


def _open(file: Path, read: Callable[[str, Image.Image], T]) -> T:
    """Return what `read` makes of a picture, and of what messages call it."""
    name = in_one_line(file)
    try:
        with reading(name, "an image", "replace or remove it"):
            check_regular(file)
            Image.MAX_IMAGE_PIXELS = most = _most_pixels()
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                opened = Image.open(file)  # looks at the size, and at no pixel yet
            with opened as picture:
                return read(name, picture)
    except InputError as error:
        if isinstance(error.__cause__, _TOO_LARGE):
            raise InputError(
                f"{name} is too large, over {most:,} pixels: make it smaller, "
                f"or set {MOST_PIXELS} to as many as it has"
            ) from None
        raise


def in_colors(
    what: str | Path,
    picture: Image.Image,
    colors: int,
    ground: str | int = WHITE,
    seen: Counter[str] | None = None,
) -> Image.Image:
    """Return an upright picture in gray for one color, in RGB for three, laid on `ground`.

    What a camera noted about its orientation is heeded; `seen` counts on, as the module says.
    Raises InputError, on `what`, for colors in fractions or of more than 16 bits, and for a mode
    that Pillow can't convert.
    """
    seen = Counter() if seen is None else seen
    if picture.mode.startswith("F"):
        raise InputError(f"{what}: mode {picture.mode} has fractions for colors: save it in 8 bits")
    several, deep = _has_several(picture), is_deep(picture)
    upright = ImageOps.exif_transpose(picture)
    upright.load()  # damage is seen here, so that what is raised next is about the mode
    try:
        if upright.mode.startswith("I"):
            upright = _in_eight_bits(what, upright)
        if upright.has_transparency_data:
            upright = _laid_on(upright, ground, seen)
        if upright.mode == "LAB":
            upright = upright.convert("RGB")  # Pillow knows no direct way to gray
        converted = upright.convert("L" if colors == 1 else "RGB")
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{what}: mode {picture.mode} is not one that Pillow converts: save it as RGB"
        ) from error
    seen.update({SEVERAL: int(several), DEEP: int(deep)})
    return converted


def fitted(
    what: str | Path, picture: Image.Image, shape: Sequence[int], levels: int | None, fit: str
) -> np.ndarray:
    """Return a picture, gray or RGB as `shape` says, as (c, h, w) with levels 0..K-1.

    Of a picture of another size, `fit="resize"` takes as much of the middle as has the right
    proportions and makes that smaller or larger, "crop" takes the middle h x w pixels, "none"
    refuses it. Raises InputError, on `what`, if it is refused or too small to be cut from.
    """
    _, height, width = shape
    pixels = np.asarray(_fitting(what, picture, shape, fit)).reshape(height, width, -1)
    return values_of(levels).from_pixels(what, pixels.transpose(2, 0, 1))


def stacked(pictures: Iterable[tuple[str, np.ndarray]]) -> Pairs:
    """Turn a stream of (split, one image) into one of (split, several images)."""
    waiting: dict[str, list[np.ndarray]] = {}
    for split, picture in pictures:
        waiting.setdefault(split, []).append(picture)
        if len(waiting[split]) == TOGETHER:
            yield split, np.stack(waiting.pop(split))
    for split, rest in waiting.items():
        yield split, np.stack(rest)


def _fitting(what: str | Path, picture: Image.Image, shape: Sequence[int], fit: str) -> Image.Image:
    """Return a picture of the size that `shape` says, see `fitted`."""
    _, height, width = shape
    if picture.size == (width, height):
        return picture
    if fit == "none":
        raise InputError(
            f"{what}: {picture.width}x{picture.height} pixels, expected {width}x{height}: "
            "set fit=resize or fit=crop"
        )
    if fit == "resize":
        return ImageOps.fit(picture, (width, height))
    return _crop(what, picture, height, width)


def _crop(what: str | Path, picture: Image.Image, height: int, width: int) -> Image.Image:
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    if min(left, top) < 0:
        raise InputError(
            f"{what}: {picture.width}x{picture.height} pixels are too few to cut "
            f"{width}x{height} from"
        )
    return picture.crop((left, top, left + width, top + height))


def _has_several(picture: Image.Image) -> bool:
    """Return whether a file holds more pictures than the one that is taken."""
    return picture.format not in _LAYERED and bool(getattr(picture, "is_animated", False))


def _in_eight_bits(what: str | Path, picture: Image.Image) -> Image.Image:
    """Return a gray picture of 16 bits by its upper 8; Pillow's own conversion clips to white."""
    pixels = read_gray(what, picture)
    gray = Image.fromarray((pixels >> 8).astype(np.uint8))
    clear = picture.info.get("transparency")  # the one level of a PNG file that is not seen
    if isinstance(clear, int):
        gray.putalpha(Image.fromarray(np.where(pixels == clear, 0, 255).astype(np.uint8)))
    return gray


def _laid_on(picture: Image.Image, ground: str | int, seen: Counter[str]) -> Image.Image:
    """Return a picture that may be transparent on its ground, in RGB."""
    layer = picture.convert("RGBA")
    if layer.getchannel("A").histogram()[255] < layer.width * layer.height:
        seen[TRANSPARENT] += 1
        layer = Image.alpha_composite(Image.new("RGBA", layer.size, read_color(ground)), layer)
    return layer.convert("RGB")
