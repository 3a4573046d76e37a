"""Prepared arrays: a directory with `train.npy`, `val.npy`, `test.npy` and `data.json`.

It is written whole or not at all. Each array is (n, c, h, w), of levels 0..K-1 or of real numbers,
see `values`. `data.json` says what they are: name, shape, levels, counts and the md5 of each file.
Levels are null for real numbers, and the mean and the standard deviation (`scale`) of the training
split stand beside. The same input gives the same bytes, so DVC sees no change where there is none.

Where the training images are drawn anew every epoch, `train_gray.npy` has what they are drawn
from: gray levels 0..255. Where their classes are known, `train_labels.npy` has them, see `labels`.

Arrays may be larger than memory: they are written as they come, read through a memory map, and
those above `npy.LARGE` bytes have been looked through once, when they were written.
"""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pixelrnn.data import labels, npy
from pixelrnn.data.checksums import verify
from pixelrnn.data.leaks import remove_leaks
from pixelrnn.data.npy import NpyWriter, map_npy
from pixelrnn.data.splits import GRAY, SPLITS, Pairs, as_pairs
from pixelrnn.data.values import check_number_of_levels, values_of
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, md5, write_json
from pixelrnn.reading import read_text

Shape = tuple[int, int, int]  # colors, rows, columns

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*")


def check_images(
    what: str | Path,
    images: np.ndarray,
    shape: Sequence[int],
    levels: int | None,
    look: bool = True,
) -> None:
    """Raise InputError, on `what`, unless `images` are (n, *shape), n >= 1, of such values.

    For K = 256 no level can be too high, and nothing is read; nor without `look`.
    """
    values = values_of(levels)
    if images.dtype != values.dtype:
        kind = "" if levels is None else f" levels 0..{levels - 1}"
        raise InputError(f"{what}: dtype is {images.dtype}, expected {values.dtype}{kind}")
    if images.ndim != 4 or images.shape[1:] != tuple(shape):
        expected = ", ".join(map(str, shape))
        raise InputError(f"{what}: shape is {images.shape}, expected (n, {expected})")
    if len(images) == 0:
        raise InputError(f"{what}: the split is empty, it needs at least one image")
    if look:
        values.check(what, images)


def check_description(shape: Sequence[int], levels: int | None) -> Shape:
    """Return the shape (c, h, w) as a tuple.

    Raises InputError unless c is 1 or 3, h and w are positive, and levels are from 2 to 65,536 or
    None.
    """
    if not _is_shape(shape):
        given = list(shape) if isinstance(shape, tuple) else shape
        raise InputError(f"shape is {given}, expected [colors, rows, columns] with 1 or 3 colors")
    check_number_of_levels(levels)
    return (shape[0], shape[1], shape[2])


def check_name(name: object) -> None:
    """Raise InputError unless the name of a data set is letters, digits, `_` and `.`, as text.

    It becomes part of file names and of the names of DVC's stages, where `-` and `@` are taken.
    """
    if not isinstance(name, str):
        raise InputError(f"data.name={name} must be text; quote it: data.name=\"'{name}'\"")
    if name == "prepare":
        raise InputError("data.name=prepare is the name of stages of the pipeline: choose another")
    if not NAME.fullmatch(name):
        raise InputError(
            f"data.name={name} must be letters, digits, _ and . only, as it names files and stages"
        )


