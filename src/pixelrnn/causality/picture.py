"""The report as a picture: what some of the probed outputs see, with leaks in red."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from pixelrnn.causality.report import Audit, Part, title

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
PANELS, COLUMNS = 9, 3

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_audit(audit: Audit) -> Image.Image:
    """Draw all parts, one below the other.

    A part is its verdict, the meaning of the colors, and a panel for each of up to nine outputs.
    """
    pages = [_draw_part(part) for part in audit.parts]
    width, height = max(page.width for page in pages), sum(page.height for page in pages)
    whole = Image.new("RGB", (width, height), "white")
    top = 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height
    return whole


def draw_panel(part: Part, probe: int) -> Image.Image:
    """Draw what a probed output sees: a title of LINE pixels, a square for each pixel below it.

    A square is striped by color.
    """
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
                box = (left, top, left + stripe - 1, top + cell - 2)
                meaning = _meaning(seen[color][k][m], legal[color][k][m])
                draw.rectangle(box, fill=COLORS[meaning])
    _, i, j = part.probes[probe].tolist()
    own = (j * cell, LINE + i * cell, (j + 1) * cell, LINE + (i + 1) * cell)
    draw.rectangle(own, outline=INK, width=2)
    return image


def _meaning(seen: bool, legal: bool) -> str:
    if seen:
        return "seen" if legal else "LEAK"
    return "legal, not seen" if legal else "rightly unseen"


def _draw_part(part: Part) -> Image.Image:
    panels = [draw_panel(part, probe) for probe in _choose_probes(part)]
    panel_width, panel_height = panels[0].width + GAP, panels[0].height + GAP
    width = max(WIDTH, COLUMNS * panel_width)
    rows = -(-len(panels) // COLUMNS)
    font = ImageFont.load_default(16)
    lines = _wrap(part.sentence, font, width - GAP)
    head = GAP + LINE * (len(lines) + 2)
    page = Image.new("RGB", (width + GAP, head + rows * panel_height), "white")
    draw = ImageDraw.Draw(page)
    ink = COLORS["LEAK"] if part.leaks else INK
    for number, line in enumerate(lines):
        draw.text((GAP, GAP + LINE * number), line, font=font, fill=ink)
    _draw_legend(draw, GAP + LINE * len(lines) + 6, part)
    for number, panel in enumerate(panels):
        row, column = divmod(number, COLUMNS)
        page.paste(panel, (GAP + column * panel_width, head + row * panel_height))
    return page


def _choose_probes(part: Part) -> Sequence[int]:
    """Choose outputs to show, all of a pixel together: those with most leaks, else the first."""
    leaks = (part.seen & ~part.legal).flatten(1).sum(1)  # (p)
    by_pixel = leaks.unflatten(0, (-1, part.groups)).sum(1)
    pixels = by_pixel.argsort(descending=True, stable=True)[: max(1, PANELS // part.groups)]
    probes = [
        pixel * part.groups + group for pixel in pixels.tolist() for group in range(part.groups)
    ]
    return probes[:PANELS]


def _draw_legend(draw: ImageDraw.ImageDraw, top: int, part: Part) -> None:
    font, left = ImageFont.load_default(14), GAP
    for meaning, color in {"its own pixel": "white", **COLORS}.items():
        box = (left, top, left + 13, top + 13)
        frame = 3 if meaning == "its own pixel" else 1
        draw.rectangle(box, fill=color, outline=INK, width=frame)
        draw.text((left + 20, top - 2), meaning, font=font, fill=INK)
        left += 40 + int(font.getlength(meaning))
    if part.shape[0] > 1:
        draw.text((left, top - 2), "each pixel's stripes: its colors", font=font, fill=INK)


def _wrap(sentence: str, font: Font, width: int) -> list[str]:
    """Break a sentence into lines of at most so many pixels."""
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
