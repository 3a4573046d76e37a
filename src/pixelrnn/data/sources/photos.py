"""Embedded color data: patches of photographs.

Photographs are cut into vertical bands, and no patch crosses from one band into the next: no pixel
is in two splits.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pixelrnn.data.sources.raw import check_exists, reading
from pixelrnn.data.splits import SPLITS, Splits
from pixelrnn.errors import InputError, check_whole
from pixelrnn.files import as_path

Corner = tuple[int, int]  # top row, left column


def photo_patches(
    folder: str | Path,
    names: Sequence[str] = ("china.jpg", "flower.jpg"),
    size: int = 32,
    stride: int = 8,
    train: int = 5,
    val: int = 1,
    test: int = 4,
) -> Splits:
    """Cut square RGB patches out of photographs: (n, 3, size, size), 256 levels.

    Each photograph is cut into vertical bands, `train`, `val` and `test` patches wide, repeated as
    often as its width allows: see `patch_corners`. Train and val patches are `stride` pixels apart,
    so they overlap their neighbors of the same split; test patches don't overlap, so no pixel of
    theirs counts twice.

    Raises InputError if a photograph is missing, damaged or too small, for a size, stride or width
    below 1, and for no names.
    """
    folder = as_path(folder, "data.source.folder")
    if not names:
        raise InputError("photo_patches: names is empty, give at least one photograph")
    parts: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    for name in names:
        file = folder / name
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
    height: int,
    width: int,
    size: int = 32,
    stride: int = 8,
    train: int = 5,
    val: int = 1,
    test: int = 4,
) -> dict[str, list[Corner]]:
    """Place the patches of each split in a photograph of (height, width) pixels: top left corners.

    For train=3, val=1, test=2 the bands lie as `TTTvttTTTvtt`, one letter a patch's width: several
    narrow bands rather than one wide band a split, so that each split sees sky, roof and tree. What
    is left at the right edge is not used.

    Raises InputError if not even one group of bands, or one patch's height, fits, and for a number
    below 1.
    """
    check_whole(size=size, stride=stride, train=train, val=val, test=test)
    group = (train + val + test) * size
    if height < size or width < group:
        raise InputError(
            f"{width}x{height} pixels, but these patches need at least {group}x{size}: take a "
            "smaller size"
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


def _read_photo(file: Path) -> np.ndarray:
    """Read a photograph: uint8 (h, w, 3)."""
    check_exists(file, "run `dvc pull data.dvc` in the top folder of the repository")
    with (
        reading(file, "an image", f"delete {file} and run `dvc pull data.dvc`"),
        Image.open(file) as photo,
    ):
        return np.asarray(photo.convert("RGB"))
