"""Any folder of images, dealt out to the splits by a seed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pixelrnn.data.sources.pictures import FITS, read_picture, stacked
from pixelrnn.data.splits import Pairs
from pixelrnn.errors import InputError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def image_folder(
    folder: str | Path,
    shape: Sequence[int],
    levels: int,
    fit: str = "resize",
    val: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    strict: bool = False,
) -> Pairs:
    """The images in `folder` and all folders below it, a stream of (split, images of `shape`) with `levels` levels.

    `val` and `test` are the shares of the images, drawn with `seed`, that are not for training; they follow the sorted
    paths, so another file more or less deals them out anew. Files that are no images by their suffix are skipped, and
    counted, or refused if `strict`. For `fit` see `read_picture`.

    Raises:
        InputError: the folder is missing or has fewer than three images; a share or `fit` is impossible; or (while it
            is read) a file is damaged, has more than 8 bits a color or can't be made to fit.
    """
    folder = Path(folder).expanduser()
    if fit not in FITS:
        raise InputError(f"fit={fit}: expected {', '.join(FITS)}")
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: set data.source.folder")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    images = [file for file in files if file.suffix.lower() in SUFFIXES]
    if others := len(files) - len(images):
        first = next(file for file in files if file.suffix.lower() not in SUFFIXES)
        if strict:
            raise InputError(
                f"{others} of {len(files)} files are no images ({first}, ...): move them or set strict=false"
            )
        print(
            f"{folder}: skipped {others} of {len(files)} files, which are no images ({first.name}, ...)"
        )
    splits = _deal(len(images), val, test, seed, folder)
    return stacked(
        (split, read_picture(file, shape, levels, fit))
        for file, split in zip(images, splits, strict=True)
    )


def _deal(n: int, val: float, test: float, seed: int, folder: Path) -> list[str]:
    """The split of each of n images."""
    if not (0 < val < 1 and 0 < test < 1 and val + test < 1):
        raise InputError(
            f"val={val} and test={test} are shares: expected above 0, together below 1"
        )
    counts = [max(1, round(share * n)) for share in (val, test)]
    if sum(counts) >= n:
        raise InputError(
            f"{folder} has {n} images: too few to leave some for each of train, val and test"
        )
    # RandomState, not default_rng: its stream is frozen, so the splits are the same under every numpy.
    order = np.random.RandomState(seed).permutation(n)
    dealt = np.full(n, "train", object)
    dealt[order[: counts[0]]], dealt[order[counts[0] : sum(counts)]] = "val", "test"
    return dealt.tolist()
