"""Prepared arrays: a directory with `train.npy`, `val.npy`, `test.npy` and `data.json`, written whole or not at all.

Each array is uint8 (n, c, h, w) with levels 0..K-1. `data.json` says what they are: name, shape, levels, counts and the
md5 of each file. The same input gives the same bytes, so DVC sees no change where there is none.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pixelrnn.data.sources import SPLITS
from pixelrnn.errors import InputError

Shape = tuple[int, int, int]  # colors, rows, columns


def check_images(what: str | Path, images: np.ndarray, shape: Sequence[int], levels: int) -> None:
    """`images` must be uint8 (n, *shape), n >= 1, with no level above `levels` - 1; else an InputError on `what`."""
    if images.dtype != np.uint8:
        raise InputError(f"{what}: dtype is {images.dtype}, expected uint8 levels 0..{levels - 1}")
    if images.ndim != 4 or images.shape[1:] != tuple(shape):
        raise InputError(f"{what}: shape is {images.shape}, expected (n, {', '.join(map(str, shape))})")
    if len(images) == 0:
        raise InputError(f"{what}: the split is empty, it needs at least one image")
    if (highest := int(images.max())) >= levels:
        raise InputError(
            f"{what}: level {highest} found, but levels={levels} allows only 0..{levels - 1}: set data.levels"
        )


def check_description(shape: Sequence[int], levels: int) -> Shape:
    """(c, h, w) as a tuple.

    Raises:
        InputError: not one or three colors and positive sizes, or levels outside 2..256.
    """
    if len(shape) != 3 or any(not isinstance(s, int) or s < 1 for s in shape) or shape[0] not in (1, 3):
        raise InputError(f"shape is {list(shape)}, expected [colors, rows, columns] with 1 or 3 colors")
    if not isinstance(levels, int) or not 2 <= levels <= 256:
        raise InputError(f"levels is {levels}, expected a whole number from 2 to 256")
    return (shape[0], shape[1], shape[2])


def write_arrays(
    out: str | Path, name: str, shape: Sequence[int], levels: int, splits: Mapping[str, np.ndarray]
) -> None:
    """Check all splits, write them beside `out`, then move the whole directory there; an earlier one is replaced.

    Raises:
        InputError: a split is missing or fails `check_images`, or `out` holds something other than prepared arrays.
    """
    out, shape = Path(out), check_description(shape, levels)
    if set(splits) != set(SPLITS):
        raise InputError(f"{name}: the source gave the splits {sorted(splits)}, expected {', '.join(SPLITS)}")
    for split in SPLITS:
        check_images(f"{name}, {split}", splits[split], shape, levels)
    _check_replaceable(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        new.mkdir()
        _write_files(new, name, shape, levels, splits)
        if out.exists():
            out.rename(old)
        new.rename(out)


def open_arrays(path: str | Path, shape: Sequence[int], levels: int) -> dict[str, np.ndarray]:
    """The prepared arrays in `path`, memory-mapped and checked against what the caller expects.

    Raises:
        InputError: a file is missing or damaged, the arrays were prepared for another shape or number of levels, or
            one fails `check_images`.
    """
    path, shape = Path(path), check_description(shape, levels)
    about = read_description(path)
    if tuple(about["shape"]) != shape:
        raise InputError(
            f"{path} holds images of shape {about['shape']}, but data.shape is {list(shape)}: {_again(path)}"
        )
    if about["levels"] != levels:
        raise InputError(
            f"{path} holds images of {about['levels']} levels, but data.levels is {levels}: {_again(path)}"
        )
    arrays = {split: _open_npy(path / f"{split}.npy") for split in SPLITS}
    for split, images in arrays.items():
        check_images(path / f"{split}.npy", images, shape, levels)
        if about["counts"][split] != len(images):
            expected = about["counts"][split]
            raise InputError(f"{path / split}.npy has {len(images)} images, data.json says {expected}: {_again(path)}")
    return arrays


def read_description(path: str | Path) -> dict[str, Any]:
    """`data.json` of a directory of prepared arrays: name, shape, levels, counts, md5.

    Raises:
        InputError: it is missing or damaged.
    """
    file = Path(path) / "data.json"
    try:
        about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if len(about["shape"]) != 3 or set(about["counts"]) != set(SPLITS):
            raise ValueError("shape or counts is not as written")
        int(about["levels"])
    except FileNotFoundError as error:
        raise InputError(f"{file} is missing: {_again(path)}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is damaged: {_again(path)}") from error
    return about


def _check_replaceable(out: Path) -> None:
    """Never delete what `prepare` did not write: `out` may be a mistyped folder full of somebody's work."""
    if out.is_dir():
        ours = {"data.json", *(f"{split}.npy" for split in SPLITS)}
        if foreign := sorted(file.name for file in out.iterdir() if file.name not in ours):
            raise InputError(f"{out} holds other files ({foreign[0]}): choose another data.path")
    elif out.exists():
        raise InputError(f"{out} is a file, not a folder: choose another data.path")


def _write_files(folder: Path, name: str, shape: Shape, levels: int, splits: Mapping[str, np.ndarray]) -> None:
    for split in SPLITS:
        # C order: numpy would otherwise keep a transposed array's order, and the bytes would depend on how it was made.
        np.save(folder / f"{split}.npy", np.ascontiguousarray(splits[split]), allow_pickle=False)
    about = {
        "name": name,
        "shape": list(shape),
        "levels": levels,
        "counts": {split: len(splits[split]) for split in SPLITS},
        "md5": {f"{split}.npy": _md5(folder / f"{split}.npy") for split in SPLITS},
    }
    (folder / "data.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _open_npy(file: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))  # a plain view: memmap's indexing is slow
    except FileNotFoundError as error:
        raise InputError(f"{file} is missing: {_again(file.parent)}") from error
    except Exception as error:  # a damaged header makes numpy raise many kinds, tokenize's among them
        raise InputError(f"{file} is damaged or not an npy file: {_again(file.parent)}") from error


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def _again(path: str | Path) -> str:
    return f"run `pixelrnn prepare data={Path(path).name}`"
