"""Prepared arrays: a directory with `train.npy`, `val.npy`, `test.npy` and `data.json`, written whole or not at all.

Each array is uint8 (n, c, h, w) with levels 0..K-1. `data.json` says what they are: name, shape, levels, counts and the
md5 of each file. The same input gives the same bytes, so DVC sees no change where there is none.

Where the training images are drawn anew every epoch, `train_gray.npy` has what they are drawn from: gray levels 0..255.

Arrays may be larger than memory: they are written as they come, read through a memory map, and those above `LARGE`
bytes have been looked through once, when they were written.
"""

import hashlib
import json
import mmap
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pixelrnn.data.splits import GRAY, SPLITS, Pairs, as_pairs
from pixelrnn.errors import InputError

LARGE = 2**30

Shape = tuple[int, int, int]  # colors, rows, columns


def check_images(what: str | Path, images: np.ndarray, shape: Sequence[int], levels: int) -> None:
    """`images` must be uint8 (n, *shape), n >= 1, with no level above `levels` - 1; else an InputError on `what`.

    For K = 256 no level can be too high, and nothing is read.
    """
    if images.dtype != np.uint8:
        raise InputError(f"{what}: dtype is {images.dtype}, expected uint8 levels 0..{levels - 1}")
    if images.ndim != 4 or images.shape[1:] != tuple(shape):
        raise InputError(
            f"{what}: shape is {images.shape}, expected (n, {', '.join(map(str, shape))})"
        )
    if len(images) == 0:
        raise InputError(f"{what}: the split is empty, it needs at least one image")
    if levels < 256 and (highest := int(images.max())) >= levels:
        raise InputError(
            f"{what}: level {highest} found, but levels={levels} allows only 0..{levels - 1}: set data.levels"
        )


def check_description(shape: Sequence[int], levels: int) -> Shape:
    """(c, h, w) as a tuple.

    Raises:
        InputError: not one or three colors and positive sizes, or levels outside 2..256.
    """
    if (
        len(shape) != 3
        or any(not isinstance(s, int) or s < 1 for s in shape)
        or shape[0] not in (1, 3)
    ):
        raise InputError(
            f"shape is {list(shape)}, expected [colors, rows, columns] with 1 or 3 colors"
        )
    if not isinstance(levels, int) or not 2 <= levels <= 256:
        raise InputError(f"levels is {levels}, expected a whole number from 2 to 256")
    return (shape[0], shape[1], shape[2])


