"""Images that are in two splits: left out of one of them, with their labels."""

from pathlib import Path

import numpy as np

from pixelrnn.data.identical import WORDS, among
from pixelrnn.data.npy import NpyWriter, keep_only
from pixelrnn.data.splits import GRAY
from pixelrnn.errors import InputError


def remove_leaks(
    folder: Path, name: str, written: dict[str, NpyWriter], known: dict[str, np.ndarray]
) -> None:
    """Leave out of train what is in val or test, and out of val what is in test.

    `written` are the images by split, in files of `folder`; `known` are their labels, if any: both
    are changed. Raises InputError, on `name`, where nothing is left, or it can't be told.
    """
    if GRAY in written:
        raise InputError(
            f"{name}: dedupe=true can't tell which training images are identical to others, as "
            "they are drawn anew every epoch: set dedupe=false"
        )
    for split, others in (("train", ("val", "test")), ("val", ("test",))):
        theirs = np.concatenate([written[other].fingerprints.digests for other in others])
        leaked = among(written[split].fingerprints.digests, theirs)
        if leaked.all():
            raise InputError(
                f"{name}: dedupe=true leaves no image for {WORDS[split]}, as each is also for "
                f"{' or '.join(WORDS[other] for other in others)}: set dedupe=false"
            )
        if leaked.any():
            written[split] = keep_only(folder / f"{split}.npy", ~leaked)
            if known:
                known[split] = known[split][~leaked]
