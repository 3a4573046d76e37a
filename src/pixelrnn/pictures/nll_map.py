"""What each pixel costs, as a picture beside the image: bright pixels are those that the model did not expect."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from pixelrnn.data.quantize import stretch

COLD, WARM, HOT = "#06031c", "#c2374f", "#fcf6a8"  # of 0 nats, half the scale, the top of the scale
MARGIN, BAR, LEGEND = (
    16,
    18,
    130,
)  # pixels: around everything, the color bar's width, the room for it and its numbers
LINE = 20  # of text


def nll_picture(
    image: np.ndarray,
    nats: np.ndarray,
    levels: int,
    top: float,
    title: str,
    mark: tuple[float, str],
    side: int = 256,
) -> Image.Image:
    """An image (c, h, w) of levels, the `nats` (h, w) of its pixels in colors from 0 to `top`, and the scale.

    `mark` is a number of nats that the scale points out, with its name; `side` is about how high the image gets.
    """
    h, w = nats.shape
    size = (w * max(1, side // h), h * max(1, side // h))
    shown = stretch(image, levels).transpose(1, 2, 0)
    picture = Image.fromarray(shown.squeeze(-1) if shown.shape[-1] == 1 else shown).convert("RGB")
    colored = _colors(nats, top)
    font = ImageFont.load_default(14)
    width = max(2 * size[0] + LEGEND + 4 * MARGIN, int(font.getlength(title)) + 2 * MARGIN)
    page = Image.new("RGB", (width, size[1] + LINE + 3 * MARGIN), "white")
    draw = ImageDraw.Draw(page)
    draw.text((MARGIN, MARGIN), title, font=font, fill="black")
    below = LINE + 2 * MARGIN - 4
    for i, part in enumerate((picture, colored)):
        page.paste(
            part.resize(size, Image.Resampling.NEAREST), (MARGIN + i * (size[0] + MARGIN), below)
        )
    _scale(draw, page, (2 * size[0] + 3 * MARGIN, below), size[1], top, mark)
    return page


def _colors(nats: np.ndarray, top: float) -> Image.Image:
    gray = Image.fromarray((np.clip(nats / top, 0, 1) * 255).round().astype(np.uint8))
    return ImageOps.colorize(gray, COLD, HOT, WARM)


def _scale(
    draw: ImageDraw.ImageDraw,
    page: Image.Image,
    corner: tuple[int, int],
    height: int,
    top: float,
    mark: tuple[float, str],
) -> None:
    left, above = corner
    bar = _colors(np.linspace(top, 0, height)[:, None], top)
    page.paste(bar.resize((BAR, height)), corner)
    font = ImageFont.load_default(13)
    ticks = [(top, f"{top:.1f} or more"), (0, "0 nats a pixel")]
    if mark[0] < 0.9 * top:  # further up, its text would meet that of the top
        ticks.append((mark[0], f"{mark[0]:.1f} {mark[1]}"))
    for value, text in ticks:
        y = above + round((height - 1) * (1 - value / top))
        draw.line((left + BAR, y, left + BAR + 4, y), fill="black")
        anchored = min(max(y, above + 7), above + height - 7)
        draw.text((left + BAR + 8, anchored), text, font=font, fill="black", anchor="lm")