def write_arrays(
    out: str | Path,
    name: str,
    shape: Sequence[int],
    levels: int,
    splits: Mapping[str, np.ndarray] | Pairs,
) -> "dict[str, NpyWriter]":
    """Write all splits beside `out`, checking them, then move the whole directory there; an earlier one is replaced.

    `splits` is in either form of `pixelrnn.data.splits`. Returns the count and the range of levels of each.

    Raises:
        InputError: a split is missing or fails `check_images`, `out` holds something other than prepared arrays, or it
            can't be written.
    """
    out, shape = Path(out), check_description(shape, levels)
    check_replaceable(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            new, old = Path(scratch) / "new", Path(scratch) / "old"
            new.mkdir()
            written = _write_files(new, name, shape, levels, as_pairs(splits))
            if out.exists():
                out.rename(old)
            new.rename(out)
    except OSError as error:
        raise InputError(
            f"{out} can't be written ({error.strerror or error}), so nothing was"
        ) from error
    return written


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
    arrays = {split: open_npy(path / f"{split}.npy") for split in SPLITS}
    for split, images in arrays.items():
        # looked through once, when it was prepared for as many levels: for a large one that must do
        check_images(
            path / f"{split}.npy", images, shape, levels if images.nbytes <= LARGE else 256
        )
        if about["counts"][split] != len(images):
            expected = about["counts"][split]
            raise InputError(
                f"{path / split}.npy has {len(images)} images, data.json says {expected}: {_again(path)}"
            )
    return arrays


def check_gray(path: str | Path, train: np.ndarray) -> None:
    """`path` must have the gray levels that the training images were drawn from: as many images, as large as they.

    Raises:
        InputError: the file is missing or damaged, or of other images.
    """
    file = Path(path) / f"{GRAY}.npy"
    gray = open_npy(file)
    check_images(file, gray, train.shape[1:], 256)
    if len(gray) != len(train):
        raise InputError(f"{file} has {len(gray)} images, train.npy {len(train)}: {_again(path)}")


def open_npy(file: Path, at_random: bool = False) -> np.ndarray:
    """An npy file, memory-mapped; `at_random` if its images will be asked for in no order.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        images = np.load(file, mmap_mode="r", allow_pickle=False)
        if (
            at_random and images.nbytes > LARGE
        ):  # reading ahead would fetch ten times what is asked for
            images._mmap.madvise(mmap.MADV_RANDOM)
        return np.asarray(images)  # a plain view: memmap's indexing is slow
    except FileNotFoundError as error:
        raise InputError(f"{file} is missing: {_again(file.parent)}") from error
    except (
        Exception
    ) as error:  # a damaged header makes numpy raise many kinds, tokenize's among them
        raise InputError(f"{file} is damaged or not an npy file: {_again(file.parent)}") from error


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


def check_replaceable(out: str | Path) -> None:
    """Never delete what `prepare` did not write: `out` may be a mistyped folder full of somebody's work.

    Raises:
        InputError: `out` is a file, or holds one that is not of prepared arrays.
    """
    out = Path(out)
    if out.is_dir():
        ours = {"data.json", *(f"{split}.npy" for split in (*SPLITS, GRAY))}
        if foreign := sorted(file.name for file in out.iterdir() if file.name not in ours):
            raise InputError(f"{out} holds other files ({foreign[0]}): choose another data.path")
    elif out.exists():
        raise InputError(f"{out} is a file, not a folder: choose another data.path")


class NpyWriter:
    """One npy file of uint8 (n, *shape), written as images come; n is known at the end, and the header written again.

    NumPy leaves room in the header for n to grow, so the bytes are those of `np.save`. `count`, `low` and `high` are
    the number of images and the range of levels so far.
    """

    def __init__(self, file: Path, shape: Shape) -> None:
        self.count, self.low, self.high = 0, 255, 0
        self._shape, self._stream = shape, file.open("wb")
        self._write_header()

    def append(self, images: np.ndarray) -> None:
        """Write (n, *shape), n >= 1, in C order, whatever order they are in."""
        self._stream.write(np.ascontiguousarray(images).data)
        self.count += len(images)
        self.low, self.high = min(self.low, int(images.min())), max(self.high, int(images.max()))

    def close(self) -> None:
        """Complete the file."""
        with self._stream:
            self._stream.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        about = {"descr": "|u1", "fortran_order": False, "shape": (self.count, *self._shape)}
        np.lib.format.write_array_header_1_0(self._stream, about)


def _write_files(
    folder: Path, name: str, shape: Shape, levels: int, pairs: Pairs
) -> dict[str, NpyWriter]:
    written: dict[str, NpyWriter] = {}
    with ExitStack() as files:
        for split, images in pairs:
            if split not in written:
                written[split] = NpyWriter(folder / f"{split}.npy", shape)
                files.callback(written[split].close)
            if len(images):
                check_images(f"{name}, {split}", images, shape, 256 if split == GRAY else levels)
                written[split].append(images)
    if strange := sorted(set(written) - {*SPLITS, GRAY}):
        raise InputError(f"{name}: the source gave a split {strange[0]}, expected train, val, test")
    if empty := [split for split in SPLITS if split not in written or not written[split].count]:
        raise InputError(
            f"{name}, {empty[0]}: the split is empty, expected train, val, test of at least one image each"
        )
    about = {
        "name": name,
        "shape": list(shape),
        "levels": levels,
        "counts": {split: written[split].count for split in SPLITS},
        "md5": {
            f"{split}.npy": _md5(folder / f"{split}.npy")
            for split in (*SPLITS, GRAY)
            if split in written
        },
    }
    (folder / "data.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return written


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def _again(path: str | Path) -> str:
    return f"run `pixelrnn prepare data={Path(path).name}`"
