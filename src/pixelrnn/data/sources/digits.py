"""The embedded data set of the demo: UCI handwritten digits."""

from pathlib import Path

import numpy as np

from pixelrnn.data.sources.raw import check_exists, reading
from pixelrnn.data.splits import Splits, frozen
from pixelrnn.errors import InputError
from pixelrnn.files import as_path


def digits(file: str | Path, seed: int = 0, val: int = 200, test: int = 300) -> Splits:
    """Read UCI handwritten digits: (n, 1, 8, 8), 17 levels.

    A level is how many of 16 pixels of the original bitmap were inked. `val` and `test` images are
    drawn with `seed`; all others are for training.

    Raises InputError if the file is missing or damaged, holds something else, or has too few images
    for the split.
    """
    file = as_path(file, "data.source.file")
    images = _read_npz(file, "images")
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (8, 8):
        raise InputError(
            f"{file}: 'images' is {images.dtype} {images.shape}, expected uint8 (n, 8, 8): "
            f"{_repull(file)}"
        )
    if images.size and images.max() > 16:
        raise InputError(
            f"{file}: 'images' has level {images.max()}, expected 0..16: {_repull(file)}"
        )
    if min(val, test) < 1 or val + test >= len(images):
        raise InputError(
            f"{file}: {len(images)} images can't give val={val} and test={test} and leave some for "
            "train"
        )
    order = frozen(seed).permutation(len(images))
    parts = np.split(images[order, None], [val, val + test])
    return {"train": parts[2], "val": parts[0], "test": parts[1]}


def _read_npz(file: Path, key: str) -> np.ndarray:
    check_exists(file, "run `dvc pull data.dvc` in the top folder of the repository")
    with (
        reading(file, "the expected npz", _repull(file)),
        file.open("rb") as stream,  # numpy leaves a damaged one open
        np.load(stream, allow_pickle=False) as archive,
    ):
        return np.asarray(archive[key])


def _repull(file: Path) -> str:
    return f"delete {file} and run `dvc pull data.dvc`"
