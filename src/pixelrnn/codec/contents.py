"""What the images of a file are called: pictures, and arrays of several images.

A line an entry, in UTF-8, deflated: a picture's name, or an array's name, type and shape between
tabs. A file without entries holds images without names. Names are paths below the folder that they
will be written to, and are held to that when they are written and when they are read: a stranger's
file must not reach beyond the folder.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pixelrnn.data.given import arrange
from pixelrnn.errors import InputError

MOST = 2**26  # bytes of all lines
_LONGEST = 255  # bytes of a name between two slashes, as file systems have it
_TYPE = re.compile(r"[|<>][biu][1248]")
_SIZES = re.compile(r"\d{1,15}(,\d{1,15}){1,3}")


class Entry(NamedTuple):
    """A picture (no `dtype`), or an array of `dtype`, as NumPy spells it, and of `shape`."""

    name: str
    dtype: str = ""
    shape: tuple[int, ...] = ()

    def count(self, image: Sequence[int]) -> int:
        """Return how many images of shape (c, h, w) it holds. Raises ValueError for none."""
        if not self.dtype:
            return 1
        several = arrange(np.broadcast_to(np.uint8(0), self.shape), image)  # takes no memory
        if several is None:
            raise ValueError(f"{self.shape} is no form of images {tuple(image)}")
        return len(several)


def pack(entries: Iterable[Entry]) -> bytes:
    """Return entries as bytes. Raises InputError for names that `unpack` would refuse."""
    entries = list(entries)
    if fault := _fault(entries):
        raise InputError(f"{fault}: rename it")
    lines = (
        "\t".join([name, dtype, ",".join(map(str, shape))]) if dtype else name
        for name, dtype, shape in entries
    )
    text = "\n".join(lines).encode()
    if len(text) > MOST:
        raise InputError(f"the names of all files take {len(text)} bytes, at most {MOST}: split it")
    return zlib.compress(text, 9) if text else b""


def unpack(content: bytes, image: Sequence[int], images: int) -> list[Entry]:
    """Return the entries of `images` images of shape (c, h, w).

    Raises ValueError for bytes that are none, for names that may not be written, and for other
    numbers of images.
    """
    if not content:
        return []
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(content, MOST).decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"no contents: {error}") from None
    if not inflater.eof or inflater.unused_data:
        raise ValueError("contents that don't end")
    entries = [_entry(line) for line in text.split("\n")]
    if fault := _fault(entries):
        raise ValueError(fault)
    if sum(entry.count(image) for entry in entries) != images:
        raise ValueError("entries of another number of images")
    return entries


def _entry(line: str) -> Entry:
    name, *about = line.split("\t")
    if not about:
        return Entry(name)
    if len(about) != 2 or not _TYPE.fullmatch(about[0]) or not _SIZES.fullmatch(about[1]):
        raise ValueError(f"no entry: {line[:80]!r}")
    return Entry(name, about[0], tuple(map(int, about[1].split(","))))


def _fault(entries: list[Entry]) -> str:
    """Return what is wrong with the names, if anything."""
    names: set[str] = set()
    folders: set[str] = set()
    for name, *_ in entries:
        parts = name.split("/")
        if not all(_is_plain(part) for part in parts):
            return f"{name[:80]!r} is not a name that can be kept"
        if name in names:
            return f"two files are called {name[:80]!r}"
        names.add(name)
        folders.update("/".join(parts[:i]) for i in range(1, min(len(parts), 32)))
        if len(parts) > 32:
            return f"{name[:80]!r} is too deep a path"
    both = next(iter(names & folders), None)
    return f"{both[:80]!r} is a file and a folder" if both else ""


def _is_plain(part: str) -> bool:
    """Return whether it is a name in a folder, on any system, and no way out of it."""
    if part in ("", ".", "..") or set(part) & set("\\:") or not part.isprintable():
        return False
    try:
        return len(part.encode()) <= _LONGEST
    except UnicodeEncodeError:  # bytes that are no characters
        return False
