"""The report as a person reads it in a terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from pixelrnn.causality.findings import Audit, Leak, Part, percent
from pixelrnn.causality.order import color_name, written

PLACES = 5  # are named, the others counted
MARKS = {
    "o": "its own pixel",
    "O": "its own pixel, LEAKING",
    "x": "seen",
    "+": "seen in some colors",
    ",": "legal, not seen",
    "!": "LEAK",
    ".": "rightly unseen",
}


def text(audit: Audit) -> str:
    """All parts, one below the other."""
    return "\n\n".join("\n".join(_lines(part)) for part in audit.parts)


def _lines(part: Part) -> Iterator[str]:
    yield f"{part.name}: {part.sentence}" if part.name else part.sentence
    for kind in dict.fromkeys(leak.kind for leak in part.leaks):
        leaks = [leak for leak in part.leaks if leak.kind == kind]
        yield from _wrapped(kind, _told(leaks, all_pairs=part.orders * part.shape[0]))
    for hint in part.hints:
        yield from _wrapped("hint", hint)
    if part.coverage.unseen:
        yield from _wrapped("unseen", _missed(part))
    _, h, w = part.shape
    n = len(part.pixels)
    which = (
        "all" if n == h * w else f"{n} of {h * w} pixels (middle, corners, edges and random ones)"
    )
    yield from _wrapped("probed", f"{which}, by {part.images} random images each, {part.method}")
    for note in part.notes:
        yield from _wrapped("note", note)
    probe = telling(part)
    rows = drawn(part, probe)
    yield ""
    yield from (f"    {row}" for row in rows)
    marks = [
        f"{mark} {meaning}" for mark, meaning in MARKS.items() if any(mark in row for row in rows)
    ]
    yield f"  {title(part, probe)}: {', '.join(marks)}"


def _wrapped(label: str, told: str) -> list[str]:
    return textwrap.wrap(told, 116, initial_indent=f"  {label:<11} ", subsequent_indent=" " * 14)


def _told(leaks: Sequence[Leak], all_pairs: int) -> str:
    """Where, in which colors if not in all, how often, how strongly."""
    if leaks[0].kind == "batch":
        return "the outputs of an image change with the images beside it"
    places = [leak.place for leak in leaks]
    more = f" and {len(places) - PLACES} more places" if len(places) > PLACES else ""
    pairs = dict.fromkeys(pair for leak in leaks for pair in leak.colors)
    sees = f"; {', '.join(pairs)}" if 0 < len(pairs) < all_pairs else ""
    most = max(leaks, key=lambda leak: leak.found / leak.possible)
    first = f", such as that at {leaks[0].first}" if leaks[0].first else ""
    strength = max((leak.strength for leak in leaks if leak.strength is not None), default=None)
    strongly = (
        f"; up to {strength:.2g} times as strong as the strongest legal dependence"
        if strength
        else ""
    )
    return f"{', '.join(places[:PLACES])}{more}{sees}; at {most.found} of {most.possible} outputs{first}{strongly}"


def _missed(part: Part) -> str:
    """What is legal and not seen, in a sentence about the nearest of it."""
    unseen, nearest = part.coverage.unseen, part.coverage.nearest
    assert nearest is not None
    never = sum(share == 0 for share in unseen.values())
    place = written(nearest) if nearest != (0, 0) else "an earlier color of its own pixel"
    if not never:
        return f"{percent(1 - unseen[nearest])} of what the outputs at (i, j) may see at {place}"
    return f"{never} places, the nearest: the output at (i, j) never sees {place}"


def telling(part: Part) -> int:
    """The probed output to show: with most leaks, else the first that misses something, else that in the middle."""
    leaks = (part.seen & ~part.legal).flatten(1).sum(1)
    misses = (part.legal & ~part.seen).flatten(1).any(1)
    return int(leaks.argmax() if leaks.any() else misses.int().argmax())


def title(part: Part, probe: int) -> str:
    """Which output a probe is: `G at (3, 4)`."""
    o, i, j = part.probes[probe].tolist()
    color = f"{color_name(o, part.shape[0])} at " if part.orders > 1 else "the output at "
    return f"{color}({i}, {j})"


def drawn(part: Part, probe: int) -> list[str]:
    """A picture in characters of what an output sees, a line for each row of the image: see MARKS."""
    _, i, j = part.probes[probe].tolist()
    seen, legal = part.seen[probe], part.legal[probe]
    leak, some, whole = (seen & ~legal).any(0), (seen & legal).any(0), (seen | ~legal).all(0)
    rows = [["."] * part.shape[2] for _ in range(part.shape[1])]
    for k, m in legal.any(0).nonzero().tolist():
        rows[k][m] = "x" if whole[k, m] else "+" if some[k, m] else ","
    for k, m in leak.nonzero().tolist():
        rows[k][m] = "!"
    rows[i][j] = "O" if leak[i, j] else "o"
    return ["".join(row) for row in rows]
