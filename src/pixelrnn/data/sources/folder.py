"""Any folder of images, dealt out to the splits by a seed."""

from collections.abc import Sequence
from pathlib import Path

from pixelrnn.data.sources.pictures import check_fit, read_picture, stacked
from pixelrnn.data.splits import Pairs, deal_shares
from pixelrnn.errors import InputError
from pixelrnn.files import as_path

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
    """Read the images in `folder` and all folders below it, a stream of (split, images).

    The images are of `shape` (c, h, w) with levels 0..K-1. `val` and `test` are the shares of the
    images, drawn with `seed`, that are not for training; they follow the sorted paths, so another
    file more or less deals them out anew. Files that are no images by their suffix are skipped, and
    counted, or refused if `strict`. For `fit` see `pictures.fitted`.

    Raises InputError if the folder is missing or has fewer than three images; if a share or `fit`
    is impossible; or (while it is read) if a file is damaged, of a kind that isn't read, or can't
    be made to fit.
    """
    folder = as_path(folder, "data.source.folder")
    check_fit(fit)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: set data.source.folder")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    images = [file for file in files if file.suffix.lower() in SUFFIXES]
    if others := len(files) - len(images):
        first = next(file for file in files if file.suffix.lower() not in SUFFIXES)
        if strict:
            raise InputError(
                f"{others} of {len(files)} files are no images ({first}, ...): move them or set "
                "strict=false"
            )
        print(
            f"{folder}: skipped {others} of {len(files)} files, which are no images "
            f"({first.name}, ...)"
        )
    try:
        splits = deal_shares(len(images), {"val": val, "test": test}, seed)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    return stacked(
        (split, read_picture(file, shape, levels, fit))
        for file, split in zip(images, splits, strict=True)
    )
