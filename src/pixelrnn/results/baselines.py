"""Two figures that need no training and put a model's bits per dimension in context.

Independent pixels: every color of every position has its own histogram over the training split, and
    -log p(x) = - sum over positions d of log (count_d[x_d] + 1) / (n + K),
with n training images and K levels. The added one (Laplace's rule: the mean of the histogram under a uniform prior)
keeps a level unseen in training from costing infinitely much; it weighs in where n isn't large against K.

Lossless coder: the bits that a general-purpose image format spends on the same images. A model with L bits/dim is, by
arithmetic coding, a coder of that many bits as well.
"""

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, features

CHUNK = 1024  # images scored at a time: bounds the memory
SIDE = 4096  # longest side of a sheet in pixels; WebP ends at 16383


@dataclass(frozen=True)
class Baseline:
    """One baseline on the test images; nats are per image. A coder's standard error is NaN: it gives one total."""

    name: str
    bits_per_dim: float
    bits_per_dim_se: float
    nll_nats: float
    nll_nats_se: float
    note: str


def independent_pixels(train: np.ndarray, test: np.ndarray, levels: int) -> Baseline:
    """Exact NLL of `test` under histograms of `train`; both uint8 (images, colors, rows, columns)."""
    dims = math.prod(test.shape[1:])
    cell = np.arange(dims) * levels  # position d's histogram starts here
    counts = np.zeros(dims * levels, dtype=np.int64)
    for images in _chunks(train):
        counts += np.bincount((cell + images.reshape(len(images), dims)).ravel(), minlength=dims * levels)
    log_prob = np.log(counts + 1) - math.log(len(train) + levels)
    nats = np.concatenate([-log_prob[cell + images.reshape(len(images), dims)].sum(axis=1) for images in _chunks(test)])
    se = float(nats.std(ddof=1) / math.sqrt(len(nats))) if len(nats) > 1 else math.nan
    bits = 1 / (dims * math.log(2))
    note = "per-position histograms of the training split, add-one smoothing"
    return Baseline("independent pixels", float(nats.mean()) * bits, se * bits, float(nats.mean()), se, note)


def lossless_coder(test: np.ndarray, levels: int) -> Baseline:
    """The smallest of Pillow's lossless WebP and optimized PNG files of `test`, uint8 (images, colors, rows, columns).

    The images are tiled into near-square sheets, so that headers don't count; levels as they are and stretched to
    0..255, and for few gray levels also as a palette of fewer bits. Every file is decoded and compared with what went
    in.
    """
    dims = math.prod(test.shape[1:])
    sheets = list(_sheets(test))
    sizes = {name: 8 * sum(len(code(sheet)) for sheet in sheets) for name, code in _coders(levels, test.shape[1])}
    name = min(sizes, key=lambda coder: sizes[coder])
    nats = sizes[name] * math.log(2) / len(test)
    kind, _, how = name.partition(", ")
    note = f"{how}; the test images in one sheet, smallest of {len(sizes)} encodings"
    return Baseline(kind, sizes[name] / (len(test) * dims), math.nan, nats, math.nan, note)


def tile(images: np.ndarray) -> np.ndarray:
    """(images, colors, rows, columns) -> (rows, columns, colors), a near-square sheet; its last cells may be empty."""
    n, c, h, w = images.shape
    across = min(n, max(1, round(math.sqrt(n * h / w))))
    down = math.ceil(n / across)
    cells = np.zeros((down * across, c, h, w), dtype=np.uint8)
    cells[:n] = images
    return cells.reshape(down, across, c, h, w).transpose(0, 3, 1, 4, 2).reshape(down * h, across * w, c)


def _chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), CHUNK):
        yield np.asarray(images[start : start + CHUNK])


def _sheets(images: np.ndarray) -> Iterator[np.ndarray]:
    """Sheets of about SIDE x SIDE pixels at most: RGB as (rows, columns, 3), else gray (rows, columns) by color."""
    if images.shape[1] not in (1, 3):
        images = images.reshape(-1, 1, *images.shape[2:])
    each = max(1, (SIDE // images.shape[2]) * (SIDE // images.shape[3]))
    for start in range(0, len(images), each):
        sheet = tile(images[start : start + each])
        yield sheet if sheet.shape[2] == 3 else sheet[:, :, 0]


def _coders(levels: int, colors: int) -> Iterator[tuple[str, Callable[[np.ndarray], bytes]]]:
    """Encoders by name ("kind, how"), each a function sheet -> file."""
    natural = np.arange(levels, dtype=np.uint8)
    stretched = np.round(np.arange(levels) * (255 / max(1, levels - 1))).astype(np.uint8)
    for how, values in {"levels as they are": natural, "levels stretched to 0..255": stretched}.items():
        yield f"PNG, {how}", _coder(values, None, "PNG", optimize=True)
        if features.check("webp"):
            yield f"WebP lossless, {how}", _coder(values, None, "WEBP", lossless=True, quality=100, method=6)
    if levels <= 16 and colors != 3:
        bits = next(bits for bits in (1, 2, 4) if levels <= 2**bits)
        yield f"PNG, palette of {bits} bits a pixel", _coder(natural, stretched, "PNG", optimize=True, bits=bits)


def _coder(
    values: np.ndarray, palette: np.ndarray | None, kind: str, **options: object
) -> Callable[[np.ndarray], bytes]:
    """Level k becomes `values[k]`, or an index to the palette. RuntimeError if decoding gives anything else."""

    def code(sheet: np.ndarray) -> bytes:
        image = Image.fromarray(values[sheet])
        if palette is not None:
            image = Image.fromarray(sheet)
            image.putpalette(np.repeat(palette, 3).tobytes())
        file = io.BytesIO()
        image.save(file, kind, **options)
        decoded = np.asarray(Image.open(file).convert("RGB" if sheet.ndim == 3 else "L"))
        if not np.array_equal(decoded, (values if palette is None else palette)[sheet]):
            raise RuntimeError(
                f"{kind} with {options} isn't lossless here: please report it with the version of Pillow"
            )
        return file.getvalue()

    return code