def write_arrays(
    out: str | Path,
    name: str,
    shape: Sequence[int],
    levels: int | None,
    splits: Mapping[str, np.ndarray] | Pairs,
    dedupe: bool = False,
) -> dict[str, NpyWriter]:
    """Write all splits beside `out`, checking them, then move the whole directory there.

    An earlier one is replaced. `splits` is in either form of `pixelrnn.data.splits`. With `dedupe`
    the training images are left out that are also for validation or test, and those for validation
    that are also for test, with their labels. Returns the count and the range of levels of each.

    Raises InputError if a split is missing or fails `check_images`, if `name` fails `check_name`,
    if `dedupe` leaves nothing or can't be done, or if `out` holds something other than prepared
    arrays or can't be written.
    """
    out = as_path(out, "data.path")
    shape = check_description(shape, levels)
    check_name(name)
    check_replaceable(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            new, old = Path(scratch) / "new", Path(scratch) / "old"
            new.mkdir()
            written = _write_files(new, name, shape, levels, as_pairs(splits), dedupe)
            if out.exists():
                out.rename(old)
            new.rename(out)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{out} can't be written ({reason}), so nothing was") from error
    return written


def open_arrays(
    path: str | Path, shape: Sequence[int], levels: int | None
) -> dict[str, np.ndarray]:
    """Map the prepared arrays in `path`, checked against what the caller expects.

    Raises InputError if a file is missing or damaged, if the arrays were prepared for another
    shape or number of levels, or if one fails `check_images`.
    """
    path = as_path(path, "data.path")
    shape = check_description(shape, levels)
    about = read_description(path)
    if tuple(about["shape"]) != shape:
        raise InputError(
            f"{path} holds images of shape {about['shape']}, but data.shape is {list(shape)}: "
            f"{_again(path)}"
        )
    if about["levels"] != levels:
        raise InputError(
            f"{path} holds images of {values_of(about['levels'])}, but data.levels is "
            f"{'null' if levels is None else levels}: {_again(path)}"
        )
    arrays = {}
    for split in SPLITS:
        file = path / f"{split}.npy"
        images = arrays[split] = open_npy(file)
        # a large one was looked through once, when it was prepared for as many levels
        check_images(file, images, shape, levels, look=images.nbytes <= npy.LARGE)
        if (expected := about["counts"][split]) != len(images):
            raise InputError(
                f"{file} has {len(images)} images, data.json says {expected}: {_again(path)}"
            )
    verify(path, {**about.get("md5", {}), **about.get("labels_md5", {})})
    return arrays


def open_labels(path: str | Path) -> dict[str, np.ndarray]:
    """Read the labels beside the prepared arrays in `path`, by split: uint16 (n,).

    Raises InputError if there are none, or for a file that is damaged or of other images.
    """
    path = as_path(path, "data.path")
    about = read_description(path)
    if "classes" not in about:
        raise InputError(
            f"{path} has no labels: take data that has (docs/labels.md), or {_again(path)}"
        )
    found = {}
    for split, count in about["counts"].items():
        file = path / labels.file_of(split)
        values = found[split] = np.asarray(open_npy(file))
        fits = values.dtype == np.uint16 and values.shape == (count,)
        if not fits or values.max() >= about["classes"]:
            raise InputError(f"{file} holds no labels of its images: {_again(path)}")
    return found


def check_gray(path: str | Path, train: np.ndarray) -> None:
    """Check that `path` has the gray levels that the training images were drawn from.

    Raises InputError unless there are as many images of the same size.
    """
    file = as_path(path, "data.path") / f"{GRAY}.npy"
    gray = open_npy(file)
    check_images(file, gray, train.shape[1:], 256)
    if len(gray) != len(train):
        raise InputError(f"{file} has {len(gray)} images, train.npy {len(train)}: {_again(path)}")


def open_npy(file: Path, at_random: bool = False) -> np.ndarray:
    """Map one prepared array; `at_random`: its images will be asked for in no order.

    Raises InputError if the file is missing or damaged.
    """
    try:
        return map_npy(file, at_random)
    except FileNotFoundError as error:
        raise InputError(f"{file} is missing: {_again(file.parent)}") from error
    except Exception as error:
        # a damaged header makes numpy raise many kinds, tokenize's among them
        raise InputError(f"{file} is damaged or not an npy file: {_again(file.parent)}") from error


def read_description(path: str | Path) -> dict[str, Any]:
    """Read `data.json` of a directory of prepared arrays: name, shape, levels, counts, md5.

    Of real numbers, whose levels are None, mean and scale besides.

    Raises InputError if it is missing or damaged.
    """
    file = as_path(path, "data.path") / "data.json"
    try:
        about: dict[str, Any] = json.loads(read_text(file))
        if len(about["shape"]) != 3 or set(about["counts"]) != set(SPLITS):
            raise ValueError("shape or counts is not as written")
        check_number_of_levels(about["levels"])
        if about["levels"] is None and not float(about["scale"]) > 0 <= abs(float(about["mean"])):
            raise ValueError("mean or scale is not as written")
        if not isinstance(about.get("classes", 0), int) or not isinstance(
            about.get("labels_md5", {}), dict
        ):
            raise ValueError("classes or labels_md5 is not as written")
    except FileNotFoundError as error:
        raise InputError(f"{file} is missing: {_again(path)}") from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{file} is damaged: {_again(path)}") from error
    return about


def check_replaceable(out: str | Path) -> None:
    """Raise InputError if `out` is a file, or a folder with one that is not of prepared arrays.

    What `prepare` did not write is never deleted: `out` may be a mistyped folder full of somebody's
    work.
    """
    out = as_path(out, "data.path")
    if out.is_dir():
        ours = {"data.json", *(f"{split}.npy" for split in (*SPLITS, GRAY, *labels.LABELS))}
        if foreign := sorted(file.name for file in out.iterdir() if file.name not in ours):
            raise InputError(f"{out} holds other files ({foreign[0]}): choose another data.path")
    elif out.exists():
        raise InputError(f"{out} is a file, not a folder: choose another data.path")


def _write_files(
    folder: Path, name: str, shape: Shape, levels: int | None, pairs: Pairs, dedupe: bool
) -> dict[str, NpyWriter]:
    written: dict[str, NpyWriter] = {}
    pieces: dict[str, list[np.ndarray]] = {}  # of the labels
    with ExitStack() as files:
        for split, images in pairs:
            if split in labels.LABELS:
                pieces.setdefault(labels.LABELS[split], []).append(images)
                continue
            if split not in written:
                dtype = values_of(256 if split == GRAY else levels).dtype
                written[split] = NpyWriter(folder / f"{split}.npy", shape, dtype)
                files.callback(written[split].close)
            if len(images):
                check_images(f"{name}, {split}", images, shape, 256 if split == GRAY else levels)
                written[split].append(images)
    if strange := sorted(set(written) - {*SPLITS, GRAY}):
        raise InputError(f"{name}: the source gave a split {strange[0]}, expected train, val, test")
    if empty := [split for split in SPLITS if split not in written or not written[split].count]:
        raise InputError(
            f"{name}, {empty[0]}: the split is empty, expected train, val, test of at least one "
            "image each"
        )
    known = labels.join(name, pieces, {split: written[split].count for split in SPLITS})
    if dedupe:
        remove_leaks(folder, name, written, known)
    names = [f"{split}.npy" for split in (*SPLITS, GRAY) if split in written]
    about = {
        "name": name,
        "shape": list(shape),
        **values_of(levels).describe(map_npy(folder / "train.npy")),
        "counts": {split: written[split].count for split in SPLITS},
        "md5": {file: md5(folder / file) for file in names},
        **labels.write(folder, known),
    }
    write_json(folder / "data.json", about)
    return written


def _is_shape(shape: object) -> bool:
    if not isinstance(shape, Sequence) or len(shape) != 3 or shape[0] not in (1, 3):
        return False
    return all(isinstance(size, int) and size >= 1 for size in shape)


def _again(path: str | Path) -> str:
    return f"run `pixelrnn prepare data={Path(path).name}`"
