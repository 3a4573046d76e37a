"""Prepared arrays are as `prepare` wrote them, by the checksums in data.json.

A file is read for this once for each size, time and inode, which are noted in the user's cache
(XDG_CACHE_HOME): large data sets would otherwise cost seconds at every start.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pixelrnn.errors import InputError
from pixelrnn.files import md5, read_json, write_json


def verify(folder: Path, recorded: Mapping[str, str]) -> None:
    """Compare files with their recorded md5. Raises InputError for one that was changed since."""
    notes = _notes(folder)
    before: dict[str, object] = {}
    with suppress(InputError):
        before = read_json(notes)
    now: dict[str, object] = {}
    for name, checksum in recorded.items():
        file = folder / name
        if not file.is_file():
            continue  # whoever needs it says so
        about = file.stat()
        now[name] = [checksum, about.st_size, about.st_mtime_ns, about.st_ino]
        if now[name] != before.get(name) and md5(file) != checksum:
            raise InputError(
                f"{file} is not as it was prepared, by its checksum in data.json: "
                f"run `pixelrnn prepare data={folder.name}`"
            )
    if now != before:
        with suppress(OSError):  # no place for it: looked at every time
            notes.parent.mkdir(parents=True, exist_ok=True)
            write_json(notes, now)


def _notes(folder: Path) -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    name = hashlib.md5(os.fsencode(folder.resolve())).hexdigest()
    return Path(cache, "pixelrnn", "checked", f"{name}.json")
