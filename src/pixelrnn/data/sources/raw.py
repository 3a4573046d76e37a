"""What is asked of a raw file before anything is done with it: it is there, whole, and meant."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelrnn.errors import InputError
from pixelrnn.files import first_line


def check_exists(file: Path, remedy: str) -> None:
    """Raise InputError, with the remedy, if there is no such file."""
    if not file.is_file():
        raise InputError(f"{file} is missing: {remedy}")


def verify(file: Path, checksum: str) -> None:
    """Raise InputError for a file with another checksum than "md5:..." or "sha256:..."."""
    algorithm, _, expected = checksum.partition(":")
    with file.open("rb") as content:
        actual = hashlib.file_digest(content, algorithm).hexdigest()
    if actual != expected:
        raise InputError(
            f"{file} is damaged or another file (its {algorithm} is {actual}, expected "
            f"{expected}): delete it and run `pixelrnn prepare` again"
        )


@contextmanager
def reading(file: str | Path, what: str, remedy: str) -> Iterator[None]:
    """Turn whatever reading the file raises into one InputError: it is damaged or not `what`.

    What is whole but can't be used is an InputError already, which passes.
    """
    try:
        yield
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{file} needs more memory than there is") from error
    except Exception as error:
        # damage makes numpy, zipfile, zlib and Pillow raise a dozen kinds
        reason = first_line(error)
        raise InputError(f"{file} is damaged or not {what} ({reason}): {remedy}") from error
