"""Pictures and arrays in one file, losslessly, by a trained model's likelihood."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pixelrnn.codec import container
from pixelrnn.codec.coder import Coder
from pixelrnn.codec.contents import Entry, pack
from pixelrnn.codec.memory import BATCH, check_lanes, start
from pixelrnn.data.forms import describe_forms, to_levels
from pixelrnn.data.given import arrange, find_files
from pixelrnn.data.npy import map_npy
from pixelrnn.data.quantize import quantize, stretch
from pixelrnn.data.sources.pictures import (
    DEEP,
    FEW,
    SEVERAL,
    TRANSPARENT,
    is_deep_file,
    open_bands,
    open_picture,
)
from pixelrnn.data.sources.raw import reading
from pixelrnn.data.values import Levels
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, in_one_line, replacing
from pixelrnn.terminal import Bar
from pixelrnn.training.run import Run

# What a picture may have that its pixels in 8 bits don't tell.
_LOST = {
    TRANSPARENT: "is transparent in places",
    DEEP: "has 16 bits a color",
    SEVERAL: "has several frames or pages",
}


class Source(NamedTuple):
    """A file that is compressed, and what the compressed one says of it."""

    file: Path
    entry: Entry


def compress(
    run: str | Path,
    *files: str | Path,
    out: str | Path,
    verify: bool = True,
    batch_size: int = BATCH,
) -> Path:
    """Compress the images in `files`: pictures, folders of them, .npy arrays of whole numbers.

    All go into the file `out`, which `decompress` reads. A picture keeps its pixels, as RGB or gray
    shows them: it must have the model's size and no other colors than the model's levels give. A
    file is called what it is called below the folder that was named. `batch_size` images share a
    stream, see `pixelrnn.compress`; with `verify` the file is decoded before it takes its name.

    Returns `out`. Raises InputError, having written nothing, for files that can't be kept without
    loss, two of the same name, and an `out` that is something else.
    """
    check_lanes(batch_size)
    out = _find_place(out)
    coder = Coder(Run.load(run).model)
    shape, levels = coder.model.shape, coder.levels
    sources = _look_at(files, shape, levels)
    contents = pack(source.entry for source in sources)
    images = sum(source.entry.count(shape) for source in sources)
    header = start(coder, images, batch_size, contents)
    pixels = images * shape[1] * shape[2]
    with replacing(out) as new:
        with new.open("wb") as file, Bar("compressing, pixels", pixels) as bar:
            batches = _batches(sources, shape, levels, header.lanes)
            container.write(file, coder, header, batches, bar.advance)
        size = new.stat().st_size
        if verify:
            _verify(new, coder, pixels)
    bits = 8 * size / images
    checked = "decoded and compared" if verify else "not decoded"
    print(
        f"{out}: {images} images in {size:,} bytes, {bits:.1f} bits an image "
        f"({bits / math.prod(shape):.3f} bits/dim), {checked}"
    )
    return out


def _verify(file: Path, coder: Coder, pixels: int) -> None:
    with file.open("rb") as stream, Bar("decoding again, pixels", pixels) as bar:
        container.verify(stream, coder, bar.advance)


def _find_place(out: str | Path) -> Path:
    """Return where to write. Raises InputError unless it is free or holds such a file."""
    place = as_path(out, "out")
    if place.is_dir() or not place.parent.is_dir():
        raise InputError(f"out={place} must be a file in a folder that is there")
    if place.exists():
        with place.open("rb") as file:
            if file.read(len(container.MAGIC)) != container.MAGIC:
                raise InputError(f"out={place} is there, and not by `compress`: take another name")
    return place


def _look_at(files: Sequence[str | Path], shape: Sequence[int], levels: int) -> list[Source]:
    """Read every file once, and find its name. Raises InputError for what can't be kept."""
    found = [(file, _name(file, as_path(given))) for given in files for file in find_files(given)]
    sources = []
    with Bar("reading", len(found)) as bar:
        for file, name in found:
            sources.append(Source(file, _entry(file, name, shape, levels)))
            bar.advance()
    return sources


def _name(file: Path, given: Path) -> str:
    return file.name if file == given else file.relative_to(given).as_posix()


def _entry(file: Path, name: str, shape: Sequence[int], levels: int) -> Entry:
    if file.suffix.lower() != ".npy":
        _read_picture(file, shape, levels)
        return Entry(name if file.suffix.lower() == ".png" else f"{name}.png")
    array = _open_array(file)
    what = in_one_line(file)
    images = arrange(array, shape)
    if images is None:
        raise InputError(
            f"{what}: {array.dtype} {array.shape}, expected shape {describe_forms(shape)}"
        )
    if array.dtype.kind == "f":
        raise InputError(f"{what} holds fractions: save whole numbers 0..{levels - 1}")
    if len(images) == 0:
        raise InputError(f"{what} has no image")
    for first in range(0, len(images), BATCH):
        to_levels(what, images[first : first + BATCH], levels)
    return Entry(name, array.dtype.str, array.shape)


def _open_array(file: Path) -> np.ndarray:
    with reading(in_one_line(file), "an npy file", "replace or remove it"):
        return map_npy(file)


def _batches(
    sources: Sequence[Source], shape: Sequence[int], levels: int, size: int
) -> Iterator[np.ndarray]:
    """Yield the images of all files, `size` at a time: levels (b, c, h, w)."""
    images = _images(sources, shape, levels)
    while batch := list(islice(images, size)):
        yield np.stack(batch)


def _images(sources: Sequence[Source], shape: Sequence[int], levels: int) -> Iterator[np.ndarray]:
    for file, entry in sources:
        if entry.dtype:
            images = arrange(_open_array(file), shape)
            if images is None or images.shape[0] != entry.count(shape):
                raise InputError(f"{in_one_line(file)} has changed: compress again")
            yield from (image.astype(Levels(levels).dtype) for image in images)
        else:
            yield _read_picture(file, shape, levels)


def _read_picture(file: Path, shape: Sequence[int], levels: int) -> np.ndarray:
    """Return a picture as levels (c, h, w).

    Raises InputError unless `stretch` brings back its pixels, every one.
    """
    what = in_one_line(file)
    colors, height, width = shape
    seen: Counter[str] = Counter()
    pixels = _pixels(file, levels, seen)  # (3, h, w)
    if pixels.shape[1:] != (height, width):
        size = f"{pixels.shape[2]}x{pixels.shape[1]}"
        raise InputError(f"{what}: {size} pixels, the model's images have {width}x{height}")
    if kind := next(iter(+seen), ""):
        raise InputError(f"{what} {_LOST[kind]}, which would be lost: save it without")
    image = quantize(pixels[:colors], levels)
    lost = int((stretch(image, levels, pixels.dtype.type) != pixels).any(0).sum())
    if not lost:
        return image
    if (pixels[:1] != pixels).any() and colors == 1:
        raise InputError(f"{what} is in color, the model's images are gray")
    raise InputError(
        f"{what}: {lost} of its pixels lie between the model's {levels} levels, and would change"
    )


def _pixels(file: Path, levels: int, seen: Counter[str]) -> np.ndarray:
    """Return a picture in three colors (3, h, w): uint8, or uint16 where the levels take it."""
    if levels <= FEW:
        return np.asarray(open_picture(file, 3, seen=seen)).transpose(2, 0, 1)
    if not is_deep_file(file):
        raise InputError(
            f"{in_one_line(file)} has 8 bits a color, and {levels} levels take 16: save it in 16"
        )
    return np.stack([np.asarray(band) for band in open_bands(file, 3, seen=seen)]).astype(np.uint16)
