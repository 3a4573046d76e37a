"""Grids of images: sample grids of several runs in one picture, and small ones to embed in a page."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixelrnn.data.quantize import stretch

ACROSS = 4  # grids a row
HEIGHT = 320  # smaller grids are enlarged by a whole factor towards this, so that pixels stay square and sharp
MARGIN = 16
LINE = 22  # of the title, in pixels
GRAY = 96  # between the images of a grid


def grid(images: np.ndarray, levels: int, columns: int = 8) -> Image.Image:
    """One pixel a pixel: levels 0..K-1 (n, c, h, w), black to white, gray lines between the images."""
    n, c, h, w = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    cells = np.full((rows * columns, c, h + 1, w + 1), GRAY, dtype=np.uint8)
    cells[:n, :, :h, :w] = stretch(images, levels)
    page = cells.reshape(rows, columns, c, h + 1, w + 1).transpose(0, 3, 1, 4, 2)
    page = page.reshape(rows * (h + 1), columns * (w + 1), c)[:-1, :-1]
    return Image.fromarray(page if c == 3 else page[:, :, 0])


def embed(
    images: np.ndarray, levels: int, columns: int, most: int
) -> tuple[str, tuple[int, int], int]:
    """`grid` as a data URI, its width and height, and the number of images that it shows.

    Rows are left out at the end until the URI has at most `most` characters; one stays.
    """
    while True:
        picture = grid(images, levels, columns)
        file = io.BytesIO()
        picture.save(file, "PNG")
        uri = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        rows = -(-len(images) // columns)
        if len(uri) <= most or rows == 1:
            return uri, picture.size, len(images)
        images = images[: columns * max(1, min(rows - 1, rows * most // len(uri)))]


def side_by_side(grids: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """One picture of (title, grid) pairs, ACROSS a row, every title above its grid; \\n splits a title."""
    panels = [_panel(title, picture.convert("RGB")) for title, picture in grids]
    lines = [panels[start : start + ACROSS] for start in range(0, len(panels), ACROSS)]
    columns = [max(line[i].width for line in lines if i < len(line)) for i in range(len(lines[0]))]
    heights = [max(panel.height for panel in line) for line in lines]
    page = Image.new(
        "RGB",
        (sum(columns) + MARGIN * (len(columns) + 1), sum(heights) + MARGIN * (len(lines) + 1)),
        "white",
    )
    top = MARGIN
    for line, height in zip(lines, heights, strict=True):
        left = MARGIN
        for panel, width in zip(line, columns, strict=False):
            page.paste(panel, (left, top))
            left += width + MARGIN
        top += height + MARGIN
    return page


def _panel(title: str, grid: Image.Image) -> Image.Image:
    factor = max(1, round(HEIGHT / grid.height))
    grid = grid.resize((grid.width * factor, grid.height * factor), Image.Resampling.NEAREST)
    font = ImageFont.load_default(16)
    lines = title.split("\n")
    width = max(grid.width, *(int(font.getlength(line)) + 1 for line in lines))
    panel = Image.new("RGB", (width, grid.height + LINE * len(lines)), "white")
    draw = ImageDraw.Draw(panel)
    for i, line in enumerate(lines):
        draw.text((0, LINE * i), line, font=font, fill="black")
    panel.paste(grid, (0, LINE * len(lines)))
    return panel
