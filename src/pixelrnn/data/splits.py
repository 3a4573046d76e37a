"""The three splits, and how images are dealt out to them. Nothing of one split is seen in another.

A source gives either `{split: images}`, or, for sets larger than memory, a stream of pairs
`(split, images)` in which a split may come up as often as it likes: the items of the former are a
short form of the latter. What else there is to say of the raw files comes with a `Noted` stream.
`images` is uint8 (n, c, h, w) with levels 0..K-1.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pixelrnn.errors import InputError, check_whole

SPLITS = ("train", "val", "test")
GRAY = "train_gray"  # beside them, 256 levels: what `ImageData(resample=True)` draws from

Splits = dict[str, np.ndarray]
Pairs = Iterable[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Noted:
    """A stream of pairs, and notes on the raw files: lines, complete once the stream is read."""

    pairs: Pairs
    notes: Callable[[], list[str]]

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        """Give the pairs."""
        return iter(self.pairs)


def as_pairs(images: Mapping[str, np.ndarray] | Pairs) -> Pairs:
    """Return either form as the stream of pairs."""
    return images.items() if isinstance(images, Mapping) else images


def frozen(seed: int) -> np.random.RandomState:
    """Return a generator that draws the same under every version of NumPy.

    So it is RandomState, whose stream is frozen, and not default_rng. Raises InputError for a seed
    that it can't take.
    """
    check_whole(0, seed=seed)
    if seed >= 2**32:
        raise InputError(f"seed={seed} must be below 2^32")
    return np.random.RandomState(seed)


def draw(n: int, count: int, seed: int) -> np.ndarray:
    """Draw which `count` of n images a seed chooses: bool (n,)."""
    chosen = np.zeros(n, bool)
    chosen[frozen(seed).permutation(n)[:count]] = True
    return chosen


def hold_out_drawn(
    chunks: Iterable[np.ndarray], chosen: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Deal out a stream of n images: those `chosen`, bool (n,) in their order, go to val.

    The others go to train.
    """
    start = 0
    for images in chunks:
        here = chosen[start : start + len(images)]
        start += len(images)
        yield "train", images[~here]
        yield "val", images[here]


def deal_last(n: int, val: int) -> list[str]:
    """Return the split of each of n images: the last `val` are for validation, the rest for train.

    Raises InputError if that leaves no image for training, or none for validation.
    """
    if not 1 <= val < n:
        raise InputError(f"val={val} images held out of {n} must leave some of each")
    return ["train"] * (n - val) + ["val"] * val


def deal_shares(n: int, shares: Mapping[str, float], seed: int) -> list[str]:
    """Draw the split of each of n images with a seed: `shares` {split: share}, the rest for train.

    Each split gets at least one image. Raises InputError for shares that are not above
    0 and together below 1, and for too few images.
    """
    values = list(shares.values())
    if not all(_is_share(share) for share in values) or sum(values) >= 1:
        given = " and ".join(f"{split}={share}" for split, share in shares.items())
        raise InputError(f"{given} must be shares of the images: above 0, together below 1")
    counts = {split: max(1, round(share * n)) for split, share in shares.items()}
    if sum(counts.values()) >= n:
        raise InputError(f"{n} images are too few to leave some for train, {' and '.join(shares)}")
    order = frozen(seed).permutation(n)
    dealt = np.full(n, "train", object)
    start = 0
    for split, count in counts.items():
        dealt[order[start : start + count]] = split
        start += count
    return dealt.tolist()


def _is_share(share: object) -> bool:
    return isinstance(share, int | float) and not isinstance(share, bool) and 0 < share < 1
