"""Images side by side in one picture that a person can read."""

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixelrnn.data.values import values_of
from pixelrnn.errors import InputError
from pixelrnn.files import replacing

# Pixels between enlarged images, and what is between the images of any grid.
GAP, GRAY = 4, 96
# Of the line around what was given.
ORANGE = (240, 110, 40)

# Grids a row, pixels around them, and the height of a line of their titles.
ACROSS, MARGIN, LINE = 4, 16, 22
# A smaller grid is enlarged by a whole factor towards this: pixels stay square and sharp.
HEIGHT = 320
# Of a picture: what viewers open, and sides that PNG and Pillow take.
MOST_PIXELS, LONGEST = 2**27, 2**20


def check_picture(n: int, shape: Sequence[int], columns: int, side: int) -> None:
    """Raise InputError where a grid of `n` images has more pixels than anybody can look at."""
    _, h, w = shape
    factor = max(1, side // h)
    columns = min(columns, n)
    height, width = -(-n // columns) * (h * factor + GAP), columns * (w * factor + GAP)
    if height * width > MOST_PIXELS or max(height, width) > LONGEST:
        raise InputError(
            f"a picture of {width:,} x {height:,} pixels is too large: lower side or their number"
        )


def image_grid(
    images: np.ndarray, levels: int | None, columns: int = 8, side: int = 64
) -> Image.Image:
    """Draw levels 0..K-1 or real numbers (n, c, h, w), black to white, `columns` images a row.

    Pixels are repeated until an image is about `side` high.
    """
    return Image.fromarray(_tile(enlarge(images, levels, side), columns, GAP))


def small_grid(images: np.ndarray, levels: int | None, columns: int = 8) -> Image.Image:
    """Draw the same with one pixel a pixel and thin lines between the images.

    It is in RGB, or gray (mode L) for images of one color.
    """
    page = _tile(values_of(levels).to_bytes(images), columns, gap=1)[1:-1, 1:-1]
    return Image.fromarray(page if images.shape[1] == 3 else page[:, :, 0])


def completion_grid(
    completions: np.ndarray, known: np.ndarray, levels: int | None, side: int = 64
) -> Image.Image:
    """Draw a row for each image, first itself, then its completions, a line around what was given.

    `completions`: levels (n, 1 + k, c, h, w); `known`: bool (h, w).
    """
    _, across, colors, h, w = completions.shape
    large = enlarge(completions.reshape(-1, colors, h, w), levels, max(side, 4 * h))
    border = _border(known, large.shape[-2] // h)  # (H, W)
    large[..., border] = np.array(ORANGE, np.uint8)[:, None]
    page = _tile(large, across, GAP)
    first = large.shape[-1] + 2 * GAP
    apart = page[:, first - GAP : first]  # the images stand a little apart from their completions
    return Image.fromarray(np.concatenate([page[:, :first], apart, page[:, first:]], axis=1))


def small_completions(completions: np.ndarray, given: int, levels: int | None) -> Image.Image:
    """Draw the same with one pixel a pixel, a line of its own below the `given` rows of pixels.

    No pixel is covered; the images themselves stand a little apart, on the left.
    """
    _, across, colors, h, w = completions.shape
    images = (
        values_of(levels).to_bytes(completions.reshape(-1, colors, h, w)).repeat(3 // colors, 1)
    )
    line = np.broadcast_to(np.array(ORANGE, np.uint8)[:, None, None], (len(images), 3, 1, w))
    page = _tile(np.concatenate([images[:, :, :given], line, images[:, :, given:]], 2), across, 1)
    page = np.insert(page, [w + 1] * 2, GRAY, axis=1)
    return Image.fromarray(page[1:-1, 1:-1])


def save_picture(picture: Image.Image, file: str | Path) -> None:
    """Replace a file by a picture, as PNG."""
    with replacing(file) as new:
        picture.save(new, "PNG")


def embed(
    images: np.ndarray, draw: Callable[[np.ndarray], Image.Image], columns: int, most: int
) -> tuple[str, tuple[int, int], int]:
    """Return the grid that `draw` makes of images as a data URI, its size, and how many it shows.

    Rows are left out at the end until the URI has at most `most` characters; one stays.
    """
    while True:
        picture = draw(images)
        file = io.BytesIO()
        picture.save(file, "PNG")
        uri = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        rows = -(-len(images) // columns)
        if len(uri) <= most or rows == 1:
            return uri, picture.size, len(images)
        images = images[: columns * max(1, min(rows - 1, rows * most // len(uri)))]


def side_by_side(grids: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Draw (title, grid) pairs into one picture, ACROSS a row, each title above its grid.

    A line break splits a title.
    """
    panels = [_panel(title, picture.convert("RGB")) for title, picture in grids]
    lines = [panels[start : start + ACROSS] for start in range(0, len(panels), ACROSS)]
    across = range(len(lines[0]))
    columns = [max(line[i].width for line in lines if i < len(line)) for i in across]
    heights = [max(panel.height for panel in line) for line in lines]
    width = sum(columns) + MARGIN * (len(columns) + 1)
    height = sum(heights) + MARGIN * (len(lines) + 1)
    page = Image.new("RGB", (width, height), "white")
    top = MARGIN
    for line, line_height in zip(lines, heights, strict=True):
        left = MARGIN
        for panel, column in zip(line, columns, strict=False):
            page.paste(panel, (left, top))
            left += column + MARGIN
        top += line_height + MARGIN
    return page


def _panel(title: str, grid: Image.Image) -> Image.Image:
    factor = max(1, round(HEIGHT / grid.height))
    size = (grid.width * factor, grid.height * factor)
    grid = grid.resize(size, Image.Resampling.NEAREST)
    font = ImageFont.load_default(16)
    lines = title.split("\n")
    width = max(grid.width, *(int(font.getlength(line)) + 1 for line in lines))
    panel = Image.new("RGB", (width, grid.height + LINE * len(lines)), "white")
    draw = ImageDraw.Draw(panel)
    for i, line in enumerate(lines):
        draw.text((0, LINE * i), line, font=font, fill="black")
    panel.paste(grid, (0, LINE * len(lines)))
    return panel


def _tile(images: np.ndarray, columns: int, gap: int) -> np.ndarray:
    """Lay out bytes (n, c, h, w) in rows, gray between and around them: uint8 (H, W, c)."""
    n, colors, h, w = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    size = (rows * (h + gap) + gap, columns * (w + gap) + gap, colors)
    page = np.full(size, GRAY, np.uint8)
    for k, image in enumerate(images):
        top = gap + k // columns * (h + gap)
        left = gap + k % columns * (w + gap)
        page[top : top + h, left : left + w] = image.transpose(1, 2, 0)
    return page


def enlarge(images: np.ndarray, levels: int | None, side: int) -> np.ndarray:
    """Return levels (n, c, h, w) as bytes in RGB, by a whole factor: pixels stay squares."""
    factor = max(1, side // images.shape[-2])
    large = values_of(levels).to_bytes(images).repeat(factor, -2).repeat(factor, -1)
    return large.repeat(3 // images.shape[1], 1)


def _border(known: np.ndarray, factor: int) -> np.ndarray:
    """Return the enlarged pixels on both sides of where known and unknown meet: bool (H, W)."""
    known = known.repeat(factor, 0).repeat(factor, 1)
    border = np.zeros_like(known)
    down = known[1:] != known[:-1]
    right = known[:, 1:] != known[:, :-1]
    border[1:] |= down
    border[:-1] |= down
    border[:, 1:] |= right
    border[:, :-1] |= right
    return border
