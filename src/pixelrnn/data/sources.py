"""Raw files to arrays: one function a data set, each giving `{split: uint8 (n, c, h, w)}` with levels 0..K-1.

The splits are fixed here and only here. Nothing of one split may be seen in another: digits are dealt out by a seeded
permutation; photographs are cut into vertical bands, and no patch crosses from one band into the next.

A new data set is one more function and one more `conf/data/*.yaml`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pixelrnn.errors import InputError

Splits = dict[str, np.ndarray]
Corner = tuple[int, int]  # top row, left column

SPLITS = ("train", "val", "test")


def digits(file: str | Path, seed: int = 0, val: int = 200, test: int = 300) -> Splits:
    """UCI handwritten digits: (n, 1, 8, 8), 17 levels (how many of 16 pixels of the original bitmap were inked).

    `val` and `test` images are drawn with `seed`; all others are for training.

    Raises:
        InputError: the file is missing or damaged, holds something else, or has too few images for the split.
    """
    images = _read_npz(Path(file), "images")
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (8, 8):
        raise InputError(
            f"{file}: 'images' is {images.dtype} {images.shape}, expected uint8 (n, 8, 8): {_repull(file)}"
        )
    if images.size and images.max() > 16:
        raise InputError(f"{file}: 'images' has level {images.max()}, expected 0..16: {_repull(file)}")
    if min(val, test) < 1 or val + test >= len(images):
        raise InputError(f"{file}: {len(images)} images can't give val={val} and test={test} and leave some for train")
    # RandomState, not default_rng: its stream is frozen, so the splits are the same under every numpy.
    order = np.random.RandomState(seed).permutation(len(images))
    parts = np.split(images[order, None], [val, val + test])
    return {"train": parts[2], "val": parts[0], "test": parts[1]}


def photo_patches(
    folder: str | Path,
    names: Sequence[str] = ("china.jpg", "flower.jpg"),
    size: int = 32,
    stride: int = 8,
    train: int = 5,
    val: int = 1,
    test: int = 4,
) -> Splits:
    """Square RGB patches of photographs: (n, 3, size, size), 256 levels.

    Each photograph is cut into vertical bands, `train`, `val` and `test` patches wide, repeated as often as its width
    allows: see `patch_corners`. Train and val patches are `stride` pixels apart, so they overlap their neighbors of the
    same split; test patches don't overlap, so no pixel of theirs counts twice.

    Raises:
        InputError: a photograph is missing, damaged or too small; a size, stride or width below 1; no names.
    """
    if not names:
        raise InputError("photo_patches: names is empty, give at least one photograph")
    parts: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    for name in names:
        file = Path(folder) / name
        photo = _read_photo(file)
        try:
            height, width, _ = photo.shape
            corners = patch_corners(height, width, size, stride, train, val, test)
        except InputError as error:
            raise InputError(f"{file}: {error}") from error
        for split, where in corners.items():
            parts[split].extend(photo[top : top + size, left : left + size] for top, left in where)
    return {split: np.stack(patches).transpose(0, 3, 1, 2) for split, patches in parts.items()}


def patch_corners(
    height: int, width: int, size: int = 32, stride: int = 8, train: int = 5, val: int = 1, test: int = 4
) -> dict[str, list[Corner]]:
    """Top left corners of the patches of each split, in a photograph of (height, width) pixels.

    For train=3, val=1, test=2 the bands lie as `TTTvttTTTvtt`, one letter a patch's width: several narrow bands rather
    than one wide band a split, so that each split sees sky, roof and tree. What is left at the right edge is not used.

    Raises:
        InputError: not even one group of bands, or one patch's height, fits; or a number is below 1.
    """
    if min(size, stride, train, val, test) < 1:
        raise InputError("size, stride, train, val and test must be at least 1")
    group = (train + val + test) * size
    if height < size or width < group:
        raise InputError(
            f"{width}x{height} pixels, but these patches need at least {group}x{size}: take a smaller size"
        )
    bands = {"train": (0, train), "val": (train, val), "test": (train + val, test)}
    steps = {"train": stride, "val": stride, "test": size}
    return {
        split: [
            (top, left)
            for start in range(first * size, width // group * group, group)
            for top in range(0, height - size + 1, steps[split])
            for left in range(start, start + (patches - 1) * size + 1, steps[split])
        ]
        for split, (first, patches) in bands.items()
    }


def _read_npz(file: Path, key: str) -> np.ndarray:
    _must_exist(file)
    try:
        with np.load(file, allow_pickle=False) as archive:
            return np.asarray(archive[key])
    except Exception as error:  # damage makes numpy, zipfile and zlib raise about ten kinds
        raise InputError(f"{file} is damaged or not the expected npz ({_reason(error)}): {_repull(file)}") from error


def _read_photo(file: Path) -> np.ndarray:
    """(h, w, 3) uint8."""
    _must_exist(file)
    try:
        with Image.open(file) as photo:
            return np.asarray(photo.convert("RGB"))
    except Exception as error:  # as above: Pillow has its own kinds
        raise InputError(f"{file} is damaged or not an image ({_reason(error)}): {_repull(file)}") from error


def _must_exist(file: Path) -> None:
    if not file.is_file():
        raise InputError(f"{file} is missing: run `dvc pull data.dvc` in the top folder of the repository")


def _repull(file: str | Path) -> str:
    return f"delete {file} and run `dvc pull data.dvc`"


def _reason(error: Exception) -> str:
    """The first line of an error: an InputError is one line."""
    return (str(error) or type(error).__name__).splitlines()[0]
