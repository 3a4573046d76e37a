"""One walk through a folder of pictures: `prepare`, `score` and `complete` see the same files.

What is hidden is passed over, files and folders, as are the folders __MACOSX that macOS packs into
zip files: what lies there are notes of programs about the pictures, some of them named like these.
A picture is what has the suffix of a kind that Pillow reads, in large or small letters. Links are
followed, and each folder is read once, however many links lead to it: so a circle has an end.
"""

import os
from collections import deque
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from pixelrnn.errors import InputError
from pixelrnn.files import in_one_line

HIDDEN = "hidden"
OTHER = "no picture that Pillow reads, by the suffix"
NOWHERE = "a link to no file"

# Pillow knows these kinds, but has no pixels of them, or only by another program.
_WITHOUT_PIXELS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}


class Walk(NamedTuple):
    """The files of a folder and of all below it, by their paths, and what was left out, by reason.

    A hidden folder is one thing left out, whatever it holds.
    """

    files: list[Path]
    left_out: dict[str, list[Path]]


@cache
def picture_suffixes() -> frozenset[str]:
    """Return the suffixes, in small letters, of all kinds of pictures that Pillow reads."""
    kinds = Image.registered_extensions()  # loads Pillow's readers, which fill OPEN
    readable = set(Image.OPEN) - _WITHOUT_PIXELS
    suffixes = {suffix for suffix, kind in kinds.items() if kind in readable}
    return frozenset({*suffixes, ".mpo"})  # for MPO, JPEG's reader is registered


def walk(folder: Path, also: Collection[str] = ()) -> Walk:
    """List the pictures in `folder` and all folders below it, and files with a suffix in `also`.

    Raises InputError for a folder that can't be read.
    """
    suffixes = picture_suffixes() | set(also)
    files: list[Path] = []
    left_out: dict[str, list[Path]] = {HIDDEN: [], OTHER: [], NOWHERE: []}
    visited = set()
    folders = deque([folder])
    while folders:
        here = folders.popleft()
        if (identity := _identity(here)) in visited:
            continue
        visited.add(identity)
        for entry in _entries(here):
            path = here / entry.name
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                left_out[HIDDEN].append(path)
            elif entry.is_symlink() and path.is_dir():
                folders.append(path)  # last, so that a folder goes by its own name if it has one
            elif entry.is_dir(follow_symlinks=False):
                folders.appendleft(path)
            elif path.suffix.lower() not in suffixes:
                left_out[OTHER].append(path)
            else:
                (files if path.is_file() else left_out[NOWHERE]).append(path)
    return Walk(sorted(files), {reason: sorted(paths) for reason, paths in left_out.items()})


def describe_left_out(folder: Path, left_out: dict[str, list[Path]]) -> list[str]:
    """Return a line for each reason for which something was left out, with how much."""
    lines = []
    for reason, paths in left_out.items():
        if paths:
            names = in_one_line(paths[0].name) + (", ..." if len(paths) > 1 else "")
            lines.append(f"left out of {in_one_line(folder)}, {reason}: {len(paths)} ({names})")
    return lines


def _identity(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(
            f"{in_one_line(folder)} can't be read ({error.strerror}): change its permissions or "
            "move it"
        ) from error
