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
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, features

from pixelrnn import figures

CHUNK = 1024  # images scored at a time: bounds the memory
COUNTED = 2**15  # training images that are enough for histograms
CODED = (
    2**21
)  # values (colors of pixels) that are enough for a coder: it takes seconds, and WebP ends at 16383 x 16383
EASY = 2**16  # ... and that a coder may take its time for


@dataclass(frozen=True)
class Baseline:
    """One baseline on the test images; nats are per image. A coder's standard error is NaN: it gives one total."""

    name: str
    bits_per_dim: float
    bits_per_dim_se: float
    nll_nats: float
    nll_nats_se: float
    note: str
    per_image: np.ndarray | None = field(
        default=None, compare=False, repr=False
    )  # nats, float64 (n,)


def independent_pixels(train: np.ndarray, test: np.ndarray, levels: int) -> Baseline:
    """Exact NLL of `test` under histograms of `train`; both uint8 (images, colors, rows, columns)."""
    dims, train = math.prod(test.shape[1:]), train[:COUNTED]
    cell = np.arange(dims) * levels  # position d's histogram starts here
    counts = np.zeros(dims * levels, dtype=np.int64)
    for images in _chunks(train):
        counts += np.bincount(
            (cell + images.reshape(len(images), dims)).ravel(), minlength=dims * levels
        )
    log_prob = np.log(counts + 1) - math.log(len(train) + levels)
    nats = np.concatenate(
        [
            -log_prob[cell + images.reshape(len(images), dims)].sum(axis=1)
            for images in _chunks(test)
        ]
    )
    se = float(nats.std(ddof=1) / math.sqrt(len(nats))) if len(nats) > 1 else math.nan
    note = f"per-position histograms of {len(train):,} training images, add-one smoothing"
    mean = float(nats.mean())
    bits, bits_se = figures.bits_per_dim(mean, dims), figures.bits_per_dim(se, dims)
    return Baseline("independent pixels", bits, bits_se, mean, se, note, nats)


def lossless_coder(test: np.ndarray, levels: int) -> Baseline:
    """The smallest of Pillow's lossless WebP and optimized PNG files of `test`, uint8 (images, colors, rows, columns).

    The images (of a large set the first, to CODED values) are tiled into a near-square sheet, so that headers don't
    count; levels as they are and stretched to 0..255, and for few gray levels also as a palette of fewer bits. Every
    file is decoded and compared with what went in.
    """
    dims = math.prod(test.shape[1:])
    images = np.asarray(test[: max(1, CODED // dims)])
    sheet = tile(images) if test.shape[1] == 3 else tile(images)[:, :, 0]
    sizes = {
        name: 8 * len(code(sheet))
        for name, code in _coders(levels, test.shape[1], sheet.size <= EASY)
    }
    name = min(sizes, key=lambda coder: sizes[coder])
    bits = sizes[name] / (len(images) * dims)
    kind, _, how = name.partition(", ")
    which = (
        "the test images" if len(images) == len(test) else f"the first {len(images):,} test images"
    )
    note = f"{how}; {which} in one sheet, smallest of {len(sizes)} encodings"
    nats = bits * figures.nats_of_one_bit(dims)
    return Baseline(kind, bits, math.nan, nats, math.nan, note)


def tile(images: np.ndarray) -> np.ndarray:
    """(images, colors, rows, columns) -> (rows, columns, colors), a near-square sheet; its last cells may be empty."""
    n, c, h, w = images.shape
    across = min(n, max(1, round(math.sqrt(n * h / w))))
    down = math.ceil(n / across)
    cells = np.zeros((down * across, c, h, w), dtype=np.uint8)
    cells[:n] = images
    return (
        cells.reshape(down, across, c, h, w)
        .transpose(0, 3, 1, 4, 2)
        .reshape(down * h, across * w, c)
    )


def _chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), CHUNK):
        yield np.asarray(images[start : start + CHUNK])


def _coders(
    levels: int, colors: int, thorough: bool
) -> Iterator[tuple[str, Callable[[np.ndarray], bytes]]]:
    """Encoders by name ("kind, how"), each a function sheet -> file. A thorough WebP gains a percent in ten times."""
    natural = np.arange(levels, dtype=np.uint8)
    stretched = np.round(np.arange(levels) * (255 / max(1, levels - 1))).astype(np.uint8)
    effort = {"quality": 100, "method": 6} if thorough else {"quality": 75, "method": 4}
    ways = {"levels as they are": natural} | (
        {} if levels == 256 else {"levels stretched to 0..255": stretched}
    )
    for how, values in ways.items():
        yield f"PNG, {how}", _coder(values, None, "PNG", optimize=True)
        if features.check("webp"):
            yield f"WebP lossless, {how}", _coder(values, None, "WEBP", lossless=True, **effort)
    if levels <= 16 and colors != 3:
        bits = next(bits for bits in (1, 2, 4) if levels <= 2**bits)
        yield (
            f"PNG, palette of {bits} bits a pixel",
            _coder(natural, stretched, "PNG", optimize=True, bits=bits),
        )


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
