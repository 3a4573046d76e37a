"""The comparison: one row a run and one a baseline, best bits per dimension first, for a terminal, a page or a program.

An upper bound on the NLL is marked with ≤ and a footnote (Multi-Scale without `clamp` scores an image together with one
way of drawing it, and log p(small) + log p(x | small) <= log p(x)). Missing figures are a dash, in JSON null.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from rich import box
from rich.console import Group, JustifyMethod
from rich.table import Table
from rich.text import Text

from pixelrnn.results.baselines import Baseline

HEADINGS = (
    "run",
    "parameters",
    "bits/dim ± s.e.",
    "nats ± s.e.",
    "train s",
    "images/s",
    "sampling s (images)",
    "bound",
)
BOUND_NOTE = "≤: an upper bound on the NLL (the model's own value is at most this); all other figures are exact."


@dataclass(frozen=True)
class Row:
    """One line of the comparison. Nats are per image, seconds wall-clock, *_se standard errors over the test images."""

    name: str
    kind: str  # run or baseline
    variant: str | None = None
    status: str | None = None
    path: str | None = None
    data: str | None = None
    head: str | None = None
    parameters: int | None = None
    bits_per_dim: float | None = None
    bits_per_dim_se: float | None = None
    nll_nats: float | None = None
    nll_nats_se: float | None = None
    bound: str | None = None  # exact or upper
    images: int | None = None
    train_seconds: float | None = None
    images_per_second: float | None = None
    epochs: int | None = None
    sample_seconds: float | None = None
    sample_images: int | None = None
    note: str | None = None


def comparison(frame: pd.DataFrame, baselines: Iterable[Baseline]) -> list[Row]:
    """Rows sorted by bits/dim, those without one last (`frame`: from `load_runs`)."""
    fields = [field for field in Row.__dataclass_fields__ if field in frame.columns]
    rows = [
        Row(name=run["run"], kind="run", **{field: _plain(run[field]) for field in fields})
        for run in frame.to_dict("records")
    ]
    rows += [
        Row(kind="baseline", bound="exact", **{key: _plain(value) for key, value in asdict(baseline).items()})
        for baseline in baselines
    ]
    return sorted(rows, key=lambda row: (math.inf if row.bits_per_dim is None else row.bits_per_dim, row.name))


def notes(rows: Sequence[Row]) -> list[str]:
    """The footnotes: the bound's mark, how the baselines count, which runs aren't finished."""
    lines = [BOUND_NOTE] if any(row.bound == "upper" for row in rows) else []
    lines += [f"{row.name}: {row.note}." for row in rows if row.note]
    return lines + [f"{row.name}: {row.status}." for row in rows if row.kind == "run" and row.status != "finished"]


def to_rich(rows: Sequence[Row], title: str = "") -> Group:
    """For the terminal: the table, then its footnotes. Names are shown literally, not as Rich's markup."""
    name = Text(title) if title else None
    table = Table(title=name, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    for heading in HEADINGS:
        width = 18 if heading == "run" else None
        side: JustifyMethod = "left" if heading in ("run", "bound") else "right"
        table.add_column(heading, justify=side, overflow="fold", min_width=width)
    for row in rows:
        style = "dim" if row.kind == "baseline" else None
        table.add_row(*(Text(cell) for cell in _cells(row)), style=style)
    return Group(table, *(Text(line) for line in notes(rows)))


def to_markdown(rows: Sequence[Row], title: str = "") -> str:
    """A Markdown table with its footnotes."""
    lines = [
        _markdown(HEADINGS),
        "|---|" + "---:|" * (len(HEADINGS) - 2) + "---|",
        *(_markdown(_cells(row)) for row in rows),
    ]
    blocks = [[f"# {title}"] if title else [], lines, [f"- {line}" for line in notes(rows)]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def to_json(rows: Sequence[Row], **about: object) -> str:
    """`{**about, "rows": [...]}` with every figure in full precision; missing ones are null."""
    return json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=2, allow_nan=False) + "\n"


def title_of(row: Row) -> str:
    """A run's name, with its variant unless the name says it."""
    return row.name if not row.variant or row.variant in row.name else f"{row.name} ({row.variant})"


def bits(row: Row) -> str:
    """Bits per dimension with the bound's mark and the standard error, for people."""
    return _figure(row, row.bits_per_dim, row.bits_per_dim_se, 4)


def _cells(row: Row) -> list[str]:
    drawn = "" if row.sample_images is None else f" ({row.sample_images})"
    return [
        title_of(row),
        "–" if row.parameters is None else f"{row.parameters:,}",
        bits(row),
        _figure(row, row.nll_nats, row.nll_nats_se, 2),
        _number(row.train_seconds, 1),
        _number(row.images_per_second, 0),
        _number(row.sample_seconds, 2) + drawn,
        row.bound or "–",
    ]


def _figure(row: Row, value: float | None, error: float | None, digits: int) -> str:
    mark = "≤ " if row.bound == "upper" and value is not None else ""
    return mark + _number(value, digits) + ("" if error is None else f" ± {_number(error, digits)}")


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _markdown(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _plain(value: Any) -> Any:
    """A pandas or numpy scalar as Python's own; missing and NaN as None."""
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value
