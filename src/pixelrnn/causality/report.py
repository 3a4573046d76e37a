"""What an audit found: plain values, one sentence, JSON, and the report that people read."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pixelrnn.causality.order import Offset, Probes, Shape, color_name, distance, place_name
from pixelrnn.types import Bool, Tensor

KINDS = {
    "future": "pixels that come later",
    "same pixel": "what it is to predict",
    "color": "colors of its pixel that come later",
    "batch": "the other images of the batch",
}
MARKS = {
    "o": "its own pixel",
    "O": "its own pixel, LEAKING",
    "x": "seen",
    "+": "seen in some colors",
    ",": "legal, not seen",
    "!": "LEAK",
    ".": "rightly unseen",
}
PLACES = 5  # are named, the others counted
WIDTH = 116  # columns of the report


@dataclass(frozen=True)
class Leak:
    """Outputs that depend on what they must not see, all at one place relative to their own."""

    kind: str  # one of KINDS
    offset: Offset | None  # (rows down, columns right); None: no single place
    colors: list[str]  # "R sees G", the output's color first; empty where pixels have one color
    found: int  # at so many of the probed outputs,
    possible: int  # of those that have this place within the image
    first: tuple[int, int] | None  # a pixel whose output leaks
    strength: float | None  # against the strongest dependence on the legal context

    @property
    def place(self) -> str:
        """Return where it is, as seen from the output's own pixel (i, j): see `place_name`."""
        return place_name(self.offset) if self.offset else "several together"


@dataclass(frozen=True)
class Coverage:
    """How much of what they may see the probed outputs do see, counted in colors of pixels."""

    seen: int
    legal: int
    unseen: dict[Offset, float]  # places that some outputs don't see: the share that do

    @property
    def share(self) -> float:
        """Return how much of the legal context is seen, from 0 to 1."""
        return self.seen / self.legal if self.legal else 1.0

    @property
    def nearest(self) -> Offset | None:
        """Return the nearest place that no output sees, else the nearest that some don't see.

        None if all outputs see all that they may.
        """
        never = [offset for offset, share in self.unseen.items() if share == 0]
        return min(never or self.unseen, key=distance, default=None)


@dataclass(frozen=True)
class Part:
    """What was found about one network; `legal` and `seen` are the facts of each probed output."""

    name: str  # of the part, where a model has several
    shape: Shape
    layout: str  # of the outputs
    groups: int  # outputs of a pixel: one for each color, or a single one
    leaks: list[Leak]
    coverage: Coverage
    images: int  # random ones, for each output
    method: str
    hints: list[str]
    notes: list[str]
    probes: Probes
    legal: Bool[Tensor, "p c h w"]
    seen: Bool[Tensor, "p c h w"]

    @property
    def pixels(self) -> list[tuple[int, int]]:
        """Return the pixels whose outputs were probed."""
        return [(i, j) for group, i, j in self.probes.tolist() if group == 0]

    @property
    def sentence(self) -> str:
        """Return the verdict in a line, after the name of the part if it has one."""
        sentence = _sentence(self.leaks, self.coverage.share)
        return f"{self.name}: {sentence}" if self.name else sentence

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        unseen = self.coverage.unseen.items()
        return {
            "part": self.name,
            "shape": list(self.shape),
            "layout": self.layout,
            "leaks": [{"place": leak.place, **vars(leak)} for leak in self.leaks],
            "coverage": {
                "share": self.coverage.share,
                "seen": self.coverage.seen,
                "legal": self.coverage.legal,
                "nearest_unseen": self.coverage.nearest,
                "unseen": {place_name(offset): round(share, 4) for offset, share in unseen},
            },
            "pixels": self.pixels,
            "images": self.images,
            "method": self.method,
            "hints": self.hints,
            "notes": self.notes,
        }


@dataclass(frozen=True)
class Audit:
    """The report: of one part, or of one for each scale of a Multi-Scale, the smallest first."""

    parts: list[Part]

    @property
    def causal(self) -> bool:
        """Return whether no leak was found."""
        return not self.leaks

    @property
    def verdict(self) -> str:
        """Return `causal` or `leak`."""
        return "causal" if self.causal else "leak"

    @property
    def leaks(self) -> list[Leak]:
        """Return the leaks of all parts."""
        return [leak for part in self.parts for leak in part.leaks]

    @property
    def coverage(self) -> float:
        """Return how much of the legal context is seen, from 0 to 1."""
        seen = sum(part.coverage.seen for part in self.parts)
        legal = sum(part.coverage.legal for part in self.parts)
        return seen / legal if legal else 1.0

    @property
    def sentence(self) -> str:
        """Return the verdict in a line."""
        return _sentence(self.leaks, self.coverage)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "coverage": self.coverage,
            "parts": [part.to_dict() for part in self.parts],
        }

    def __str__(self) -> str:
        return "\n\n".join("\n".join(_lines(part)) for part in self.parts)


