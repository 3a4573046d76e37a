"""Files to levels 0..K-1: the images that a user hands to a trained model.

Pictures are read as `sources.folder` reads those it is trained on; .npy files hold levels, as this package writes them.
Everything is read and checked before anything is done with it.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pixelrnn.data.arrays import check_images
from pixelrnn.data.sources.folder import SUFFIXES
from pixelrnn.data.sources.pictures import FITS, open_picture, read_picture
from pixelrnn.data.sources.raw import reading
from pixelrnn.errors import InputError


def read_images(
    files: str | Path | Sequence[str | Path],
    shape: Sequence[int],
    levels: int,
    fit: str = "none",
    skip: bool = False,
) -> tuple[list[str], np.ndarray]:
    """The images in `files`, a name each and uint8 (n, c, h, w) with levels 0..K-1; folders are searched recursively.

    Pictures must have the size and the colors of `shape` (a gray one is fine for three colors), unless `fit` is
    "resize" or "crop", see `sources.pictures.read_picture`; either makes colors gray where c is 1. With `skip`, files
    that cannot be used are left out and told on stderr, a line each.

    Raises:
        InputError: no files, or one that is missing, damaged or doesn't fit (the first is named, and how many more).
    """
    if fit not in FITS:
        raise InputError(f"fit={fit}: expected {', '.join(FITS)}")
    names, images, faults = [], [], []
    for file in find_files(files):
        try:
            found = _read(file, shape, levels, fit)
        except InputError as error:
            faults.append(str(error))
            continue
        images.append(found)
        names.extend(
            [str(file)] if len(found) == 1 else [f"{file}[{i}]" for i in range(len(found))]
        )
    if faults and not (skip and images):
        more = (
            f" (and {len(faults) - 1} more of {len(faults) + len(images)} files)"
            if len(faults) > 1
            else ""
        )
        raise InputError(
            faults[0] + more + ("; skip=true leaves out what cannot be used" if images else "")
        )
    for fault in faults:
        print(f"pixelrnn: left out: {fault}", file=sys.stderr)
    return names, np.concatenate(images)


def find_files(files: str | Path | Sequence[str | Path]) -> list[Path]:
    """Files as they are named, folders as the pictures and .npy files below them, by name; hidden ones are passed over.

    Raises InputError for a missing file, a folder without pictures, or no file at all.
    """
    found = [
        file
        for path in ([files] if isinstance(files, str | Path) else files)
        for file in _below(Path(path))
    ]
    if not found:
        raise InputError("no files: name image files or folders of them")
    return found


def _below(path: Path) -> Iterator[Path]:
    path = path.expanduser()
    if not path.exists():
        raise InputError(f"{path} is missing: name an image file or a folder of them")
    if not path.is_dir():
        yield path
        return
    below = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in {*SUFFIXES, ".npy"} and file.is_file()
    ]
    below = [
        file
        for file in below
        if not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not below:
        raise InputError(f"{path} holds no pictures")
    yield from below


def _read(file: Path, shape: Sequence[int], levels: int, fit: str) -> np.ndarray:
    """The image in a picture file, or the images in a .npy file: uint8 (n, c, h, w) with levels 0..K-1."""
    if file.suffix.lower() == ".npy":
        with reading(file, "an npy file", "replace or remove it"):
            images = np.load(file, allow_pickle=False)
        check_images(file, images, shape, levels)
        return images
    picture = read_picture(file, shape, levels, fit)
    if shape[0] == 1 and fit == "none" and _in_color(file):
        raise InputError(f"{file} is in color, expected gray: fit=resize makes it gray")
    return picture[None]


def _in_color(file: Path) -> bool:
    """Whether the colors of any pixel differ; gray pictures are often saved in RGB."""
    bands = np.asarray(open_picture(file, colors=3))
    return bool((bands != bands[..., :1]).any())
