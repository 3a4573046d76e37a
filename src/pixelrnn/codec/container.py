"""The file: a header of 40 bytes, what the images are called, streams, a checksum. Little-endian.

    magic            4   PRNN
    version          1   of this layout
    arithmetic       1   of the coder's tables: 2 where there are more than 256 levels, else 1
    model           12   its fingerprint
    shape, levels    8   colors, rows, columns, levels (0 for 65,536): 2 each
    images           8   how many
    lanes            2   images a stream; the last one has what is left
    contents         4   how many bytes of contents follow, see `contents`
    ...
    length, crc      8   of each stream: its bytes, CRC-32 of its images' levels
    ...
    crc              4   CRC-32 of everything above

The last checksum finds what happened to the file, before anything is decoded. Those of the streams
find a decoder that came to other tables than the encoder: no wrong image leaves `read`. A file may
also be built to harm, with right checksums: so numbers are held against the length of the file
before anything is done by them.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

import numpy as np

from pixelrnn.codec.coder import ARITHMETIC, ARITHMETIC_DEEP, Advance, Coder, tell_nobody
from pixelrnn.errors import InputError

MAGIC, VERSION = b"PRNN", 1
MOST_LANES = 4096
MOST_LEVELS = 2**16  # too many for the two bytes by one

_HEADER = struct.Struct("<4sBB12s4HQHI")
_STREAM = struct.Struct("<II")
_CRC = struct.Struct("<I")
_BLOCK = 2**20  # bytes


class Header(NamedTuple):
    """What a file says of itself; `contents` are the bytes that `contents` reads."""

    model: bytes
    shape: tuple[int, int, int]
    levels: int
    images: int
    lanes: int
    contents: bytes


def write(
    file: IO[bytes],
    coder: Coder,
    header: Header,
    batches: Iterable[np.ndarray],
    advance: Advance = tell_nobody,
) -> None:
    """Write a file of images that come as batches of `lanes`, levels (b, c, h, w)."""
    crc = 0

    def put(*pieces: bytes) -> None:
        nonlocal crc
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
            file.write(piece)

    model, shape, levels, images, lanes, contents = header
    numbers = (*shape, levels % MOST_LEVELS, images, lanes, len(contents))
    arithmetic = ARITHMETIC_DEEP if coder.deep else ARITHMETIC
    put(_HEADER.pack(MAGIC, VERSION, arithmetic, model, *numbers), contents)
    for batch in batches:
        stream = coder.encode(batch, advance)
        put(_STREAM.pack(len(stream), _crc(batch)), stream)
    file.write(_CRC.pack(crc))


def read_header(file: IO[bytes], what: str) -> Header:
    """Check a whole file and read its header; leave it at the first stream.

    Raises InputError, on `what`, for a foreign, newer, cut or changed file.
    """
    start = file.read(_HEADER.size)
    if start[: len(MAGIC)] != MAGIC:
        raise InputError(f"{what} is no file of `pixelrnn compress`")
    versions = start[len(MAGIC) : len(MAGIC) + 2]
    readable = [bytes([VERSION, arithmetic]) for arithmetic in (ARITHMETIC, ARITHMETIC_DEEP)]
    if len(versions) == 2 and versions not in readable:
        raise InputError(
            f"{what} is of version {versions[0]}.{versions[1]}, this program reads "
            f"{VERSION}.{ARITHMETIC} and {VERSION}.{ARITHMETIC_DEEP}: take the pixelrnn that "
            "wrote it"
        )
    size = file.seek(0, 2)
    file.seek(0)
    if size < _HEADER.size + _CRC.size or not _is_whole(file, size):
        raise damaged(what)
    file.seek(len(start))
    _, _, _, model, colors, rows, columns, levels, images, lanes, length = _HEADER.unpack(start)
    left = size - _HEADER.size - _CRC.size - length
    if not 1 <= lanes <= MOST_LANES or left < -(-images // lanes) * _STREAM.size:
        raise damaged(what)
    shape = (colors, rows, columns)
    return Header(model, shape, levels or MOST_LEVELS, images, lanes, contents=file.read(length))


def read(
    file: IO[bytes], coder: Coder, header: Header, what: str, advance: Advance = tell_nobody
) -> Iterator[np.ndarray]:
    """Decode the streams after a header: levels (b, c, h, w) each.

    Raises InputError, on `what`, if the model is not the one that wrote it, or gives other numbers
    here than where it wrote.
    """
    model = coder.model
    if (coder.fingerprint, *model.shape, coder.levels) != (
        header.model,
        *header.shape,
        header.levels,
    ):
        raise InputError(f"{what} was written by another model than this one")
    at = file.tell()
    left = file.seek(0, 2) - _CRC.size - at
    file.seek(at)
    for first in range(0, header.images, header.lanes):
        if (left := left - _STREAM.size) < 0:
            raise damaged(what)
        length, crc = _STREAM.unpack(file.read(_STREAM.size))
        if length % 4 or (left := left - length) < 0:
            raise damaged(what)
        stream = file.read(length)
        try:
            batch = coder.decode(stream, min(header.lanes, header.images - first), advance)
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise _disagreement(what) from error
        if _crc(batch) != crc:
            raise _disagreement(what)
        yield batch
    if left:
        raise damaged(what)


def verify(file: IO[bytes], coder: Coder, advance: Advance = tell_nobody) -> None:
    """Decode a whole file that was just written. Raises InputError unless all checksums agree."""
    file.seek(0)
    try:
        for _ in read(file, coder, read_header(file, "it"), "it", advance):
            pass
    except InputError as error:
        raise InputError(
            "what was written does not decode to the same images, so nothing is kept: a model that "
            "looks ahead can't be decoded (`pixelrnn audit` tells), nor a disk that fails"
        ) from error


def damaged(what: str) -> InputError:
    """Return the error of a file that isn't as it was written."""
    return InputError(f"{what} is damaged, cut short or changed: get it again")


def _disagreement(what: str) -> InputError:
    return InputError(
        f"{what}: the model's arithmetic gives other numbers here than where the file was written, "
        "so that its images can't be told: decompress it there"
    )


def _is_whole(file: IO[bytes], size: int) -> bool:
    """Return whether the last four bytes are the checksum of all before them."""
    crc, left = 0, size - _CRC.size
    while left:
        block = file.read(min(_BLOCK, left))
        crc = zlib.crc32(block, crc)
        left -= len(block)
    return file.read() == _CRC.pack(crc)


def _crc(images: np.ndarray) -> int:
    """Return that of levels, which are of one byte each, or of two."""
    return zlib.crc32(np.ascontiguousarray(images, images.dtype.newbyteorder("<")).data)
