"""What is asked of a raw file before anything is done with it: it is there, whole, and the one that was meant."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path

from pixelrnn.errors import InputError


def check_exists(file: Path, remedy: str) -> None:
    """Raises InputError, with the remedy, if there is no such file."""
    if not file.is_file():
        raise InputError(f"{file} is missing: {remedy}")


def differs(content: BufferedReader | BytesIO, checksum: str) -> str:
    """What is wrong with content that should have the `checksum` "md5:..." or "sha256:..."; empty if nothing is.

    An empty checksum is that of content nobody vouches for: nothing is wrong with it.
    """
    algorithm, _, expected = checksum.partition(":")
    if not checksum or (found := hashlib.file_digest(content, algorithm).hexdigest()) == expected:
        return ""
    return f"its {algorithm} is {found}, expected {expected}"


def verify(file: Path, checksum: str) -> None:
    """Raises InputError for a file with another checksum."""
    with file.open("rb") as content:
        if difference := differs(content, checksum):
            raise InputError(
                f"{file} is damaged or another file ({difference}): delete it and run `pixelrnn prepare` again"
            )


@contextmanager
def reading(file: str | Path, what: str, remedy: str) -> Iterator[None]:
    """Whatever reading the file raises becomes one InputError: it is damaged or not `what`."""
    try:
        yield
    except InputError:
        raise
    except (
        Exception
    ) as error:  # damage makes numpy, zipfile, zlib, pickle and Pillow raise a dozen kinds
        raise InputError(f"{file} is damaged or not {what} ({reason(error)}): {remedy}") from error


def reason(error: Exception) -> str:
    """The first line of an error: an InputError is one line."""
    return (str(error) or type(error).__name__).splitlines()[0]
