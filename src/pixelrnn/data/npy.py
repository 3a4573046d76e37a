"""Npy files: written as images come, mapped rather than read.

An npy file is a header (type, shape, memory order) followed by the values. So a file can be
written before its length is known, and read without holding it in memory.
"""

import math
import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from pixelrnn.data.identical import Fingerprints
from pixelrnn.errors import InputError
from pixelrnn.reading import open_regular

LARGE = 2**30  # bytes: files above it are not looked through at every start
CHUNK = 2**24  # bytes copied at a time


class Header(NamedTuple):
    """What an npy file says of its array; `fortran`: the first axis varies fastest."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool

    @property
    def nbytes(self) -> int:
        """Return the size of the array in bytes."""
        return self.dtype.itemsize * math.prod(self.shape)


def read_header(stream: IO[bytes], what: str | Path) -> Header:
    """Read the header and leave the stream at the first value.

    Raises InputError, on `what`, for pickled objects, and ValueError for anything but a header.
    """
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    if any(size < 0 for size in shape):
        raise ValueError("its header has a size below 0")
    if dtype.hasobject:
        raise InputError(f"{what} holds pickled objects, which are not read: save it as numbers")
    return Header(shape, dtype, fortran and len(shape) > 1)


def map_npy(file: Path, at_random: bool = False) -> np.ndarray:
    """Map an npy file into memory, read-only; `at_random`: its rows are asked for in no order.

    Raises InputError for pickled objects; OSError, ValueError or TypeError for a file that is
    missing, cut short or of another kind.
    """
    with open_regular(file) as stream:
        header = read_header(stream, file)
        start = stream.tell()
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    if at_random and header.nbytes > LARGE:
        # reading ahead would fetch ten times what is asked for
        mapped.madvise(mmap.MADV_RANDOM)
    if header.fortran:
        return np.ndarray(header.shape, header.dtype, mapped, start, order="F")
    return np.ndarray(header.shape, header.dtype, mapped, start)


def write_npy(
    file: Path, dtype: np.dtype | type, shape: tuple[int, ...], batches: Iterable[np.ndarray]
) -> None:
    """Write an npy file of `shape` from batches of its rows: it need not fit into memory.

    Not through a memory map, as a full disk would end the process. Raises OSError then.
    """
    about = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
    with file.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {**about, "shape": shape})
        for batch in batches:
            stream.write(np.ascontiguousarray(batch, dtype).data)


class NpyWriter:
    """One npy file (n, *shape), written as images come: n is in the header at the end.

    NumPy leaves room in the header for n to grow, so the bytes are those of `np.save`. `count`,
    `low` and `high` are the number of images and the range of their values so far, `fingerprints`
    those of the images; `removed` is how many were taken out again.
    """

    def __init__(
        self, file: Path, shape: tuple[int, ...], dtype: np.dtype | type = np.uint8
    ) -> None:
        self.count = 0
        self.low = math.inf
        self.high = -math.inf
        self.removed = 0
        self.fingerprints = Fingerprints()
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._stream = file.open("wb")
        self._write_header()

    def append(self, images: np.ndarray) -> None:
        """Write (n, *shape), n >= 1, in C order, whatever order they are in."""
        images = np.ascontiguousarray(images)
        self._stream.write(images.data)
        self.fingerprints.add(images)
        self.count += len(images)
        self.low = min(self.low, images.min().item())
        self.high = max(self.high, images.max().item())

    def close(self) -> None:
        """Complete the file."""
        with self._stream:
            self._stream.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        descr = np.lib.format.dtype_to_descr(self._dtype)
        about = {"descr": descr, "fortran_order": False, "shape": (self.count, *self._shape)}
        np.lib.format.write_array_header_1_0(self._stream, about)


def keep_only(file: Path, keep: np.ndarray) -> NpyWriter:
    """Write an npy file (n, *shape) again with the images in `keep` alone, bool (n,)."""
    images = map_npy(file)
    file.unlink()  # the map holds on to it
    at_once = max(1, CHUNK // math.prod(images.shape[1:]))
    written = NpyWriter(file, images.shape[1:], images.dtype)
    try:
        for start in range(0, len(images), at_once):
            here = slice(start, start + at_once)
            if keep[here].any():
                written.append(images[here][keep[here]])
    finally:
        written.close()
    written.removed = len(images) - written.count
    return written
