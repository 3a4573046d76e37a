"""The rows of an array in an npz or npy file, a chunk at a time: a file may be larger than memory.

An npz file is a zip of npy files, and an npy file is a header followed by the rows: so they can be read as they are
decompressed. At the end of each, zip compares a checksum.
"""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from pixelrnn.data.sources.raw import check_exists, reading

CHUNK = 2**24  # bytes
REMEDY = "write it again by np.savez or np.save"

Header = tuple[tuple[int, ...], np.dtype]  # shape, type


def keys(file: Path, remedy: str = REMEDY) -> list[str]:
    """The arrays of an npz file. Raises InputError if it is missing or damaged."""
    check_exists(file, remedy)
    with reading(file, "an npz file", remedy), zipfile.ZipFile(file) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def header(file: Path, key: str = "", remedy: str = REMEDY) -> Header:
    """Shape and type of an npy file, or of the array `key` of an npz file. Raises InputError as `rows` does."""
    with reading(file, _what(key), remedy), _open(file, key) as stream:
        return _read_header(stream)


def rows(file: Path, key: str = "", remedy: str = REMEDY) -> Iterator[np.ndarray]:
    """The same array, a chunk of rows at a time; an array of no rows gives none.

    Raises:
        InputError: while it is read, if the file is missing or damaged, there is no such array, or it holds objects.
    """
    check_exists(file, remedy)
    with reading(file, _what(key), remedy), _open(file, key) as stream:
        shape, dtype = _read_header(stream)
        row = dtype.itemsize * math.prod(shape[1:])
        at_once = CHUNK // max(1, row) or 1
        for start in range(0, shape[0], at_once):
            n = min(at_once, shape[0] - start)
            yield np.frombuffer(stream.read(n * row), dtype).reshape(n, *shape[1:])
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


def _read_header(stream: IO[bytes]) -> Header:
    version = np.lib.format.read_magic(stream)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran_order, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects")
    if not shape or (fortran_order and len(shape) > 1):
        raise ValueError(
            "its first axis is not that of the images: apply np.ascontiguousarray before saving"
        )
    return shape, dtype


def _what(key: str) -> str:
    return f"an npz file with an array '{key}'" if key else "an npy file"
