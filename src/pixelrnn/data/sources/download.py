"""Raw files from their homes: resumed where the last attempt stopped, shown as they come, checked at the end."""

import http.client
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pixelrnn.data.sources.raw import differs, verify
from pixelrnn.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress

BLOCK = 2**18  # bytes at a time


def obtain(folder: Path, checksums: Mapping[str, str], home: str) -> None:
    """Leave in `folder` the files that `checksums` names, {name: "md5:..."}: what is missing comes from `home` + name.

    An interrupted download stays as <name>.part and is continued by the next attempt; a file has its name only once its
    checksum is right. Files that are there already are checked, too.

    Raises:
        InputError: a file can't be had (the message says which ones to put where by hand), or is not the one expected.
    """
    missing = [name for name in checksums if not (folder / name).is_file()]
    for name in set(checksums) - set(missing):
        verify(folder / name, checksums[name])
    for i, name in enumerate(missing):
        try:
            download(home + name, folder / name, checksums[name])
        except (OSError, http.client.HTTPException) as error:
            raise InputError(
                f"{home}{name} can't be downloaded ({_reason(error)}): run the same command again, or put "
                f"{', '.join(missing[i:])} from {home} into {folder} yourself"
            ) from error


def download(url: str, file: Path, checksum: str) -> None:
    """One file. Raises OSError or HTTPException if it doesn't come whole, InputError if it is not the one expected."""
    part = file.with_name(file.name + ".part")
    try:
        _continue(url, part)
    except HTTPError as error:
        if (
            error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not part.exists()
        ):  # else nothing was left
            raise
    with part.open("rb") as content:
        difference = differs(content, checksum)
    if difference:
        part.unlink()
        raise InputError(
            f"{url} gave another file ({difference}), which was deleted: run the same command again"
        )
    part.replace(file)


def _continue(url: str, part: Path) -> None:
    """Append to `part` what it lacks; a server that can't resume sends everything again."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "pixelrnn"} | ({"Range": f"bytes={have}-"} if have else {})
    with urlopen(Request(url, headers=headers), timeout=30) as response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        have = have if resumed else 0
        length = response.headers["Content-Length"]
        total = have + int(length) if length else None
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab" if resumed else "wb") as out, _progress() as progress:
            task = progress.add_task(part.stem, total=total, completed=have)
            while block := response.read(BLOCK):
                out.write(block)
                progress.advance(task, len(block))
        if total is not None and (came := part.stat().st_size) < total:
            raise OSError(f"the connection ended after {came:,} of {total:,} bytes")


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error or type(error).__name__)
