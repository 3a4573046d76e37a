"""The rows of a comparison: one a run and one a baseline, best bits per dimension first."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pixelrnn import figures
from pixelrnn.results.baselines import Baseline
from pixelrnn.results.paper import Figure

BOUND_NOTE = "≤: an upper bound on the NLL (the model's own value is at most this); all other figures are exact."
_BASELINE = ("name", "bits_per_dim", "bits_per_dim_se", "nll_nats", "nll_nats_se", "note")


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
    audit: str | None = None  # causal, leak or not audited
    train_seconds: float | None = None
    images_per_second: float | None = None
    epochs: int | None = None
    sample_seconds: float | None = None
    sample_images: int | None = None
    git: str | None = None  # revision that it was trained at
    dirty: bool | None = None  # ... with uncommitted changes
    command: str | None = None  # that trains it again
    paper: Figure | None = None
    note: str | None = None  # how a baseline counts; what is wrong with a run's files


def make_rows(frame: pd.DataFrame, baselines: Iterable[Baseline]) -> list[Row]:
    """Rows sorted by bits/dim, those without one last (`frame`: from `load_runs`)."""
    fields = [field for field in Row.__dataclass_fields__ if field in frame.columns]
    rows = [
        Row(name=run["run"], kind="run", **{field: _plain(run[field]) for field in fields})
        for run in frame.to_dict("records")
    ]
    rows += [
        Row(
            kind="baseline",
            bound="exact",
            **{key: _plain(getattr(baseline, key)) for key in _BASELINE},
        )
        for baseline in baselines
    ]
    return sorted(
        rows, key=lambda row: (math.inf if row.bits_per_dim is None else row.bits_per_dim, row.name)
    )


def footnotes(rows: Sequence[Row]) -> list[str]:
    """The bound's mark, what is quoted from memory, how the baselines count, which runs aren't finished or whole."""
    lines = [BOUND_NOTE] if any(row.bound == "upper" for row in rows) else []
    if any(row.paper and row.paper.memory for row in rows):
        lines.append("*: the paper's figure is quoted from memory.")
    lines += [f"{row.name}: {row.note}." for row in rows if row.note]
    return lines + [
        f"{row.name}: {row.status}."
        for row in rows
        if row.kind == "run" and row.status != "finished"
    ]


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Jobs of a sweep are named after its overrides, `data=digits,model=row_lstm,model.layers=2`. For people: without
    what all names share, groups and sections left out, `row_lstm layers=2`. Where that isn't unique, names stay.
    """
    parts = {name: name.split(",") for name in names}
    shared = set.intersection(*map(set, parts.values())) if len(parts) > 1 else set()
    short = {
        name: " ".join(_short(part) for part in own if part not in shared)
        for name, own in parts.items()
    }
    unique = len(set(short.values())) == len(short) and all(short.values())
    return short if unique else {name: name for name in names}


def _short(override: str) -> str:
    key, is_override, value = override.partition("=")
    if not is_override or "/" in key:
        return override
    return f"{key.rpartition('.')[2]}={value}" if "." in key or key == "seed" else value


def title_of(row: Row) -> str:
    """A run's name, with its variant unless the name says it."""
    return row.name if not row.variant or row.variant in row.name else f"{row.name} ({row.variant})"


def bits(row: Row) -> str:
    """Bits per dimension with the bound's mark and the standard error, for people."""
    return figures.spell(row.bits_per_dim, row.bits_per_dim_se, row.bound, 4)


def cells(row: Row) -> dict[str, str]:
    """What people read of a row, by heading; a missing figure is a dash."""
    drawn = "" if row.sample_images is None else f" ({row.sample_images})"
    paper = (
        f"{row.paper.value:.2f} {row.paper.unit}{'*' if row.paper.memory else ''}"
        if row.paper
        else "–"
    )
    return {
        "run": title_of(row),
        "parameters": "–" if row.parameters is None else f"{row.parameters:,}",
        "bits/dim ± s.e.": bits(row),
        "nats ± s.e.": figures.spell(row.nll_nats, row.nll_nats_se, row.bound, 2),
        "the paper's": paper,
        "train s": figures.spell(row.train_seconds, digits=1),
        "images/s": figures.spell(row.images_per_second, digits=0),
        "sampling s (images)": figures.spell(row.sample_seconds, digits=2) + drawn,
        "bound": row.bound or "–",
    }


def _plain(value: Any) -> Any:
    """A pandas or numpy scalar as Python's own; missing and NaN as None."""
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value
