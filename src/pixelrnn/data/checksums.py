"""Prepared arrays are as `prepare` wrote them, by the checksums in data.json.

A file is read for this once for each size, time and inode, which are noted beside the directory:
large data sets would otherwise cost seconds at every start.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pixelrnn.errors import InputError
from pixelrnn.files import md5, read_json, write_json


def verify(folder: Path, recorded: Mapping[str, str]) -> None:
    """Compare files with their recorded md5. Raises InputError for one that was changed since."""
    notes = folder.parent / f".{folder.name}.checked.json"
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
        with suppress(OSError):  # somebody else's data: looked at every time
            write_json(notes, now)
