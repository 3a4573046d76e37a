"""What each pixel costs, as a picture beside the image.

Bright pixels are those that the model did not expect.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from pixelrnn.data.values import values_of

# Colors of 0 nats, of half the scale, and of the top of the scale and beyond.
COLD, WARM, HOT = "#06031c", "#c2374f", "#fcf6a8"
# All sizes are in pixels. Around everything, and between the parts:
MARGIN = 16
# The width of the color bar, and of all that belongs to the scale: the bar, its ticks and numbers.
BAR, SCALE = 18, 146
# A tick, the gap before its number, and half the height of a number.
TICK, GAP, HALF = 4, 4, 7
# From the title's upper edge to the pictures, and below them.
TITLE, BOTTOM = 32, 20
# A mark further up than this part of the scale would meet the number at its top.
HIGHEST_MARK = 0.9


def nll_picture(
    image: np.ndarray,
    nats: np.ndarray,
    levels: int | None,
    ends: tuple[float, float],
    title: str,
    mark: tuple[float, str],
    side: int = 256,
) -> Image.Image:
    """Draw an image, what its pixels cost, and the scale of that, side by side below a title.

    `image` is (c, h, w); `nats` (h, w), in colors between `ends`; `mark` a number of nats
    that the scale points out, with its name. The image gets about `side` pixels high.
    """
    h, w = nats.shape
    factor = max(1, side // h)
    width, height = w * factor, h * factor
    parts = [_picture(image, levels), _colors(nats, ends)]
    parts = [part.resize((width, height), Image.Resampling.NEAREST) for part in parts]
    parts.append(_scale(height, ends, mark))

    font = ImageFont.load_default(14)
    parts_width = 2 * width + SCALE + 3 * MARGIN
    title_width = int(font.getlength(title)) + 2 * MARGIN
    size = (max(parts_width, title_width), MARGIN + TITLE + height + BOTTOM)
    page = Image.new("RGB", size, "white")
    ImageDraw.Draw(page).text((MARGIN, MARGIN), title, font=font, fill="black")
    left = MARGIN
    for part in parts:
        page.paste(part, (left, MARGIN + TITLE))
        left += part.width + MARGIN
    return page


def _picture(image: np.ndarray, levels: int | None) -> Image.Image:
    """Draw levels (c, h, w), black to white, one pixel a pixel."""
    shown = values_of(levels).to_bytes(image).transpose(1, 2, 0)
    gray = shown.shape[-1] == 1
    return Image.fromarray(shown[:, :, 0] if gray else shown).convert("RGB")


def _colors(nats: np.ndarray, ends: tuple[float, float]) -> Image.Image:
    """Draw nats (h, w) in colors, one pixel a pixel."""
    low, top = ends
    gray = (np.clip((nats - low) / (top - low), 0, 1) * 255).round().astype(np.uint8)
    return ImageOps.colorize(Image.fromarray(gray), COLD, HOT, WARM)


def _scale(height: int, ends: tuple[float, float], mark: tuple[float, str]) -> Image.Image:
    """Draw the color bar with numbers at its ends and at the mark."""
    scale = Image.new("RGB", (SCALE, height + BOTTOM), "white")  # letters reach below the bar
    low, top = ends
    bar = _colors(np.linspace(top, low, height)[:, None], ends)
    scale.paste(bar.resize((BAR, height)), (0, 0))
    marked, name = mark
    ticks = [(top, f"{top:.1f} or more"), (low, f"{low:.3g} nats a pixel")]
    if marked - low < HIGHEST_MARK * (top - low):
        ticks.append((marked, f"{marked:.1f} {name}"))
    draw = ImageDraw.Draw(scale)
    font = ImageFont.load_default(13)
    for value, text in ticks:
        y = round((height - 1) * (top - value) / (top - low))
        draw.line((BAR, y, BAR + TICK, y), fill="black")
        inside = min(max(y, HALF), height - HALF)
        draw.text((BAR + TICK + GAP, inside), text, font=font, fill="black", anchor="lm")
    return scale
