"""Any folder of images, dealt out to the splits by a seed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pixelrnn.data.sources.pictures import (
    WHITE,
    check_fit,
    describe_seen,
    read_color,
    read_picture,
    stacked,
)
from pixelrnn.data.sources.walk import NOWHERE, OTHER, describe_left_out, walk
from pixelrnn.data.splits import Noted, deal_shares
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, in_one_line


def image_folder(
    folder: str | Path,
    shape: Sequence[int],
    levels: int,
    fit: str = "resize",
    val: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    strict: bool = False,
    ground: str | int = WHITE,
    labels: bool = False,
) -> Noted:
    """Read the images in `folder` and all folders below it, a stream of (split, images).

    The images are of `shape` (c, h, w) with levels 0..K-1. `val` and `test` are the shares of the
    images, drawn with `seed`, that are not for training; they follow the sorted paths, so another
    file more or less deals them out anew. What is hidden or no picture by its suffix is left out,
    see `walk`, and counted in the notes; what is no picture is refused if `strict`. For `fit` see
    `pictures.fitted`; on `ground` transparent pictures are laid. With `labels` the folder that a
    picture lies in is its class: the names in order are 0, 1, ..., and stand in the notes.

    Raises InputError if the folder is missing or has fewer than three images; if a share, `fit` or
    `ground` is impossible; or (while it is read) if a file is damaged, of a kind that isn't read,
    or can't be made to fit.
    """
    folder = as_path(folder, "data.source.folder")
    check_fit(fit)
    read_color(ground)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: put the images there or set data.source.folder")
    images, left_out = walk(folder)
    others = [*left_out[OTHER], *left_out[NOWHERE]]
    if strict and others:
        raise InputError(
            f"{len(others)} of {len(images) + len(others)} files are no images that Pillow "
            f"reads ({in_one_line(others[0])}, ...): move them or set strict=false"
        )
    about = describe_left_out(folder, left_out)
    try:
        splits = deal_shares(len(images), {"val": val, "test": test}, seed)
    except InputError as error:
        raise InputError("; ".join([f"{folder}: {error}", *about])) from error
    classes = _classes(folder, images) if labels else {}
    seen: Counter[str] = Counter()

    def read() -> Iterator[tuple[str, np.ndarray]]:
        for file, split in zip(images, splits, strict=True):
            yield split, read_picture(file, shape, levels, fit, ground, seen)
            if labels:
                yield f"{split}_labels", np.array(classes[file.parent.name], np.uint16)

    if labels:
        names = [f"{label} {in_one_line(name)}" for name, label in classes.items()]
        about.append(f"the classes by their folders: {', '.join(names)}")
    return Noted(stacked(read()), lambda: [*about, *describe_seen(seen, ground)])


def _classes(folder: Path, images: Sequence[Path]) -> dict[str, int]:
    """Return the label of each class. Raises InputError for an image that lies in no class."""
    for file in images:
        if file.parent == folder:
            raise InputError(
                f"{in_one_line(file)} lies in no folder of a class: move it, or set "
                "data.source.labels=false"
            )
    return {name: label for label, name in enumerate(sorted({file.parent.name for file in images}))}
