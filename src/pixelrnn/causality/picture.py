"""The report as a picture: what some of the probed outputs see, leaks in red."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from pixelrnn.causality.findings import Audit, Part
from pixelrnn.causality.text import title

COLORS = {
    "seen": "#3b76c4",
    "legal, not seen": "#cfcfcf",
    "LEAK": "#e0251b",
    "rightly unseen": "#ffffff",
}
GRID, INK = "#e6e6e6", "#111111"
SIDE = 260  # pixels of a panel, about
GAP, LINE = 24, 24
WIDTH = 880


def picture(audit: Audit) -> Image.Image:
    """All parts, one below the other: the verdict, the colors' meaning, a panel for each of up to nine outputs."""
    pages = [
        _page(part, part.sentence if not part.name else f"{part.name}: {part.sentence}")
        for part in audit.parts
    ]
    whole = Image.new(
        "RGB", (max(page.width for page in pages), sum(page.height for page in pages)), "white"
    )
    top = 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height
    return whole


def _page(part: Part, sentence: str) -> Image.Image:
    panels = [panel(part, probe) for probe in _shown(part)]
    columns = 3
    width, height = panels[0].size
    rows = -(-len(panels) // columns)
    font = ImageFont.load_default(16)
    lines = _wrap(sentence, font, max(WIDTH, columns * (width + GAP)) - GAP)
    head = GAP + LINE * (len(lines) + 2)
    page = Image.new(
        "RGB", (max(WIDTH, columns * (width + GAP)) + GAP, head + rows * (height + GAP)), "white"
    )
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text(
            (GAP, GAP + LINE * number), line, font=font, fill=COLORS["LEAK"] if part.leaks else INK
        )
    _legend(draw, GAP + LINE * len(lines) + 6, part)
    for number, image in enumerate(panels):
        page.paste(
            image,
            (GAP + number % columns * (width + GAP), head + number // columns * (height + GAP)),
        )
    return page


def _shown(part: Part) -> Sequence[int]:
    """Up to nine outputs, all of a pixel's together: those with most leaks, else the first ones."""
    leaks = (part.seen & ~part.legal).flatten(1).sum(1).unflatten(0, (-1, part.orders)).sum(1)
    pixels = leaks.argsort(descending=True, stable=True)[: max(1, 9 // part.orders)].tolist()
    return [pixel * part.orders + order for pixel in pixels for order in range(part.orders)][:9]


def _legend(draw: ImageDraw.ImageDraw, top: int, part: Part) -> None:
    font, left = ImageFont.load_default(14), GAP
    for meaning, color in {"its own pixel": None, **COLORS}.items():
        box = (left, top, left + 13, top + 13)
        draw.rectangle(box, fill=color or "white", outline=INK, width=3 if color is None else 1)
        draw.text((left + 20, top - 2), meaning, font=font, fill=INK)
        left += 40 + int(font.getlength(meaning))
    if part.shape[0] > 1:
        draw.text((left, top - 2), "each pixel's stripes: its colors", font=font, fill=INK)


def panel(part: Part, probe: int) -> Image.Image:
    """What one of the probed outputs sees: a square for each pixel, striped by color, below a title of LINE pixels."""
    c, h, w = part.shape
    stripe = max(1, SIDE // max(h, w) // c)
    cell = stripe * c + 1  # and a line between pixels
    image = Image.new("RGB", (w * cell + 1, LINE + h * cell + 1), "white")
    draw = ImageDraw.Draw(image)
    draw.text((0, 0), title(part, probe), font=ImageFont.load_default(14), fill=INK)
    draw.rectangle((0, LINE, w * cell, LINE + h * cell), fill=GRID)
    seen, legal = part.seen[probe].tolist(), part.legal[probe].tolist()
    for k in range(h):
        for m in range(w):
            for color in range(c):
                left, top = m * cell + 1 + color * stripe, LINE + k * cell + 1
                fill = COLORS[_meaning(seen[color][k][m], legal[color][k][m])]
                draw.rectangle((left, top, left + stripe - 1, top + cell - 2), fill=fill)
    _, i, j = part.probes[probe].tolist()
    draw.rectangle(
        (j * cell, LINE + i * cell, (j + 1) * cell, LINE + (i + 1) * cell), outline=INK, width=2
    )
    return image


def _meaning(seen: bool, legal: bool) -> str:
    if seen:
        return "seen" if legal else "LEAK"
    return "legal, not seen" if legal else "rightly unseen"


def _wrap(
    sentence: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> list[str]:
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], longer] if font.getlength(longer) <= width else [*lines, word]
    return lines
