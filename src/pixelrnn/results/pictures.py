"""The sample grids of several runs in one picture, so that eyes compare what figures can't."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pixelrnn.errors import InputError

ACROSS = 4  # grids a row
HEIGHT = 320  # smaller grids are enlarged by a whole factor towards this, so that pixels stay square and sharp
MARGIN = 16
LINE = 22  # of the title, in pixels


def side_by_side(grids: Sequence[tuple[str, Path]]) -> Image.Image:
    """One picture of (title, file) grids, ACROSS a row, every title above its grid; a title's lines are split at \\n.

    Raises InputError for a file that isn't a picture.
    """
    panels = [_panel(title, _open(path)) for title, path in grids]
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


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises SyntaxError for a broken PNG
        raise InputError(f"{path} isn't a picture ({error}): run `pixelrnn sample` again") from None


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
