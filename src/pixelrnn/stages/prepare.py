"""`pixelrnn prepare`: raw files to checked arrays with fixed splits."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # NumPy and Pillow are loaded when the stage runs: `pixelrnn --help` answers without them
    from pixelrnn.data import Splits


def prepare(source: "Callable[[], Splits]", name: str, shape: Sequence[int], levels: int, out: str | Path) -> None:
    """Read the raw files by `source`, check what it gives, write it to `out` (see `pixelrnn.data.arrays`).

    Prints one line a split. The same raw files and arguments give the same bytes.

    Raises:
        InputError: a raw file is missing or damaged, or what it holds is not uint8 (n, *shape) of `levels` levels.
    """
    from pixelrnn.data import SPLITS, write_arrays

    splits = source()
    write_arrays(out, name, shape, levels, splits)
    for split in SPLITS:
        images = splits[split]
        c, h, w = images.shape[1:]
        print(f"{name} {split:5} {len(images):6} images {c}x{h}x{w}, levels {images.min()}..{images.max()} of {levels}")