def _sentence(leaks: Sequence[Leak], share: float) -> str:
    seen = f"sees {_percent(share)} of the legal context"
    if not leaks:
        return f"causal: no leak; {seen}"
    *kinds, last = dict.fromkeys(KINDS[leak.kind] for leak in leaks)
    first = ", on ".join(kinds) + " and on " if kinds else ""
    return f"LEAK: the output at a pixel depends on {first}{last}; {seen}"


def _percent(share: float) -> str:
    """Return `61 %`; never 100 % for less than all, or 0 % for more than nothing."""
    percent = 100 * share
    if 0 < share < 1:
        percent = min(max(percent, 0.1), 99.9)
    return f"{percent:.3g} %"


def _lines(part: Part) -> Iterator[str]:
    """Write the report on one part, line by line."""
    yield part.sentence
    for kind in dict.fromkeys(leak.kind for leak in part.leaks):
        leaks = [leak for leak in part.leaks if leak.kind == kind]
        yield from _labelled(kind, _describe(leaks, part))
    for hint in part.hints:
        yield from _labelled("hint", hint)
    if part.coverage.unseen:
        yield from _labelled("unseen", _describe_unseen(part.coverage))
    yield from _labelled("probed", _describe_method(part))
    for note in part.notes:
        yield from _labelled("note", note)
    probe = most_telling(part)
    rows = sketch(part, probe)
    yield ""
    yield from (f"    {row}" for row in rows)
    used = {mark for row in rows for mark in row}
    marks = [f"{mark} {meaning}" for mark, meaning in MARKS.items() if mark in used]
    yield f"  {title(part, probe)}: {'; '.join(marks)}"


def _labelled(label: str, text: str) -> list[str]:
    first, later = f"  {label:<11} ", " " * 14
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=later)


def _describe(leaks: Sequence[Leak], part: Part) -> str:
    """Describe leaks of one kind: where, in which colors if not in all, how often, how strong."""
    if leaks[0].kind == "batch":
        return "the outputs of an image change with the images beside it"
    places = ", ".join(leak.place for leak in leaks[:PLACES])
    if len(leaks) > PLACES:
        places += f" and {_count(len(leaks) - PLACES, 'more place')}"
    pairs = dict.fromkeys(pair for leak in leaks for pair in leak.colors)
    if 0 < len(pairs) < part.groups * part.shape[0]:
        places += f"; {', '.join(pairs)}"
    most = max(leaks, key=lambda leak: leak.found / leak.possible)
    count = f"at {most.found} of {most.possible} outputs"
    if leaks[0].first:
        count += f", such as that at {leaks[0].first}"
    strength = max((leak.strength or 0.0 for leak in leaks), default=0.0)
    if strength:
        count += f"; up to {strength:.2g} times as strong as the strongest legal dependence"
    return f"{places}; {count}"


def _describe_unseen(coverage: Coverage) -> str:
    """Describe what is legal and not seen by the nearest of it."""
    nearest = coverage.nearest
    assert nearest is not None
    never = sum(share == 0 for share in coverage.unseen.values())
    place = place_name(nearest) if nearest != (0, 0) else "an earlier color of its own pixel"
    if never:
        return f"{_count(never, 'place')}, the nearest: the output at (i, j) never sees {place}"
    missed = _percent(1 - coverage.unseen[nearest])
    return f"{missed} of what the outputs at (i, j) may see at {place}"


def _describe_method(part: Part) -> str:
    _, h, w = part.shape
    n = len(part.pixels)
    which = f"{n} of {h * w} pixels (middle, corners, edges and random ones)"
    if n == h * w:
        which = "all"
    return f"{which}, by {part.images} random images each, {part.method}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def most_telling(part: Part) -> int:
    """Return the probed output to show.

    That is the one with most leaks, else the first that misses something, else that in the middle.
    """
    leaks = (part.seen & ~part.legal).flatten(1).sum(1)
    misses = (part.legal & ~part.seen).flatten(1).any(1)
    return int(leaks.argmax() if leaks.any() else misses.int().argmax())


def title(part: Part, probe: int) -> str:
    """Return which output a probe is: `G at (3, 4)`."""
    group, i, j = part.probes[probe].tolist()
    output = color_name(group, part.shape[0]) if part.groups > 1 else "the output"
    return f"{output} at ({i}, {j})"


def sketch(part: Part, probe: int) -> list[str]:
    """Draw in characters, MARKS, what an output sees: a line for each row of the image."""
    _, i, j = part.probes[probe].tolist()
    seen, legal = part.seen[probe], part.legal[probe]  # (c h w)
    leak = (seen & ~legal).any(0)
    some = (seen & legal).any(0)
    whole = (seen | ~legal).all(0)
    rows = [["."] * part.shape[2] for _ in range(part.shape[1])]
    for k, m in legal.any(0).nonzero().tolist():
        rows[k][m] = "+" if some[k, m] else ","
        if whole[k, m]:
            rows[k][m] = "x"
    for k, m in leak.nonzero().tolist():
        rows[k][m] = "!"
    rows[i][j] = "O" if leak[i, j] else "o"
    return ["".join(row) for row in rows]
