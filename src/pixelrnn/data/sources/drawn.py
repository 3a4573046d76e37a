"""Gray images in two levels, ink drawn at random: as likely as the pixel is bright.

After Salakhutdinov & Murray (2008), for MNIST; any gray images will do.
"""

from collections.abc import Callable, Mapping

import numpy as np

from pixelrnn.data.labels import LABELS
from pixelrnn.data.splits import GRAY, SPLITS, Noted, Pairs, Splits, as_pairs, frozen
from pixelrnn.errors import InputError


def drawn_from_gray(
    gray: Callable[[], Mapping[str, np.ndarray] | Pairs], seed: int = 0
) -> Splits | Noted:
    """Draw the gray images of a source once, with `seed`: (n, 1, h, w), two levels, its splits.

    `train_gray` has the gray levels themselves, for `ImageData(resample=True)` to draw from in
    every epoch anew. All of them are held in memory. Labels and notes of the source go along.

    Raises InputError for a source of other images than gray, and what the source raises.
    """
    pieces: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    read = gray()
    for name, values in as_pairs(read):
        pieces.setdefault(name, []).append(values)
    random = frozen(seed)
    grays, drawn = {}, {}
    for split in SPLITS:
        values = grays[split] = np.concatenate(pieces[split])
        if values.shape[1] != 1:
            raise InputError(f"images of {values.shape[1]} colors can't be drawn: expected gray")
        # uniform over 0..254, it is below x with a probability of exactly x/255
        threshold = random.randint(0, 255, values.shape, np.uint8)
        drawn[split] = (threshold < values).astype(np.uint8)
    labels = {name: np.concatenate(pieces[name]) for name in pieces.keys() & LABELS.keys()}
    splits = {**drawn, GRAY: grays["train"], **labels}
    return Noted(splits.items(), read.notes) if isinstance(read, Noted) else splits
