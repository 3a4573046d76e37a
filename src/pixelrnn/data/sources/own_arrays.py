"""Anybody's arrays: `x_train`, `x_test`, and `x_val` where there is one.

They come as an npz file or as npy files in a folder. Images are gray (n, h, w) or have their colors
last (n, h, w, c). Whole numbers are levels 0..K-1 as they are; fractions are intensities, 0 to 1,
and become the nearest of K levels. Without `x_val`, a share of the training images drawn by a seed
is for validation. The arrays may be larger than memory.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pixelrnn.data.sources.raw import check_exists
from pixelrnn.data.sources.rows import header, keys, rows
from pixelrnn.data.splits import SPLITS, Pairs, draw, hold_out_drawn
from pixelrnn.errors import InputError
from pixelrnn.files import as_path

Place = tuple[Path, str]  # of an array: an npy file and "", or an npz file and the array's name


def npz_arrays(file: str | Path, levels: int, val: float = 0.1, seed: int = 0) -> Pairs:
    """Read the arrays in an npz file, a stream of (split, images (n, c, h, w)), levels 0..K-1.

    Raises InputError if the file or an array is missing or damaged; if `val` is no share; or (while
    it is read) if an array has another form, a NaN, or levels out of range.
    """
    file = as_path(file, "data.source.file")
    check_exists(file, "set data.source.file")
    places = {name: (file, name) for name in keys(file)}
    return _read(places, levels, val, seed, f"{file} has no array")


def npy_arrays(folder: str | Path, levels: int, val: float = 0.1, seed: int = 0) -> Pairs:
    """Read x_train.npy, x_test.npy and, where there is one, x_val.npy in a folder: as `npz_arrays`.

    Raises what that does.
    """
    folder = as_path(folder, "data.source.folder")
    places = {file.stem: (file, "") for file in folder.glob("x_*.npy")}
    return _read(places, levels, val, seed, f"{folder} (data.source.folder) has no npy file")


def _read(places: dict[str, Place], levels: int, val: float, seed: int, lack: str) -> Pairs:
    for name in ("x_train", "x_test"):
        if name not in places:
            raise InputError(f"{lack} {name}")
    if not isinstance(val, int | float) or not 0 < val < 1:
        raise InputError(
            f"val={val} is a share of the training images: expected above 0 and below 1"
        )
    return _deal(places, levels, val, seed)


def _deal(places: dict[str, Place], levels: int, val: float, seed: int) -> Pairs:
    if "x_val" not in places:
        n = header(*places["x_train"]).shape[0]
        chosen = draw(n, max(1, round(val * n)), seed)
        yield from hold_out_drawn(_images(places["x_train"], levels), chosen)
    for split in SPLITS:
        name = f"x_{split}"
        if name in places and (split == "test" or "x_val" in places):
            yield from ((split, images) for images in _images(places[name], levels))


def _images(place: Place, levels: int) -> Iterator[np.ndarray]:
    what = " ".join(map(str, place)).strip()
    for values in rows(*place):
        images = values[..., None] if values.ndim == 3 else values
        if images.ndim != 4 or images.shape[-1] not in (1, 3):
            shape = ", ".join(map(str, values.shape[1:]))
            raise InputError(
                f"{what}: shape is (n, {shape}), expected (n, h, w), (n, h, w, 1) or (n, h, w, 3)"
            )
        yield _to_levels(what, images, levels).transpose(0, 3, 1, 2)


def _to_levels(what: str, values: np.ndarray, levels: int) -> np.ndarray:
    """Return whole numbers or fractions as levels: uint8 of the same shape."""
    if values.dtype.kind not in "biuf":
        raise InputError(f"{what}: type is {values.dtype}, expected whole numbers or fractions")
    fractions = values.dtype.kind == "f"
    if fractions and (missing := int(np.isnan(values).sum())):
        raise InputError(f"{what}: {missing} of the values are NaN")
    low, high = values.min(), values.max()
    most = 1 if fractions else levels - 1
    if low < 0 or high > most:
        kind = "fractions" if fractions else f"levels={levels}, so whole numbers"
        raise InputError(f"{what}: values {low:g} to {high:g}, expected {kind} from 0 to {most}")
    if fractions:
        values = np.rint(values * (levels - 1))
    return values.astype(np.uint8)
