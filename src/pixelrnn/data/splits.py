"""The three splits, and how images are dealt out to them. Nothing of one split may be seen in another.

A source gives either `{split: images}`, or, for sets larger than memory, a stream of pairs `(split, images)` in which a
split may come up as often as it likes: the items of the former are a short form of the latter. `images` is uint8
(n, c, h, w) with levels 0..K-1.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from pixelrnn.errors import InputError

SPLITS = ("train", "val", "test")
GRAY = "train_gray"  # beside them, 256 levels: what `ImageData(resample=True)` draws the training images from

Splits = dict[str, np.ndarray]
Pairs = Iterable[tuple[str, np.ndarray]]


def as_pairs(images: Mapping[str, np.ndarray] | Pairs) -> Pairs:
    """Either form as the stream of pairs."""
    return images.items() if isinstance(images, Mapping) else images


def hold_out_last(train: np.ndarray, test: np.ndarray, val: int) -> Splits:
    """The official test split, and the official training split without its last `val` images, which are for validation.

    Raises:
        InputError: that leaves no image for training, or none for validation.
    """
    if not 1 <= val < len(train):
        raise InputError(f"val={val} images held out of {len(train)} must leave some of each")
    return {"train": train[:-val], "val": train[-val:], "test": test}


def draw(n: int, count: int, seed: int) -> np.ndarray:
    """Which `count` of n images a seed chooses: bool (n,)."""
    chosen = np.zeros(n, bool)
    # RandomState, not default_rng: its stream is frozen, so the splits are the same under every numpy.
    chosen[np.random.RandomState(seed).permutation(n)[:count]] = True
    return chosen


def hold_out_drawn(
    chunks: Iterable[np.ndarray], chosen: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """A stream of n images dealt out: those `chosen`, bool (n,) in their order, to val, the others to train."""
    start = 0
    for images in chunks:
        here = chosen[start : start + len(images)]
        start += len(images)
        yield "train", images[~here]
        yield "val", images[here]
