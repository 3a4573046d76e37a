"""The embedded data set of the demo: UCI handwritten digits.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998, CC BY 4.0. The package carries them (45 kB), so that it has something to train on
wherever it is installed; a repository's pipeline reads the same file under DVC.
"""

from pathlib import Path

import numpy as np

from pixelrnn.data.labels import LABELS
from pixelrnn.data.sources.raw import check_exists, reading
from pixelrnn.data.splits import SPLITS, Splits, frozen
from pixelrnn.errors import InputError
from pixelrnn.files import as_path
from pixelrnn.room import check_memory

EMBEDDED = Path(__file__).parents[1] / "digits.npz"
IN_REPOSITORY = Path("data/digits/digits.npz")


def digits(file: str | Path, seed: int = 0, val: int = 200, test: int = 300) -> Splits:
    """Read UCI handwritten digits: (n, 1, 8, 8), 17 levels, with their labels if the file has them.

    A level is how many of 16 pixels of the original bitmap were inked. `val` and `test` images are
    drawn with `seed`; all others are for training. Where `file` is the repository's and missing, a
    line says that the package's own copy is read.

    Raises InputError if another file is missing, or if one is damaged, holds something else, or has
    too few images for the split.
    """
    file = as_path(file, "data.source.file")
    if file == IN_REPOSITORY and not file.exists():
        print(f"{file} is missing: the digits that pixelrnn carries are read")
        file = EMBEDDED
    check_exists(file, "set data.source.file")
    images, labels = _read_npz(file)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (8, 8):
        raise InputError(
            f"{file}: 'images' is {images.dtype} {images.shape}, expected uint8 (n, 8, 8): "
            f"{_remedy(file)}"
        )
    if images.size and images.max() > 16:
        raise InputError(
            f"{file}: 'images' has level {images.max()}, expected 0..16: {_remedy(file)}"
        )
    if min(val, test) < 1 or val + test >= len(images):
        raise InputError(
            f"{file}: {len(images)} images can't give val={val} and test={test} and leave some for "
            "train"
        )
    order = frozen(seed).permutation(len(images))
    parts = dict(zip(("val", "test", "train"), np.split(order, [val, val + test]), strict=True))
    splits = {split: images[parts[split], None] for split in SPLITS}
    if labels is not None:
        splits |= {name: labels[parts[split]] for name, split in LABELS.items()}
    return splits


def _read_npz(file: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Read the images, and a label for each where there are as many as images."""
    with (
        reading(file, "the expected npz", _remedy(file)),
        file.open("rb") as stream,  # numpy leaves a damaged one open
        np.load(stream, allow_pickle=False) as archive,
    ):
        needed = sum(part.file_size for part in archive.zip.infolist())
        check_memory(needed, str(file), _remedy(file))
        images = np.asarray(archive["images"])
        labels = np.asarray(archive["labels"]) if "labels" in archive else None
    if labels is not None and labels.shape != images.shape[:1]:
        raise InputError(f"{file}: {labels.shape} labels for {len(images)} images: {_remedy(file)}")
    return images, labels


def _remedy(file: Path) -> str:
    return f"delete {file}, and the digits that pixelrnn carries are read"
