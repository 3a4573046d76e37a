"""Pictures of 16 bits a color, read and written whole: for data sets of more than 256 levels.

Pillow has them in gray alone, and halves the others. Those in PNG are decoded here; others are
refused.
"""

import re
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

from pixelrnn.errors import InputError

WHITE = 2**16 - 1
SIGNATURE = b"\x89PNG\r\n\x1a\n"
ORIENTATION = 0x0112  # of EXIF: how a camera was held
# Of red, green and blue in gray, in shares of 2^16: as Pillow has them, after ITU-R 601.
LUMA = np.array([19595, 38470, 7471], np.uint64)


def is_deep(picture: Image.Image) -> bool:
    """Return whether a picture, not loaded yet, has 16 bits a color; some Pillow halves itself."""
    if picture.mode.startswith("I"):
        return True
    halved = r"(L|LA|RGB|RGBA|RGBX);16[BLN]"
    return isinstance(picture, ImageFile.ImageFile) and bool(re.search(halved, str(picture.tile)))


def read_gray(what: str | Path, picture: Image.Image) -> np.ndarray:
    """Return a gray picture of 16 bits as (h, w). Raises InputError for levels beyond 65535."""
    pixels = np.asarray(picture)
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > WHITE:
        raise InputError(
            f"{what}: mode {picture.mode} with levels {low}..{high}, expected 0..65535: save it in "
            "8 or 16 bits"
        )
    return pixels


def read_whole(
    what: str | Path, file: Path, picture: Image.Image, ground: tuple[int, int, int]
) -> tuple[np.ndarray, bool]:
    """Return a deep picture as uint16 (h, w, 1 or 3), and whether it was transparent in places.

    Such places are laid on `ground`, 8 bits a color. Raises InputError, on `what`, for colors in
    another format than PNG, and for one that is to be turned.
    """
    if picture.mode.startswith("I"):
        pixels = read_gray(what, ImageOps.exif_transpose(picture)).astype(np.uint16)[..., None]
        clear = picture.info.get("transparency")  # the one level of a PNG file that is not seen
        alpha = np.where(pixels == clear, 0, WHITE) if isinstance(clear, int) else None
    else:
        turned = picture.getexif().get(ORIENTATION, 1) != 1
        if picture.format != "PNG" or turned or "transparency" in picture.info:
            raise InputError(
                f"{what}: 16 bits in several colors are read from PNG alone, upright and with no "
                "transparent color: save it so, or its numbers as .npy"
            )
        pixels, alpha = _decode_png(file.read_bytes()), None
        if pixels.shape[2] in (2, 4):
            pixels, alpha = pixels[..., :-1], pixels[..., -1:]
    if alpha is None or (alpha == WHITE).all():
        return pixels, False
    shares = alpha.astype(np.float64) / WHITE
    laid = pixels * shares + 257.0 * np.array(ground) * (1 - shares)  # (h, w, 3)
    return np.rint(laid).astype(np.uint16), True


def in_bands(pixels: np.ndarray, colors: int) -> list[Image.Image]:
    """Return uint16 (h, w, 1 or 3) as a picture of fractions for each of the 1 or 3 colors asked.

    Fractions, as Pillow fits no others of more than 8 bits; whole numbers stay exact in them.
    """
    if colors == 1 and pixels.shape[2] == 3:
        pixels = ((pixels.astype(np.uint64) * LUMA).sum(2, keepdims=True) + 2**15) >> 16
    bands = np.broadcast_to(pixels, (*pixels.shape[:2], colors)).astype(np.float32)
    return [Image.fromarray(bands[..., color]) for color in range(colors)]


def save_deep(file: Path, pixels: np.ndarray) -> None:
    """Write uint16 (h, w, 1 or 3) as PNG of 16 bits a color (ISO 15948), which Pillow can't in RGB.

    Rows are stored as they are, without a filter.
    """
    h, w, colors = pixels.shape
    kind = 0 if colors == 1 else 2
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    with file.open("wb") as stream:
        stream.write(SIGNATURE)
        for name, content in (
            (b"IHDR", struct.pack(">IIBBBBB", w, h, 16, kind, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        ):
            crc = zlib.crc32(name + content)
            stream.write(struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc))


def _decode_png(content: bytes) -> np.ndarray:
    """Return the pixels of a PNG file of 16 bits (ISO 15948): uint16 (h, w, 2 to 4).

    The last of 2 or 4 is opacity. Raises ValueError for an interlaced or a damaged file.
    """
    chunks: dict[bytes, bytes] = {}
    at = len(SIGNATURE)
    while at < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        chunks[name] = chunks.get(name, b"") + content[at + 8 : at + 8 + size]
        at += size + 12
    w, h, _, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if interlaced:
        raise ValueError("it is interlaced")
    colors = {2: 3, 4: 2, 6: 4}[kind]
    stored = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(h, -1)
    rows = np.zeros((h + 1, stored.shape[1] - 1), np.uint8)  # the one above the first is 0
    for i, row in enumerate(stored):
        rows[i + 1] = _unfiltered(row[1:], rows[i], int(row[0]), 2 * colors)
    return rows[1:].reshape(h, w, colors, 2).view(">u2")[..., 0].astype(np.uint16)


def _unfiltered(row: np.ndarray, above: np.ndarray, kind: int, step: int) -> np.ndarray:
    """Return the bytes of a row, given those above; `step` is the number of bytes of a pixel."""
    if kind == 0:
        return row
    if kind == 1:
        return row.reshape(-1, step).cumsum(0, dtype=np.uint8).reshape(-1)
    if kind == 2:
        return row + above
    found, upper = [0] * step, [0] * step + above.tolist()
    for k, value in enumerate(row.tolist()):
        left, up, corner = found[k], upper[k + step], upper[k]
        guess = (left + up) // 2 if kind == 3 else _paeth(left, up, corner)
        found.append((value + guess) % 256)
    return np.array(found[step:], np.uint8)


def _paeth(left: int, up: int, corner: int) -> int:
    """Return which of the three is nearest to left + up - corner."""
    plane = left + up - corner
    return min((left, up, corner), key=lambda value: abs(plane - value))
