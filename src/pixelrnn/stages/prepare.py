"""`pixelrnn prepare`: raw files to checked arrays with fixed splits."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pixelrnn.data import SPLITS, Pairs, write_arrays
from pixelrnn.data.arrays import check_description, check_name, check_replaceable
from pixelrnn.data.splits import Noted


def prepare(
    *,
    source: Callable[[], Mapping[str, np.ndarray] | Pairs],
    name: str,
    shape: Sequence[int],
    levels: int,
    out: str | Path,
) -> None:
    """Read the raw files by `source`, check what it gives, write it to `out`.

    Prints one line a split, then the notes of the source. The same raw files and arguments give
    the same bytes: see `pixelrnn.data.arrays`. Raises InputError for a raw file that is missing or
    damaged, for what is not uint8 (n, *shape) of `levels` levels, and if `out` holds something
    else.
    """
    c, h, w = check_description(shape, levels)
    check_name(name)
    check_replaceable(out)  # before a download or an hour's work
    images_read = source()
    written = write_arrays(out, name, shape, levels, images_read)
    for split in SPLITS:
        images = written[split]
        print(
            f"{name} {split:5} {images.count:6} images {c}x{h}x{w}, "
            f"levels {images.low}..{images.high} of {levels}"
        )
    for note in images_read.notes() if isinstance(images_read, Noted) else []:
        print(note)
