"""The rows of an array in an npz or npy file, a chunk at a time: a file may be larger than memory.

An npz file is a zip of npy files, and an npy file is a header followed by the rows: so they can be
read as they are decompressed. At the end of each, zip compares a checksum.
"""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from pixelrnn.data.npy import Header, read_header
from pixelrnn.data.sources.raw import check_exists, reading
from pixelrnn.errors import InputError
from pixelrnn.room import check_memory

CHUNK = 2**24  # bytes
REMEDY = "write it again by np.savez or np.save"


def keys(file: Path, remedy: str = REMEDY) -> list[str]:
    """List the arrays of an npz file. Raises InputError if it is missing or damaged."""
    check_exists(file, remedy)
    with reading(file, "an npz file", remedy), zipfile.ZipFile(file) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def header(file: Path, key: str = "", remedy: str = REMEDY) -> Header:
    """Read the header of an npy file, or of the array `key` of an npz file.

    Raises InputError as `rows` does.
    """
    with reading(file, _kind(key), remedy), _open(file, key) as stream:
        return _read_header(stream, file, key)


def rows(file: Path, key: str = "", remedy: str = REMEDY) -> Iterator[np.ndarray]:
    """Read the same array, a chunk of rows at a time; an array of no rows gives none.

    One in Fortran's order, where a row is scattered over the whole file, is read as a whole.

    Raises InputError, while it is read, if the file is missing or damaged, there is no such array,
    or it holds objects or a single number.
    """
    check_exists(file, remedy)
    with reading(file, _kind(key), remedy), _open(file, key) as stream:
        about = _read_header(stream, file, key)
        n = about.shape[0]
        row = about.dtype.itemsize * math.prod(about.shape[1:])
        at_once = max(1, CHUNK // max(1, row))
        whole = about.nbytes if about.fortran else row
        check_memory(whole, f"{file} {key}".strip(), "save it in C order, smaller images a row")
        if about.fortran:
            content = stream.read(about.nbytes)
            array = np.frombuffer(content, about.dtype).reshape(about.shape, order="F")
            for start in range(0, n, at_once):
                yield array[start : start + at_once]
        else:
            for start in range(0, n, at_once):
                count = min(at_once, n - start)
                chunk = np.frombuffer(stream.read(count * row), about.dtype)
                yield chunk.reshape(count, *about.shape[1:])
        if stream.read(1):  # also makes zip compare its checksum
            raise ValueError("it has more bytes than its header says")


@contextmanager
def _open(file: Path, key: str) -> Iterator[IO[bytes]]:
    if not key:
        with file.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(file) as archive, archive.open(f"{key}.npy") as stream:
        yield stream


def _read_header(stream: IO[bytes], file: Path, key: str) -> Header:
    what = f"{file} {key}".strip()
    about = read_header(stream, what)
    if about.nbytes > _size(file, key):
        raise ValueError("its header says more than it holds")
    if not about.shape:
        raise InputError(f"{what} is a single number: its first axis must be that of the images")
    return about


def _size(file: Path, key: str) -> int:
    """Return how many bytes an array can have at most: what a zip file says, or the file's own."""
    if not key:
        return file.stat().st_size
    with zipfile.ZipFile(file) as archive:
        return archive.getinfo(f"{key}.npy").file_size


def _kind(key: str) -> str:
    return f"an npz file with an array '{key}'" if key else "an npy file"
