"""Labels: the class of each image, 0..classes-1, in a file of their own beside each split's images.

`train_labels.npy` and its like are uint16 (n,), in the order of the images. A source that knows
them gives them in its stream as `train_labels`, ..., as many as images by the end of it. data.json
says how many `classes` there are and, apart from the images', the md5 of each file: images with
labels and without are the same images.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pixelrnn.data.identical import WORDS
from pixelrnn.data.splits import SPLITS
from pixelrnn.errors import InputError
from pixelrnn.files import md5, write_array

LABELS = {f"{split}_labels": split for split in SPLITS}  # what a stream calls them
MOST = 2**16
LISTED = 20  # classes whose images are counted one by one in a line


def join(
    name: str, pieces: Mapping[str, Sequence[np.ndarray]], counts: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Return the labels by split from what a stream gave, uint16 (n,): nothing if there were none.

    Raises InputError, on `name`, unless there is one for each image, a whole number from 0 on.
    """
    joined = {}
    for split, count in counts.items() if pieces else ():
        labels = np.concatenate([np.empty(0, np.uint16), *pieces.get(split, [])])
        if labels.dtype.kind not in "ui" or labels.ndim != 1:
            raise InputError(f"{name}, {split}: labels are {labels.dtype}, expected whole numbers")
        if len(labels) != count:
            raise InputError(f"{name}, {split}: {len(labels)} labels for {count} images")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= MOST:
            wrong = low if low < 0 else high
            raise InputError(f"{name}, {split}: label {wrong}, expected 0 to {MOST - 1}")
        joined[split] = labels.astype(np.uint16)
    return joined


def write(folder: Path, labels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Write the labels by split. Return what data.json is to say of them: nothing of none."""
    files = [file_of(split) for split in labels]
    for file, values in zip(files, labels.values(), strict=True):
        write_array(folder / file, values)
    if not files:
        return {}
    return {"classes": classes(labels), "labels_md5": {file: md5(folder / file) for file in files}}


def file_of(split: str) -> str:
    """Return the name of the file of a split's labels."""
    return f"{split}_labels.npy"


def classes(labels: Mapping[str, np.ndarray]) -> int:
    """Return how many classes there are, by the highest label of any split."""
    return 1 + max(int(values.max()) for values in labels.values())


def describe(labels: Mapping[str, np.ndarray]) -> list[str]:
    """Return a line a split with how many images are of each class."""
    number = classes(labels)
    lines = []
    for split, values in labels.items():
        counts = np.bincount(values, minlength=number)
        each = ", ".join(map(str, counts))
        if number > LISTED:
            each = f"{counts.min()} to {counts.max()}"
        lines.append(f"{WORDS[split]} images of the {number} classes: {each}")
    return lines
