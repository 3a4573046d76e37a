"""Room in memory and on the disk: asked for before it is taken."""

import os
import shutil
from pathlib import Path

from pixelrnn.errors import InputError


def check_memory(needed: float, what: str, remedy: str) -> None:
    """Raise InputError, on `what`, for more bytes than this machine has memory."""
    _check(needed, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), what, remedy, "memory")


def check_disk(needed: float, folder: Path, what: str, remedy: str) -> None:
    """Raise InputError, on `what`, for more bytes than are free where `folder` is or will be."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    _check(needed, shutil.disk_usage(there).free, what, remedy, f"room on the disk of {there}")


def _check(needed: float, there: int, what: str, remedy: str, room: str) -> None:
    if needed > there:
        raise InputError(
            f"{what}: that takes {needed / 2**30:,.1f} GiB, and there are {there / 2**30:,.1f} GiB "
            f"of {room}: {remedy}"
        )
