"""Files that were cut, changed, or built to harm: refused in a line, or right images. Never a wrong one."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from tests.support import tiny

import pixelrnn
from pixelrnn.codec.coder import Coder
from pixelrnn.codec.container import read, read_header
from pixelrnn.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, tiny.LEVELS, (7, *tiny.SHAPE), dtype=np.uint8)
HEADER = 40
IMAGES_AT, LANES_AT, CONTENTS_AT = 26, 34, 36  # in the header


@pytest.fixture(scope="module")
def model():
    return tiny.pushed_model()


@pytest.fixture(scope="module")
def data(model):
    return pixelrnn.compress(model, IMAGES, batch_size=4)


def sealed(data):
    """The same with a right last checksum, as a stranger would write it."""
    return data[:-4] + struct.pack("<I", zlib.crc32(data[:-4]))


def refused_or_right(model, data):
    """Whether it was refused; if not, the images are right."""
    try:
        images = pixelrnn.decompress(model, data)
    except InputError:
        return True
    assert (images == IMAGES).all()
    return False


def test_every_flipped_bit_is_refused(model, data):
    """The last checksum sees each. Fault: it leaves out the header, or the unused end of a stream."""
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert refused_or_right(model, bytes(changed)), bit


def test_every_cut_is_refused(model, data):
    for length in range(len(data)):
        assert refused_or_right(model, data[:length]), length


def test_rubbish_is_refused(model, data):
    for rubbish in (b"", b"\n", b"PRNN", data, b"\x89PNG" + 100 * b"x", 1000 * b"\0"):
        with pytest.raises(InputError):
            pixelrnn.decompress(model, rubbish if rubbish != data else data + data)
    with pytest.raises(InputError, match="damaged"):
        pixelrnn.decompress(model, data + b"\0")


def test_changes_under_a_right_checksum(model, data):
    """Each byte changed, cut and lengthened by someone who seals the file again.

    No wrong image, and no error but ours. Faults: the stream's own checksum isn't looked at; a
    length beyond the file; an error of the coder's own.
    """
    draw = np.random.default_rng(0).integers
    refused = 0
    for at in range(len(data) - 4):
        changed = bytearray(data)
        changed[at] ^= int(draw(1, 256))
        refused += refused_or_right(model, sealed(bytes(changed)))
    assert refused > 0.9 * len(data)
    for length in range(4, len(data), 3):
        assert refused_or_right(model, sealed(data[:length]))
    for extra in (b"\0", 8 * b"\0", data):
        assert refused_or_right(model, sealed(data + extra))


@pytest.mark.parametrize(
    ("at", "form", "value"),
    [
        (IMAGES_AT, "<Q", 10**12),
        (IMAGES_AT, "<Q", 2**64 - 1),
        (LANES_AT, "<H", 2**16 - 1),
        (LANES_AT, "<H", 0),
        (CONTENTS_AT, "<I", 2**32 - 1),
        (HEADER, "<I", 2**32 - 4),
    ],
    ids=["10^12 images", "2^64 images", "lanes", "no lanes", "contents", "a stream"],
)
def test_large_numbers_take_no_memory(model, data, at, form, value, tmp_path):
    """Fault: room is made for what the file says before anything shows that it is there."""
    changed = bytearray(data)
    struct.pack_into(form, changed, at, value)
    file = tmp_path / "a"
    file.write_bytes(sealed(bytes(changed)))
    coder = Coder(model)
    tracemalloc.start()
    with file.open("rb") as stream, pytest.raises(InputError, match="damaged"):
        list(read(stream, coder, read_header(stream, "a"), "a"))
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()


def test_a_stream_that_no_encoder_writes(model, data):
    """The coder itself refuses it. Fault: its error goes through."""
    (length,) = struct.unpack_from("<I", data, HEADER)
    changed = data[: HEADER + 8] + b"\xff" * length + data[HEADER + 8 + length :]
    with pytest.raises(ValueError, match="invalid"):
        Coder(model).decode(b"\xff" * length, 4)
    with pytest.raises(InputError, match="other numbers"):
        pixelrnn.decompress(model, sealed(changed))


def test_another_model_is_refused(data):
    with pytest.raises(InputError, match="another model"):
        pixelrnn.decompress(tiny.pushed_model(1), data)


def test_a_newer_version_is_named(model, data):
    changed = bytearray(data)
    changed[4] = 7
    with pytest.raises(InputError, match=r"version 7\.1, this program reads 1\.1"):
        pixelrnn.decompress(model, bytes(changed))


def test_the_layout_stays(data, tmp_path):
    """Files of today are read tomorrow: the header, field by field. Fault: a field moved or widened."""
    assert data[:6] == b"PRNN\x01\x01"
    assert struct.unpack_from("<4H", data, 18) == (*tiny.SHAPE, tiny.LEVELS)
    assert struct.unpack_from("<QHI", data, IMAGES_AT) == (7, 4, 0)
    length, crc = struct.unpack_from("<II", data, HEADER)
    assert crc == zlib.crc32(IMAGES[:4].tobytes())
    second = HEADER + 8 + length
    assert struct.unpack_from("<II", data, second)[1] == zlib.crc32(IMAGES[4:].tobytes())
    assert second + 8 + struct.unpack_from("<I", data, second)[0] + 4 == len(data)
    file = tmp_path / "a"
    file.write_bytes(data)
    with file.open("rb") as stream:
        header = read_header(stream, "a")
        assert stream.tell() == HEADER
    assert (header.images, header.lanes) == (7, 4)
