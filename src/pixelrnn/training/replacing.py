"""Files are replaced, never changed: a reader finds an old one or a new one, not half of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Where to write anew; it takes the place of `file` when all went well, and vanishes when not."""
    new = file.with_name(file.name + ".new")
    try:
        yield new
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def save_array(array: np.ndarray, file: Path) -> None:
    """Replace `file` by an array, as .npy."""
    with replacing(file) as new, new.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
