"""Two figures that need no training and put a model's bits per dimension in context.

Independent pixels: every color of every position has its own histogram over the training split, and
    -log p(x) = - sum over positions d of log (count_d[x_d] + 1) / (n + K),
with n training images and K levels. The added one (Laplace's rule: the mean of the histogram under
a uniform prior) keeps a level unseen in training from costing infinitely much; it weighs in where n
is not large against K.

Lossless coder: the bits that a general-purpose image format spends on the same images. A model with
L bits/dim is, by arithmetic coding, a coder of that many bits as well.
"""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, features

from pixelrnn import figures

# Images scored at a time: bounds the memory.
CHUNK = 1024
# Training images that are enough for histograms.
COUNTED = 2**15
# Values (colors of pixels) that are enough for a coder: it takes seconds, and WebP ends at
# 16383 x 16383 pixels.
CODED = 2**21
# ... and that a coder may take its time for: one percent less in ten times the time.
EASY = 2**16


@dataclass(frozen=True)
class Baseline:
    """One baseline on the test images; nats are per image.

    The standard errors of a coder are NaN: it gives one total.
    """

    name: str
    bits_per_dim: float
    bits_per_dim_se: float
    nll_nats: float
    nll_nats_se: float
    note: str
    # Nats of each image, float64 (n,).
    per_image: np.ndarray | None = field(default=None, compare=False, repr=False)


def independent_pixels(train: np.ndarray, test: np.ndarray, levels: int) -> Baseline:
    """Return the exact NLL of `test` under histograms of `train`, both uint8 (n, c, h, w)."""
    dims = math.prod(test.shape[1:])
    train = train[:COUNTED]
    start = np.arange(dims) * levels  # of each position's histogram
    counts = np.zeros(dims * levels, dtype=np.int64)
    for cells in _cells(train, start):
        counts += np.bincount(cells.ravel(), minlength=dims * levels)
    log_prob = np.log(counts + 1) - math.log(len(train) + levels)
    nats = np.concatenate([-log_prob[cells].sum(axis=1) for cells in _cells(test, start)])
    mean = float(nats.mean())
    se = float(nats.std(ddof=1) / math.sqrt(len(nats))) if len(nats) > 1 else math.nan
    return Baseline(
        name="independent pixels",
        bits_per_dim=figures.bits_per_dim(mean, dims),
        bits_per_dim_se=figures.bits_per_dim(se, dims),
        nll_nats=mean,
        nll_nats_se=se,
        note=f"per-position histograms of {len(train):,} training images, add-one smoothing",
        per_image=nats,
    )


def lossless_coder(test: np.ndarray, levels: int) -> Baseline:
    """Return the size of the smallest of `encodings` of `test`, uint8 (n, c, h, w).

    The images (of a large set the first, to CODED values) are tiled into a near-square sheet, so
    that headers do not count.
    """
    dims = math.prod(test.shape[1:])
    images = np.asarray(test[: max(1, CODED // dims)])
    files = encodings(tile(images), levels)
    smallest = min(files, key=lambda name: len(files[name]))
    kind, _, how = smallest.partition(", ")
    which = "the test images"
    if len(images) < len(test):
        which = f"the first {len(images):,} test images"
    bits = 8 * len(files[smallest]) / (len(images) * dims)
    return Baseline(
        name=kind,
        bits_per_dim=bits,
        bits_per_dim_se=math.nan,
        nll_nats=bits * figures.nats_of_one_bit(dims),
        nll_nats_se=math.nan,
        note=f"{how}; {which} in one sheet, smallest of {len(files)} encodings",
    )


def tile(images: np.ndarray) -> np.ndarray:
    """Lay out (n, c, h, w) as a near-square sheet (rows, columns, c), maybe with empty cells."""
    n, c, h, w = images.shape
    across = min(n, max(1, round(math.sqrt(n * h / w))))
    down = math.ceil(n / across)
    cells = np.zeros((down * across, c, h, w), dtype=np.uint8)
    cells[:n] = images
    sheet = cells.reshape(down, across, c, h, w).transpose(0, 3, 1, 4, 2)  # (down h across w c)
    return sheet.reshape(down * h, across * w, c)


def encodings(sheet: np.ndarray, levels: int) -> dict[str, bytes]:
    """Return lossless image files of `sheet`, levels uint8 (rows, columns, c), by "kind, how".

    PNG and, where Pillow has it, WebP; levels as they are and stretched to 0..255; and for few gray
    levels also a palette of fewer bits. Raises RuntimeError if one does not decode to what went in.
    """
    gray = sheet.shape[2] == 1
    if gray:
        sheet = sheet[:, :, 0]
    stretched = np.round(np.arange(levels) * (255 / max(1, levels - 1))).astype(np.uint8)
    pictures = {"levels as they are": sheet}
    if levels < 256:
        pictures["levels stretched to 0..255"] = stretched[sheet]
    files = {}
    for how, picture in pictures.items():
        files[f"PNG, {how}"] = _png(picture)
        if features.check("webp"):
            files[f"WebP lossless, {how}"] = _webp(picture)
    if gray and levels <= 16:
        bits = next(bits for bits in (1, 2, 4) if levels <= 2**bits)
        files[f"PNG, palette of {bits} bits a pixel"] = _palette_png(sheet, stretched, bits)
    return files


def _png(picture: np.ndarray) -> bytes:
    return _encode(Image.fromarray(picture), picture, "PNG", optimize=True)


def _webp(picture: np.ndarray) -> bytes:
    quality, method = (100, 6) if picture.size <= EASY else (75, 4)
    image = Image.fromarray(picture)
    return _encode(image, picture, "WEBP", lossless=True, quality=quality, method=method)


def _palette_png(sheet: np.ndarray, grays: np.ndarray, bits: int) -> bytes:
    """Encode levels as indices to `grays`, uint8 (levels,), of so many bits each."""
    image = Image.fromarray(sheet)
    image.putpalette(np.repeat(grays, 3).tobytes())
    return _encode(image, grays[sheet], "PNG", optimize=True, bits=bits)


def _encode(image: Image.Image, expected: np.ndarray, kind: str, **options: object) -> bytes:
    """Return an image as a file.

    Raises RuntimeError if that decodes to other bytes than expected.
    """
    file = io.BytesIO()
    image.save(file, kind, **options)
    decoded = Image.open(file).convert("RGB" if expected.ndim == 3 else "L")
    if not np.array_equal(np.asarray(decoded), expected):
        raise RuntimeError(
            f"{kind} with {options} isn't lossless here: "
            "please report it with the version of Pillow"
        )
    return file.getvalue()


def _cells(images: np.ndarray, start: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the place of each value in the histograms, some images at a time: (images, dims)."""
    for first in range(0, len(images), CHUNK):
        some = np.asarray(images[first : first + CHUNK])
        yield start + some.reshape(len(some), -1)
