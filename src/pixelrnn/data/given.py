"""Files to levels 0..K-1, or to real numbers: the images that a user hands to a trained model.

Pictures are read as `sources.folder` reads those it is trained on, .npy files as `own_arrays` does.
Everything is read and checked before anything is done with it.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pixelrnn.data.forms import colors_first, describe_forms
from pixelrnn.data.npy import map_npy
from pixelrnn.data.sources.pictures import (
    WHITE,
    check_fit,
    describe_seen,
    open_picture,
    read_color,
    read_picture,
)
from pixelrnn.data.sources.raw import reading
from pixelrnn.data.sources.walk import describe_left_out, walk
from pixelrnn.data.values import values_of
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, in_one_line
from pixelrnn.room import check_memory


def read_images(
    files: str | Path | Sequence[str | Path],
    shape: Sequence[int],
    levels: int | None,
    fit: str = "none",
    skip: bool = False,
    ground: str | int = WHITE,
) -> tuple[list[str], np.ndarray]:
    """Read the images in `files`: a name each, in one line, and (n, c, h, w) of such values.

    Folders are searched recursively. Pictures must have the size and the colors of `shape` (a gray
    one is fine for three colors), unless `fit` is "resize" or "crop", see `pictures.fitted`; either
    makes colors gray where c is 1. Transparent ones are laid on `ground`, see `pictures`. Arrays
    are in any of the forms of `forms`. With `skip`, files that cannot be used are left out and
    named on stderr, a line each.

    Raises InputError for no files, or one that is missing, damaged or doesn't fit (the first is
    named, and how many more).
    """
    check_fit(fit)
    read_color(ground)
    seen: Counter[str] = Counter()
    names: list[str] = []
    images: list[np.ndarray] = []
    faults: list[str] = []
    for file in find_files(files):
        try:
            read = _read(file, shape, levels, fit, ground, seen)
        except InputError as error:
            faults.append(str(error))
            continue
        images.append(read)
        name = in_one_line(file)
        names.extend([name] if len(read) == 1 else (f"{name}[{i}]" for i in range(len(read))))
    if faults and not (skip and images):
        count = len(faults) + len(images)
        more = f" (and {len(faults) - 1} more of {count} files)" if len(faults) > 1 else ""
        remedy = "; skip=true leaves out what cannot be used" if images else ""
        raise InputError(faults[0] + more + remedy)
    for line in [*(f"left out: {fault}" for fault in faults), *describe_seen(seen, ground)]:
        print(f"pixelrnn: {line}", file=sys.stderr)
    return names, np.concatenate(images)


def find_files(files: str | Path | Sequence[str | Path]) -> list[Path]:
    """List files as they are named, folders as the pictures and .npy files below them, by name.

    What is left out of a folder, see `walk`, is counted in a line on stderr. Raises InputError for
    a missing file, a folder without pictures, or no file at all.
    """
    paths = [files] if isinstance(files, str | Path) else files
    below = [file for path in paths for file in _below(as_path(path, "file"))]
    if not below:
        raise InputError("no files: name image files or folders of them")
    return below


def find_ground(config: Mapping[str, Any]) -> str | int:
    """Return what a run's configuration lays transparent training pictures on; else white."""
    source = (config.get("data") or {}).get("source") or {}
    return source.get("ground", WHITE)


def arrange(images: np.ndarray, shape: Sequence[int]) -> np.ndarray | None:
    """Return images (n, c, h, w) from an array of one image or several, in the forms of `forms`.

    None for any other form.
    """
    several = colors_first(images, shape)
    return colors_first(images[None], shape) if several is None else several


def _below(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise InputError(f"{in_one_line(path)} is missing: name an image file or a folder of them")
    if not path.is_dir():
        yield path
        return
    files, left_out = walk(path, also={".npy"})
    for line in describe_left_out(path, left_out):
        print(f"pixelrnn: {line}", file=sys.stderr)
    if not files:
        raise InputError(f"{in_one_line(path)} holds no pictures")
    yield from files


def _read(
    file: Path,
    shape: Sequence[int],
    levels: int | None,
    fit: str,
    ground: str | int,
    seen: Counter[str],
) -> np.ndarray:
    """Read a picture, or the images in a .npy file: (n, c, h, w)."""
    if file.suffix.lower() == ".npy":
        return _read_array(file, shape, levels)
    picture = read_picture(file, shape, levels, fit, ground, seen)
    if shape[0] == 1 and fit == "none" and _in_color(file, ground):
        name = in_one_line(file)
        raise InputError(f"{name} is in color, expected gray: fit=resize makes it gray")
    return picture[None]


def _read_array(file: Path, shape: Sequence[int], levels: int | None) -> np.ndarray:
    what = in_one_line(file)
    with reading(what, "an npy file", "replace or remove it"):
        array = map_npy(file)
    images = arrange(array, shape)
    if images is None:
        raise InputError(
            f"{what}: {array.dtype} {array.shape}, expected shape {describe_forms(shape)}"
        )
    if len(images) == 0:
        raise InputError(f"{what} has no image")
    # levels, and for each pixel the nats that are made of them
    check_memory(9 * images.size, what, "take it in several files")
    return values_of(levels).read(what, images)


def _in_color(file: Path, ground: str | int) -> bool:
    """Return whether the colors of any pixel differ; gray pictures are often saved in RGB."""
    bands = np.asarray(open_picture(file, 3, ground))
    return bool((bands != bands[..., :1]).any())
