"""`pixelrnn prepare`: raw files to checked arrays with fixed splits."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pixelrnn.data import SPLITS, Pairs, labels, write_arrays
from pixelrnn.data.arrays import (
    check_description,
    check_name,
    check_replaceable,
    open_labels,
    open_npy,
    read_description,
)
from pixelrnn.data.identical import WORDS, describe_identical
from pixelrnn.data.npy import NpyWriter
from pixelrnn.data.splits import GRAY, Noted
from pixelrnn.data.values import values_of
from pixelrnn.errors import InputError


def prepare(
    *,
    source: Callable[[], Mapping[str, np.ndarray] | Pairs],
    name: str,
    shape: Sequence[int],
    levels: int | None,
    out: str | Path,
    dedupe: bool = False,
) -> None:
    """Read the raw files by `source`, check what it gives, write it to `out`.

    With `dedupe` images that leak into training from another split are left out of it, and so are
    those for validation that are also for test. Prints one line a split, then what else there is to
    know: how many images are of each class, files left out, pictures changed, images that are
    identical or of one color.

    The same raw files and arguments give the same bytes: see `pixelrnn.data.arrays`. Raises
    InputError for a raw file that is missing or damaged, for what is not (n, *shape) of
    `levels` levels (None: of real numbers), and if `out` holds something else.
    """
    check_description(shape, levels)
    check_name(name)
    if not isinstance(dedupe, bool):
        raise InputError(f"dedupe={dedupe} must be true or false")
    check_replaceable(out)  # before a download or an hour's work
    read = source()
    written = write_arrays(out, name, shape, levels, read, dedupe)
    size = "x".join(map(str, shape))
    for split in SPLITS:
        images = written[split]
        print(
            f"{name} {split:5} {images.count:6} images {size}, "
            f"{values_of(levels).spell_range(images.low, images.high)}"
        )
    notes = read.notes() if isinstance(read, Noted) else []
    about = read_description(out)
    classes = labels.describe(open_labels(out)) if "classes" in about else []
    high, train = max(written[split].high for split in SPLITS), open_npy(Path(out) / "train.npy")
    remarks = values_of(levels).remarks(high, about, train)
    for line in [*classes, *notes, *_removed(written), *remarks, *_identical(written)]:
        print(f"{name}: {line}")


def _removed(written: Mapping[str, NpyWriter]) -> list[str]:
    """Return a line for each split that `dedupe` made smaller."""
    lines = []
    for split in SPLITS:
        if removed := written[split].removed:
            others = "validation or test" if split == "train" else "test"
            lines.append(f"{removed} removed from {WORDS[split]}: identical to one for {others}")
    return lines


def _identical(written: Mapping[str, NpyWriter]) -> list[str]:
    """Return lines on images that are identical or of one color, whatever source they are from."""
    fingerprints = {split: written[split].fingerprints for split in SPLITS}
    return describe_identical(fingerprints, remedy=GRAY not in written)
