"""Anybody's arrays: `x_train`, `x_test`, and `x_val` where there is one, or by other names.

They come as an npz file or as npy files in a folder, in the forms of `pixelrnn.data.forms`. What
there is no array of, for validation or test, is a share of the training images, drawn by a seed.
The arrays may be larger than memory. Labels are whole numbers (n): `y_train` or `train_labels`, and
so on, or `labels` beside a single array.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pixelrnn.data.forms import colors_first, describe_forms, to_levels
from pixelrnn.data.npy import Header
from pixelrnn.data.sources.raw import check_exists
from pixelrnn.data.sources.rows import header, keys, rows
from pixelrnn.data.splits import SPLITS, Pairs, deal_shares
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, in_one_line

Place = tuple[Path, str]  # of an array: an npy file and "", or an npz file and the array's name

NAMES = {split: f"x_{split}" for split in SPLITS}


def npz_arrays(
    file: str | Path,
    shape: Sequence[int],
    levels: int,
    val: float = 0.1,
    test: float | None = None,
    seed: int = 0,
    names: Mapping[str, str] = NAMES,
) -> Pairs:
    """Read the arrays in an npz file, a stream of (split, images (n, c, h, w)), levels 0..K-1.

    `file` may be a folder with one such file. `names` are those of the arrays by split. `val` is a
    share of the training images where there is no array for validation; so is `test`, where it is
    given.

    Raises InputError if the file or an array is missing or damaged; if a share or a name is
    impossible; or (while it is read) if an array has another form, a NaN, or levels out of range.
    """
    file = _find_npz(as_path(file, "data.source.file"))
    places = {name: (file, name) for name in keys(file)}
    return _read(places, in_one_line(file), shape, levels, {"val": val, "test": test}, seed, names)


def npy_arrays(
    folder: str | Path,
    shape: Sequence[int],
    levels: int,
    val: float = 0.1,
    test: float | None = None,
    seed: int = 0,
    names: Mapping[str, str] = NAMES,
) -> Pairs:
    """Read x_train.npy, x_test.npy and, where there is one, x_val.npy in a folder: as `npz_arrays`.

    Raises what that does.
    """
    folder = as_path(folder, "data.source.folder")
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: put npy files there or set data.source.folder")
    places = {file.stem: (file, "") for file in _visible(folder, ".npy")}
    return _read(
        places, in_one_line(folder), shape, levels, {"val": val, "test": test}, seed, names
    )


def _find_npz(path: Path) -> Path:
    if not path.is_dir():
        check_exists(path, "put an npz file there or set data.source.file")
        return path
    files = _visible(path, ".npz")
    if len(files) != 1:
        names = _listed(file.name for file in files)
        raise InputError(f"{path} holds {names}, expected one npz file: set data.source.file")
    return files[0]


def _visible(folder: Path, suffix: str) -> list[Path]:
    files = sorted(folder.glob(f"*{suffix}"))
    return [file for file in files if not file.name.startswith(".")]


def _read(
    places: Mapping[str, Place],
    what: str,
    shape: Sequence[int],
    levels: int,
    shares: Mapping[str, float | None],
    seed: int,
    names: Mapping[str, str],
) -> Pairs:
    """Check which arrays there are, and deal out the training images before any is read."""
    names = _check_names(names)
    present = {split: places[name] for split, name in names.items() if name in places}
    needed = {}
    for split, name in names.items():
        share = shares.get(split)
        if split not in present and (share is None or name != NAMES[split]):
            unused = [place for place in places if place not in names.values()]
            raise InputError(f"{what} has no array {name}: {_remedy(split, unused)}")
        if split not in present and share is not None:
            needed[split] = share
        elif split == "test" and share is not None:
            raise InputError(f"{what} has {name}, so test={share} can't be a share: set test=null")
    n = header(*present["train"]).shape[0]
    try:
        dealt = deal_shares(n, needed, seed) if needed else ["train"] * n
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    return _deal(present, _labels(places, present), np.array(dealt), shape, levels)


def _labels(places: Mapping[str, Place], present: Mapping[str, Place]) -> dict[str, Place]:
    """Return the labels of each array of images; nothing unless each has some.

    Raises InputError for labels of another number than images.
    """
    found = {}
    for split, images in present.items():
        names = [f"y_{split}", f"{split}_labels", *(["labels"] if len(present) == 1 else [])]
        place = next((places[name] for name in names if name in places), None)
        if place is None or not _are_labels(header(*place)):
            return {}
        number, needed = header(*place).shape[0], header(*images).shape[0]
        if number != needed:
            what = in_one_line(" ".join(map(str, place)).strip())
            raise InputError(f"{what} has {number} labels for {needed} images")
        found[split] = place
    return found


def _are_labels(about: Header) -> bool:
    """Return whether an array holds whole numbers (n) or (n, 1): others are anybody's own."""
    return about.dtype.kind in "ui" and about.shape[1:] in ((), (1,))


def _check_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return the name of the array of each split, the usual ones where `names` has none."""
    if not isinstance(names, Mapping) or not set(names) <= set(SPLITS):
        raise InputError(f"names={names}: expected names by split, as {{train: images}}")
    full = {**NAMES, **names}
    if len({str(name) for name in full.values()}) < len(full):
        raise InputError(f"names={dict(names)}: one array can't be for two splits")
    return {split: str(name) for split, name in full.items()}


def _remedy(split: str, unused: Sequence[str]) -> str:
    """Return what to do where a split has no array, and `unused` are the names of the others."""
    ways = []
    if unused:
        ways.append(f"set data.source.names.{split} to one of {_listed(unused)}")
    if split != "train":
        ways.append(f"set data.source.{split}=0.1 for a share of the training images")
    return " or ".join(ways) or "add one"


def _listed(names: Iterable[str]) -> str:
    names = [in_one_line(name) for name in names]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "") if names else "none"


def _deal(
    present: Mapping[str, Place],
    labels: Mapping[str, Place],
    dealt: np.ndarray,
    shape: Sequence[int],
    levels: int,
) -> Iterator[tuple[str, np.ndarray]]:
    """Give the images and the labels; `dealt` is the split of each of those for training."""
    start = 0
    for images in _images(present["train"], shape, levels):
        here = dealt[start : start + len(images)]
        start += len(images)
        for split in SPLITS:
            yield split, images[here == split]
    for split in ("val", "test"):
        if split in present:
            yield from ((split, images) for images in _images(present[split], shape, levels))
    for part, place in labels.items():
        values = np.concatenate([chunk.reshape(-1) for chunk in rows(*place)])
        splits = dealt if part == "train" else np.full(len(values), part)
        for split in SPLITS:
            yield f"{split}_labels", values[splits == split]


def _images(place: Place, shape: Sequence[int], levels: int) -> Iterator[np.ndarray]:
    what = in_one_line(" ".join(map(str, place)).strip())
    for values in rows(*place):
        images = colors_first(values, shape)
        if images is None:
            form = ", ".join(map(str, values.shape[1:]))
            remedy = "set data.shape" if values.ndim > 2 else "reshape it"
            raise InputError(
                f"{what}: shape is (n, {form}), expected {describe_forms(shape)}: {remedy}"
            )
        yield to_levels(what, images, levels, ", or set data.levels")
