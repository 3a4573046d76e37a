"""Files are replaced, never changed: a reader finds an old one or a new one, not half of one.

Also the few things that every reader and writer of files needs: a path as users write it, JSON,
arrays, the first line of an error.
"""

import hashlib
import json
import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from pixelrnn.errors import InputError
from pixelrnn.reading import read_text


def as_path(text: object, key: str = "path") -> Path:
    """Return what a user wrote as a path, with `~` expanded.

    Raises InputError, naming the `key`, unless it is text.
    """
    if not isinstance(text, str | Path) or not str(text):
        raise InputError(
            f"{key}={text} must be text; quote what looks like something else: {key}=\"'{text}'\""
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # ~nobody
        raise InputError(f"{key}={text}: {error}") from error


def in_one_line(path: str | Path) -> str:
    r"""Return a path as text that fits one line in any encoding: `\n` and the like for the rest.

    The file system allows line breaks in names, and bytes that are no characters.
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(path))


def as_folder(text: object, key: str = "out") -> Path:
    """Return it as a path, there or not. Raises InputError if it is a file or not text."""
    folder = as_path(text, key)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{key}={folder} is a file: name a folder")
    return folder


@contextmanager
def replacing(file: str | Path) -> Iterator[Path]:
    """Give a new file to write to, which takes the place of `file` if all goes well.

    If not, it vanishes, and `file` is as it was.
    The name can't be guessed and the file is new, so that no link waits there; its mode is that of
    the umask. The bytes are on the disk before the name is.
    """
    file = Path(file)
    new = file.with_name(f".{file.name[:100]}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666))
        yield new
        _flush(new)
        new.replace(file)
        _flush(file.parent)
    except OSError as error:
        if error.filename is None or str(error.filename) == str(new):
            error.filename = str(file)  # a write that fails names none
        raise
    finally:
        with suppress(OSError):  # of a name that is too long
            new.unlink(missing_ok=True)


def write_text(file: str | Path, text: str) -> None:
    """Replace a file by a text, in UTF-8."""
    with replacing(file) as new:
        new.write_text(text, encoding="utf-8")


def write_json(file: str | Path, content: Mapping[str, Any]) -> None:
    """Replace a file by a mapping, as JSON that people can read."""
    write_text(file, json.dumps(content, indent=2) + "\n")


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object. Raises InputError for a file that is missing or holds anything else."""
    try:
        content = json.loads(read_text(file))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} can't be read: {first_line(error)}") from None
    if not isinstance(content, dict):
        raise InputError(f"{file} holds no JSON object")
    return content


def write_array(file: str | Path, array: np.ndarray) -> None:
    """Replace a file by an array, as .npy."""
    with replacing(file) as new, new.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def first_line(error: BaseException) -> str:
    """Return what an error says in its first line, or its type if it says nothing."""
    return next(
        (line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__
    )


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_sound_zip(file: Path) -> bool:
    """Return whether the parts of a zip file, such as torch's, have the checksums in it."""
    try:
        with zipfile.ZipFile(file) as parts:
            return parts.testzip() is None
    except Exception:  # a damaged header makes zipfile raise many kinds
        return False


def md5(file: Path) -> str:
    """Return the checksum of a file's bytes, 32 hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
