"""Images that are there more than once: within a split, or in two, where they are a leak.

An image goes by its fingerprint, 16 bytes of a digest: those of 1.28 million take 20 MB, and two
images that differ have the same one with a probability of 2^-128.
"""

import hashlib
from collections.abc import Mapping

import numpy as np

from pixelrnn.data.splits import SPLITS

_SIZE = 16  # bytes

WORDS = {"train": "training", "val": "validation", "test": "test"}
IS, THEM = ("is", "are"), ("it", "them")


class Fingerprints:
    """The fingerprints of images as they come; `plain` counts those of one color throughout."""

    def __init__(self) -> None:
        self.plain = 0
        self._digests = bytearray()

    def add(self, images: np.ndarray) -> None:
        """Take the fingerprints of (n, c, h, w), in C order."""
        for image in images:
            self._digests += hashlib.blake2b(image, digest_size=_SIZE).digest()
        self.plain += int((images == images[:, :, :1, :1]).all((1, 2, 3)).sum())

    @property
    def digests(self) -> np.ndarray:
        """Return them as bytes that NumPy can sort, (n,)."""
        return np.frombuffer(bytes(self._digests), f"S{_SIZE}")

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._digests) // _SIZE


def among(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which of `some` digests are among `others`: bool (n,)."""
    others = np.sort(others)
    place = np.minimum(np.searchsorted(others, some), len(others) - 1)
    return others[place] == some


def describe_identical(splits: Mapping[str, Fingerprints], remedy: bool = True) -> list[str]:
    """Return a line for each kind of images that a reader should know of, with their number.

    They are copies within a split, those of one color throughout, and those in two splits; with
    `remedy` the line says what removes them.
    """
    digests = {split: splits[split].digests for split in SPLITS}
    lines = []
    for split in SPLITS:
        values = np.sort(digests[split])
        copies = int((values[1:] == values[:-1]).sum())
        subject = f"of the {len(values)} {WORDS[split]} images"
        lines += _sentence(copies, subject, "is a copy of another", "are copies of others")
        plain = splits[split].plain
        lines += _sentence(plain, subject, *[f"{verb} of one color throughout" for verb in IS])
    for split, other in (("val", "train"), ("test", "train"), ("test", "val")):
        shared = int(among(digests[split], digests[other]).sum())
        subject = f"of the {len(digests[split])} {WORDS[split]} images"
        place = f"also among the {WORDS[other]} images"
        one, more = (
            f"{verb} {place}"
            + (f": dedupe=true removes {them} from {WORDS[other]}" if remedy else "")
            for verb, them in zip(IS, THEM, strict=True)
        )
        lines += _sentence(shared, subject, one, more)
    return lines


def _sentence(n: int, subject: str, one: str, more: str) -> list[str]:
    return [f"{n} {subject} {one if n == 1 else more}"] if n else []
