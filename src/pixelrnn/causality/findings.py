"""What an audit found: plain values, one sentence, JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pixelrnn.causality.order import Offset, Probes, Shape, distance, written
from pixelrnn.types import Bool, Tensor

KINDS = {
    "future": "pixels that come later",
    "same pixel": "what it is to predict",
    "color": "colors of its pixel that come later",
    "batch": "the other images of the batch",
}


@dataclass(frozen=True)
class Leak:
    """Outputs that depend on what they must not see, all at one place relative to their own."""

    kind: str  # one of KINDS
    offset: Offset | None  # (rows down, columns right); None: of no one place
    colors: list[
        str
    ]  # "R sees G", the color of the output first; empty where pixels have one color
    found: int  # at so many of the probed outputs,
    possible: int  # of those that have this place within the image
    first: tuple[int, int] | None  # a pixel whose output leaks
    strength: float | None  # against the strongest dependence on the legal context

    @property
    def place(self) -> str:
        """As it is written, `(i+1, j-2)`: one row down, two columns to the left of the output's own pixel (i, j)."""
        return written(self.offset) if self.offset else "several together"


@dataclass(frozen=True)
class Coverage:
    """How much of what they may see the probed outputs do see, counted in colors of pixels."""

    seen: int
    legal: int
    unseen: dict[Offset, float]  # where not all outputs see what they may: the share that do

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.seen / self.legal if self.legal else 1.0

    @property
    def nearest(self) -> Offset | None:
        """The nearest place that no output ever sees, else the nearest that not all see; None if all is seen."""
        never = [offset for offset, share in self.unseen.items() if share == 0]
        return min(never or self.unseen, key=distance, default=None)


@dataclass(frozen=True)
class Part:
    """What was found about one network. `legal` and `seen` are the bare facts behind it, of each probed output."""

    name: str  # of the part, where a model has several
    shape: Shape
    layout: str  # of the outputs
    orders: int  # outputs a pixel: one a color, or one
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
        """Those whose outputs were probed."""
        return [(i, j) for o, i, j in self.probes.tolist() if o == 0]

    @property
    def sentence(self) -> str:
        """The verdict in a line."""
        return verdict(self.leaks, self.coverage.share)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        coverage = {
            "share": self.coverage.share,
            "seen": self.coverage.seen,
            "legal": self.coverage.legal,
        }
        unseen = {
            written(offset): round(share, 4) for offset, share in self.coverage.unseen.items()
        }
        return {
            "part": self.name,
            "shape": list(self.shape),
            "layout": self.layout,
            "leaks": [{"place": leak.place, **vars(leak)} for leak in self.leaks],
            "coverage": coverage | {"nearest_unseen": self.coverage.nearest, "unseen": unseen},
            "pixels": self.pixels,
            "images": self.images,
            "method": self.method,
            "hints": self.hints,
            "notes": self.notes,
        }


@dataclass(frozen=True)
class Audit:
    """The report: of one part, or of two for Multi-Scale (the small image, then the large one given the small)."""

    parts: list[Part]

    @property
    def causal(self) -> bool:
        """Whether no leak was found."""
        return not self.leaks

    @property
    def verdict(self) -> str:
        """`causal` or `leak`."""
        return "causal" if self.causal else "leak"

    @property
    def leaks(self) -> list[Leak]:
        """Of all parts."""
        return [leak for part in self.parts for leak in part.leaks]

    @property
    def coverage(self) -> float:
        """The share of the legal context that is seen, from 0 to 1."""
        legal = sum(part.coverage.legal for part in self.parts)
        return sum(part.coverage.seen for part in self.parts) / legal if legal else 1.0

    @property
    def sentence(self) -> str:
        """The verdict in a line."""
        return verdict(self.leaks, self.coverage)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        parts = [part.to_dict() for part in self.parts]
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "coverage": self.coverage,
            "parts": parts,
        }

    def __str__(self) -> str:
        from pixelrnn.causality.text import text

        return text(self)


def verdict(leaks: Sequence[Leak], share: float) -> str:
    """In a line."""
    seen = f"sees {percent(share)} of the legal context"
    if not leaks:
        return f"causal: no leak; {seen}"
    *kinds, last = dict.fromkeys(KINDS[leak.kind] for leak in leaks)
    on = f"{', on '.join(kinds)} and on {last}" if kinds else last
    return f"LEAK: the output at a pixel depends on {on}; {seen}"


def percent(share: float) -> str:
    """`61 %`, and never 100 % for less than all or 0 % for more than nothing."""
    return f"{min(max(100 * share, 0.1), 99.9) if 0 < share < 1 else 100 * share:.3g} %"
